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

// Instance is one instance of a plugin: a transform.Filter, and the metrics and log lines of
// what it did. It is safe for use by several threads at once, except Close.
type Instance struct {
	Log    Logger
	Panics Guard
	work   *transform.Filter
	meters []Meter

	mu      sync.Mutex // guards what follows
	series  *series
	counts  transform.Counts
	numbers []uint64
	report  transform.Reporter
}

// NewInstance returns an instance. Its metrics, and those of meters, are added to metrics, a
// struct cmt of Fluent Bit's for this instance, under the label name; nil if there is none.
// opts must not be changed any more.
func NewInstance(log Logger, opts *options.Options, name string, metrics unsafe.Pointer, meters ...Meter) *Instance {
	log.Infof("version %s, %s", Version, runtime.Version())
	i := &Instance{Log: log, work: transform.New(opts), meters: meters, report: transform.NewReporter(reportInterval, time.Now())}
	all := transform.Metrics()
	for _, m := range meters {
		all = append(all, m.Metrics...)
	}
	if i.series = newSeries(name, metrics, all); i.series == nil {
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

// Report updates the metrics, and logs the counts if something went wrong. It is called after
// every chunk. The counts are read with the lock held, so that no counter ever decreases.
func (i *Instance) Report() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.count()
	i.show()
	i.warn()
	if i.report.Due(&i.counts, time.Now()) {
		i.Log.Infof("so far: %v", &i.counts)
	}
}

// Close logs the counts and frees the instance's C memory. The counters themselves belong to
// Fluent Bit. No other method may be called any more.
func (i *Instance) Close() {
	i.count()
	i.warn() // of look-ups that ended after their chunk
	i.Log.Infof("in all: %v", &i.counts)
	for _, m := range i.meters {
		i.Log.Infof("in all: %s", transform.Describe(m.Metrics, m.Numbers(nil)))
	}
	i.series.free()
	i.work.Close()
}

// warn logs the warnings of look-ups.
func (i *Instance) warn() {
	for _, text := range i.work.Warnings() {
		i.Log.Warnf("sandbox_metadata: %s", text)
	}
}

// count updates i.counts.
func (i *Instance) count() {
	i.work.Count(&i.counts)
	i.counts.Panics += uint64(i.Panics.total())
}

// show updates Fluent Bit's metrics, in one C call.
func (i *Instance) show() {
	if i.series != nil {
		i.numbers = i.counts.Numbers(i.numbers[:0])
		for _, m := range i.meters {
			i.numbers = m.Numbers(i.numbers)
		}
		i.series.show(i.numbers)
	}
}
