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
	classEqual  = iota // '='
	classBlank         // space and control bytes, and what is behind the text
	classQuote         // '"' and '\\'
	classEscape        // '\\'
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
	base  int // where the window starts
	masks [windowBlocks][classes]uint64
}

func (s *structure) reset(text []byte) {
	s.text, s.base = text, -windowBytes
}

// find is the index of the first byte of a class in the text from i on, or the
// text's length. i must not be before the window.
func (s *structure) find(class, i int) int {
	// Nearly always it is in the same block; behind the text all is blank.
	if at := uint(i - s.base); at < windowBytes {
		if m := s.masks[at/block][class] >> (at % block); m != 0 {
			return i + bits.TrailingZeros64(m)
		}
	}
	return s.findFar(class, i)
}

func (s *structure) findFar(class, i int) int {
	for i < len(s.text) {
		at := uint(i - s.base)
		if at >= windowBytes {
			s.fill(i)
			at = 0
		}
		if m := s.masks[at/block][class] >> (at % block); m != 0 {
			return i + bits.TrailingZeros64(m)
		}
		i += int(block - at%block)
	}
	return len(s.text)
}

// fill moves the window to base.
func (s *structure) fill(base int) {
	s.base = base
	rest := s.text[base:]
	classifyAll(rest[:min(len(rest), windowBytes):cap(rest)], s.masks[:])
}

// classifyAll makes the masks of text, which has at most as many blocks as there are
// masks. Behind its end all is blank.
func classifyAll(text []byte, masks [][classes]uint64) {
	n := len(text) / block
	if n == len(masks) {
		classify(text, masks)
		return
	}
	tail := uint(len(text) % block)
	if cap(text) >= (n+1)*block {
		classify(text[:(n+1)*block], masks[:n+1])
	} else {
		classify(text[:n*block], masks[:n])
		var end [block]byte
		copy(end[:], text[n*block:])
		classify(end[:], masks[n:n+1])
	}
	m := &masks[n]
	inText := uint64(1)<<tail - 1
	m[classEqual] &= inText
	m[classBlank] |= ^inText
	m[classQuote] &= inText
	m[classEscape] &= inText
}

// classifyGo is what classify does, in Go: the masks of each block of text, whose
// length is a multiple of block.
func classifyGo(text []byte, masks [][classes]uint64) {
	for n := range masks {
		var equals, blanks, quotes, escapes uint64
		for i := 0; i < block; i += 8 {
			x := load(text[n*block:], i)
			equals |= gather(exactly(x, '=')) << i
			blanks |= gather(exactlyBelow(x, ' '+1)) << i
			escape := exactly(x, '\\')
			quotes |= gather(exactly(x, '"')|escape) << i
			escapes |= gather(escape) << i
		}
		masks[n] = [classes]uint64{classEqual: equals, classBlank: blanks, classQuote: quotes, classEscape: escapes}
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
