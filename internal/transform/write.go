package transform

import (
	"bytes"
	"slices"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// write writes the event with the record's fields and says whether there was
// memory for it.
func (w *worker) write(rec *parser.Record, twin bool) bool {
	if twin {
		rec.MarkDuplicate()
	}
	fields := w.choose(rec)
	gone := w.chooseOwn(rec)
	if !w.copyUntil(w.ev.Start) || !w.out.Reserve(w.bound(rec)) {
		return false
	}
	w.written, w.changed = w.ev.End, true

	ev := &w.ev
	b := append(w.out.B, w.chunk[ev.Start:ev.Time]...)
	if sec, nsec, ok := w.newTime(rec); ok {
		b = event.AppendTime(b, sec, nsec)
	} else {
		b = append(b, w.chunk[ev.Time:ev.TimeEnd]...)
	}
	b = append(b, w.chunk[ev.TimeEnd:ev.Body]...)

	nest := len(w.nest) > 0
	pairs := ev.Len - gone
	switch {
	case !nest:
		pairs += fields
	case fields > 0:
		pairs++
	}
	b = event.AppendMapHeader(b, pairs)
	if gone == 0 {
		b = append(b, w.chunk[ev.First:ev.BodyEnd]...)
	} else {
		for i := range ev.Pairs {
			if p := &ev.Pairs[i]; !w.gone[i] {
				b = append(b, w.chunk[p.At:p.End]...)
			}
		}
	}
	if nest && fields > 0 {
		b = event.AppendStr(b, w.nest)
		b = event.AppendMapHeader(b, fields)
	}
	for i := range rec.Fields {
		if w.all || w.use[i] {
			b = w.appendField(b, &rec.Fields[i])
		}
	}
	w.out.B = b
	return true
}

// newTime is the time that the event gets, if it gets another.
func (w *worker) newTime(rec *parser.Record) (sec, nsec uint32, ok bool) {
	if !rec.HasTime {
		return 0, 0, false
	}
	t := rec.Time
	if t.Whole && w.ev.Sec >= t.Sec && w.ev.Sec < t.Sec+2 {
		return 0, 0, false // the event's own time says the same, and more exactly
	}
	return uint32(t.Sec), t.Nsec, true
}

// choose decides which of the record's fields are written, and counts them.
// Nearly always it is all, and w.use is not looked at.
func (w *worker) choose(rec *parser.Record) int {
	w.all = !w.selected && (len(w.prefix) > 0 || len(w.nest) > 0)
	if w.all {
		return len(rec.Fields)
	}
	w.use = w.use[:0]
	n := 0
	for i := range rec.Fields {
		use := true
		if f := &rec.Fields[i]; w.selected && !parser.IsMark(f.Place) {
			use = (len(w.keep) == 0 || w.keep.match(f.Name)) && !w.remove.match(f.Name)
		}
		w.use = append(w.use, use)
		if use {
			n++
		}
	}
	if len(w.prefix) == 0 && len(w.nest) == 0 {
		n -= w.yield(rec)
	}
	return n
}

// yield takes back the fields whose names the record has itself, which can be
// when there is no prefix; it answers how many.
func (w *worker) yield(rec *parser.Record) int {
	n := 0
	w.walk.All(&w.ev)
	for i := range w.ev.Pairs {
		p := &w.ev.Pairs[i]
		if p.KeyKind != event.Str {
			continue
		}
		if at := rec.Find(w.chunk[p.Key:p.Value]); at >= 0 && w.use[at] {
			w.use[at] = false
			n++
		}
	}
	return n
}

// chooseOwn decides which of the record's own pairs go, in w.gone, and counts
// them. Nearly always it is none, and w.gone is not looked at.
func (w *worker) chooseOwn(rec *parser.Record) int {
	parsed := rec.Encoding != parser.Plain
	whole := w.ReserveData || !parsed
	message := w.PreserveKey || !parsed || rec.Reason != parser.OK
	nest := len(w.nest) > 0
	ours := w.ours && !nest
	if whole && message && !ours && !nest && len(w.ownGone) == 0 {
		return 0
	}
	w.walk.All(&w.ev)
	w.gone = slices.Grow(w.gone[:0], len(w.ev.Pairs))[:len(w.ev.Pairs)]
	n := 0
	for i := range w.ev.Pairs {
		p := &w.ev.Pairs[i]
		key := w.chunk[p.Key:p.Value]
		gone := !whole
		if p.At == w.at {
			gone = !message
		}
		if p.KeyKind == event.Str {
			gone = gone || w.ownGone.match(key) ||
				nest && bytes.Equal(key, w.nest) ||
				ours && bytes.HasPrefix(key, w.prefix) && w.writes(rec, key[len(w.prefix):])
		}
		w.gone[i] = gone
		if gone {
			n++
		}
	}
	return n
}

// writes says whether a field with the name is written.
func (w *worker) writes(rec *parser.Record, name []byte) bool {
	i := rec.Find(name)
	return i >= 0 && (w.all || w.use[i])
}

// bound is the most that the event can take, so that writing it needs no checks.
func (w *worker) bound(rec *parser.Record) int {
	n := w.ev.End - w.ev.Start + event.TimeLen + 3*event.MaxHeader + len(w.nest) + slack
	for i := range rec.Fields {
		f := &rec.Fields[i]
		size := len(f.Value)
		if f.Type == parser.Nested {
			size *= maxGrowth
		}
		n += 2*event.MaxHeader + len(w.prefix) + len(f.Name) + size
	}
	return n
}

// appendField appends a name and a value to b, which has room for them and for
// slack bytes more.
func (w *worker) appendField(b []byte, f *parser.Field) []byte {
	if f.Place >= 0 {
		name := &w.names[f.Place]
		b = appendShort(b, name.text[:], name.size)
	} else {
		b = event.AppendStrHeader(b, len(w.prefix)+len(f.Name))
		b = append(append(b, w.prefix...), f.Name...)
	}
	switch f.Type {
	case parser.Text:
		n := len(f.Value)
		switch {
		case n < 32:
			b = append(b, 0xa0|byte(n))
		case n <= slack:
			b = append(b, 0xd9, byte(n))
		default:
			return event.AppendStr(b, f.Value)
		}
		return appendShort(b, f.Value, n)
	case parser.Integer:
		return event.AppendInt(b, f.Integer())
	case parser.Float:
		return event.AppendFloat(b, f.Num)
	case parser.Bool:
		return event.AppendBool(b, f.Bool())
	case parser.Null:
		return event.AppendNil(b)
	}
	return appendNested(b, f.Value)
}

// slack is the longest text that appendShort takes, and how much room it wants.
const slack = 64

// appendShort appends the first n bytes of text, at most slack of them. It copies
// a fixed number of bytes, of which those behind n are written over later: that
// is a few instructions, where a copy of n bytes is a call.
func appendShort(b, text []byte, n int) []byte {
	end := len(b)
	switch {
	case n <= 16 && cap(text) >= 16 && cap(b)-end >= 16:
		*(*[16]byte)(b[end : end+16]) = [16]byte(text[:16])
	case n <= slack && cap(text) >= slack && cap(b)-end >= slack:
		*(*[slack]byte)(b[end : end+slack]) = [slack]byte(text[:slack])
	default:
		return append(b, text[:n]...)
	}
	return b[:end+n]
}

// strName is a field's name as a whole msgpack str.
type strName struct {
	size int
	text []byte // size bytes, and room to copy slack of them
}

func newStrName(name string) strName {
	text := event.AppendStr(make([]byte, 0, max(slack, len(name)+event.MaxHeader)), []byte(name))
	return strName{len(text), text}
}
