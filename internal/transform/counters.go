package transform

import (
	"sync"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// Counts says what an instance did since it was made. How operators see it is
// in metrics.go.
type Counts struct {
	// Records, by what became of them: each counts once.
	Parsed, Untouched, Dropped, Errors uint64
	// Encoding counts parsed records, those with errors among them, by
	// parser.Encoding; Reason the errors by parser.Reason.
	Encoding, Reason []uint64
	// Agent counts whole agent records that were unpacked, Refused the guest's
	// values that did not get the name they wanted, Duplicates second copies.
	Agent, Refused, Duplicates uint64
	// Corrupt counts chunks that were not msgpack to their end.
	Corrupt uint64
	// Panics is for whoever recovers from them; nothing here counts it.
	Panics uint64
	// InBytes and OutBytes are the sizes of the chunks that came and went.
	InBytes, OutBytes uint64
}

// tally is Counts for one chunk.
type tally struct {
	untouched, dropped, parsed, errors  uint64
	agent, refused, duplicates, corrupt uint64
	encoding                            [8]uint64
	reason                              [16]uint64
}

func (t *tally) count(rec *parser.Record, dropped bool) {
	switch {
	case dropped:
		t.dropped++
	case rec.Reason != parser.OK:
		t.errors++
	default:
		t.parsed++
	}
	t.encoding[rec.Encoding]++
	if rec.Reason != parser.OK {
		t.reason[rec.Reason]++
	}
	if rec.Agent {
		t.agent++
	}
	t.refused += uint64(rec.Refused)
}

type counters struct {
	mu  sync.Mutex
	sum tally
	in  uint64
	out uint64
}

// add takes over what a chunk counted.
func (c *counters) add(t *tally, verdict Verdict, in, out int) {
	if verdict == Untouched {
		out = in
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.sum
	s.untouched += t.untouched
	s.dropped += t.dropped
	s.parsed += t.parsed
	s.errors += t.errors
	s.agent += t.agent
	s.refused += t.refused
	s.duplicates += t.duplicates
	s.corrupt += t.corrupt
	for i := range t.encoding {
		s.encoding[i] += t.encoding[i]
	}
	for i := range t.reason {
		s.reason[i] += t.reason[i]
	}
	c.in += uint64(in)
	c.out += uint64(out)
}

// Counts answers what the instance did so far.
func (f *Filter) Counts() (c Counts) {
	f.Count(&c)
	return c
}

// Count is Counts into memory that there is already.
func (f *Filter) Count(to *Counts) {
	c := &f.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.sum
	*to = Counts{
		Parsed: s.parsed, Untouched: s.untouched, Dropped: s.dropped, Errors: s.errors,
		Encoding: append(to.Encoding[:0], s.encoding[:len(parser.Encodings())]...),
		Reason:   append(to.Reason[:0], s.reason[:len(parser.Reasons())+1]...),
		Agent:    s.agent, Refused: s.refused, Duplicates: s.duplicates, Corrupt: s.corrupt,
		InBytes: c.in, OutBytes: c.out,
	}
}
