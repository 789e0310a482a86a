package sink

import (
	"encoding/hex"
	"math"
	"slices"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// maxDepth is how deep values are followed into maps and arrays; a deeper one
// becomes null. Fluent Bit's own inputs stop far earlier.
const maxDepth = 128

// value writes the msgpack value at i, which has to be whole, and answers where
// it ends. depth counts the maps and arrays around it.
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
	i++ // the families below hold a number of 1<<k or 2<<k bytes next
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

// number reads the big endian number of size bytes at i and answers what follows it.
func number(b []byte, i, size int) (n uint64, next int) {
	for _, d := range b[i : i+size] {
		n = n<<8 | uint64(d)
	}
	return n, i + size
}

func (t text) bytes(b []byte, i, n int) int {
	t.str(b[i : i+n])
	return i + n
}

// ext writes type and data of an extension, which JSON has no form for, in hex.
func (t text) ext(b []byte, i int) int {
	head := 1 // behind the first byte: fixed sizes have only the type there
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

// pair writes one key and its value. A key that is no string becomes the string
// of its JSON; a map or an array the hex of its bytes, since quoting one inside
// the other doubles what quotes the inner ones, layer by layer.
func (t text) pair(b []byte, i, depth int) int {
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
	t.WriteRaw(":")
	return t.value(b, i, depth+1)
}
