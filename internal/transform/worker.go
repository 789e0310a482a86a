package transform

import (
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/journalfields"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/pods"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// worker is the memory that one call of Process needs. It is kept for later calls, of one
// thread at a time; between them it refers to no memory of a caller.
type worker struct {
	*plan
	duplicates    *duplicates
	continuations *continuations
	pods          *pods.Resolver
	observer      *Observer

	walk    event.Walker
	ev      event.Event
	parse   *parser.Parser
	sandbox func() []byte // shimSandbox
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

	hasPrefix   bool   // a key of the record starts with the prefix
	messageAt   uint32 // where the message's text starts
	fromCommand bool   // the record's sandbox comes from the shim's command line
	writeAll    bool   // all of the record's fields are written
	use         []bool // or else, by index in its Fields: it is written
	omit        []bool // by index in the event's Pairs: it is left out
	wait        pods.Wait
	podOf       podOf   // of the record
	taken       [2]bool // guest, parse_error: the record has a key of this name itself
}

func newWorker(f *Filter) *worker {
	w := &worker{plan: &f.plan, duplicates: f.duplicates, continuations: f.continuations, pods: f.pods, observer: f.observer, parse: parser.New(f.plan.Parser)}
	w.walk.Want(f.plan.wanted, f.plan.first)
	w.sandbox = w.shimSandbox
	return w
}

func (w *worker) process(tag, chunk []byte, out *event.Buffer) Verdict {
	w.tag, w.chunk, w.out = tag, chunk, out
	w.written, w.changed = 0, false
	w.counts = chunkCounts{}
	if w.pods != nil {
		w.wait = pods.NewWait(w.podWait)
	}
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
	w.msg, w.podOf = parser.Message{}, podOf{}
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
	identifier := w.field(loc, journalfields.SyslogIdentifier)
	unit, hasPod := w.field(loc, journalfields.SystemdUnit), loc.hasPod
	rec := w.record(loc, identifier)
	if rec == nil {
		w.counts.untouched++
		return true
	}
	if w.pods != nil {
		w.learnPod(rec, unit) // also from a record that is dropped
	}
	if w.observer != nil {
		w.observe(rec, unit)
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
	if w.pods != nil {
		w.findPod(rec, hasPod)
	}
	return w.write(rec, duplicate)
}

// record parses the event's message, or takes it as the rest of a line that journald has
// cut. It returns nil if the event stays as it is. The record is valid until the next call.
func (w *worker) record(loc *located, identifier []byte) *parser.Record {
	text := w.wantedText(loc.message)
	stream := w.field(loc, journalfields.StreamID)
	if stream == nil {
		return w.parsed(loc, identifier, text)
	}
	continued := len(text) > 0 && string(w.field(loc, journalfields.LineBreak)) == journalfields.LineMax
	if !continued && w.continuations.empty() {
		return w.parsed(loc, identifier, text)
	}
	id := w.continuations.id(w.tag, stream, text, w.ev.Sec, w.ev.Nsec)
	if is, ok := w.continuations.rest(id, continued); ok {
		if is == parser.NoContinuation {
			return nil
		}
		w.setMessage(loc, text)
		w.msg = parser.Message{Text: text, Continuation: is}
		return w.parse.Parse(&w.msg)
	}
	rec := w.parsed(loc, identifier, text)
	switch {
	case !continued:
	case rec == nil:
		w.continuations.note(id, parser.NoContinuation)
	case rec.Continuation != parser.NoContinuation:
		w.continuations.note(id, rec.Continuation)
	}
	return rec
}

// parsed parses the event's message as a record of its own. It returns nil if the event
// stays as it is.
func (w *worker) parsed(loc *located, identifier, text []byte) *parser.Record {
	if len(text) == 0 {
		return nil
	}
	w.setMessage(loc, text)
	m := &w.msg
	*m = parser.Message{Text: text}
	w.fromCommand = false
	if loc.index[journalfields.LineBreak] >= 0 {
		m.Cut = string(w.field(loc, journalfields.LineBreak)) != journalfields.NUL
	}
	if loc.index[journalfields.Cmdline] >= 0 {
		m.Sandbox = w.sandbox
	}
	if identifier != nil {
		m.Origin = parser.OriginOf(identifier)
		if loc.index[journalfields.Name] >= 0 && journalfields.IsRuntimeRS(identifier, w.field(loc, journalfields.Name)) {
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

// shimSandbox returns the id of the sandbox in the command line of the process that wrote the
// record, nil unless by journald's fields it is a shim that runs as root.
func (w *worker) shimSandbox() []byte {
	loc := w.locate()
	if !journalfields.IsRootShim(w.field(loc, journalfields.Comm), w.field(loc, journalfields.UID)) {
		return nil
	}
	id := journalfields.ShimSandbox(w.field(loc, journalfields.Cmdline))
	w.fromCommand = id != nil
	return id
}

// setMessage keeps for write where the message is, and whether a key has the prefix: the
// indexes in loc are of no use there, since all pairs may have been listed in between.
func (w *worker) setMessage(loc *located, text []byte) {
	w.messageAt, w.hasPrefix = uint32(cap(w.chunk)-cap(text)), loc.hasPrefix
}

// judge reports whether options drop the record, and whether it is the second of two
// copies.
func (w *worker) judge(rec *parser.Record, identifier []byte) (drop, duplicate bool) {
	if rec.Rank >= 0 && rec.Rank < w.MinLevel && rec.Detected < w.MinLevel {
		return true, false
	}
	if w.duplicates != nil && w.duplicates.isSecond(rec, w.fromCommand, identifier, w.ev.Sec, w.ev.Nsec) {
		w.counts.duplicates++
		return w.Duplicates == options.DropDuplicates, true
	}
	return false, false
}
