package sink

import (
	"encoding/hex"
	"math"
	"slices"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// maxDepth limits the nesting of maps and arrays; deeper ones become null. Fluent Bit's own
// inputs have far lower limits.
const maxDepth = 128

// value writes the msgpack value at i, which must be complete, and returns where it ends.
// depth is the number of maps and arrays that it is in.
func (t text) value(b []byte, i, depth int) int {
	c := b[i]
	switch {
	case c < 0x80:
		t.WriteUint64(uint64(c))
		return i + 1
	case c >= 0xe0:
		t.WriteInt64(int64(int8(c)))
		return i + 1
	case c < 0x90:
		return t.pairs(b, i, i+1, int(c&0x0f), depth)
	case c < 0xa0:
		return t.elements(b, i, i+1, int(c&0x0f), depth)
	case c < 0xc0:
		return t.bytes(b, i+1, int(c&0x1f))
	}
	i++ // in the formats below a number of 1<<k or 2<<k bytes follows
	switch {
	case c == 0xc0:
		t.WriteNil()
		return i
	case c == 0xc2 || c == 0xc3:
		t.WriteBool(c == 0xc3)
		return i
	case c >= 0xc4 && c <= 0xc6: // bin
		n, i := number(b, i, 1<<(c-0xc4))
		return t.bytes(b, i, int(n))
	case c == 0xca:
		n, i := number(b, i, 4)
		t.float(float64(math.Float32frombits(uint32(n))), 32)
		return i
	case c == 0xcb:
		n, i := number(b, i, 8)
		t.float(math.Float64frombits(n), 64)
		return i
	case c >= 0xcc && c <= 0xcf: // unsigned
		n, i := number(b, i, 1<<(c-0xcc))
		t.WriteUint64(n)
		return i
	case c >= 0xd0 && c <= 0xd3: // signed
		n, end := number(b, i, 1<<(c-0xd0))
		unused := 64 - 8*(end-i)
		t.WriteInt64(int64(n<<unused) >> unused)
		return end
	case c >= 0xd9 && c <= 0xdb: // str
		n, i := number(b, i, 1<<(c-0xd9))
		return t.bytes(b, i, int(n))
	case c == 0xdc || c == 0xdd:
		n, first := number(b, i, 2<<(c-0xdc))
		return t.elements(b, i-1, first, int(n), depth)
	case c == 0xde || c == 0xdf:
		n, first := number(b, i, 2<<(c-0xde))
		return t.pairs(b, i-1, first, int(n), depth)
	}
	return t.ext(b[:event.Skip(b, i-1)], i-1)
}

// number returns the big-endian number of size bytes at i, and where it ends.
func number(b []byte, i, size int) (n uint64, next int) {
	for _, d := range b[i : i+size] {
		n = n<<8 | uint64(d)
	}
	return n, i + size
}

// bytes writes the n bytes at i as a string and returns where they end.
func (t text) bytes(b []byte, i, n int) int {
	t.str(b[i : i+n])
	return i + n
}

// ext writes the type and data of an ext, which JSON does not have, in hexadecimal. The
// ext is b[i:].
func (t text) ext(b []byte, i int) int {
	head := 1 // bytes before the type: fixed sizes have no length
	switch b[i] {
	case 0xc7:
		head = 2
	case 0xc8:
		head = 3
	case 0xc9:
		head = 5
	}
	t.WriteString(hex.EncodeToString(b[i+head:]))
	return len(b)
}

// elements writes the n elements from i on of the array at start, and returns where they end.
func (t text) elements(b []byte, start, i, n, depth int) int {
	if depth == maxDepth {
		t.WriteNil()
		return event.Skip(b, start)
	}
	t.WriteArrayStart()
	for k := range n {
		if k > 0 {
			t.WriteMore()
		}
		i = t.value(b, i, depth+1)
	}
	t.WriteArrayEnd()
	return i
}

// pairs writes the n pairs from i on of the map at start, and returns where they end.
func (t text) pairs(b []byte, start, i, n, depth int) int {
	if depth == maxDepth {
		t.WriteNil()
		return event.Skip(b, start)
	}
	t.WriteObjectStart()
	for k := range n {
		if k > 0 {
			t.WriteMore()
		}
		i = t.pair(b, i, depth)
	}
	t.WriteObjectEnd()
	return i
}

// pair writes one key and its value, and returns where the value ends.
func (t text) pair(b []byte, i, depth int) int {
	i = t.key(b, i, depth)
	t.WriteRaw(":")
	return t.value(b, i, depth+1)
}

// key writes the key at i and returns where it ends. A key that is no string becomes the
// string of its JSON. A key that is a map or an array becomes the hexadecimal of its bytes:
// the escapes of nested JSON strings would grow exponentially.
func (t text) key(b []byte, i, depth int) int {
	start := t.Buffered()
	if c := b[i]; c >= 0x80 && c < 0xa0 || c >= 0xdc && c <= 0xdf {
		end := event.Skip(b, i)
		t.WriteString(hex.EncodeToString(b[i:end]))
		i = end
	} else {
		i = t.value(b, i, depth+1)
	}
	if t.Buffer()[start] != '"' {
		key := slices.Clone(t.Buffer()[start:])
		t.SetBuffer(t.Buffer()[:start])
		t.str(key)
	}
	return i
}
