package transform

import (
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// seedChunk returns about 1 MB of the how-to's record, as the systemd input writes it.
func seedChunk(b *testing.B) (chunk []byte, records int) {
	b.Helper()
	all := contractChunk(b)
	var w event.Walker
	var e event.Event
	w.Reset(all)
	w.Next(&e)
	one := all[e.Start:e.End]
	for len(chunk) < 1_024_000 {
		chunk = append(chunk, one...)
		records++
	}
	return chunk, records
}

func BenchmarkFilter(b *testing.B) {
	chunk, records := seedChunk(b)
	b.Run("filter", func(b *testing.B) {
		f := New(options.Default())
		out := event.Buffer{B: make([]byte, 0, 2*len(chunk))}
		b.SetBytes(int64(len(chunk)))
		b.ReportAllocs()
		for b.Loop() {
			out.B = out.B[:0]
			f.Process(nil, chunk, &out)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/record")
	})
	b.Run("copy", func(b *testing.B) {
		out := make([]byte, 0, 2*len(chunk))
		b.SetBytes(int64(len(chunk)))
		for b.Loop() {
			out = append(out[:0], chunk...)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/record")
	})
}
