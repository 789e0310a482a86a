package bench

import (
	"bytes"
	"testing"

	golog "github.com/go-logfmt/logfmt"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// chunkSize is about what the systemd input hands over at once.
const chunkSize = 1_024_000

// chunk makes a chunk of what Kata writes, and the messages in it.
func chunk(mode gen.Mode) (chunk []byte, records int) {
	g := gen.New(1, 100)
	g.Mode = mode
	return gen.Chunk(nil, g, chunkSize)
}

// BenchmarkFilter runs the whole filter over a chunk of the how-to's records and
// over one of all that Kata writes, beside a plain copy of the chunk, and beside
// go-logfmt only decoding the messages of the first as one stream.
func BenchmarkFilter(b *testing.B) {
	plain, records := chunk(gen.Logfmt)
	mixed, mixedRecords := chunk(gen.Mix)
	perRecord := func(b *testing.B, records int) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/record")
		b.ReportAllocs()
	}
	filter := func(chunk []byte, records int) func(b *testing.B) {
		return func(b *testing.B) {
			f := transform.New(options.Default())
			out := event.Buffer{B: make([]byte, 0, 2*len(chunk))}
			for b.Loop() {
				out.B = out.B[:0]
				f.Process(chunk, &out)
			}
			perRecord(b, records)
		}
	}
	b.Run("kata", filter(plain, records))
	b.Run("kata-mixed", filter(mixed, mixedRecords))
	b.Run("copy", func(b *testing.B) {
		out := make([]byte, 0, len(plain))
		for b.Loop() {
			out = append(out[:0], plain...)
		}
		perRecord(b, records)
	})
	stream := bytes.Join(messages(), []byte("\n"))
	b.Run("go-logfmt-stream", func(b *testing.B) {
		for b.Loop() {
			d := golog.NewDecoder(bytes.NewReader(stream))
			for d.ScanRecord() {
				for d.ScanKeyval() {
					sink += len(d.Key()) + len(d.Value())
				}
			}
		}
		perRecord(b, records)
	})
}
