package transform

import (
	"math"
	"unsafe"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// Most fields are usual: they have a known name, and a short text, a number of up
// to four bytes or a bool. Of name and text a fixed number of bytes is copied, and
// what is too much is written over later: that is a few instructions, where a copy of
// as many as there are is a call. Of what the filter does to a record this was the
// dearest part but one, and so there is assembly for it (usual_amd64.s).

const (
	shortName = 32 // the longest name of a usual field, as msgpack, in bytes
	shortText = 64 // and the longest text
	// usualRoom is the room that a usual field wants.
	usualRoom = shortName + 2 + shortText
)

// Where assembly finds what it needs of a parser.Field. Nothing else uses that.
const (
	fieldValue  = unsafe.Offsetof(parser.Field{}.Value)
	fieldNum    = unsafe.Offsetof(parser.Field{}.Num)
	fieldType   = unsafe.Offsetof(parser.Field{}.Type)
	fieldPlace  = unsafe.Offsetof(parser.Field{}.Place)
	fieldSize   = unsafe.Sizeof(parser.Field{})
	typeText    = parser.Text
	typeInteger = parser.Integer
	typeBool    = parser.Bool
	spanPlace   = unsafe.Offsetof(parser.Span{}.Place)
	spanStart   = unsafe.Offsetof(parser.Span{}.Start)
	spanEnd     = unsafe.Offsetof(parser.Span{}.End)
	spanNum     = unsafe.Offsetof(parser.Span{}.Num)
	spanSize    = unsafe.Sizeof(parser.Span{})

	_ = spanPlace + spanStart + spanEnd + spanNum + spanSize
	_ = fieldValue + fieldNum + fieldType + fieldPlace + fieldSize + uintptr(typeText+typeInteger+typeBool)
)

// writeUsualGo is what writeUsual does: it writes fields to the start of b, as pairs
// of msgpack, up to the first one that is not usual or for which there is no room.
// It answers how many they are, and how many bytes. What is behind those bytes in b
// may have been written to.
func writeUsualGo(fields []parser.Field, names []strName, b []byte) (n, size int) {
	for ; n < len(fields) && len(b)-size >= usualRoom; n++ {
		f := &fields[n]
		if uint(f.Place) >= uint(len(names)) || names[f.Place].size > shortName {
			break
		}
		name := &names[f.Place]
		switch {
		case f.Type == parser.Text && len(f.Value) <= shortText && cap(f.Value) >= shortText:
			size += putText(b[size:], name, f.Value, len(f.Value))
		case f.Type == parser.Integer && f.Num <= math.MaxUint32:
			size += putNumber(b[size:], name, f.Integer())
		case f.Type == parser.Bool:
			size += len(event.AppendBool(append(b[size:size], name.text...), f.Bool()))
		default:
			return n, size
		}
	}
	return n, size
}

// writeUsualSpansGo is writeUsualGo for spans of a text, all of whose memory may be read.
func writeUsualSpansGo(spans []parser.Span, text []byte, names []strName, b []byte) (n, size int) {
	for ; n < len(spans) && len(b)-size >= usualRoom; n++ {
		s := &spans[n]
		name := &names[s.Place]
		if name.size > shortName {
			break
		}
		start, length := int(s.Start), int(s.End-s.Start)
		switch {
		case start < 0:
			size += putNumber(b[size:], name, int64(s.Num))
		case length > shortText || start+shortText > len(text):
			return n, size
		default:
			size += putText(b[size:], name, text[start:], length)
		}
	}
	return n, size
}

// putText writes a pair of a name and the first n bytes of text to the start of b,
// and answers how many bytes it has.
func putText(b []byte, name *strName, text []byte, n int) (size int) {
	copy(b, name.short[:])
	size = name.size
	size += len(event.AppendStrHeader(b[size:size], n))
	copy(b[size:], text[:shortText])
	return size + n
}

// putNumber is putText for a number.
func putNumber(b []byte, name *strName, n int64) (size int) {
	return len(event.AppendInt(append(b[:0], name.text...), n))
}
