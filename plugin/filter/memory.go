package main

// #include "filter.h"
import "C"

import (
	"unsafe"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/fluentbit"
)

// memory is an event.Buffer in the output of a kata_call, so that events are written directly
// to the memory that Fluent Bit takes over. It is used for one call at a time.
type memory struct {
	event.Buffer
	call *C.struct_kata_call
}

// attach makes the call's output the memory of the buffer, which is empty then. It is valid
// until finish.
func (m *memory) attach(call *C.struct_kata_call) {
	m.call = call
	grow := m.Grow
	if grow == nil {
		grow = m.grow // once, since a method value is an allocation
	}
	m.Buffer = event.Buffer{B: view(call.out, call.out_cap)[:0], Grow: grow}
}

// finish sets the call's out_size and drops the references to its memory.
func (m *memory) finish() {
	if len(m.B) > 0 && unsafe.Pointer(unsafe.SliceData(m.B)) != m.call.out {
		// More was written than was reserved: append has copied it to Go's heap.
		panic(fluentbit.Bug("output left C memory"))
	}
	m.call.out_size = C.size_t(len(m.B))
	m.call, m.B = nil, nil
}

// grow is the buffer's Grow. b must be the whole output so far.
func (m *memory) grow(b []byte, n int) ([]byte, bool) {
	if C.kata_reserve(m.call, C.size_t(len(b)+n)) != 0 {
		return b, false
	}
	return view(m.call.out, m.call.out_cap)[:len(b)], true
}

// view returns C memory as a slice, without copying it. It is valid as long as the memory is.
func view(p unsafe.Pointer, size C.size_t) []byte {
	return unsafe.Slice((*byte)(p), int(size))
}
