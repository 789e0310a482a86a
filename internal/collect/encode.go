package collect

import (
	"encoding/binary"
	"math"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/journal"
)

// encoder writes entries as Fluent Bit's systemd input does: all fields in their order, those
// that an entry has several times as one list, in the place of the second.
type encoder struct {
	lowercase, strip bool
	nameless         uint64 // fields without a name, which were left out

	names  []byte // of one entry, as they are written
	fields []field
	seen   map[string]int // the field's index by name, of entries with many fields
}

// field is a field of the entry that is written, or several of one name.
type field struct {
	name  []byte
	value []byte
	next  int // the index of the next one of the same name, or 0
	last  int // of the first one of a list: the index of the last one
	order int // of the first one: which of the record's fields it is
	count int // how many there are of the name; 0 if it is not the first one
}

// fewFields is up to how many fields an entry's names are compared one by one.
const fewFields = 64

// maxSeconds is the latest time of an event: Fluent Bit takes events with the two highest
// numbers of seconds for marks.
const maxSeconds = math.MaxUint32 - 2

// append appends an entry as one event, and reports whether there was memory for it.
func (w *encoder) append(b *event.Buffer, e *journal.Entry) bool {
	size := w.collect(e.Fields())
	if !b.Reserve(size) {
		return false
	}
	sec, usec := e.Realtime/1e6, e.Realtime%1e6
	p := append(b.B, 0x92, 0x92, 0xd7, 0x00)
	p = binary.BigEndian.AppendUint32(p, uint32(min(sec, maxSeconds)))
	p = binary.BigEndian.AppendUint32(p, uint32(usec)*1000)
	p = append(p, 0x80)
	n := 0
	for i := range w.fields {
		if w.fields[i].count > 0 {
			n++
		}
	}
	p = appendHeader(p, 0x80, 0xde, n)
	if n == len(w.fields) {
		for i := range w.fields {
			f := &w.fields[i]
			p = appendText(appendText(p, f.name), f.value)
		}
	} else {
		p = w.appendLists(p)
	}
	b.B = p
	return true
}

// collect sets w.fields, and returns how many bytes the event takes at most.
func (w *encoder) collect(fields []journal.Field) (size int) {
	const perText, perEvent = 5, 32
	size = perEvent
	w.fields, w.names = w.fields[:0], w.names[:0]
	if len(fields) > fewFields {
		w.seen = make(map[string]int, len(fields))
	}
	var lengths [2]uint64 // names' lengths modulo 64 and last letters, as sets
	for i := range fields {
		name := fields[i].Name
		if w.strip && len(name) > 0 && name[0] == '_' {
			name = name[1:]
		}
		if len(name) == 0 {
			w.nameless++
			continue
		}
		if w.lowercase {
			start := len(w.names)
			for _, c := range name {
				if c >= 'A' && c <= 'Z' {
					c += 'a' - 'A'
				}
				w.names = append(w.names, c)
			}
			name = w.names[start:len(w.names):len(w.names)]
		}
		f := field{name: name, value: fields[i].Value, count: 1}
		size += len(name) + len(f.value) + 3*perText
		length, letter := uint64(1)<<(len(name)%64), uint64(1)<<(name[len(name)-1]%64)
		if len(fields) > fewFields || lengths[0]&length != 0 && lengths[1]&letter != 0 {
			if first := w.find(name, len(fields) > fewFields); first >= 0 {
				f.count = 0
				at := len(w.fields)
				one := &w.fields[first]
				if one.count == 1 {
					one.last, one.order = first, at
				}
				w.fields[one.last].next = at
				one.last = at
				one.count++
			}
		}
		lengths[0] |= length
		lengths[1] |= letter
		if f.count == 1 && len(fields) > fewFields {
			w.seen[string(name)] = len(w.fields)
		}
		w.fields = append(w.fields, f)
	}
	return size
}

// find returns the index of the first field with a name, or -1.
func (w *encoder) find(name []byte, many bool) int {
	if many {
		if i, ok := w.seen[string(name)]; ok {
			return i
		}
		return -1
	}
	for i := range w.fields {
		if w.fields[i].count > 0 && string(w.fields[i].name) == string(name) {
			return i
		}
	}
	return -1
}

// appendLists appends the fields where some have one name.
func (w *encoder) appendLists(p []byte) []byte {
	lists := map[int]int{} // by the place of the second one the index of the first
	for i := range w.fields {
		if w.fields[i].count > 1 {
			lists[w.fields[i].order] = i
		}
	}
	for i := range w.fields {
		if f := &w.fields[i]; f.count == 1 {
			p = appendText(appendText(p, f.name), f.value)
			continue
		}
		first, ok := lists[i]
		if !ok {
			continue
		}
		f := &w.fields[first]
		p = appendHeader(appendText(p, f.name), 0x90, 0xdc, f.count)
		for at, n := first, f.count; n > 0; n-- {
			p = appendText(p, w.fields[at].value)
			at = w.fields[at].next
		}
	}
	return p
}

// appendHeader appends the start of a map or an array with n members: short is its first byte
// with none, long that with a length of 16 bits, which the one with 32 follows.
func appendHeader(p []byte, short, long byte, n int) []byte {
	switch {
	case n < 16:
		return append(p, short|byte(n))
	case n <= math.MaxUint16:
		return append(p, long, byte(n>>8), byte(n))
	}
	return binary.BigEndian.AppendUint32(append(p, long+1), uint32(n))
}

// appendText appends a string.
func appendText(p, text []byte) []byte {
	switch n := len(text); {
	case n < 32:
		p = append(p, 0xa0|byte(n))
	case n <= math.MaxUint8:
		p = append(p, 0xd9, byte(n))
	case n <= math.MaxUint16:
		p = append(p, 0xda, byte(n>>8), byte(n))
	default:
		p = binary.BigEndian.AppendUint32(append(p, 0xdb), uint32(n))
	}
	return append(p, text...)
}
