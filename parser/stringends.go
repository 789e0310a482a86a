package parser

import "math/bits"

// stringEnds finds where the strings of a JSON text end: it has one bit for each
// byte that cannot stand in a string as it is, for a window of the text at a
// time. The window only moves forwards.
type stringEnds struct {
	text  []byte
	base  int                   // where the window starts
	masks [endBlocks + 1]uint64 // the last one stays 0
}

const (
	endBlocks = 16
	endBytes  = endBlocks * block
)

func (s *stringEnds) reset(text []byte) {
	s.text = text
	s.fill(0)
}

// find is the index of the first byte from i on that cannot stand in a string as
// it is: a quote, a backslash, a control byte; or the text's length.
func (s *stringEnds) find(i int) int {
	if m := s.near(i); m != 0 {
		return i + bits.TrailingZeros64(m)
	}
	return s.findFar(i)
}

// near has the bits of the 64 bytes from i on: where the blocks start makes no
// branch. It is 0 when they are not in the window.
func (s *stringEnds) near(i int) uint64 {
	off := uint(i - s.base)
	if off >= endBytes {
		return 0
	}
	return s.masks[off/block]>>(off%block) | s.masks[off/block+1]<<1<<(^off%block)
}

func (s *stringEnds) findFar(i int) int {
	for i < len(s.text) {
		at := i &^ (block - 1)
		if at >= s.base+endBytes {
			s.fill(at)
		}
		if m := s.masks[uint(at-s.base)/block%endBlocks] >> (uint(i) % block); m != 0 {
			return i + bits.TrailingZeros64(m)
		}
		i = at + block
	}
	return len(s.text)
}

// fill moves the window to base. Bits behind the end of the text are set.
func (s *stringEnds) fill(base int) {
	s.base = base
	rest := s.text[base:]
	n := min(len(rest)/block, endBlocks)
	if n == endBlocks {
		markEnds(rest[:endBytes], s.masks[:endBlocks])
		return
	}
	tail := len(rest) % block
	if cap(rest) >= (n+1)*block {
		markEnds(rest[:(n+1)*block], s.masks[:n+1])
	} else {
		markEnds(rest[:n*block], s.masks[:n])
		var end [block]byte
		copy(end[:], rest[n*block:])
		markEnds(end[:], s.masks[n:n+1])
	}
	s.masks[n] |= ^uint64(0) << tail
}

// markEndsGo is what markEnds does, in Go: a mask for each block of text.
func markEndsGo(text []byte, masks []uint64) {
	for n := range masks {
		var ends uint64
		for i := 0; i < block; i += 8 {
			x := load(text[n*block:], i)
			ends |= gather(exactly(x, '"')|exactly(x, '\\')|exactlyBelow(x, ' ')) << i
		}
		masks[n] = ends
	}
}
