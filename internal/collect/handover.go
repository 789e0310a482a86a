package collect

import "time"

// Counters are Fluent Bit's own counters of an input's instance.
type Counters struct {
	Known  bool   // the others are
	Taken  uint64 // records that the engine has taken
	Queues bool   // Queued and Failed are known: Fluent Bit 4.1 or newer
	Queued uint64 // batches that the input's thread has put into the queue to the engine
	Failed uint64 // batches that it could not put there
}

// Engine is what the engine does.
type Engine int

const (
	Unknown Engine = iota
	Busy
	Idle // waits for events: all that it has counted is in chunks
)

// Progress is what is known of a batch that was given to Fluent Bit.
type Progress int

const (
	Waiting Progress = iota // in the queue to the engine, or just taken from it
	Stored                  // in a chunk of Fluent Bit's, or removed by a processor
	Refused                 // not taken, to be given again
)

// Handover follows one batch on its way into Fluent Bit. An input mostly has a thread of its own,
// and what it gives is in a queue in memory first, from which the engine takes it when it is not
// busy and the instance not paused. A position behind a batch must not be kept before it is in a
// chunk, which is in a file with storage.type filesystem. Fluent Bit does not say so, but it counts.
type Handover struct {
	Counters func() Counters
	Engine   func() Engine
	Now      func() time.Time
	Sleep    func(time.Duration)

	before Counters
	given  time.Time
	since  time.Time // when the batch was given, or the instance paused or resumed after that
	taken  time.Time // when the engine was seen to have taken the batch, or zero
	state  Progress

	took  time.Duration // from the start of Given until the engine took the last batch, probably
	doubt time.Time     // when a batch in the queue was first believed to be lost, or zero
}

const (
	// waits is how long Given waits for the engine, which looks into the queue every 250 ms, and
	// looks how long between two looks at it, which cost some processor time. Until it is seen that
	// the batch is in a chunk, a crash has it come again.
	waits = 400 * time.Millisecond
	looks = 10 * time.Millisecond
	// settles is how long after the engine has counted a batch its filters have probably seen it and
	// it is in a chunk, where it is not known what the engine does.
	settles = 500 * time.Millisecond
	// busy is the same where the engine was never seen idle. A filter that takes longer for a batch
	// is not to be expected.
	busy = 30 * time.Second
	// removed is after which time a batch was probably removed by a processor, in a Fluent Bit
	// that does not count what is in the queue.
	removed = 10 * time.Second
	// dropped is after which time a batch that was in the queue is there no more, while the engine was
	// not busy: it takes all that is in it, and does not count what it finds no chunk for. A process
	// that was stopped for so long gets the time certain in addition.
	dropped = 30 * time.Second
	certain = 5 * time.Second
)

// Give is called before a batch is given to Fluent Bit.
func (h *Handover) Give() {
	h.before, h.given, h.taken, h.state = h.Counters(), h.Now(), time.Time{}, Waiting
	h.since, h.doubt = h.given, time.Time{}
}

// Paused is called when the instance is paused or resumed: until now the engine may have taken
// nothing.
func (h *Handover) Paused() { h.since, h.doubt = h.Now(), time.Time{} }

// Given is called after Fluent Bit has appended the batch, or put it into its queue. It waits for
// the engine for a moment.
func (h *Handover) Given() Progress {
	start := h.Now()
	if h.look(); h.state == Waiting {
		if c := h.Counters(); c.Queues && c.Queued == h.before.Queued {
			// Not in the queue: appended at once where there is no thread, else refused, or
			// removed by a processor.
			h.state = Stored
			if c.Failed > h.before.Failed {
				h.state = Refused
			}
		}
	}
	// Both the input and the engine look at fixed intervals, so that it takes as long as last time.
	first := max(looks, h.took-looks)
	for pause := first; h.state == Waiting && !h.enough() && h.Now().Sub(start) < waits; pause = looks {
		h.Sleep(pause)
		h.look()
	}
	if !h.taken.IsZero() {
		h.took = min(h.taken.Sub(start), waits)
		if h.taken.Sub(start) <= first+looks/2 { // or less
			h.took -= h.took / 4
		}
	}
	return h.state
}

// enough reports whether looking again soon is of no use: it is not known when the engine takes the
// batch, or it has, and it is not known what it does.
func (h *Handover) enough() bool {
	return !h.before.Known || !h.taken.IsZero() && h.Engine() == Unknown
}

// look looks whether the engine has taken the batch.
func (h *Handover) look() {
	if !h.before.Known {
		h.taken = h.given // a guess
		return
	}
	// For want of memory they may be unknown for a moment, and are 0 then.
	if h.taken.IsZero() && h.Counters().Taken > h.before.Taken {
		h.taken = h.Now()
	}
	// In this order: the engine has one thread, counts a batch, passes it to filters and writes it.
	if !h.taken.IsZero() && h.Engine() == Idle {
		h.state = Stored
	}
}

// Progress returns what is known of the batch. paused says that the instance is paused.
func (h *Handover) Progress(paused bool) Progress {
	if h.state != Waiting {
		return h.state
	}
	if h.look(); h.state != Waiting {
		return h.state
	}
	switch now := h.Now(); {
	case !h.taken.IsZero():
		limit := settles
		if h.before.Known && h.Engine() != Unknown {
			limit = busy
		}
		if now.Sub(h.taken) >= limit {
			h.state = Stored
		}
	case paused, h.Engine() == Busy: // it may take it yet
		h.since, h.doubt = now, time.Time{}
	case !h.before.Queues && now.Sub(h.since) >= removed:
		h.state = Stored
	case h.before.Queues && now.Sub(h.since) >= dropped:
		if h.doubt.IsZero() {
			h.doubt = now
		}
		if now.Sub(h.doubt) >= certain {
			h.state = Refused
		}
	}
	return h.state
}

// Taken reports whether the engine has taken the batch, for the end of an instance, when the engine
// has stopped: then it is stored.
func (h *Handover) Taken() bool {
	if h.state == Waiting {
		h.look()
	}
	return h.state == Stored || h.state == Waiting && !h.taken.IsZero()
}
