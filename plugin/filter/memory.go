package main

// #include "filter.h"
import "C"

import (
	"unsafe"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/fluentbit"
)

// memory is an event.Buffer over the output of one kata_call, so that events
// are written once, where Fluent Bit takes them from. It is used for one call at
// a time and can then be attached to the next.
type memory struct {
	event.Buffer
	call *C.struct_kata_call
}

// attach points the empty buffer at the call's memory; the call must outlive
// the use of the buffer.
func (m *memory) attach(call *C.struct_kata_call) {
	m.call = call
	grow := m.Grow
	if grow == nil {
		grow = m.grow // bound once: a method value is an allocation
	}
	m.Buffer = event.Buffer{B: view(call.out, call.out_cap)[:0], Grow: grow}
}

// finish stores in the call how much was written and detaches from its memory.
func (m *memory) finish() {
	if len(m.B) > 0 && unsafe.Pointer(unsafe.SliceData(m.B)) != m.call.out {
		// Written past Reserve: append has moved the bytes to Go's heap.
		panic(fluentbit.Bug("output left C memory"))
	}
	m.call.out_size = C.size_t(len(m.B))
	m.call, m.B = nil, nil
}

// grow moves b, which is all of the output so far, to memory that holds n bytes
// more. On failure b stays as it was.
func (m *memory) grow(b []byte, n int) ([]byte, bool) {
	if C.kata_reserve(m.call, C.size_t(len(b)+n)) != 0 {
		return b, false
	}
	return view(m.call.out, m.call.out_cap)[:len(b)], true
}

// view returns C memory as a slice, without a copy: valid as long as the memory is.
func view(p unsafe.Pointer, size C.size_t) []byte {
	return unsafe.Slice((*byte)(p), int(size))
}
