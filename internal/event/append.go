package event

import (
	"encoding/binary"
	"math"
)

// The functions in this file append one msgpack value, or its header, in the shortest
// form, and return the extended slice, as append does.

// MaxHeader is an upper bound, in bytes, of what each of these functions appends besides
// text, except AppendTime.
const MaxHeader = 9

// TimeLen is how many bytes AppendTime appends.
const TimeLen = 10

// AppendTime appends an event's time as an ext of type 0. sec must be less than GroupEnd,
// unless a group marker is to be written; nsec must be less than 1e9.
func AppendTime(b []byte, sec, nsec uint32) []byte {
	b = append(b, 0xd7, 0x00)
	b = binary.BigEndian.AppendUint32(b, sec)
	return binary.BigEndian.AppendUint32(b, nsec)
}

// AppendMapHeader appends the header of a map of n pairs.
func AppendMapHeader(b []byte, n int) []byte {
	switch {
	case n < 16:
		return append(b, 0x80|byte(n))
	case n <= math.MaxUint16:
		return append(b, 0xde, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(b, 0xdf), uint32(n))
}

// PutMapLen sets the number of pairs in the header of the map at the start of b to n,
// without changing the header's length. It returns false if n does not fit; b is
// unchanged then.
func PutMapLen(b []byte, n int) bool {
	switch {
	case b[0]&0xf0 == 0x80 && n < 16:
		b[0] = 0x80 | byte(n)
	case b[0] == 0xde && n <= math.MaxUint16:
		binary.BigEndian.PutUint16(b[1:], uint16(n))
	case b[0] == 0xdf:
		binary.BigEndian.PutUint32(b[1:], uint32(n))
	default:
		return false
	}
	return true
}

// AppendArrayHeader appends the header of an array of n elements.
func AppendArrayHeader(b []byte, n int) []byte {
	switch {
	case n < 16:
		return append(b, 0x90|byte(n))
	case n <= math.MaxUint16:
		return append(b, 0xdc, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(b, 0xdd), uint32(n))
}

// AppendStrHeader appends the header of a str of n bytes.
func AppendStrHeader(b []byte, n int) []byte {
	switch {
	case n < 32:
		return append(b, 0xa0|byte(n))
	case n <= math.MaxUint8:
		return append(b, 0xd9, byte(n))
	case n <= math.MaxUint16:
		return append(b, 0xda, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(n))
}

// AppendStr appends text, which must be valid UTF-8, as a str.
func AppendStr(b, text []byte) []byte { return append(AppendStrHeader(b, len(text)), text...) }

// AppendInt appends an integer.
func AppendInt(b []byte, n int64) []byte {
	switch {
	case n >= 0 && n < 128, n < 0 && n >= -32:
		return append(b, byte(n))
	case n >= 0 && n <= math.MaxUint8:
		return append(b, 0xcc, byte(n))
	case n >= 0 && n <= math.MaxUint16:
		return append(b, 0xcd, byte(n>>8), byte(n))
	case n >= 0 && n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, 0xce), uint32(n))
	case n >= 0:
		return binary.BigEndian.AppendUint64(append(b, 0xcf), uint64(n))
	case n >= math.MinInt8:
		return append(b, 0xd0, byte(n))
	case n >= math.MinInt16:
		return append(b, 0xd1, byte(n>>8), byte(n))
	case n >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, 0xd2), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xd3), uint64(n))
}

// AppendFloat appends a 64-bit float, given as in math.Float64bits.
func AppendFloat(b []byte, bits uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0xcb), bits)
}

// AppendBool appends a bool.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 0xc3)
	}
	return append(b, 0xc2)
}

// AppendNil appends nil.
func AppendNil(b []byte) []byte { return append(b, 0xc0) }
