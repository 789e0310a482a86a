package transform

import (
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// worker is the memory that one call needs.
type worker struct {
	*plan
	twins  *twins
	walk   event.Walker
	ev     event.Event
	parse  *parser.Parser
	msg    parser.Message
	native parser.Native
	tally  tally

	chunk   []byte
	out     *event.Buffer
	written int // how much of the chunk is in out, or was dropped
	changed bool

	known [event.Layouts]found // by Layout's remainder
	parts [event.Layouts]parts
	found found // in an event without a layout

	ours bool   // a key of the record starts with the prefix
	at   uint32 // where the message's key starts
	all  bool   // all of the record's fields are written
	use  []bool // or else, by index in its Fields: it is written
	gone []bool // by index in the event's Pairs: it is left out
}

func newWorker(p *plan, t *twins) *worker {
	w := &worker{plan: p, twins: t, parse: parser.New(p.config)}
	w.walk.Want(p.wanted, p.first)
	return w
}

func (w *worker) process(chunk []byte, out *event.Buffer) Verdict {
	w.chunk, w.out = chunk, out
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
	w.chunk, w.out = nil, nil
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

// event deals with one log event and says whether there was memory for it.
func (w *worker) event() bool {
	rec := w.record()
	if rec == nil {
		w.tally.untouched++
		return true
	}
	drop, twin := w.verdict(rec)
	if drop {
		w.tally.count(rec, true)
		if !w.copyUntil(w.ev.Start) {
			return false
		}
		w.written, w.changed = w.ev.End, true
		return true
	}
	w.tally.count(rec, false)
	return w.write(rec, twin)
}

// record parses the event's message; nil means that the event stays as it is.
func (w *worker) record() *parser.Record {
	own := w.look()
	text := w.wanted(own.message)
	if len(text) == 0 {
		return nil
	}
	w.at, w.ours = w.ev.Pairs[own.message].At, own.ours
	m := &w.msg
	m.Text, m.Origin, m.Cut, m.Native = text, parser.Nobody, false, nil
	if own.lineBreak >= 0 {
		m.Cut = string(w.wanted(own.lineBreak)) == "line-max"
	}
	if id := w.wanted(own.identifier); id != nil {
		m.Origin = parser.OriginOf(id)
		if own.program >= 0 && string(id) == "kata" && string(w.wanted(own.program)) == "kata-runtime" {
			w.readNative(own.lower)
			m.Native = &w.native
		}
	}
	rec := w.parse.Parse(m)
	if rec == nil || rec.Len() == 0 && !rec.HasTime {
		return nil
	}
	return rec
}

// verdict says whether options drop the record, and whether it is the second of
// two copies.
func (w *worker) verdict(rec *parser.Record) (drop, twin bool) {
	if rec.Rank >= 0 && rec.Rank < w.minRank {
		return true, false
	}
	if w.twins != nil && w.twins.second(rec) {
		w.tally.duplicates++
		return w.Duplicates == options.DuplicatesDrop, true
	}
	return false, false
}
