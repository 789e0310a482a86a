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

// series has a counter for each number of transform.Metrics, in their order.
type series struct {
	name *C.char // of the instance, their first label
	all  []C.struct_kata_series
}

// newSeries creates the gauge transform.Info and the counters, which belong to Fluent Bit.
// It returns nil if they cannot be created, or metrics is nil.
func newSeries(instance string, metrics unsafe.Pointer) *series {
	if metrics == nil {
		return nil
	}
	s := &series{name: C.CString(instance)}
	if !s.add(metrics) {
		s.free()
		return nil
	}
	return s
}

// add creates them and reports whether it could.
func (s *series) add(metrics unsafe.Pointer) bool {
	if !newInfo(s.name, metrics) {
		return false
	}
	for _, m := range transform.Metrics() {
		counter := newCounter(metrics, &m)
		if counter == nil {
			return false
		}
		one := C.struct_kata_series{counter: counter, label_count: 1, shown: math.MaxUint64}
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

// show sets the counters to the numbers, which are those of Counts.Numbers.
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
