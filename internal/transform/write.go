package transform

import (
	"bytes"
	"slices"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// write writes the event with the record's fields and reports whether there was
// memory for it.
func (w *worker) write(rec *parser.Record, duplicate bool) bool {
	if duplicate {
		rec.SetBool(w.duplicateKey, true)
	}
	fields := w.selectFields(rec)
	omitted := w.selectPairs(rec)
	nest := len(w.nest) > 0
	pairs := w.ev.Len - omitted
	switch {
	case !nest:
		pairs += fields
	case fields > 0:
		pairs++
	}
	pod := w.podOf.pod != nil && len(w.podKey) > 0 && !w.hasPodKey(rec, omitted)
	if pod {
		pairs++
	}
	if !w.writeEvent(rec, pairs, omitted) {
		return false
	}
	if nest && fields > 0 {
		w.out.B = event.AppendMapHeader(event.AppendStr(w.out.B, w.nest), fields)
	}
	return w.writeFields(rec) && (!pod || w.writePod())
}

// writeEvent writes the event up to the end of its own pairs, without the omitted ones,
// with the given number of pairs in the header of its body. It also reserves memory for
// the start of a nested map. It reports whether there was memory for it.
func (w *worker) writeEvent(rec *parser.Record, pairs, omitted int) bool {
	ev := &w.ev
	if !w.out.Reserve(ev.End - w.written + event.TimeLen + 3*event.MaxHeader + len(w.nest)) {
		return false
	}
	sec, nsec, timed := w.newTime(rec)
	from := w.written
	w.written, w.changed = ev.End, true
	if omitted == 0 && (!timed || ev.TimeEnd-ev.Time == event.TimeLen) {
		// The fast path: what changes keeps its length, so that all is copied in one block.
		start := len(w.out.B) - from // of the chunk in b
		b := append(w.out.B, w.chunk[from:ev.BodyEnd]...)
		if event.PutMapLen(b[start+ev.Body:], pairs) {
			if timed {
				event.AppendTime(b[:start+ev.Time], sec, nsec)
			}
			w.out.B = b
			return true
		}
	}
	b := append(w.out.B, w.chunk[from:ev.Time]...)
	if timed {
		b = event.AppendTime(b, sec, nsec)
	} else {
		b = append(b, w.chunk[ev.Time:ev.TimeEnd]...)
	}
	b = append(b, w.chunk[ev.TimeEnd:ev.Body]...)
	b = event.AppendMapHeader(b, pairs)
	if omitted == 0 {
		b = append(b, w.chunk[ev.First:ev.BodyEnd]...)
	} else {
		for i := range ev.Pairs {
			if p := &ev.Pairs[i]; !w.omit[i] {
				b = append(b, w.chunk[p.At:p.End]...)
			}
		}
	}
	w.out.B = b
	return true
}

// newTime returns the time that the event gets, if it gets another.
func (w *worker) newTime(rec *parser.Record) (sec, nsec uint32, ok bool) {
	if !rec.HasTime {
		return 0, 0, false
	}
	t := rec.Time
	if t.Whole && w.ev.Sec >= t.Sec && w.ev.Sec < t.Sec+2 {
		return 0, 0, false // the event's own time is the same one, and more exact
	}
	return uint32(t.Sec), t.Nsec, true
}

// selectFields decides which of the record's fields are written, and returns their
// number. On the fast path it is all of them, and w.use is not set.
func (w *worker) selectFields(rec *parser.Record) int {
	w.writeAll = !w.selected && (len(w.prefix) > 0 || len(w.nest) > 0)
	if w.writeAll {
		return len(rec.Fields)
	}
	w.use = w.use[:0]
	n := 0
	for i := range rec.Fields {
		use := true
		if f := &rec.Fields[i]; w.selected && !(f.Key >= 0 && w.keys[f.Key].Added) {
			name := rec.Name(f)
			use = (len(w.keep) == 0 || w.keep.match(name)) && !w.remove.match(name)
		}
		w.use = append(w.use, use)
		if use {
			n++
		}
	}
	if len(w.prefix) == 0 && len(w.nest) == 0 {
		n -= w.dropTaken(rec)
	}
	return n
}

// dropTaken deselects the fields whose names the record has itself, which is possible
// without a prefix, and returns their number. The plugin's own flags stay: they get a
// prefix then.
func (w *worker) dropTaken(rec *parser.Record) int {
	n := 0
	w.taken = [2]bool{}
	w.walk.All(&w.ev)
	for i := range w.ev.Pairs {
		p := &w.ev.Pairs[i]
		if p.KeyKind != event.Str {
			continue
		}
		key := w.chunk[p.Key:p.Value]
		switch string(key) {
		case "guest":
			w.taken[0] = true
			continue
		case "parse_error":
			w.taken[1] = true
			continue
		}
		if at := rec.Index(key); at >= 0 && w.use[at] {
			w.use[at] = false
			n++
		}
	}
	return n
}

// selectPairs decides which of the record's own pairs are left out, in w.omit, and
// returns their number. On the fast path it is 0, and w.omit is not set.
func (w *worker) selectPairs(rec *parser.Record) int {
	parsed := rec.Encoding != parser.Plain
	whole := w.ReserveData || !parsed
	message := w.PreserveKey || !parsed || rec.Reason != parser.OK
	nest := len(w.nest) > 0
	rewritten := w.hasPrefix && !nest // this plugin may have written pairs before
	flags := len(w.prefix) == 0 && !nest && w.taken != [2]bool{}
	if whole && message && !rewritten && !nest && !flags && len(w.removePairs) == 0 {
		return 0
	}
	w.walk.All(&w.ev)
	w.omit = slices.Grow(w.omit[:0], len(w.ev.Pairs))[:len(w.ev.Pairs)]
	n := 0
	for i := range w.ev.Pairs {
		p := &w.ev.Pairs[i]
		key := w.chunk[p.Key:p.Value]
		omit := !whole
		if p.Value < w.messageAt && w.messageAt < p.End {
			omit = !message
		}
		if p.KeyKind == event.Str {
			omit = omit || w.removePairs.match(key) ||
				nest && bytes.Equal(key, w.nest) ||
				rewritten && bytes.HasPrefix(key, w.prefix) && w.writes(rec, key[len(w.prefix):]) ||
				flags && w.isRenamedFlag(rec, key)
		}
		w.omit[i] = omit
		if omit {
			n++
		}
	}
	return n
}

// isRenamedFlag reports whether key is the name that one of the plugin's own flags gets because
// the record has a key of the flag's name.
func (w *worker) isRenamedFlag(rec *parser.Record, key []byte) bool {
	name, ok := bytes.CutPrefix(key, []byte(flagPrefix))
	return ok && (w.taken[0] && string(name) == "guest" || w.taken[1] && string(name) == "parse_error") && w.writes(rec, name)
}

// writes reports whether a field with the name is written.
func (w *worker) writes(rec *parser.Record, name []byte) bool {
	i := rec.Index(name)
	return i >= 0 && (w.writeAll || w.use[i])
}

// A name and a text that are no longer than this are copied with this many bytes, where
// there is memory for it: that takes a few instructions and no call, and the bytes beyond
// the end are overwritten. Together with the header of a text they fit shortField, which is
// rounded up so that the compiler can see that.
const (
	shortName  = 31
	shortText  = 64
	shortField = 2 * shortText
)

// writeFields writes the record's fields and reports whether there was memory for
// them.
func (w *worker) writeFields(rec *parser.Record) bool {
	for i := 0; i < len(rec.Fields); i++ {
		if w.writeAll {
			if i += w.writeShort(rec, rec.Fields[i:]); i == len(rec.Fields) {
				break
			}
		} else if !w.use[i] {
			continue
		}
		if !w.writeField(rec, &rec.Fields[i]) {
			return false
		}
	}
	return true
}

// writeShort writes those at the start of fields that are short: a text, an integer or a
// bool under a short name of the key table. It stops at another one, or where there is
// little memory left, and returns their number.
func (w *worker) writeShort(rec *parser.Record, fields []parser.Field) int {
	names, to := w.names, w.out.B[len(w.out.B):cap(w.out.B)]
	i := 0
fields:
	for ; i < len(fields); i++ {
		f := &fields[i]
		key := uint(f.Key)
		if key >= uint(len(names)) || len(to) < shortField {
			break
		}
		name, dst := &names[key], (*[shortField]byte)(to)
		if name.size > shortName {
			break
		}
		*(*[16]byte)(dst[0:16]) = *(*[16]byte)(name.short[0:16])
		*(*[16]byte)(dst[16:32]) = *(*[16]byte)(name.short[16:32])
		k := name.size & 31
		switch f.Type {
		case parser.Text:
			text := rec.Text(f)
			size := len(text)
			if size > shortText || cap(text) < shortText {
				break fields
			}
			if dst[k] = 0xa0 | byte(size); size > 31 { // a fixstr, or str 8
				dst[k] = 0xd9
				k++
				dst[k] = byte(size)
			}
			k = (k + 1) & 63 // as it is: then the compiler need not check an index
			copyShort((*[shortText]byte)(dst[k:]), (*[shortText]byte)(text[:shortText]))
			k += size
		case parser.Integer:
			k = len(event.AppendInt(dst[:k], f.Integer()))
		case parser.Bool:
			k = len(event.AppendBool(dst[:k], f.Bool()))
		default:
			break fields
		}
		to = to[k:]
	}
	w.out.B = w.out.B[:cap(w.out.B)-len(to)]
	return i
}

// copyShort copies in parts for which the compiler needs no call.
func copyShort(to, from *[shortText]byte) {
	*(*[16]byte)(to[0:16]) = *(*[16]byte)(from[0:16])
	*(*[16]byte)(to[16:32]) = *(*[16]byte)(from[16:32])
	*(*[16]byte)(to[32:48]) = *(*[16]byte)(from[32:48])
	*(*[16]byte)(to[48:64]) = *(*[16]byte)(from[48:64])
}

// writeField writes a field of any type and length, and reports whether there was memory for it.
func (w *worker) writeField(rec *parser.Record, f *parser.Field) bool {
	var name, text []byte
	if f.Key >= 0 {
		name = w.fieldName(rec, f).text
	} else {
		name = rec.Name(f)
	}
	size := 0
	if f.Type == parser.Text || f.Type == parser.Nested {
		text = rec.Text(f)
		size = len(text)
	}
	if f.Type == parser.Nested {
		size *= maxGrowth
	}
	if !w.out.Reserve(2*event.MaxHeader + len(w.prefix) + len(name) + size) {
		return false
	}
	b := w.out.B
	if f.Key >= 0 {
		b = append(b, name...)
	} else {
		b = event.AppendStrHeader(b, len(w.prefix)+len(name))
		b = append(append(b, w.prefix...), name...)
	}
	switch f.Type {
	case parser.Text:
		b = event.AppendStr(b, text)
	case parser.Integer:
		b = event.AppendInt(b, f.Integer())
	case parser.Float:
		b = event.AppendFloat(b, f.Num)
	case parser.Bool:
		b = event.AppendBool(b, f.Bool())
	case parser.Null:
		b = event.AppendNil(b)
	case parser.Nested:
		b = appendNested(b, text)
	}
	w.out.B = b
	return true
}

// fieldName returns the name of a field whose key is in the key table.
func (w *worker) fieldName(rec *parser.Record, f *parser.Field) *strName {
	if len(w.prefix) == 0 && !w.writeAll {
		switch string(rec.Name(f)) {
		case "guest":
			if w.taken[0] {
				return &w.flags[0]
			}
		case "parse_error":
			if w.taken[1] {
				return &w.flags[1]
			}
		}
	}
	return &w.names[f.Key]
}

// strName is a field's name as a msgpack str, header and text.
type strName struct {
	size  int      // in bytes, with the header
	short [32]byte // its first bytes
	text  []byte   // all of it
}

func (n *strName) set(name string) {
	n.text = event.AppendStr(n.short[:0], []byte(name)) // in short if it fits
	n.size = len(n.text)
	copy(n.short[:], n.text)
}
