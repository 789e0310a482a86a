package bench

import (
	"bytes"
	"testing"

	golog "github.com/go-logfmt/logfmt"
	loki "github.com/grafana/loki/v3/pkg/logql/log/logfmt"
	kr "github.com/kr/logfmt"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// sink keeps the compiler from leaving work out.
var sink int

type krHandler struct{}

func (krHandler) HandleLogfmt(key, val []byte) error {
	sink += len(key) + len(val)
	return nil
}

// BenchmarkLogfmt decodes the messages of one chunk, all keys and values.
func BenchmarkLogfmt(b *testing.B) {
	lines := messages()
	stream := bytes.Join(lines, []byte("\n"))
	perLine := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(lines)), "ns/line")
		b.SetBytes(int64(len(stream)))
		b.ReportAllocs()
	}
	b.Run("kata", func(b *testing.B) {
		var d parser.Logfmt
		for b.Loop() {
			for _, line := range lines {
				d.Reset(line)
				for d.Next() {
					sink += len(d.Key()) + len(d.Value())
				}
			}
		}
		perLine(b)
	})
	b.Run("go-logfmt-stream", func(b *testing.B) {
		for b.Loop() {
			d := golog.NewDecoder(bytes.NewReader(stream))
			for d.ScanRecord() {
				for d.ScanKeyval() {
					sink += len(d.Key()) + len(d.Value())
				}
			}
		}
		perLine(b)
	})
	b.Run("loki", func(b *testing.B) {
		d := loki.NewDecoder(nil)
		for b.Loop() {
			for _, line := range lines {
				d.Reset(line)
				for !d.EOL() {
					if d.ScanKeyval() {
						sink += len(d.Key()) + len(d.Value())
					}
				}
			}
		}
		perLine(b)
	})
	b.Run("kr", func(b *testing.B) {
		for b.Loop() {
			for _, line := range lines {
				_ = kr.Unmarshal(line, krHandler{})
			}
		}
		perLine(b)
	})
}

func messages() [][]byte {
	line := `time="2020-02-21T10:31:27.810781647Z" level=info msg="release sandbox" arch=amd64 command=state container=7cdd31660d8705facdadeb8598d2c0bd008e8142c54e3b3069abd392c8d58997 name=kata-runtime pid=14314 sandbox=1c3e77cad66aa2b6d8cc846f818370f79cb0104c0b840f67d0f502fd6562b68c source=virtcontainers subsystem=sandbox`
	var lines [][]byte
	for range 700 {
		lines = append(lines, []byte(line))
	}
	return lines
}
