package collect

import (
	"testing"
	"time"
)

// engine is a Fluent Bit with a clock of its own.
type engine struct {
	now      time.Time
	counters Counters
	takes    time.Time // when it takes a record, or zero
	does     Engine
}

func (e *engine) handover() *Handover {
	return &Handover{
		Counters: func() Counters {
			c := e.counters
			if !e.takes.IsZero() && !e.now.Before(e.takes) {
				c.Taken++
			}
			return c
		},
		Engine: func() Engine { return e.does },
		Now:    func() time.Time { return e.now },
		Sleep:  func(d time.Duration) { e.now = e.now.Add(d) },
	}
}

func (e *engine) takesAfter(d time.Duration) { e.takes = e.now.Add(d) }

func newEngine(queues bool) *engine {
	return &engine{now: time.Unix(1700000000, 0), counters: Counters{Known: true, Taken: 5, Queues: queues, Queued: 3}}
}

func want(t *testing.T, what string, got, want Progress) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %d, want %d", what, got, want)
	}
}

// TestHandoverWithoutThread: Fluent Bit appends at once.
func TestHandoverWithoutThread(t *testing.T) {
	e := newEngine(true)
	h := e.handover()
	h.Give()
	e.counters.Taken++
	start := e.now
	want(t, "given", h.Given(), Stored)
	if e.now != start {
		t.Error("waited")
	}
	// A processor has removed all records.
	h.Give()
	want(t, "given", h.Given(), Stored)
	// A version that does not count the queue.
	e = newEngine(false)
	h = e.handover()
	h.Give()
	e.counters.Taken++
	want(t, "given", h.Given(), Waiting)
	e.now = e.now.Add(time.Second)
	want(t, "a second later", h.Progress(false), Stored)
}

// TestHandoverWithThread: the batch is in a queue until the engine takes it, and some time later
// it is stored.
func TestHandoverWithThread(t *testing.T) {
	for _, queues := range []bool{true, false} {
		e := newEngine(queues)
		h := e.handover()
		h.Give()
		e.counters.Queued++
		e.takesAfter(240 * time.Millisecond)
		start := e.now
		want(t, "given", h.Given(), Waiting)
		if d := e.now.Sub(start); d < 240*time.Millisecond || d > 240*time.Millisecond+looks {
			t.Errorf("waited %v", d)
		}
		e.now = start.Add(600 * time.Millisecond)
		want(t, "not yet", h.Progress(false), Waiting)
		e.now = start.Add(time.Second)
		want(t, "a second later", h.Progress(false), Stored)
		if !h.Taken() {
			t.Error("not taken")
		}
	}
}

// TestHandoverLooks: the input soon looks just before the engine takes a batch, and just after,
// whenever that is.
func TestHandoverLooks(t *testing.T) {
	e := newEngine(true)
	h := e.handover()
	e.does = Idle
	looked := 0
	counters := h.Counters
	h.Counters = func() Counters { looked++; return counters() }
	for i, after := range []time.Duration{130, 3, 249, 40, 130, 3, 249, 40} {
		after *= time.Millisecond
		for n := range 40 {
			h.Give()
			if i >= 4 { // Fluent Bit counts the batch, passes it to processors, and copies it
				e.now = e.now.Add(600 * time.Millisecond)
			}
			e.counters.Queued++
			e.takesAfter(after)
			start := e.now
			looked = 0
			want(t, "given", h.Given(), Stored)
			late := e.now.Sub(start) - after
			if n >= 20 && (late > 2*looks || looked > 6) {
				t.Errorf("batch %d, taken after %v: seen %v later, after %d looks", n, after, late, looked)
			}
			e.counters.Taken++
			e.takes = time.Time{}
			e.now = start.Add(time.Second)
		}
	}
}

// TestHandoverBusy: the engine is busy, or the instance paused, for long.
func TestHandoverBusy(t *testing.T) {
	for _, queues := range []bool{true, false} {
		e := newEngine(queues)
		h := e.handover()
		h.Give()
		e.counters.Queued++
		e.takesAfter(time.Hour)
		want(t, "given", h.Given(), Waiting)
		for range 8 {
			e.now = e.now.Add(time.Second)
			want(t, "busy", h.Progress(false), Waiting)
		}
		for range 100 {
			e.now = e.now.Add(time.Second)
			want(t, "paused", h.Progress(true), Waiting)
		}
		if h.Taken() {
			t.Error("taken")
		}
		e.now = e.takes
		want(t, "just taken", h.Progress(true), Waiting)
		if !h.Taken() {
			t.Error("not taken")
		}
		e.now = e.now.Add(settles)
		want(t, "stored", h.Progress(true), Stored)
	}
}

// TestHandoverRefused: the queue was full.
func TestHandoverRefused(t *testing.T) {
	e := newEngine(true)
	h := e.handover()
	h.Give()
	e.counters.Failed++
	want(t, "given", h.Given(), Refused)
	want(t, "later", h.Progress(false), Refused)
	if h.Taken() {
		t.Error("taken")
	}
	h.Give()
	e.counters.Queued++
	e.takesAfter(0)
	want(t, "again", h.Given(), Waiting)
	e.now = e.now.Add(time.Second)
	want(t, "a second later", h.Progress(false), Stored)
}

// TestHandoverRemoved: a processor removed all records in a version that does not count the queue.
func TestHandoverRemoved(t *testing.T) {
	e := newEngine(false)
	h := e.handover()
	h.Give()
	want(t, "given", h.Given(), Waiting)
	e.now = e.now.Add(removed)
	want(t, "paused", h.Progress(true), Waiting)
	want(t, "just resumed", h.Progress(false), Waiting)
	e.now = e.now.Add(removed)
	want(t, "later", h.Progress(false), Stored)
}

// TestHandoverDropped: the engine had no chunk for a batch of the queue. It is given again, but not
// because of a long pause.
func TestHandoverDropped(t *testing.T) {
	e := newEngine(true)
	h := e.handover()
	h.Give()
	e.counters.Queued++
	want(t, "given", h.Given(), Waiting)
	e.now = e.now.Add(dropped / 2)
	h.Paused()
	e.now = e.now.Add(10 * dropped)
	h.Paused()
	want(t, "just resumed", h.Progress(false), Waiting)
	e.now = e.now.Add(dropped)
	want(t, "later", h.Progress(false), Waiting) // the process may have been stopped until now
	e.now = e.now.Add(certain)
	want(t, "certainly", h.Progress(false), Refused)
	if h.Taken() {
		t.Error("taken")
	}
	h.Give()
	e.counters.Queued++
	e.takesAfter(0)
	want(t, "again", h.Given(), Waiting)
	e.now = e.now.Add(settles)
	want(t, "again, later", h.Progress(false), Stored)
}

// TestHandoverStuck: the engine is busy for very long, and has the batch in its queue all the time.
func TestHandoverStuck(t *testing.T) {
	for _, queues := range []bool{true, false} {
		e := newEngine(queues)
		h := e.handover()
		e.does = Busy
		h.Give()
		e.counters.Queued++
		want(t, "given", h.Given(), Waiting)
		for range 100 {
			e.now = e.now.Add(time.Second)
			want(t, "busy", h.Progress(false), Waiting)
		}
		e.takesAfter(0)
		want(t, "taken, busy", h.Progress(false), Waiting)
		e.does = Idle
		want(t, "idle", h.Progress(false), Stored)
	}
}

// TestHandoverLapse: where the counters are not known for a moment, nothing is concluded from that.
func TestHandoverLapse(t *testing.T) {
	e := newEngine(true)
	h := e.handover()
	e.does = Idle
	lapse := false
	counters := h.Counters
	h.Counters = func() Counters {
		if lapse {
			return Counters{}
		}
		return counters()
	}
	h.Give()
	e.counters.Queued++
	lapse = true
	want(t, "given", h.Given(), Waiting)
	want(t, "a lapse", h.Progress(false), Waiting)
	e.now = e.now.Add(2 * settles)
	want(t, "a lapse", h.Progress(false), Waiting)
	e.counters.Taken++
	lapse = false
	want(t, "taken", h.Progress(false), Stored)
	lapse = true
	h.Give()
	lapse = false
	e.counters.Queued++
	e.counters.Taken++ // of which batch is not known
	want(t, "given", h.Given(), Waiting)
	e.now = e.now.Add(settles)
	want(t, "later", h.Progress(false), Stored)
}

// TestHandoverUnknown: without counters a batch is stored after the next call.
func TestHandoverUnknown(t *testing.T) {
	e := &engine{now: time.Unix(1, 0)}
	h := e.handover()
	h.Give()
	start := e.now
	want(t, "given", h.Given(), Waiting)
	if e.now != start {
		t.Error("waited")
	}
	e.now = e.now.Add(time.Second)
	want(t, "later", h.Progress(false), Stored)
}

// TestHandoverSlowFilter: the engine has taken the batch, and its filters take long. It is stored
// when the engine waits for events again, also if that is at once.
func TestHandoverSlowFilter(t *testing.T) {
	e := newEngine(true)
	h := e.handover()
	e.does = Busy
	h.Give()
	e.counters.Queued++
	e.takesAfter(50 * time.Millisecond)
	want(t, "given", h.Given(), Waiting)
	for range 10 {
		e.now = e.now.Add(time.Second)
		want(t, "busy", h.Progress(false), Waiting)
		want(t, "busy, paused", h.Progress(true), Waiting)
	}
	e.does = Idle
	want(t, "idle", h.Progress(false), Stored)

	h.Give()
	e.counters.Taken++
	e.counters.Queued++
	e.takesAfter(50 * time.Millisecond)
	start := e.now
	want(t, "given to an idle engine", h.Given(), Stored)
	if d := e.now.Sub(start); d > 50*time.Millisecond+looks {
		t.Errorf("waited %v", d)
	}

	// Never idle when the input looks.
	e.does = Busy
	h.Give()
	e.counters.Taken++
	e.counters.Queued++
	e.takesAfter(0)
	want(t, "given to a busy engine", h.Given(), Waiting)
	e.now = e.now.Add(busy)
	want(t, "much later", h.Progress(false), Stored)

	// An idle engine that has not taken the batch says nothing.
	e.does = Idle
	h.Give()
	e.counters.Taken++
	e.counters.Queued++
	e.takesAfter(time.Hour)
	want(t, "given", h.Given(), Waiting)
	e.now = e.now.Add(5 * time.Second)
	want(t, "not taken", h.Progress(false), Waiting)
	if h.Taken() {
		t.Error("taken")
	}
}
