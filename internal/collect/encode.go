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

	renamed []journal.Field // of one entry
	lower   []byte          // their names in lower case
}

// maxSeconds is the latest time of an event: Fluent Bit takes events with the two highest
// numbers of seconds for marks.
const maxSeconds = math.MaxUint32 - 2

// append appends an entry as one event, and reports whether there was memory for it. realtime is
// its time in microseconds since 1970.
func (w *encoder) append(b *event.Buffer, realtime uint64, fields []journal.Field) bool {
	if w.lowercase || w.strip {
		fields = w.rename(fields)
	}
	size, repeated := 32, len(fields) > 64 // then some may be
	var seen [4]uint64                     // a set of numbers that are mostly different for different names
	for i := range fields {
		name := fields[i].Name
		size += len(name) + len(fields[i].Value) + 3*5 // with the headers of two texts and a list
		n := uint(len(name))*29 ^ uint(name[len(name)-1])*7 ^ uint(name[len(name)/2])
		bit, word := uint64(1)<<(n%64), &seen[n/64%4]
		if *word&bit != 0 && !repeated {
			repeated = slices.ContainsFunc(fields[:i], func(f journal.Field) bool { return string(f.Name) == string(name) })
		}
		*word |= bit
	}
	if !b.Reserve(size) {
		return false
	}
	p := event.AppendArrayHeader(event.AppendArrayHeader(b.B, 2), 2)
	p = event.AppendTime(p, uint32(min(realtime/1e6, maxSeconds)), uint32(realtime%1e6)*1000)
	p = event.AppendMapHeader(p, 0) // metadata
	if repeated {
		b.B = appendLists(p, fields)
		return true
	}
	p = event.AppendMapHeader(p, len(fields))
	for i := range fields {
		p = event.AppendStr(event.AppendStr(p, fields[i].Name), fields[i].Value)
	}
	b.B = p
	return true
}

// rename returns the fields with their names as the options say, without those that have none
// left. The slice is valid until the next call.
func (w *encoder) rename(fields []journal.Field) []journal.Field {
	w.renamed, w.lower = w.renamed[:0], w.lower[:0]
	for _, f := range fields {
		if w.strip && f.Name[0] == '_' {
			f.Name = f.Name[1:]
		}
		if len(f.Name) == 0 {
			w.nameless++
			continue
		}
		if w.lowercase {
			start := len(w.lower)
			for _, c := range f.Name {
				if c >= 'A' && c <= 'Z' {
					c += 'a' - 'A'
				}
				w.lower = append(w.lower, c)
			}
			f.Name = w.lower[start:len(w.lower):len(w.lower)]
		}
		w.renamed = append(w.renamed, f)
	}
	return w.renamed
}

// appendLists appends the map of the fields where some may have one name.
func appendLists(p []byte, fields []journal.Field) []byte {
	all := make(map[string][]int, len(fields)) // indices by name
	for i := range fields {
		all[string(fields[i].Name)] = append(all[string(fields[i].Name)], i)
	}
	p = event.AppendMapHeader(p, len(all))
	for i := range fields {
		f := &fields[i]
		switch same := all[string(f.Name)]; {
		case len(same) == 1:
			p = event.AppendStr(event.AppendStr(p, f.Name), f.Value)
		case same[1] == i:
			p = event.AppendArrayHeader(event.AppendStr(p, f.Name), len(same))
			for _, k := range same {
				p = event.AppendStr(p, fields[k].Value)
			}
		}
	}
	return p
}
