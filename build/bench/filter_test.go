package bench

import (
	"sync"
	"testing"
)

// BenchmarkFilter runs the whole filter (walk, parse, types, time, write) over the how-to's
// chunk. For comparison there are a copy of the chunk, and go-logfmt, which only decodes the
// same messages, as one stream.
func BenchmarkFilter(b *testing.B) {
	c := plain()
	measure(b, c.records(), "record", []candidate{
		{"kata", filtering(c.chunk)},
		{"copy", copying(c.chunk)},
		{"go-logfmt-stream", goLogfmtStream(c.stream())},
	})
}

// BenchmarkFilterMixed is the same for a chunk of all that a node logs. Most of its messages
// are no logfmt, so there is only the copy to compare with.
func BenchmarkFilterMixed(b *testing.B) {
	c := mixed()
	measure(b, c.records(), "record", []candidate{
		{"kata", filtering(c.chunk)},
		{"copy", copying(c.chunk)},
	})
}

//go:noinline
func copying(chunk []byte) func() {
	out := make([]byte, 0, len(chunk))
	return func() { out = append(out[:0], chunk...) }
}

// BenchmarkThreads has one thread, or two, with an instance each.
func BenchmarkThreads(b *testing.B) {
	c := plain()
	// Several chunks a run, so that the cost of starting threads is negligible.
	const chunks = 8
	run := func(threads int) candidate {
		name := "one"
		filters := []func(){filtering(c.chunk)}
		if threads == 2 {
			name = "two"
			filters = append(filters, filtering(c.chunk))
		}
		return candidate{name, func() {
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
	measure(b, chunks*c.records(), "record", []candidate{run(1), run(2)})
}
