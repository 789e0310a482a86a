package main

// #include <stdlib.h>
import "C"

import (
	"unsafe"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// memory is an event.Buffer in C memory, so that Fluent Bit can be given what is in it.
type memory struct {
	event.Buffer
	start unsafe.Pointer
	size  int
}

// reset makes the buffer empty.
func (m *memory) reset() {
	grow := m.Grow
	if grow == nil {
		grow = m.grow // once, since a method value is an allocation
	}
	m.Buffer = event.Buffer{B: unsafe.Slice((*byte)(m.start), m.size)[:0], Grow: grow}
}

// grow is the buffer's Grow. b must be all of it so far.
func (m *memory) grow(b []byte, n int) ([]byte, bool) {
	start := C.realloc(m.start, C.size_t(len(b)+n))
	if start == nil {
		return b, false
	}
	m.start, m.size = start, len(b)+n
	return unsafe.Slice((*byte)(start), m.size)[:len(b)], true
}

// trim frees the memory if it is more than size bytes. What was in the buffer is not valid any more.
func (m *memory) trim(size int) {
	if m.size > size {
		m.free()
	}
}

func (m *memory) free() {
	C.free(m.start)
	m.start, m.size, m.B = nil, 0, nil
}
