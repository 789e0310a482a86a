package parser

import "math/bits"

// Where the structure of logfmt is: for each block of 64 bytes one bit mask per
// class of byte. Finding the next byte of a class is then a shift and a count
// of zeroes, however long the key or value is.
//
// The masks are made for a window of the text at a time, by vector instructions
// where the processor has them (structure_amd64.s, structure_arm64.s) and by the
// twin below elsewhere and under the tag purego.

// Classes of bytes.
const (
	classEqual = iota // '='
	classBlank        // space and control bytes, and what is behind the text
	classQuote        // '"' and '\\'
	classes
)

const (
	block        = 64
	windowBlocks = 8
	windowBytes  = windowBlocks * block
)

// structure is a window of masks that moves over a text.
type structure struct {
	text  []byte
	base  int // where the window starts; a multiple of block
	masks [windowBlocks * classes]uint64
}

func (s *structure) reset(text []byte) {
	s.text = text
	s.fill(0)
}

// find is the index of the first byte of a class in the text from i on, or the
// text's length. i must not be before the window, which only moves forwards.
func (s *structure) find(class, i int) int {
	if m := s.near(class, i); m != 0 {
		return i + bits.TrailingZeros64(m)
	}
	return s.findFar(class, i)
}

// near is the mask of the bytes of a class from i to the end of its block; 0 also
// when that is outside the window.
func (s *structure) near(class, i int) uint64 {
	at := uint(i - s.base)
	if at >= windowBytes {
		return 0
	}
	return s.masks[at/block*classes+uint(class)] >> (at % block)
}

// findFar is find for what near does not see.
func (s *structure) findFar(class, i int) int {
	if i < s.base+windowBytes {
		i = i - i%block + block // the block of i has none
	} else if i < len(s.text) {
		s.fill(i - i%block)
		if m := s.near(class, i); m != 0 {
			return i + bits.TrailingZeros64(m)
		}
		i = i - i%block + block
	}
	for ; i < len(s.text); i += block {
		if i >= s.base+windowBytes {
			s.fill(i)
		}
		if m := s.masks[(i-s.base)/block*classes+class]; m != 0 {
			return i + bits.TrailingZeros64(m)
		}
	}
	return len(s.text)
}

// fill moves the window to base.
func (s *structure) fill(base int) {
	s.base = base
	rest := s.text[base:]
	n := min(len(rest)/block, windowBlocks)
	if n > 0 {
		classify(rest[:n*block], s.masks[:n*classes])
	}
	if n < windowBlocks {
		// The end, with zeroes behind it: they are of the class blank.
		var end [block]byte
		copy(end[:], rest[n*block:])
		classify(end[:], s.masks[n*classes:(n+1)*classes])
	}
}

// classifyGo is what classify does, in Go: the masks of each block of text, whose
// length is a multiple of block.
func classifyGo(text []byte, masks []uint64) {
	for ; len(text) >= block; text, masks = text[block:], masks[classes:] {
		var equals, blanks, quotes uint64
		for i := 0; i < block; i += 8 {
			x := load(text, i)
			equals |= gather(exactly(x, '=')) << i
			blanks |= gather(exactlyBelow(x, ' '+1)) << i
			quotes |= gather(exactly(x, '"')|exactly(x, '\\')) << i
		}
		masks[classEqual], masks[classBlank], masks[classQuote] = equals, blanks, quotes
	}
}

// exactly marks the bytes of x that are c; unlike equal, all its marks are right.
func exactly(x uint64, c byte) uint64 {
	y := x ^ ones*uint64(c)
	return ^((y&^highs + (highs - ones)) | y) & highs
}

// exactlyBelow marks the bytes of x that are less than c, for c <= 0x80.
func exactlyBelow(x uint64, c byte) uint64 {
	return ^((x&^highs + ones*(0x80-uint64(c))) | x) & highs
}

// gather puts the high bits of the eight bytes of x side by side.
func gather(x uint64) uint64 { return (x >> 7) * 0x0102040810204080 >> 56 }
