package bench

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// candidate is one implementation of a piece of work. Its first run, which allocates the memory
// that it keeps, is never measured. A function that returns a run must not be inlined: in
// closures of inlined functions the compiler inlines no calls, whose cost would be measured.
type candidate struct {
	name string
	run  func()
}

// measure runs a benchmark of each candidate; units is how many records, lines or bytes of
// messages one run processes. Besides the elapsed time it reports the processor time, which
// includes garbage collection, but not other programs.
func measure(b *testing.B, units int, unit string, candidates []candidate) {
	for _, w := range candidates {
		b.Run(w.name, func(b *testing.B) {
			w.run()
			b.ReportAllocs()
			start := processorTime()
			for b.Loop() {
				w.run()
			}
			used := processorTime() - start
			per := 1 / float64(b.N) / float64(units)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())*per, "ns/"+unit)
			b.ReportMetric(float64(used.Nanoseconds())*per, "cpu-ns/"+unit)
		})
	}
}

// processorTime returns the processor time of this process.
func processorTime() time.Duration {
	var t unix.Timespec
	must(unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t))
	return time.Duration(t.Nano())
}

// sink keeps the compiler from removing the work. Each run adds to it once.
var sink int

// must stops the suite if a candidate fails: its error path must not be measured.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
