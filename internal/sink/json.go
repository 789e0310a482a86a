package sink

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"

	jsoniter "github.com/json-iterator/go"
)

// text appends JSON to a byte slice. The JSON library is used here only, to write scalars;
// the callers write commas and brackets.
type text struct{ *jsoniter.Stream }

// appendTo returns a text that appends to dst.
func appendTo(dst []byte) text {
	s := jsoniter.NewStream(jsoniter.ConfigDefault, nil, 0)
	s.SetBuffer(dst)
	return text{s}
}

// str writes a string. JSON is UTF-8: each byte that is not valid becomes U+FFFD. It copies
// runs of bytes; the library's function appends byte by byte, and takes four times as long.
func (t text) str(s []byte) {
	b := append(t.Buffer(), '"')
	for {
		b, s = appendPlain(b, s)
		if len(s) == 0 {
			break
		}
		switch c := s[0]; {
		case c == '"' || c == '\\':
			b, s = append(b, '\\', c), s[1:]
		case c == '\n':
			b, s = append(b, '\\', 'n'), s[1:]
		case c == '\r':
			b, s = append(b, '\\', 'r'), s[1:]
		case c == '\t':
			b, s = append(b, '\\', 't'), s[1:]
		case c < 0x20:
			b, s = append(b, '\\', 'u', '0', '0', '0'+c>>4, "0123456789abcdef"[c&0xf]), s[1:]
		default:
			r, size := utf8.DecodeRune(s)
			b, s = utf8.AppendRune(b, r), s[size:]
		}
	}
	t.SetBuffer(append(b, '"'))
}

// appendPlain appends the bytes at the start of s that are ASCII without need of an escape to
// dst, and returns the extended slice and the rest of s.
func appendPlain(dst, s []byte) (extended, rest []byte) {
	const ones = 0x0101010101010101
	dst = slices.Grow(dst, len(s))
	out := dst[len(dst) : len(dst)+len(s)]
	i := 0
	for ; len(s)-i >= 8; i += 8 {
		x := binary.LittleEndian.Uint64(s[i:])
		binary.LittleEndian.PutUint64(out[i:], x)
		// The highest bit of a byte is set where it is a control character, a quote, a
		// backslash or no ASCII, and possibly in the bytes behind such a one.
		if special := ((x - 0x20*ones) | ((x ^ '"'*ones) - ones) | ((x ^ '\\'*ones) - ones) | x) & (0x80 * ones); special != 0 {
			i += bits.TrailingZeros64(special) / 8
			return dst[:len(dst)+i], s[i:]
		}
	}
	for i < len(s) && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' && s[i] < utf8.RuneSelf {
		out[i] = s[i]
		i++
	}
	return dst[:len(dst)+i], s[i:]
}

// float writes a number so that it is read as a float again: 1 as 1.0. Infinities and NaN,
// which JSON does not have, become null.
func (t text) float(f float64, bits int) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		t.WriteNil()
		return
	}
	start := t.Buffered()
	if bits == 32 {
		t.WriteFloat32(float32(f))
	} else {
		t.WriteFloat64(f)
	}
	if !bytes.ContainsAny(t.Buffer()[start:], ".e") {
		t.WriteRaw(".0")
	}
}

// AppendString appends s as a JSON string, in which each byte that is not valid UTF-8 is
// U+FFFD, and returns the extended slice.
func AppendString(dst, s []byte) []byte {
	t := appendTo(dst)
	t.str(s)
	return t.Buffer()
}
