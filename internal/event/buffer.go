package event

// Buffer is the memory that the events which replace a chunk are written to.
//
// The zero Buffer is empty and grows on the Go heap. The filter's has C memory, which
// Fluent Bit takes over, so that the events need not be copied once more.
// A Buffer is for one call and not safe for concurrent use.
type Buffer struct {
	// B is what has been written. Writers reserve before they append to it.
	B []byte

	// Grow returns the bytes of b in memory with a capacity of at least len(b)+n,
	// after which b is invalid. It returns false if there is no memory; b is then
	// unchanged. nil means the Go heap.
	Grow func(b []byte, n int) ([]byte, bool)

	// Dropped, if not nil, gets the offsets in the chunk of the events that were left out.
	Dropped *[]int

	failed bool // Grow returned false
}

// Reserve ensures that up to n more bytes can be appended to B in place. It returns
// false if there is no memory for that: B is then unchanged, and every later call
// returns false, too.
func (w *Buffer) Reserve(n int) bool {
	if cap(w.B)-len(w.B) >= n {
		return !w.failed
	}
	return w.grow(n)
}

func (w *Buffer) grow(n int) bool {
	if w.failed {
		return false
	}
	// By half at least, so that many small calls copy the buffer only a few times.
	n = max(n, cap(w.B)/2)
	if w.Grow == nil {
		b := make([]byte, len(w.B), len(w.B)+n)
		copy(b, w.B)
		w.B = b
		return true
	}
	b, ok := w.Grow(w.B, n)
	if !ok {
		w.failed = true
		return false
	}
	w.B = b
	return true
}
