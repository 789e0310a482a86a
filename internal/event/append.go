package event

import (
	"encoding/binary"
	"math"
)

// The functions here append one msgpack value, or its header, in the shortest
// form. MaxHeader bounds what each adds besides text.

// MaxHeader is the longest header of a string or map, and the longest number, in
// bytes.
const MaxHeader = 9

// TimeLen is how many bytes AppendTime adds.
const TimeLen = 10

// AppendTime appends an event's time as ext type 0. sec must not be one of the
// group marks.
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

// PutMapLen makes n the number of pairs in the header of a map at the start of b,
// and answers false when the header is too short for that.
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

// AppendInt appends a whole number.
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

// AppendFloat appends a float of 64 bits.
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
