package parser

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode/utf8"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

// appendUnquoted appends to dst the text that the body of a quoted Go string
// stands for (what strconv.Quote wrote, without the quotes around it), up to the
// first byte that ends it; read is where that is. ok reports whether every escape
// in it was one. An escape that is none is kept as it stands. The octets of \xNN and \NNN are joined before they are checked: what
// is not UTF-8 then becomes U+FFFD, one for each byte, so the result is valid
// UTF-8 wherever body is.
//
// The rules are those of the Go specification for interpreted string literals;
// logrus quotes with strconv.Quote. Spare memory of dst behind the result may be
// written to, here and in the two functions below.
func appendUnquoted(dst, b []byte, ends *scan.Ending) (out []byte, read int, ok bool) {
	ok, octets := true, false
	start, i := len(dst), 0
	dst = slices.Grow(dst, len(b)+scan.Block)
	if len(b) > 16 { // else it does not pay
		dst, i = scan.DropEscapes(dst, b, ends)
	}
	for {
		if i == len(b) || b[i] != '\\' {
			var end bool
			if dst, i, end = appendUntilEscape(dst, b, i, ends); end {
				read = i
				break
			}
		}
		esc := b[i:]
		if len(esc) > 1 {
			if c := simpleEscapes[esc[1]]; c != 0 {
				dst = append(dst, c)
				i += 2
				continue
			}
		}
		r, size, octet := goEscape(esc)
		switch {
		case size == 0:
			ok = false
			dst = append(dst, '\\')
			if i++; i < len(b) && b[i] > '\\' { // it ends nothing and starts nothing
				dst = append(dst, b[i])
				i++
			}
		case octet:
			octets = octets || r >= utf8.RuneSelf
			dst = append(dst, byte(r))
			i += size
		default:
			dst = utf8.AppendRune(dst, r)
			i += size
		}
	}
	if octets {
		dst = validFrom(dst, start)
	}
	return dst, read, ok
}

// appendUntilEscape appends b from i on, up to an escape or the end. dst has the
// capacity for all of it and for block bytes more. It leaves out the backslashes of \" and
// \\ in passing, where these are many.
func appendUntilEscape(dst, b []byte, i int, ends *scan.Ending) (out []byte, at int, end bool) {
	w := len(dst)
	to := dst[:cap(dst)]
	for ; i+8 <= len(b); i, w = i+8, w+8 {
		x := scan.Load(b, i)
		binary.LittleEndian.PutUint64(to[w:], x)
		if m := scan.Equal(x, '\\') | scan.Equal(x, '"')&ends[0] | (x-ends[1])&^x&scan.Highs; m != 0 {
			i, w = i+scan.First(m), w+scan.First(m)
			return to[:w], i, b[i] != '\\'
		}
		if scan.HasDropEscapes {
			// Nothing close by: the rest goes in larger steps.
			i, w = i+8, w+8
			n := 0
			dst, n = scan.DropEscapes(to[:w], b[i:], ends)
			i, w = i+n, len(dst)
			break
		}
	}
	for ; i < len(b); i, w = i+1, w+1 {
		c := b[i]
		if c == '\\' || c == '"' && ends[0] != 0 || c < byte(ends[1]) {
			return to[:w], i, c != '\\'
		}
		to[w] = c
	}
	return to[:w], i, true
}

// simpleEscapes are the escapes of one letter that Go strings have.
var simpleEscapes = [256]byte{
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\', '"': '"',
}

// goEscape reads the numeric escape at the start of b; size 0 means there is none.
func goEscape(b []byte) (r rune, size int, octet bool) {
	if len(b) < 2 {
		return 0, 0, false
	}
	switch c := b[1]; c {
	case 'x':
		if len(b) < 4 {
			return 0, 0, false
		}
		high, low := hexDigits[b[2]], hexDigits[b[3]]
		return rune(high<<4 | low), sizeIf(high|low <= 15, 4), true
	case 'u':
		r, ok := hex(b, 2, 4)
		return r, sizeIf(ok && utf8.ValidRune(r), 6), false
	case 'U':
		r, ok := hex(b, 2, 8)
		return r, sizeIf(ok && utf8.ValidRune(r), 10), false
	case '0', '1', '2', '3', '4', '5', '6', '7':
		if len(b) < 4 {
			return 0, 0, false
		}
		for _, c := range b[1:4] {
			if c < '0' || c > '7' {
				return 0, 0, false
			}
			r = r<<3 | rune(c-'0')
		}
		return r, sizeIf(r <= 255, 4), true
	}
	return 0, 0, false
}

func sizeIf(ok bool, size int) int {
	if ok {
		return size
	}
	return 0
}

// hex reads n hexadecimal digits of b from i on.
func hex(b []byte, i, n int) (r rune, ok bool) {
	if len(b) < i+n {
		return 0, false
	}
	var v uint32
	for _, c := range b[i : i+n] {
		d := hexDigits[c]
		if d > 15 {
			return 0, false
		}
		v = v<<4 | uint32(d)
	}
	return rune(v), v <= utf8.MaxRune
}

// hexDigits are the values of hexadecimal digits, 255 for other bytes.
var hexDigits = func() (table [256]byte) {
	for c := range table {
		table[c] = 255
	}
	for v, c := range "0123456789abcdef" {
		table[c] = byte(v)
	}
	for v, c := range "ABCDEF" {
		table[c] = byte(10 + v)
	}
	return table
}()

// appendRustUnquoted is appendUnquoted for a Rust string in debug form ({:?}). Rust writes
// \" \\ \' \n \r \t \0 and \u{…} with up to six hexadecimal digits (core::fmt, impl
// Debug for str).
func appendRustUnquoted(dst, b []byte, ends *scan.Ending) (out []byte, read int, ok bool) {
	ok = true
	dst, i := scan.DropEscapes(slices.Grow(dst, len(b)+scan.Block), b, ends)
	for {
		var end bool
		if dst, i, end = appendUntilEscape(dst, b, i, ends); end {
			return dst, i, ok
		}
		r, size := rustEscape(b[i:])
		if size == 0 {
			ok = false
			r, size = '\\', 1
		}
		dst = utf8.AppendRune(dst, r)
		i += size
	}
}

func rustEscape(b []byte) (r rune, size int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch c := b[1]; c {
	case '"', '\\', '\'':
		return rune(c), 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case '0':
		return 0, 2
	case 'u':
		end := bytes.IndexByte(b[:min(len(b), len(`\u{10ffff}`))], '}')
		if end < 4 || b[2] != '{' {
			return 0, 0
		}
		r, ok := hex(b, 3, end-3)
		return r, sizeIf(ok && utf8.ValidRune(r), end+1)
	}
	return 0, 0
}

// appendValid appends b to dst with U+FFFD for every byte of it that is not
// part of valid UTF-8.
func appendValid(dst, b []byte) []byte {
	const step = 256 // between two checks of the capacity
	for i := 0; i < len(b); {
		dst = slices.Grow(dst, 3*step+8)
		w, to := len(dst), dst[:cap(dst)]
		for end := min(i+step, len(b)); i < end; {
			n := 1
			switch c := b[i]; {
			case i+8 <= len(b) && c < utf8.RuneSelf:
				x := scan.Load(b, i)
				binary.LittleEndian.PutUint64(to[w:], x)
				n = scan.First(x & scan.Highs)
			case c < utf8.RuneSelf:
				to[w] = c
			default:
				if n = 0; c >= 0xc2 && i+1 < len(b) && b[i+1]&0xc0 == 0x80 {
					n = runeLen(b[i:])
				}
				if n == 0 {
					binary.LittleEndian.PutUint32(to[w:], 0xbdbfef)
					i, w = i+1, w+3
					continue
				}
				copy(to[w:], b[i:i+n])
			}
			i, w = i+n, w+n
		}
		dst = to[:w]
	}
	return dst
}

// runeLen is the length of the character that b starts with, one that is not
// ASCII; 0 when it is not valid UTF-8 (RFC 3629, section 4).
func runeLen(b []byte) int {
	c := b[0]
	if c < 0xc2 || c > 0xf4 || len(b) < 2 {
		return 0
	}
	low, high := byte(0x80), byte(0xbf)
	switch c {
	case 0xe0:
		low = 0xa0
	case 0xed:
		high = 0x9f
	case 0xf0:
		low = 0x90
	case 0xf4:
		high = 0x8f
	}
	switch {
	case b[1] < low || b[1] > high:
		return 0
	case c < 0xe0:
		return 2
	case len(b) < 3 || b[2]&0xc0 != 0x80:
		return 0
	case c < 0xf0:
		return 3
	case len(b) < 4 || b[3]&0xc0 != 0x80:
		return 0
	}
	return 4
}

// validFrom makes dst valid UTF-8 from index start on.
func validFrom(dst []byte, start int) []byte {
	if utf8.Valid(dst[start:]) {
		return dst
	}
	fixed := appendValid(dst, dst[start:])
	return append(fixed[:start], fixed[len(dst):]...)
}
