package bench

import (
	"bytes"
	"testing"

	golog "github.com/go-logfmt/logfmt"
	loki "github.com/grafana/loki/v3/pkg/logql/log/logfmt"
	kr "github.com/kr/logfmt"

	"github.com/kata-logs/fluent-bit-kata/internal/gen"
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

// messages are the messages of the chunk of the how-to's records.
func messages() (lines [][]byte) {
	g := gen.New(1, 100)
	g.Mode = gen.Logfmt
	_, records := chunk(gen.Logfmt)
	for range records {
		for _, pair := range g.Record().Fields {
			if pair.Key == "MESSAGE" {
				lines = append(lines, []byte(pair.Value))
			}
		}
	}
	return lines
}
