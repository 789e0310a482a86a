package transform

import (
	"sync"

	"github.com/kata-logs/fluent-bit-kata/internal/pods"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// Counts is what an instance did since it was made. metrics.go has the metrics that
// operators see of it.
type Counts struct {
	// Records by outcome: each is in one of the four.
	Parsed, Untouched, Dropped, Errors uint64
	// Encoding counts parsed records, those with errors among them, by
	// parser.Encoding; Reason the errors by parser.Reason.
	Encoding, Reason []uint64
	// Agent counts the complete agent records that were unpacked, Refused the guest's
	// values that were not written under the name that the guest gave them, Duplicates
	// second copies.
	Agent, Refused, Duplicates uint64
	// Pods counts the records that name a sandbox or container, by what became of the look-up of
	// their pod: by pods.Result.
	Pods [pods.Results]uint64
	// Corrupt counts chunks that are not msgpack up to their end.
	Corrupt uint64
	// Panics counts those of look-ups. The caller adds those that it recovers from.
	Panics uint64
	// InBytes and OutBytes are the sizes of all chunks, in bytes, before and after.
	InBytes, OutBytes uint64
}

// chunkCounts is Counts without its sizes, as arrays: what one chunk adds to them.
type chunkCounts struct {
	untouched, dropped, parsed, errors  uint64
	agent, refused, duplicates, corrupt uint64
	encoding                            [8]uint64
	reason                              [16]uint64
	pods                                [pods.Results]uint64
}

// add counts a parsed record.
func (t *chunkCounts) add(rec *parser.Record, dropped bool) {
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

// counters are the sums of an instance.
type counters struct {
	mu  sync.Mutex
	sum chunkCounts
	in  uint64
	out uint64
}

// add adds the counts of a chunk, and its sizes before and after.
func (c *counters) add(t *chunkCounts, verdict Verdict, in, out int) {
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
	for i := range t.pods {
		s.pods[i] += t.pods[i]
	}
	c.in += uint64(in)
	c.out += uint64(out)
}

// Counts returns what the instance did so far.
func (f *Filter) Counts() (c Counts) {
	f.Count(&c)
	return c
}

// Count sets to to what Counts returns, and reuses the memory of its slices.
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
		Pods:    s.pods,
		InBytes: c.in, OutBytes: c.out,
	}
	if f.pods != nil {
		to.Panics = f.pods.Panics()
	}
}
