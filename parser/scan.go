package parser

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Finding structure eight bytes at a time. Each test marks the high bit of
// every byte that fits; bits above the first mark may be wrong (a borrow runs
// upwards), so only the first mark is used.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

func load(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

// equal marks the bytes of x that are c.
func equal(x uint64, c byte) uint64 {
	y := x ^ ones*uint64(c)
	return (y - ones) & ^y & highs
}

// below marks the bytes of x that are less than c, for c <= 0x80.
func below(x uint64, c byte) uint64 { return (x - ones*uint64(c)) & ^x & highs }

func first(marks uint64) int { return bits.TrailingZeros64(marks) >> 3 }

// indexQuote is the index of the first quote or backslash in b from i on, or
// len(b).
func indexQuote(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := load(b, i)
		if m := equal(x, '"') | equal(x, '\\'); m != 0 {
			return i + first(m)
		}
	}
	for ; i < len(b); i++ {
		if b[i] == '"' || b[i] == '\\' {
			return i
		}
	}
	return len(b)
}

// indexBlank is the index of the first blank or control byte in b from i on,
// or len(b).
func indexBlank(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := below(load(b, i), ' '+1); m != 0 {
			return i + first(m)
		}
	}
	for ; i < len(b); i++ {
		if b[i] <= ' ' {
			return i
		}
	}
	return len(b)
}

// indexStringEnd is the index of the first byte from i on that cannot stand in
// a JSON string as it is: a quote, a backslash, a control byte; or len(b).
func indexStringEnd(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := load(b, i)
		if m := equal(x, '"') | equal(x, '\\') | below(x, ' '); m != 0 {
			return i + first(m)
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return len(b)
}

// asciiStartGo is what asciiStart does: it answers for how many bytes at the start
// of b it is known that they are ASCII, all of them if b is.
func asciiStartGo(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if load(b, i)&highs != 0 {
			return i
		}
	}
	for ; i < len(b); i++ {
		if b[i] >= utf8.RuneSelf {
			return i
		}
	}
	return i
}

// asciiLower appends name in lower case.
func asciiLower(dst, name []byte) []byte {
	i := 0
	for ; i+8 <= len(name); i += 8 {
		dst = binary.LittleEndian.AppendUint64(dst, lower(load(name, i)))
	}
	if n := len(name) - i; n > 0 && cap(name) >= i+8 {
		dst = binary.LittleEndian.AppendUint64(dst, lower(load(name[:i+8], i)))
		return dst[:len(dst)-8+n]
	}
	for _, c := range name[i:] {
		dst = append(dst, byte(lower(uint64(c))))
	}
	return dst
}

// lower is x with its capitals as small letters.
func lower(x uint64) uint64 {
	fromA := x&^highs + ones*(0x80-'A')
	behindZ := x&^highs + ones*(0x80-'Z'-1)
	return x | (fromA&^behindZ&^x&highs)>>2
}

func isDigit(c byte) bool { return c-'0' < 10 }

// trimNewlines is b without newlines and carriage returns at its end.
func trimNewlines(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return b
}
