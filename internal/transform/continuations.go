package transform

import (
	"hash/maphash"
	"sync"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// continuations remembers lines that journald has cut (LineMax= in journald.conf(5), 48
// KiB): the next entry of the same stream is the rest. A guest can choose how that
// starts, so it must not be read as a record. Entries are known by their stream, which
// journald numbers, and the chunk's tag.
//
// Fluent Bit may process an entry again (a retry of the output), when the state of its
// stream is another one. So the rests that were found are remembered themselves, too.
//
// Both tables have a fixed size, and the oldest entries are forgotten. An instance that
// is called by several threads at once may get the entries of a stream out of order,
// and then misses rests.
type continuations struct {
	mu    sync.Mutex
	seed  maphash.Seed
	count uint64 // how many streams were added so far
	open  int    // how many of streams are in use: there is nothing to search for if none is
	known int    // how many of rests are in use, likewise

	streams [maxStreams]cutStream
	rests   [maxRests]foundRest
	next    int // index of the oldest rest, which is forgotten next
}

const (
	maxStreams = 256
	maxRests   = 256
	maxGap     = 2e9 // nanoseconds between a line and its rest
)

// cutStream is a stream whose last entry is a line that journald has cut.
type cutStream struct {
	stream uint64 // hash of tag and stream; 0 for none
	entry  uint64 // hash of the entry
	time   int64  // its event time in nanoseconds
	number uint64 // of the entry: the lowest is the oldest
	rest   parser.Continuation
}

// foundRest is an entry that was the rest of a line.
type foundRest struct {
	entry uint64
	is    parser.Continuation
}

func newContinuations() *continuations { return &continuations{seed: maphash.MakeSeed()} }

// entryID identifies an entry by hashes, and has its event time in nanoseconds.
type entryID struct {
	stream, entry uint64
	time          int64
}

// id returns the hashes for an entry of a stream.
func (c *continuations) id(tag, stream, text []byte, sec int64, nsec uint32) (id entryID) {
	var h maphash.Hash
	h.SetSeed(c.seed)
	writeNumber(&h, uint64(len(tag)))
	_, _ = h.Write(tag)
	_, _ = h.Write(stream)
	id.stream = h.Sum64() | 1
	id.time = sec*1e9 + int64(nsec)
	writeNumber(&h, uint64(id.time))
	_, _ = h.Write(text)
	id.entry = h.Sum64()
	return id
}

// empty reports whether nothing is remembered, so that no entry can be a rest.
func (c *continuations) empty() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open+c.known == 0
}

// rest reports whether an entry is the rest of a line, and returns what note was told of it.
// If continued, journald has cut the entry too, and the next one is a rest as well. The state
// of the entry's stream is deleted.
func (c *continuations) rest(id entryID, continued bool) (is parser.Continuation, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.find(id.stream)
	if s != nil && s.entry != id.entry { // else the same entry is processed again
		if gap := id.time - s.time; gap >= 0 && gap <= maxGap {
			is, ok = s.rest, true
		}
	}
	if !ok {
		for i := range c.rests[:c.known] {
			if c.rests[i].entry == id.entry {
				return c.rests[i].is, true
			}
		}
	} else {
		c.rests[c.next] = foundRest{id.entry, is}
		c.next = (c.next + 1) % maxRests
		c.known = max(c.known, c.next)
		if c.next == 0 {
			c.known = maxRests
		}
	}
	if s != nil {
		*s = cutStream{}
		c.open--
	}
	if ok && continued {
		c.add(id, is)
	}
	return is, ok
}

// note remembers the first part of a line that journald has cut, and what its rest is:
// NoContinuation for that of a line which stays as it is, since its rest does so too.
func (c *continuations) note(id entryID, rest parser.Continuation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(id, rest)
}

// add puts the stream in the place of its last entry, or else of the oldest stream. The
// caller holds the lock.
func (c *continuations) add(id entryID, rest parser.Continuation) {
	s := c.find(id.stream)
	if s == nil {
		s = &c.streams[0]
		for i := range c.streams {
			if e := &c.streams[i]; e.number < s.number {
				s = e
			}
		}
		if s.stream == 0 {
			c.open++
		}
	}
	c.count++
	*s = cutStream{stream: id.stream, entry: id.entry, time: id.time, number: c.count, rest: rest}
}

// find returns the state of a stream, nil if there is none. The caller holds the lock.
func (c *continuations) find(stream uint64) *cutStream {
	if c.open == 0 {
		return nil
	}
	for i := range c.streams {
		if c.streams[i].stream == stream {
			return &c.streams[i]
		}
	}
	return nil
}
