package bench

import (
	"bytes"
	"testing"

	golog "github.com/go-logfmt/logfmt"
	loki "github.com/grafana/loki/v3/pkg/logql/log/logfmt"
	kr "github.com/kr/logfmt"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// BenchmarkLogfmt decodes the messages of the how-to's chunk: all their keys and
// values.
func BenchmarkLogfmt(b *testing.B) {
	c := plain()
	measure(b, c.records(), "line", []candidate{
		{"kata", kataDecoder(c.messages)},
		{"go-logfmt-stream", goLogfmtStream(c.stream())},
		{"go-logfmt-per-line", goLogfmtPerLine(c.messages)},
		{"kr-logfmt", krLogfmt(c.messages)},
		{"loki-reset", lokiReset(c.messages)},
	})
}

//go:noinline
func kataDecoder(lines [][]byte) func() {
	d := new(parser.Logfmt)
	return func() {
		n := 0
		for _, line := range lines {
			d.Reset(line)
			for d.Next() {
				n += len(d.Key()) + len(d.Value())
			}
		}
		sink += n
	}
}

// goLogfmtStream is go-logfmt at its fastest, with one decoder for all lines.
//
//go:noinline
func goLogfmtStream(stream []byte) func() {
	return func() {
		d := golog.NewDecoder(bytes.NewReader(stream))
		n := 0
		for d.ScanRecord() {
			for d.ScanKeyval() {
				n += len(d.Key()) + len(d.Value())
			}
		}
		must(d.Err())
		sink += n
	}
}

// goLogfmtPerLine is go-logfmt for single messages. Since it has no Reset, each needs a decoder.
//
//go:noinline
func goLogfmtPerLine(lines [][]byte) func() {
	return func() {
		n := 0
		for _, line := range lines {
			d := golog.NewDecoder(bytes.NewReader(line))
			for d.ScanRecord() {
				for d.ScanKeyval() {
					n += len(d.Key()) + len(d.Value())
				}
			}
			must(d.Err())
		}
		sink += n
	}
}

//go:noinline
func lokiReset(lines [][]byte) func() {
	d := loki.NewDecoder(nil)
	return func() {
		n := 0
		for _, line := range lines {
			d.Reset(line)
			for !d.EOL() {
				if d.ScanKeyval() {
					n += len(d.Key()) + len(d.Value())
				}
			}
			must(d.Err())
		}
		sink += n
	}
}

type krHandler struct{ n int }

func (h *krHandler) HandleLogfmt(key, val []byte) error {
	h.n += len(key) + len(val)
	return nil
}

// krLogfmt is kr/logfmt, which does not decode escapes, unlike the others.
//
//go:noinline
func krLogfmt(lines [][]byte) func() {
	var h krHandler
	return func() {
		for _, line := range lines {
			must(kr.Unmarshal(line, &h))
		}
		sink += h.n
	}
}
