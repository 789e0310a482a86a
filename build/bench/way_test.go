package bench

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// way is one way to do a piece of work. Its first run makes the memory that it
// keeps, and is never measured. What makes a run is never inlined: in a closure that
// comes by inlining the compiler inlines no calls, whose cost would be measured.
type way struct {
	name string
	run  func()
}

// measure makes a benchmark of each way; units are how many of a thing (records,
// lines, bytes of messages) one run deals with. Beside the time that passed it
// reports the processor time: that of garbage collection is in it, and that of
// other programs is not.
func measure(b *testing.B, units int, unit string, ways []way) {
	for _, w := range ways {
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

// processorTime is how long this process has had a processor.
func processorTime() time.Duration {
	var t unix.Timespec
	must(unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t))
	return time.Duration(t.Nano())
}

// sink keeps the compiler from leaving work out. Each run adds to it once.
var sink int

// must stops the suite when a peer cannot read what it is given: a measurement
// of its error path would say nothing.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
