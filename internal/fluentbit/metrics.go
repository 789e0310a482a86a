//go:build cgo

package fluentbit

// #include <stdlib.h>
// #include "fluentbit.h"
import "C"

import (
	"math"
	"unsafe"

	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// Meter is a part of an instance that has metrics: Numbers appends as many numbers as there
// are in Metrics, in the order of the metrics and of their labels' values.
type Meter struct {
	Metrics []transform.Metric
	Numbers func(to []uint64) []uint64
}

// series has a counter or gauge for each number of an instance's metrics, in their order.
type series struct {
	name *C.char // of the instance, their first label
	all  []C.struct_kata_series
}

// newSeries creates the gauge transform.Info and all others, which belong to Fluent Bit. It
// returns nil if they cannot be created, or metrics is nil.
func newSeries(instance string, metrics unsafe.Pointer, all []transform.Metric) *series {
	if metrics == nil {
		return nil
	}
	s := &series{name: C.CString(instance)}
	if !s.add(metrics, all) {
		s.free()
		return nil
	}
	return s
}

// add creates them and reports whether it could.
func (s *series) add(metrics unsafe.Pointer, all []transform.Metric) bool {
	if !newInfo(s.name, metrics) {
		return false
	}
	for _, m := range all {
		isGauge := C.int(0)
		if m.Gauge {
			isGauge = 1
		}
		metric := newMetric(metrics, isGauge, &m)
		if metric == nil {
			return false
		}
		one := C.struct_kata_series{metric: metric, is_gauge: isGauge, label_count: 1, shown: math.MaxUint64}
		one.labels[0] = s.name
		if m.Label == "" {
			s.all = append(s.all, one)
		}
		for _, value := range m.Values {
			one.label_count, one.labels[1] = 2, C.CString(value)
			s.all = append(s.all, one)
		}
	}
	return true
}

func newInfo(instance *C.char, metrics unsafe.Pointer) bool {
	m := &transform.Info
	name, help, label := C.CString(m.Name), C.CString(m.Help), C.CString(m.Label)
	defer C.free(unsafe.Pointer(name))
	defer C.free(unsafe.Pointer(help))
	defer C.free(unsafe.Pointer(label))
	return C.kata_info(metrics, instance, name, help, label) == 0
}

func newMetric(metrics unsafe.Pointer, isGauge C.int, m *transform.Metric) unsafe.Pointer {
	name, help := C.CString(m.Name), C.CString(m.Help)
	defer C.free(unsafe.Pointer(name))
	defer C.free(unsafe.Pointer(help))
	var label *C.char
	if m.Label != "" {
		label = C.CString(m.Label)
		defer C.free(unsafe.Pointer(label))
	}
	return C.kata_metric(metrics, isGauge, name, help, label)
}

// show sets the metrics to the numbers.
func (s *series) show(numbers []uint64) {
	C.kata_show(&s.all[0], (*C.uint64_t)(&numbers[0]), C.size_t(len(s.all)))
}

// free frees the C memory of the series, which may be nil.
func (s *series) free() {
	if s == nil {
		return
	}
	for _, one := range s.all {
		C.free(unsafe.Pointer(one.labels[1]))
	}
	C.free(unsafe.Pointer(s.name))
}
