package main

// #include <stdlib.h>
// #include "host.h"
import "C"

import (
	"math"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// instance is what the two routes have in common: the work, and telling what
// it comes to.
type instance struct {
	log    logger
	work   *transform.Filter
	panics guard

	mu      sync.Mutex // threads take turns in what follows
	series  []C.struct_kata_series
	counts  transform.Counts
	numbers []uint64
	report  transform.Reporter
}

// newInstance makes the instance of that name, whose counters go to metrics:
// NULL when there are none.
func newInstance(log logger, opts *options.Options, name *C.char, metrics unsafe.Pointer) *instance {
	log.infof("version %s, %s", C.KATA_VERSION, runtime.Version())
	i := &instance{log: log, work: transform.New(opts), report: transform.NewReporter(reportInterval, time.Now())}
	if i.series = newSeries(name, metrics); i.series == nil {
		log.infof("no counters among this program's metrics, whose place is not known; the numbers are logged at the end")
	}
	i.count()
	i.show()
	return i
}

// newSeries makes the gauge Info and a counter for every number of Metrics, in
// their order, or returns nil. The host keeps them.
func newSeries(name *C.char, metrics unsafe.Pointer) []C.struct_kata_series {
	if metrics == nil || !newInfo(name, metrics) {
		return nil
	}
	var all []C.struct_kata_series
	for _, m := range transform.Metrics() {
		counter := newCounter(metrics, &m)
		if counter == nil {
			freeSeries(all)
			return nil
		}
		s := C.struct_kata_series{counter: counter, label_count: 1, shown: math.MaxUint64}
		s.labels[0] = name
		if m.Label == "" {
			all = append(all, s)
		}
		for _, value := range m.Values {
			s.label_count, s.labels[1] = 2, C.CString(value)
			all = append(all, s)
		}
	}
	return all
}

func newInfo(instance *C.char, metrics unsafe.Pointer) bool {
	m := &transform.Info
	name, help, label := C.CString(m.Name), C.CString(m.Help), C.CString(m.Label)
	defer C.free(unsafe.Pointer(name))
	defer C.free(unsafe.Pointer(help))
	defer C.free(unsafe.Pointer(label))
	return C.kata_info(metrics, instance, name, help, label) == 0
}

func newCounter(metrics unsafe.Pointer, m *transform.Metric) unsafe.Pointer {
	name, help := C.CString(m.Name), C.CString(m.Help)
	defer C.free(unsafe.Pointer(name))
	defer C.free(unsafe.Pointer(help))
	var label *C.char
	if m.Label != "" {
		label = C.CString(m.Label)
		defer C.free(unsafe.Pointer(label))
	}
	return C.kata_counter(metrics, name, help, label)
}

func freeSeries(all []C.struct_kata_series) {
	for _, s := range all {
		C.free(unsafe.Pointer(s.labels[1]))
	}
}

// count brings the counts up to date.
func (i *instance) count() {
	i.work.Count(&i.counts)
	i.counts.Panics = uint64(i.panics.total())
}

// tell is called after every chunk. The counts are taken when it is this
// thread's turn: no number that the host is given is ever less than the last.
func (i *instance) tell() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.count()
	i.show()
	if i.report.Due(&i.counts, time.Now()) {
		i.log.infof("so far: %v", &i.counts)
	}
}

// show gives the host the numbers, in one call.
func (i *instance) show() {
	if i.series == nil {
		return
	}
	i.numbers = i.counts.Numbers(i.numbers[:0])
	C.kata_show(&i.series[0], (*C.uint64_t)(&i.numbers[0]), C.size_t(len(i.series)))
}

// end says the last word. The counters go with the host's instance.
func (i *instance) end() {
	i.count()
	i.log.infof("in all: %v", &i.counts)
	freeSeries(i.series)
}
