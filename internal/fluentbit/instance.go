//go:build cgo

package fluentbit

import (
	"runtime"
	"sync"
	"time"
	"unsafe"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// Instance is one instance of a plugin: the work on chunks, and the report of
// what was done. Several threads may use it at once.
type Instance struct {
	Log    Logger
	Panics Guard
	work   *transform.Filter

	mu      sync.Mutex // guards what follows
	series  *series
	counts  transform.Counts
	numbers []uint64
	report  transform.Reporter
}

// NewInstance returns the instance with that name, whose counters are added to
// metrics, Fluent Bit's own of the instance: nil if there are none.
func NewInstance(log Logger, opts *options.Options, name string, metrics unsafe.Pointer) *Instance {
	log.Infof("version %s, %s", Version, runtime.Version())
	i := &Instance{Log: log, work: transform.New(opts), report: transform.NewReporter(reportInterval, time.Now())}
	if i.series = newSeries(name, metrics); i.series == nil {
		log.Infof("no counters among this program's metrics, whose place is not known; the numbers are logged at the end")
	}
	i.count()
	i.show()
	return i
}

// Process transforms a chunk, as transform.Filter.Process does.
func (i *Instance) Process(tag, chunk []byte, out *event.Buffer) transform.Verdict {
	failOnDemand(tag, chunk)
	return i.work.Process(tag, chunk, out)
}

// Report is called after every chunk. The counts are taken with the lock held:
// no number that Fluent Bit is given is ever less than the last.
func (i *Instance) Report() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.count()
	i.show()
	if i.report.Due(&i.counts, time.Now()) {
		i.Log.Infof("so far: %v", &i.counts)
	}
}

// Close logs the counts. The counters themselves end with Fluent Bit's instance.
func (i *Instance) Close() {
	i.count()
	i.Log.Infof("in all: %v", &i.counts)
	i.series.free()
}

// count brings the counts up to date.
func (i *Instance) count() {
	i.work.Count(&i.counts)
	i.counts.Panics = uint64(i.Panics.total())
}

// show gives Fluent Bit the numbers, in one call.
func (i *Instance) show() {
	if i.series != nil {
		i.numbers = i.counts.Numbers(i.numbers[:0])
		i.series.show(i.numbers)
	}
}
