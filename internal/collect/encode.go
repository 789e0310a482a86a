package collect

import (
	"math"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/journal"
)

// encoder writes entries as Fluent Bit's systemd input does: all fields in their order, those
// that an entry has several times as one list, in the place of the second.
type encoder struct {
	lowercase, strip bool
	nameless         uint64 // fields without a name, which were left out

	lower  []byte         // names of one entry in lower case
	fields []field        // of one entry
	names  int            // how many different ones they have
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

// append appends an entry as one event, and reports whether there was memory for it. realtime is
// its time in microseconds since 1970.
func (w *encoder) append(b *event.Buffer, realtime uint64, fields []journal.Field) bool {
	if !b.Reserve(w.collect(fields)) {
		return false
	}
	p := event.AppendArrayHeader(event.AppendArrayHeader(b.B, 2), 2)
	p = event.AppendTime(p, uint32(min(realtime/1e6, maxSeconds)), uint32(realtime%1e6)*1000)
	p = event.AppendMapHeader(p, 0) // metadata
	p = event.AppendMapHeader(p, w.names)
	if w.names < len(w.fields) {
		b.B = w.appendLists(p)
		return true
	}
	for i := range w.fields {
		p = event.AppendStr(event.AppendStr(p, w.fields[i].name), w.fields[i].value)
	}
	b.B = p
	return true
}

// collect sets w.fields, and returns how many bytes the event takes at most.
func (w *encoder) collect(fields []journal.Field) (size int) {
	// A text has up to 5 bytes before it, and so has a list.
	size = 32
	w.fields, w.lower, w.names = w.fields[:0], w.lower[:0], 0
	w.seen = nil
	if len(fields) > fewFields {
		w.seen = make(map[string]int, len(fields))
	}
	// Sets of the lengths and last letters of names, modulo 64: mostly they show that a name is new.
	var lengths, letters uint64
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
			start := len(w.lower)
			for _, c := range name {
				if c >= 'A' && c <= 'Z' {
					c += 'a' - 'A'
				}
				w.lower = append(w.lower, c)
			}
			name = w.lower[start:len(w.lower):len(w.lower)]
		}
		f := field{name: name, value: fields[i].Value, count: 1}
		size += len(name) + len(f.value) + 3*5
		length, letter := uint64(1)<<(len(name)%64), uint64(1)<<(name[len(name)-1]%64)
		if lengths&length != 0 && letters&letter != 0 {
			if first := w.find(name); first >= 0 {
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
		lengths |= length
		letters |= letter
		if f.count == 1 {
			w.names++
			if w.seen != nil {
				w.seen[string(name)] = len(w.fields)
			}
		}
		w.fields = append(w.fields, f)
	}
	return size
}

// find returns the index of the first field with a name, or -1.
func (w *encoder) find(name []byte) int {
	if w.seen != nil {
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
			p = event.AppendStr(event.AppendStr(p, f.name), f.value)
			continue
		}
		first, ok := lists[i]
		if !ok {
			continue
		}
		f := &w.fields[first]
		p = event.AppendArrayHeader(event.AppendStr(p, f.name), f.count)
		for at, n := first, f.count; n > 0; n-- {
			p = event.AppendStr(p, w.fields[at].value)
			at = w.fields[at].next
		}
	}
	return p
}
