package sink

import (
	"bytes"
	"math"
	"unicode/utf8"
	"unsafe"

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

// str writes a string. JSON is UTF-8: each byte that is not valid becomes U+FFFD.
func (t text) str(s []byte) {
	if !utf8.Valid(s) {
		s = []byte(string([]rune(string(s))))
	}
	t.WriteString(unsafe.String(unsafe.SliceData(s), len(s)))
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
