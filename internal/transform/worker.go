package transform

import (
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/journalfields"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// worker is the memory that one call of Process needs. It is kept for later calls, of one
// thread at a time; between them it refers to no memory of a caller.
type worker struct {
	*plan
	duplicates    *duplicates
	continuations *continuations

	walk    event.Walker
	ev      event.Event
	parse   *parser.Parser
	command func() []byte // shimCommand
	msg     parser.Message
	native  parser.Native
	counts  chunkCounts

	tag     []byte
	chunk   []byte
	out     *event.Buffer
	written int // how much of the chunk is in out, or was dropped
	changed bool

	known       [event.Layouts]located // by Layout's remainder
	nativePairs [event.Layouts]nativePairs
	located     located // of an event without a layout

	hasPrefix bool    // a key of the record starts with the prefix
	messageAt uint32  // where the message's key starts
	writeAll  bool    // all of the record's fields are written
	use       []bool  // or else, by index in its Fields: it is written
	omit      []bool  // by index in the event's Pairs: it is left out
	taken     [2]bool // guest, parse_error: the record has a key of this name itself
}

func newWorker(f *Filter) *worker {
	w := &worker{plan: &f.plan, duplicates: f.duplicates, continuations: f.continuations, parse: parser.New(f.plan.config)}
	w.walk.Want(f.plan.wanted, f.plan.first)
	w.command = w.shimCommand
	return w
}

func (w *worker) process(tag, chunk []byte, out *event.Buffer) Verdict {
	w.tag, w.chunk, w.out = tag, chunk, out
	w.written, w.changed = 0, false
	w.counts = chunkCounts{}
	defer w.release()

	w.walk.Reset(chunk)
	for w.walk.Next(&w.ev) {
		if !w.ev.Log {
			continue // it is copied with the events around it
		}
		if !w.event() {
			return w.noMemory()
		}
	}
	if w.walk.Err() != nil {
		w.counts.corrupt++
	}
	if !w.changed {
		return Untouched
	}
	if !w.copyUntil(len(chunk)) {
		return w.noMemory()
	}
	return Changed
}

// noMemory counts all records of the chunk as untouched, as Fluent Bit keeps its chunk.
func (w *worker) noMemory() Verdict {
	w.counts = chunkCounts{}
	for w.walk.Reset(w.chunk); w.walk.Next(&w.ev); {
		if w.ev.Log {
			w.counts.untouched++
		}
	}
	if w.walk.Err() != nil {
		w.counts.corrupt++
	}
	return Untouched
}

// release drops all references to the call's memory, which is Fluent Bit's: Go's garbage
// collector must find no pointer into it.
func (w *worker) release() {
	w.tag, w.chunk, w.out = nil, nil, nil
	w.walk.Reset(nil)
	w.msg = parser.Message{}
	fields := w.native.Fields
	clear(fields[:cap(fields)])
	w.native = parser.Native{Fields: fields[:0]}
	w.parse.Release()
}

// copyUntil copies the events behind the last changed one up to an offset of the
// chunk, in one block. It reports whether there was memory for it.
func (w *worker) copyUntil(end int) bool {
	n := end - w.written
	if n == 0 {
		return true
	}
	if !w.out.Reserve(n) {
		return false
	}
	w.out.B = append(w.out.B, w.chunk[w.written:end]...)
	w.written = end
	return true
}

// event processes one log event and reports whether there was memory for it.
func (w *worker) event() bool {
	loc := w.locate()
	identifier := w.field(loc, journalfields.SyslogIdentifier) // before pairs are listed anew
	rec := w.record(loc)
	if rec == nil {
		w.counts.untouched++
		return true
	}
	drop, duplicate := w.judge(rec, identifier)
	if drop {
		w.counts.add(rec, true)
		if !w.copyUntil(w.ev.Start) {
			return false
		}
		w.written, w.changed = w.ev.End, true
		if w.out.Dropped != nil {
			*w.out.Dropped = append(*w.out.Dropped, w.ev.Start)
		}
		return true
	}
	w.counts.add(rec, false)
	return w.write(rec, duplicate)
}

// record parses the event's message, or takes it as the rest of a line that journald has
// cut. It returns nil if the event stays as it is. The record is valid until the next call.
func (w *worker) record(loc *located) *parser.Record {
	text := w.wantedText(loc.message)
	stream := w.field(loc, journalfields.StreamID)
	if stream == nil {
		return w.parsed(loc, text)
	}
	continued := len(text) > 0 && string(w.field(loc, journalfields.LineBreak)) == journalfields.LineMax
	if !continued && w.continuations.empty() {
		return w.parsed(loc, text)
	}
	id := w.continuations.id(w.tag, stream, text, w.ev.Sec, w.ev.Nsec)
	line, isRest := w.continuations.rest(id, continued)
	if isRest && line.untouched {
		return nil
	}
	if isRest {
		w.setMessage(loc)
		return w.parse.ParseRest(text, line.guest)
	}
	rec := w.parsed(loc, text)
	switch {
	case !continued:
	case rec == nil:
		w.continuations.note(id, cutLine{untouched: true})
	case rec.Open:
		w.continuations.note(id, cutLine{guest: rec.MaybeGuest})
	}
	return rec
}

// parsed parses the event's message as a record of its own. It returns nil if the event
// stays as it is.
func (w *worker) parsed(loc *located, text []byte) *parser.Record {
	if len(text) == 0 {
		return nil
	}
	w.setMessage(loc)
	m := &w.msg
	*m = parser.Message{Text: text}
	if loc.index[journalfields.LineBreak] >= 0 {
		m.Cut = string(w.field(loc, journalfields.LineBreak)) != journalfields.NUL
	}
	if loc.index[journalfields.Cmdline] >= 0 {
		m.Command = w.command
	}
	if id := w.field(loc, journalfields.SyslogIdentifier); id != nil {
		m.Origin = parser.OriginOf(id)
		if loc.index[journalfields.Name] >= 0 && journalfields.IsRuntimeRS(id, w.field(loc, journalfields.Name)) {
			w.readNative(loc.lower)
			m.Native = &w.native
		}
	}
	rec := w.parse.Parse(m)
	if rec == nil || len(rec.Fields) == 0 && !rec.HasTime {
		return nil
	}
	return rec
}

// shimCommand returns the command line of the process that wrote the record, nil unless by
// journald's fields it is a shim that runs as root.
func (w *worker) shimCommand() []byte {
	loc := w.locate()
	if !journalfields.IsRootShim(w.field(loc, journalfields.Comm), w.field(loc, journalfields.UID)) {
		return nil
	}
	return w.field(loc, journalfields.Cmdline)
}

// setMessage keeps for write where the message is, and whether a key has the prefix: the
// indexes in loc are of no use there, since all pairs may have been listed in between.
func (w *worker) setMessage(loc *located) {
	w.messageAt, w.hasPrefix = 0, loc.hasPrefix
	if loc.message >= 0 {
		w.messageAt = w.ev.Pairs[loc.message].At
	}
}

// judge reports whether options drop the record, and whether it is the second of two
// copies.
func (w *worker) judge(rec *parser.Record, identifier []byte) (drop, duplicate bool) {
	if rec.Rank >= 0 && rec.Rank < w.MinLevel && rec.Detected < w.MinLevel {
		return true, false
	}
	if w.duplicates != nil && w.duplicates.isSecond(rec, identifier, w.ev.Sec, w.ev.Nsec) {
		w.counts.duplicates++
		return w.Duplicates == options.DropDuplicates, true
	}
	return false, false
}
