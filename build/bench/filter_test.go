package bench

import (
	"bytes"
	"os"
	"testing"

	golog "github.com/go-logfmt/logfmt"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// BenchmarkFilter compares the whole filter with a plain copy of the chunk, and
// with go-logfmt only decoding the same messages as one stream.
func BenchmarkFilter(b *testing.B) {
	one, err := os.ReadFile("../../testdata/howto.msgpack")
	if err != nil {
		b.Fatal(err)
	}
	var chunk []byte
	records := 0
	for len(chunk) < 1_024_000 {
		chunk = append(chunk, one...)
		records++
	}
	line := messages()[0]
	stream := bytes.Repeat(append(line, '\n'), records)

	perRecord := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/record")
		b.ReportAllocs()
	}
	b.Run("kata", func(b *testing.B) {
		f := transform.New(options.Default())
		out := event.Buffer{B: make([]byte, 0, 2*len(chunk))}
		for b.Loop() {
			out.B = out.B[:0]
			f.Process(chunk, &out)
		}
		perRecord(b)
	})
	b.Run("copy", func(b *testing.B) {
		out := make([]byte, 0, len(chunk))
		for b.Loop() {
			out = append(out[:0], chunk...)
		}
		perRecord(b)
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
		perRecord(b)
	})
}
