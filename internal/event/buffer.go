package event

// Buffer is where the events that go back to the host are written.
//
// The zero Buffer lives on the Go heap. The plugin gives one whose memory is
// C's, so that nothing is copied a second time: Grow then reallocates there.
// A Buffer is for one call and one goroutine.
type Buffer struct {
	// B is what has been written; its capacity is the room that there is.
	B []byte

	// Grow answers b moved to memory with room for at least n more bytes, and
	// false when there is no memory. nil means the Go heap.
	Grow func(b []byte, n int) ([]byte, bool)

	full bool
}

// Reserve makes room for n more bytes, so that appending up to n bytes to B
// does not move it. It answers false when there is no memory for that; B is
// then as it was, and every later call answers false too.
func (w *Buffer) Reserve(n int) bool {
	if cap(w.B)-len(w.B) >= n {
		return !w.full
	}
	return w.grow(n)
}

func (w *Buffer) grow(n int) bool {
	if w.full {
		return false
	}
	// Half as much again, so that a wrong estimate costs few moves.
	n = max(n, cap(w.B)/2)
	if w.Grow == nil {
		b := make([]byte, len(w.B), len(w.B)+n)
		copy(b, w.B)
		w.B = b
		return true
	}
	b, ok := w.Grow(w.B, n)
	if !ok {
		w.full = true
		return false
	}
	w.B = b
	return true
}
