package contract

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
)

// Kind is the kind of a msgpack value.
type Kind byte

const (
	Scalar Kind = iota // nil, a bool or a number
	Str
	Bin
	Array
	Map
	Ext
)

// Value is a msgpack value. This file shares no code with package event, so that tests can
// compare the two.
type Value struct {
	Raw  []byte // its encoding
	Kind Kind
	Text []byte  // of Str, Bin and Ext
	Type int8    // of Ext
	In   []Value // of Array the elements, of Map keys and values in turn

	scalar any
}

// ReadValue decodes the value at the start of b and returns the bytes behind it. ok is false
// if there is no complete value. The value's slices are parts of b.
func ReadValue(b []byte) (v Value, rest []byte, ok bool) {
	r := reader{rest: b, ok: true}
	v = r.value()
	if !r.ok {
		return Value{}, nil, false
	}
	return v, r.rest, true
}

// ReadValues decodes all values of b, and fails the test if b has anything else.
func ReadValues(t testing.TB, b []byte) (all []Value) {
	t.Helper()
	for len(b) > 0 {
		v, rest, ok := ReadValue(b)
		if !ok {
			t.Fatalf("not msgpack behind %d values: %x", len(all), b)
		}
		all, b = append(all, v), rest
	}
	return all
}

// reader decodes values from rest. ok becomes false at what is no complete msgpack.
type reader struct {
	rest []byte
	ok   bool
}

func (r *reader) bytes(n uint64) []byte {
	if !r.ok || n > uint64(len(r.rest)) {
		r.ok = false
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// number reads a number of 1, 2, 4 or 8 bytes.
func (r *reader) number(size uint64) (n uint64) {
	for _, c := range r.bytes(size) {
		n = n<<8 | uint64(c)
	}
	return n
}

func (r *reader) value() (v Value) {
	all := r.rest
	c := r.number(1)
	low := func(bits int) uint64 { return c & (1<<bits - 1) }
	switch {
	case !r.ok:
	case c <= 0x7f:
		v.scalar = int64(c)
	case c <= 0x8f:
		v.Kind, v.In = Map, r.values(2*low(4))
	case c <= 0x9f:
		v.Kind, v.In = Array, r.values(low(4))
	case c <= 0xbf:
		v.Kind, v.Text = Str, r.bytes(low(5))
	case c == 0xc0:
	case c == 0xc1:
		r.ok = false // never used
	case c <= 0xc3:
		v.scalar = c == 0xc3
	case c <= 0xc6:
		v.Kind, v.Text = Bin, r.bytes(r.number(1<<(c-0xc4)))
	case c <= 0xc9:
		r.extension(&v, r.number(1<<(c-0xc7)))
	case c == 0xca:
		v.scalar = float64(math.Float32frombits(uint32(r.number(4))))
	case c == 0xcb:
		v.scalar = math.Float64frombits(r.number(8))
	case c <= 0xcf:
		n := r.number(1 << (c - 0xcc))
		if v.scalar = int64(n); n > math.MaxInt64 {
			v.scalar = n
		}
	case c <= 0xd3:
		size := uint64(1) << (c - 0xd0)
		unused := 64 - 8*size
		v.scalar = int64(r.number(size)<<unused) >> unused
	case c <= 0xd8:
		r.extension(&v, 1<<(c-0xd4))
	case c <= 0xdb:
		v.Kind, v.Text = Str, r.bytes(r.number(1<<(c-0xd9)))
	case c <= 0xdd:
		v.Kind, v.In = Array, r.values(r.number(2<<(c-0xdc)))
	case c <= 0xdf:
		v.Kind, v.In = Map, r.values(2*r.number(2<<(c-0xde)))
	default:
		v.scalar = int64(int8(c))
	}
	v.Raw = all[:len(all)-len(r.rest)]
	return v
}

func (r *reader) extension(v *Value, size uint64) {
	v.Kind, v.Type, v.Text = Ext, int8(r.number(1)), r.bytes(size)
}

func (r *reader) values(n uint64) (list []Value) {
	for ; n > 0 && r.ok; n-- {
		list = append(list, r.value())
	}
	return list
}

// Any returns v with the types that Event has: int64, or uint64 for larger numbers, float64,
// string, []byte for Bin, and Value for Ext. A key that is no string is formatted as by
// fmt.Sprint.
func (v *Value) Any() any {
	switch v.Kind {
	case Str:
		return string(v.Text)
	case Bin:
		return v.Text
	case Array:
		list := make([]any, len(v.In))
		for i := range v.In {
			list[i] = v.In[i].Any()
		}
		return list
	case Map:
		m := map[string]any{}
		for i := 0; i < len(v.In); i += 2 {
			m[fmt.Sprint(v.In[i].Any())] = v.In[i+1].Any()
		}
		return m
	case Ext:
		return *v
	}
	return v.scalar
}

// Parts returns the time, the metadata and the body of a log event. The metadata is nil in
// the format of Fluent Bit before 2.1. It is an error if v is no log event.
func (v *Value) Parts() (at, metadata, body *Value, err error) {
	if v.Kind != Array || len(v.In) != 2 || v.In[1].Kind != Map {
		return nil, nil, nil, fmt.Errorf("no log event: %x", v.Raw)
	}
	head, body := &v.In[0], &v.In[1]
	if head.Kind != Array {
		return head, nil, body, nil
	}
	if len(head.In) != 2 {
		return nil, nil, nil, fmt.Errorf("no log event: %x", v.Raw)
	}
	return &head.In[0], &head.In[1], body, nil
}

// TimeText returns the time of a log event as in Event.Time.
func (v *Value) TimeText() string {
	if v.Kind == Ext && v.Type == 0 && len(v.Text) == 8 {
		return fmt.Sprintf("%d.%09d", binary.BigEndian.Uint32(v.Text), binary.BigEndian.Uint32(v.Text[4:]))
	}
	return fmt.Sprint(v.Any())
}

// Events decodes a chunk, and fails the test if it has anything but log events.
func Events(t testing.TB, chunk []byte) (list []Event) {
	t.Helper()
	for i, v := range ReadValues(t, chunk) {
		at, _, body, err := v.Parts()
		if err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
		list = append(list, Event{Time: at.TimeText(), Body: body.Any().(map[string]any)})
	}
	return list
}
