package collect

import (
	"math"
	"slices"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/journal"
)

// encoder writes entries as Fluent Bit's systemd input does: all fields in their order, those
// that an entry has several times as one list, in the place of the second.
type encoder struct {
	lowercase, strip bool
	nameless         uint64 // fields without a name, which were left out

	fields []field // of one entry
	lower  []byte  // their names in lower case
}

// field is a field as it is written.
type field struct{ name, value []byte }

// maxSeconds is the latest time of an event: Fluent Bit takes events with the two highest
// numbers of seconds for marks.
const maxSeconds = math.MaxUint32 - 2

// append appends an entry as one event, and reports whether there was memory for it. realtime is
// its time in microseconds since 1970.
func (w *encoder) append(b *event.Buffer, realtime uint64, fields []journal.Field) bool {
	w.collect(fields)
	size := 32
	for i := range w.fields {
		size += len(w.fields[i].name) + len(w.fields[i].value) + 3*5 // with the headers of two texts and a list
	}
	if !b.Reserve(size) {
		return false
	}
	p := event.AppendArrayHeader(event.AppendArrayHeader(b.B, 2), 2)
	p = event.AppendTime(p, uint32(min(realtime/1e6, maxSeconds)), uint32(realtime%1e6)*1000)
	p = event.AppendMapHeader(p, 0) // metadata
	if w.hasRepeated() {
		b.B = w.appendLists(p)
		return true
	}
	p = event.AppendMapHeader(p, len(w.fields))
	for i := range w.fields {
		p = event.AppendStr(event.AppendStr(p, w.fields[i].name), w.fields[i].value)
	}
	b.B = p
	return true
}

// collect sets w.fields.
func (w *encoder) collect(fields []journal.Field) {
	w.fields, w.lower = w.fields[:0], w.lower[:0]
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
		w.fields = append(w.fields, field{name, fields[i].Value})
	}
}

// hasRepeated reports whether two fields may have one name: with few fields whether they do.
func (w *encoder) hasRepeated() bool {
	if len(w.fields) > 64 {
		return true
	}
	var seen [4]uint64 // a set of numbers that are mostly different for different names
	for i := range w.fields {
		name := w.fields[i].name
		n := uint(len(name))*29 ^ uint(name[len(name)-1])*7 ^ uint(name[len(name)/2])
		bit := uint64(1) << (n % 64)
		word := &seen[n/64%4]
		if *word&bit != 0 && slices.ContainsFunc(w.fields[:i], func(f field) bool { return string(f.name) == string(name) }) {
			return true
		}
		*word |= bit
	}
	return false
}

// appendLists appends the map of the fields where some may have one name.
func (w *encoder) appendLists(p []byte) []byte {
	all := make(map[string][]int, len(w.fields)) // indices by name
	for i := range w.fields {
		all[string(w.fields[i].name)] = append(all[string(w.fields[i].name)], i)
	}
	p = event.AppendMapHeader(p, len(all))
	for i := range w.fields {
		f := &w.fields[i]
		switch same := all[string(f.name)]; {
		case len(same) == 1:
			p = event.AppendStr(event.AppendStr(p, f.name), f.value)
		case same[1] == i:
			p = event.AppendArrayHeader(event.AppendStr(p, f.name), len(same))
			for _, k := range same {
				p = event.AppendStr(p, w.fields[k].value)
			}
		}
	}
	return p
}
