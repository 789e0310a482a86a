package scan

import "math/bits"

// Where the structure of logfmt is: for each block of 64 bytes one bit mask per
// class of byte. Finding the next byte of a class is then a shift and a count
// of zeroes, however long the key or value is.
//
// The masks are made for a window of the text at a time, by vector instructions
// where the processor has them (structure_amd64.s, structure_arm64.s) and by the
// Go code below elsewhere and under the tag purego.

// Classes of bytes.
const (
	ClassEqual  = iota // '='
	ClassBlank         // space and control bytes, and what is behind the text
	ClassQuote         // '"' and '\\'
	ClassEscape        // '\\'
	classes
)

const (
	Block        = 64
	windowBlocks = 8
	WindowBytes  = windowBlocks * Block
)

// structure is a window of masks that moves over a text.
type Structure struct {
	Text  []byte
	base  int // where the window starts
	masks [windowBlocks][classes]uint64
}

func (s *Structure) Reset(text []byte) {
	s.Text, s.base = text, -WindowBytes
}

// Base is where the window starts.
func (s *Structure) Base() int { return s.base }

// Find is the index of the first byte of a class in the text from i on, or the
// text's length. i must not be before the window.
func (s *Structure) Find(class, i int) int {
	// Nearly always it is in the same block; behind the text all is blank.
	if at := uint(i - s.base); at < WindowBytes {
		if m := s.masks[at/Block][class] >> (at % Block); m != 0 {
			return i + bits.TrailingZeros64(m)
		}
	}
	return s.findFar(class, i)
}

func (s *Structure) findFar(class, i int) int {
	for i < len(s.Text) {
		at := uint(i - s.base)
		if at >= WindowBytes {
			s.Fill(i)
			at = 0
		}
		if m := s.masks[at/Block][class] >> (at % Block); m != 0 {
			return i + bits.TrailingZeros64(m)
		}
		i += int(Block - at%Block)
	}
	return len(s.Text)
}

// Fill moves the window to base.
func (s *Structure) Fill(base int) {
	s.base = base
	rest := s.Text[base:]
	classifyAll(rest[:min(len(rest), WindowBytes):cap(rest)], s.masks[:])
}

// classifyAll makes the masks of text, which has at most as many blocks as there are
// masks. Behind its end all is blank.
func classifyAll(text []byte, masks [][classes]uint64) {
	n := len(text) / Block
	if n == len(masks) {
		classify(text, masks)
		return
	}
	tail := uint(len(text) % Block)
	if cap(text) >= (n+1)*Block {
		classify(text[:(n+1)*Block], masks[:n+1])
	} else {
		classify(text[:n*Block], masks[:n])
		var end [Block]byte
		copy(end[:], text[n*Block:])
		classify(end[:], masks[n:n+1])
	}
	m := &masks[n]
	inText := uint64(1)<<tail - 1
	m[ClassEqual] &= inText
	m[ClassBlank] |= ^inText
	m[ClassQuote] &= inText
	m[ClassEscape] &= inText
}

// classifyGo is what classify does, in Go: the masks of each block of text, whose
// length is a multiple of block.
func classifyGo(text []byte, masks [][classes]uint64) {
	for n := range masks {
		var equals, blanks, quotes, escapes uint64
		for i := 0; i < Block; i += 8 {
			x := Load(text[n*Block:], i)
			equals |= gather(Exactly(x, '=')) << i
			blanks |= gather(exactlyBelow(x, ' '+1)) << i
			escape := Exactly(x, '\\')
			quotes |= gather(Exactly(x, '"')|escape) << i
			escapes |= gather(escape) << i
		}
		masks[n] = [classes]uint64{ClassEqual: equals, ClassBlank: blanks, ClassQuote: quotes, ClassEscape: escapes}
	}
}

// exactly marks the bytes of x that are c; unlike equal, all its marks are right.
func Exactly(x uint64, c byte) uint64 {
	y := x ^ Ones*uint64(c)
	return ^((y&^Highs + (Highs - Ones)) | y) & Highs
}

// exactlyBelow marks the bytes of x that are less than c, for c <= 0x80.
func exactlyBelow(x uint64, c byte) uint64 {
	return ^((x&^Highs + Ones*(0x80-uint64(c))) | x) & Highs
}

// gather puts the high bits of the eight bytes of x side by side.
func gather(x uint64) uint64 { return (x >> 7) * 0x0102040810204080 >> 56 }
