package transform

import (
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// worker is the memory that one call needs.
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
	tally   tally

	tag     []byte
	chunk   []byte
	out     *event.Buffer
	written int // how much of the chunk is in out, or was dropped
	changed bool

	known [event.Layouts]found // by Layout's remainder
	parts [event.Layouts]parts
	found found // in an event without a layout

	ours bool    // a key of the record starts with the prefix
	at   uint32  // where the message's key starts
	all  bool    // all of the record's fields are written
	use  []bool  // or else, by index in its Fields: it is written
	gone []bool  // by index in the event's Pairs: it is left out
	flag [2]bool // guest, parse_error: the record has a key of this name itself
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
	w.tally = tally{}
	defer w.release()

	w.walk.Reset(chunk)
	for w.walk.Next(&w.ev) {
		if !w.ev.Log {
			continue // it goes on with the run of events around it
		}
		if !w.event() {
			return w.noMemory()
		}
	}
	if w.walk.Err() != nil {
		w.tally.corrupt++
	}
	if !w.changed {
		return Untouched
	}
	if !w.copyUntil(len(chunk)) {
		return w.noMemory()
	}
	return Changed
}

// noMemory counts all records of the chunk, which goes on as it came.
func (w *worker) noMemory() Verdict {
	w.tally = tally{}
	for w.walk.Reset(w.chunk); w.walk.Next(&w.ev); {
		if w.ev.Log {
			w.tally.untouched++
		}
	}
	if w.walk.Err() != nil {
		w.tally.corrupt++
	}
	return Untouched
}

// release lets go of the call's memory, which is the host's: no pointer into it
// may be left where Go's collector looks.
func (w *worker) release() {
	w.tag, w.chunk, w.out = nil, nil, nil
	w.walk.Reset(nil)
	w.msg = parser.Message{}
	fields := w.native.Fields
	clear(fields[:cap(fields)])
	w.native = parser.Native{Fields: fields[:0]}
	w.parse.Release()
}

// copyUntil copies the events from the last changed one up to an offset of the
// chunk, in one block.
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

// event deals with one log event and reports whether there was memory for it.
func (w *worker) event() bool {
	own := w.look()
	rec := w.record(own)
	if rec == nil {
		w.tally.untouched++
		return true
	}
	drop, duplicate := w.verdict(rec, w.wanted(own.identifier))
	if drop {
		w.tally.count(rec, true)
		if !w.copyUntil(w.ev.Start) {
			return false
		}
		w.written, w.changed = w.ev.End, true
		return true
	}
	w.tally.count(rec, false)
	return w.write(rec, duplicate)
}

// record parses the event's message; nil means that the event stays as it is.
func (w *worker) record(own *found) *parser.Record {
	text := w.wanted(own.message)
	stream := w.wanted(own.stream)
	if stream == nil {
		return w.parsed(own, text)
	}
	goesOn := len(text) > 0 && string(w.wanted(own.lineBreak)) == lineMax
	if !goesOn && w.continuations.idle() {
		return w.parsed(own, text)
	}
	id := w.continuations.id(w.tag, stream, text, w.ev.Sec, w.ev.Nsec)
	line, isRest := w.continuations.rest(id, goesOn)
	if isRest && line.untouched {
		return nil
	}
	if isRest {
		w.at, w.ours = w.messageAt(own), own.ours
		return w.parse.ParseRest(text, line.guest)
	}
	rec := w.parsed(own, text)
	switch {
	case !goesOn:
	case rec == nil:
		w.continuations.note(id, cutLine{untouched: true})
	case rec.Open:
		w.continuations.note(id, cutLine{guest: rec.MaybeGuest})
	}
	return rec
}

// parsed parses the event's message as a record of its own.
func (w *worker) parsed(own *found, text []byte) *parser.Record {
	if len(text) == 0 {
		return nil
	}
	w.at, w.ours = w.messageAt(own), own.ours
	m := &w.msg
	*m = parser.Message{Text: text}
	if own.lineBreak >= 0 {
		m.Cut = string(w.wanted(own.lineBreak)) != "nul"
	}
	if own.command >= 0 {
		m.Command = w.command
	}
	if id := w.wanted(own.identifier); id != nil {
		m.Origin = parser.OriginOf(id)
		if own.name >= 0 && string(id) == "kata" && string(w.wanted(own.name)) == "kata-runtime" {
			w.readNative(own.lower)
			m.Native = &w.native
		}
	}
	rec := w.parse.Parse(m)
	if rec == nil || len(rec.Fields) == 0 && !rec.HasTime {
		return nil
	}
	return rec
}

// shimCommand is the command line of the process that wrote the record, if journald says
// that it is a shim which runs as root.
func (w *worker) shimCommand() []byte {
	own := w.look()
	if string(w.wanted(own.program)) != "containerd-shim" || string(w.wanted(own.user)) != "0" {
		return nil
	}
	return w.wanted(own.command)
}

// messageAt is where the message's key starts, in an event that has one.
func (w *worker) messageAt(own *found) uint32 {
	if own.message < 0 {
		return 0
	}
	return w.ev.Pairs[own.message].At
}

// verdict reports whether options drop the record, and whether it is the second of
// two copies.
func (w *worker) verdict(rec *parser.Record, identifier []byte) (drop, duplicate bool) {
	if rec.Rank >= 0 && rec.Rank < w.MinLevel && rec.Detected < w.MinLevel {
		return true, false
	}
	if w.duplicates != nil && w.duplicates.isSecond(rec, identifier, w.ev.Sec, w.ev.Nsec) {
		w.tally.duplicates++
		return w.Duplicates == options.DropDuplicates, true
	}
	return false, false
}
