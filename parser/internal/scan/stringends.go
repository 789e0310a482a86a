package scan

import "math/bits"

// StringEnds finds where the strings of a JSON text end: it has one bit for each
// byte that cannot stand in a string as it is, for a window of the text at a
// time. The window only moves forwards.
type StringEnds struct {
	Text  []byte
	base  int                   // where the window starts
	masks [endBlocks + 1]uint64 // the last one stays 0
}

const (
	endBlocks = 16
	endBytes  = endBlocks * Block
)

func (s *StringEnds) Reset(text []byte) {
	s.Text = text
	s.fill(0)
}

// Find is the index of the first byte from i on that cannot stand in a string as
// it is: a quote, a backslash, a control byte; or the text's length.
func (s *StringEnds) Find(i int) int {
	if m := s.Near(i); m != 0 {
		return i + bits.TrailingZeros64(m)
	}
	return s.FindFar(i)
}

// Near has the bits of the 64 bytes from i on: where the blocks start makes no
// branch. It is 0 when they are not in the window.
func (s *StringEnds) Near(i int) uint64 {
	off := uint(i - s.base)
	if off >= endBytes {
		return 0
	}
	return s.masks[off/Block]>>(off%Block) | s.masks[off/Block+1]<<1<<(^off%Block)
}

func (s *StringEnds) FindFar(i int) int {
	for i < len(s.Text) {
		at := i &^ (Block - 1)
		if at >= s.base+endBytes {
			s.fill(at)
		}
		if m := s.masks[uint(at-s.base)/Block%endBlocks] >> (uint(i) % Block); m != 0 {
			return i + bits.TrailingZeros64(m)
		}
		i = at + Block
	}
	return len(s.Text)
}

// fill moves the window to base. Bits behind the end of the text are set.
func (s *StringEnds) fill(base int) {
	s.base = base
	rest := s.Text[base:]
	n := min(len(rest)/Block, endBlocks)
	if n == endBlocks {
		markEnds(rest[:endBytes], s.masks[:endBlocks])
		return
	}
	tail := len(rest) % Block
	if cap(rest) >= (n+1)*Block {
		markEnds(rest[:(n+1)*Block], s.masks[:n+1])
	} else {
		markEnds(rest[:n*Block], s.masks[:n])
		var end [Block]byte
		copy(end[:], rest[n*Block:])
		markEnds(end[:], s.masks[n:n+1])
	}
	s.masks[n] |= ^uint64(0) << tail
}

// markEndsGo is what markEnds does, in Go: a mask for each block of text.
func markEndsGo(text []byte, masks []uint64) {
	for n := range masks {
		var ends uint64
		for i := 0; i < Block; i += 8 {
			x := Load(text[n*Block:], i)
			ends |= gather(Exactly(x, '"')|Exactly(x, '\\')|exactlyBelow(x, ' ')) << i
		}
		masks[n] = ends
	}
}
