package transform

import (
	"bytes"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/journalfields"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// nativePair is a pair of a record whose fields runtime-rs has written.
type nativePair struct {
	index int // among all pairs
	field journalfields.Field
}

// nativePairs are the pairs that are read from the records of one layout.
type nativePairs struct {
	layout uint64
	list   []nativePair
}

// readNative collects the fields of a record of runtime-rs in w.native, whose slices
// point into the chunk.
func (w *worker) readNative(lower bool) {
	n := &w.native
	*n = parser.Native{Fields: n.Fields[:0]}
	pairs := &w.nativePairs[w.ev.Layout%event.Layouts]
	if w.ev.Layout == 0 {
		w.walk.All(&w.ev)
	}
	if w.ev.Layout == 0 || pairs.layout != w.ev.Layout {
		w.locateNative(pairs, lower)
	}
	var memory event.Pair
	for _, at := range pairs.list {
		p := w.pair(&memory, at.index)
		var text []byte
		switch at.field {
		case journalfields.Priority:
			n.Priority = w.walk.Text(p)
		case journalfields.SourceRealtimeTimestamp:
			n.Realtime = w.unambiguousText(p)
		case journalfields.PID:
			text = w.unambiguousText(p)
		default:
			text = w.walk.Text(p)
		}
		if text != nil {
			n.Fields = append(n.Fields, parser.NativeField{Name: w.chunk[p.Key:p.Value], Value: text})
		}
	}
}

// pair returns the pair with the index among all pairs of the event; in an event without a
// layout they must all have been listed. It may use the given memory for it. In an event
// with a layout w.ev.Pairs stays as it is, since indexes of wanted pairs refer to it.
func (w *worker) pair(memory *event.Pair, index int) *event.Pair {
	if w.ev.Layout == 0 {
		return &w.ev.Pairs[index]
	}
	w.walk.Pair(memory, index)
	return memory
}

// locateNative lists those of the event's pairs that readNative reads.
func (w *worker) locateNative(pairs *nativePairs, lower bool) {
	pairs.layout, pairs.list = w.ev.Layout, pairs.list[:0]
	stripped := w.isStripped(lower)
	var memory event.Pair
	for i := range w.ev.Len {
		p := w.pair(&memory, i)
		if p.KeyKind != event.Str {
			continue
		}
		key := w.chunk[p.Key:p.Value]
		field, spelling := journalfields.Identify(key)
		if (spelling&journalfields.Lower != 0) != lower {
			field = journalfields.None
		}
		if field == journalfields.SourceRealtimeTimestamp && spelling&journalfields.Stripped != 0 && !stripped {
			field = journalfields.None // a process can write a field of this name
		}
		switch {
		case field == journalfields.Priority || field == journalfields.SourceRealtimeTimestamp:
		case !journalfields.IsCallField(key, lower) || stripped && journalfields.IsTrusted(key):
			continue
		}
		pairs.list = append(pairs.list, nativePair{i, field})
	}
}

// isStripped reports whether the systemd input took the underscore from the names of
// journald's own fields: every entry has a transport.
func (w *worker) isStripped(lower bool) bool {
	stripped := false
	var memory event.Pair
	for i := range w.ev.Len {
		p := w.pair(&memory, i)
		field, spelling := journalfields.Identify(w.chunk[p.Key:p.Value])
		if field != journalfields.Transport || (spelling&journalfields.Lower != 0) != lower {
			continue
		}
		if spelling&journalfields.Stripped == 0 {
			return false
		}
		stripped = true
	}
	return stripped
}

// unambiguousText returns the text of a value where the values of two fields may have met
// in a list (PID and _PID with Strip_Underscores On): the first text that is there twice,
// or the only one. It is nil if there is no such text.
func (w *worker) unambiguousText(p *event.Pair) []byte {
	if p.Kind != event.Array {
		return w.walk.Text(p)
	}
	var seen [8][]byte
	var twice []byte
	n := 0
	event.Texts(w.chunk, int(p.Value), func(text []byte) {
		for _, s := range seen[:min(n, len(seen))] {
			if twice == nil && bytes.Equal(s, text) {
				twice = text
			}
		}
		if n < len(seen) {
			seen[n] = text
		}
		n++
	})
	if n == 1 {
		return seen[0]
	}
	return twice
}
