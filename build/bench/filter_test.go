package bench

import (
	"sync"
	"testing"
)

// BenchmarkFilter runs the whole filter (walk, parse, types, time, write) over the
// how-to's chunk, beside a plain copy of the chunk and beside go-logfmt only
// decoding the same messages as one stream.
func BenchmarkFilter(b *testing.B) {
	c := plain()
	measure(b, c.records(), "record", []way{
		{"kata", filtering(c.chunk)},
		{"copy", copying(c.chunk)},
		{"go-logfmt-stream", goLogfmtStream(c.stream())},
	})
}

// BenchmarkFilterMixed is the same over a chunk of all that Kata writes; most of
// its messages are not plain logfmt, so that there is no peer but the copy.
func BenchmarkFilterMixed(b *testing.B) {
	c := mixed()
	measure(b, c.records(), "record", []way{
		{"kata", filtering(c.chunk)},
		{"copy", copying(c.chunk)},
	})
}

//go:noinline
func copying(chunk []byte) func() {
	out := make([]byte, 0, len(chunk))
	return func() { out = append(out[:0], chunk...) }
}

// BenchmarkThreads has one thread with an instance of its own, then two.
func BenchmarkThreads(b *testing.B) {
	c := plain()
	// Several chunks a run, so that starting threads is nothing beside it.
	const chunks = 8
	run := func(threads int) way {
		name := "one"
		filters := []func(){filtering(c.chunk)}
		if threads == 2 {
			name = "two"
			filters = append(filters, filtering(c.chunk))
		}
		return way{name, func() {
			var all sync.WaitGroup
			for _, filter := range filters {
				all.Go(func() {
					for range chunks / len(filters) {
						filter()
					}
				})
			}
			all.Wait()
		}}
	}
	measure(b, chunks*c.records(), "record", []way{run(1), run(2)})
}
