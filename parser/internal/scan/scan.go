package scan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Finding structure eight bytes at a time. Each test marks the high bit of
// every byte that fits; bits above the first mark may be wrong (a borrow runs
// upwards), so only the first mark is used.

const (
	Ones  = 0x0101010101010101
	Highs = 0x8080808080808080
)

func Load(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

// equal marks the bytes of x that are c.
func Equal(x uint64, c byte) uint64 {
	y := x ^ Ones*uint64(c)
	return (y - Ones) & ^y & Highs
}

// below marks the bytes of x that are less than c, for c <= 0x80.
func Below(x uint64, c byte) uint64 { return (x - Ones*uint64(c)) & ^x & Highs }

func First(marks uint64) int { return bits.TrailingZeros64(marks) >> 3 }

// indexQuote is the index of the first quote or backslash in b from i on, or
// len(b).
func IndexQuote(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := Load(b, i)
		if m := Equal(x, '"') | Equal(x, '\\'); m != 0 {
			return i + First(m)
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
func IndexBlank(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := Below(Load(b, i), ' '+1); m != 0 {
			return i + First(m)
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
func IndexStringEnd(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := Load(b, i)
		if m := Equal(x, '"') | Equal(x, '\\') | Below(x, ' '); m != 0 {
			return i + First(m)
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return len(b)
}

// asciiStartGo is what ASCIIStart does: it returns how many bytes at the start
// of b it is known that they are ASCII, all of them if b is.
func asciiStartGo(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if Load(b, i)&Highs != 0 {
			return i
		}
	}
	if n := len(b) - i; n > 0 && cap(b) >= i+8 {
		if Load(b[:i+8], i)&Highs<<(64-8*uint(n)) != 0 {
			return i
		}
		return len(b)
	}
	for ; i < len(b); i++ {
		if b[i] >= utf8.RuneSelf {
			return i
		}
	}
	return i
}

// asciiLower appends name in lower case.
func AppendLower(dst, name []byte) []byte {
	i := 0
	for ; i+8 <= len(name); i += 8 {
		dst = binary.LittleEndian.AppendUint64(dst, lower(Load(name, i)))
	}
	if n := len(name) - i; n > 0 && cap(name) >= i+8 {
		dst = binary.LittleEndian.AppendUint64(dst, lower(Load(name[:i+8], i)))
		return dst[:len(dst)-8+n]
	}
	for _, c := range name[i:] {
		dst = append(dst, byte(lower(uint64(c))))
	}
	return dst
}

// lower is x with its capitals as small letters.
func lower(x uint64) uint64 {
	fromA := x&^Highs + Ones*(0x80-'A')
	behindZ := x&^Highs + Ones*(0x80-'Z'-1)
	return x | (fromA&^behindZ&^x&Highs)>>2
}
