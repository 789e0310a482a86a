package parser

import (
	"bytes"
	"unicode/utf8"
)

// AppendUnquoted appends to dst the text that the body of a quoted Go string
// stands for (what strconv.Quote wrote, without the quotes around it), and says
// whether every escape in it was one. An escape that is none is kept as it
// stands. The octets of \xNN and \NNN are joined before they are checked: what
// is not UTF-8 then becomes U+FFFD, one for each byte, so the result is valid
// UTF-8 wherever body is.
//
// The rules are those of the Go specification for interpreted string literals;
// logrus quotes with strconv.Quote.
func AppendUnquoted(dst, body []byte) ([]byte, bool) {
	ok, octets := true, false
	start := len(dst)
	for {
		i := bytes.IndexByte(body, '\\')
		if i < 0 {
			break
		}
		dst = append(dst, body[:i]...)
		body = body[i:]
		if len(body) > 1 {
			if c := simpleEscapes[body[1]]; c != 0 {
				dst = append(dst, c)
				body = body[2:]
				continue
			}
		}
		r, size, octet := goEscape(body)
		switch {
		case size == 0:
			ok = false
			dst = append(dst, '\\')
			body = body[1:]
		case octet:
			octets = octets || r >= utf8.RuneSelf
			dst = append(dst, byte(r))
			body = body[size:]
		default:
			dst = utf8.AppendRune(dst, r)
			body = body[size:]
		}
	}
	dst = append(dst, body...)
	if octets {
		dst = validFrom(dst, start)
	}
	return dst, ok
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
		r, ok := hex(b, 2, 2)
		return r, sizeIf(ok, 4), true
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
		d := hexDigit(c)
		if d > 15 {
			return 0, false
		}
		v = v<<4 | uint32(d)
	}
	return rune(v), v <= utf8.MaxRune
}

func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// AppendRustUnquoted appends to dst the text that the body of a Rust string in
// debug form ({:?}) stands for, and says whether every escape in it was one; an
// escape that is none is kept as it stands. Rust writes \" \\ \' \n \r \t \0
// and \u{…} with up to six hexadecimal digits (core::fmt, impl Debug for str).
func AppendRustUnquoted(dst, body []byte) ([]byte, bool) {
	ok := true
	for {
		i := bytes.IndexByte(body, '\\')
		if i < 0 {
			return append(dst, body...), ok
		}
		dst = append(dst, body[:i]...)
		body = body[i:]
		r, size := rustEscape(body)
		if size == 0 {
			ok = false
			dst = append(dst, '\\')
			body = body[1:]
			continue
		}
		dst = utf8.AppendRune(dst, r)
		body = body[size:]
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

// AppendValid appends b to dst with U+FFFD for every byte of it that is not
// part of valid UTF-8.
func AppendValid(dst, b []byte) []byte {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, "\uFFFD"...)
		} else {
			dst = append(dst, b[:size]...)
		}
		b = b[size:]
	}
	return dst
}

// validFrom makes dst valid UTF-8 from index start on.
func validFrom(dst []byte, start int) []byte {
	if utf8.Valid(dst[start:]) {
		return dst
	}
	fixed := AppendValid(dst, dst[start:])
	return append(fixed[:start], fixed[len(dst):]...)
}
