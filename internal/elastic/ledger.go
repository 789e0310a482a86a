package elastic

import (
	"crypto/sha256"
	"slices"
	"sync"
	"time"
)

// ledger knows which chunks are being delivered, and what of them is done, so that a chunk
// that Fluent Bit passes again is gone on with. Fluent Bit does not say that it passes a chunk
// again: one is known by the hash of its records. It never passes a chunk to two threads of an
// instance at once, nor again once it was delivered; so if a chunk comes while an equal one is
// in a call, or was delivered, then it is another one.
//
// The ledger also numbers records that have the same id, since they are two all the same: what
// one program writes twice in a microsecond. The numbers go on from one chunk to others,
// since the edge between two chunks may be between such records: those at the end of one and
// at the start of the other, which have the time of the edge. With several workers chunks come
// in any order, so it may be the one that comes later that ends where the other starts: which of
// some equal records has which number makes no difference, only that each has another one.
//
// Records that are equal and are elsewhere in the chunks are the same: an input that was killed
// before it kept its position reads them again.
type ledger struct {
	mu     sync.Mutex
	jobs   map[chunkHash][]*job
	order  []*job           // by when they were made
	edges  [][]uint64       // of the last chunks, by when they came: what counts has of each
	chunks uint32           // how many came; only equality matters, so it may overflow
	counts map[uint64]count // by id.key
	local  map[uint64]uint32
}

type chunkHash [16]byte

// count is how many records with an id were seen at edges of chunks, at which edges, and in which
// chunk last.
type count struct {
	n, chunk uint32
	edges    edge
}

// edge is where in a chunk a record is, as a set.
type edge uint8

const (
	atStart edge = 1 << iota // with the time of the first one
	atEnd                    // with the time of the last one
)

const (
	maxJobs     = 4096 // chunks that Fluent Bit has to pass again
	maxEdges    = 128  // chunks whose edges are remembered: far more than workers can have at once
	edgeRecords = 256  // records at the start of a chunk, and at its end, at most
)

// job is a chunk that is not delivered yet. Its fields are the ledger's but for what is
// guarded by its own mutex.
type job struct {
	hash     chunkHash
	made     time.Time
	attached bool
	numbered []numbered // records that are not the first with their id

	mu   sync.Mutex
	done []uint64 // a bit for each record of the chunk as it was received
	left int      // how many are not done

	// Of the call that has started requests: how often it was tried, why it failed last, and
	// how many requests, one after the other, were for nothing, but for those of one record to try.
	deliveries int
	last       itemResult
	inVain     int

	running chan struct{} // closed when the requests that are under way end; nil if there are none
}

// numbered is the number of a record among those with the same id.
type numbered struct{ index, n uint32 }

func newLedger() *ledger {
	return &ledger{jobs: map[chunkHash][]*job{}, counts: map[uint64]count{}, local: map[uint64]uint32{}}
}

// hashOf returns the hash of a chunk's tag and records.
func hashOf(tag []byte, ids []id) (hash chunkHash) {
	h := sha256.New()
	h.Write(tag)
	h.Write([]byte{0})
	for i := range ids {
		h.Write(ids[i][:])
	}
	copy(hash[:], h.Sum(nil))
	return hash
}

// attach returns the job of a chunk, a new one unless the chunk was seen before, and sets ids
// to the ids of its records, which were not numbered yet. detach must follow.
func (l *ledger) attach(tag []byte, ids []id, now time.Time) *job {
	hash := hashOf(tag, ids)
	l.mu.Lock()
	defer l.mu.Unlock()
	var j *job
	for _, old := range l.jobs[hash] {
		if !old.attached {
			j = old
			break
		}
	}
	if j == nil {
		j = &job{hash: hash, made: now, done: make([]uint64, (len(ids)+63)/64), left: len(ids)}
		l.number(j, ids)
		l.jobs[hash] = append(l.jobs[hash], j)
		l.order = append(l.order, j)
		l.limit()
	}
	j.attached = true
	for _, n := range j.numbered {
		ids[n.index] = ids[n.index].numbered(n.n)
	}
	return j
}

// number numbers the records of a new job.
func (l *ledger) number(j *job, ids []id) {
	if len(l.local) > maxIDs {
		l.local = map[uint64]uint32{} // clear would keep its memory, and visit all of it for every chunk
	}
	clear(l.local)
	edges := edgesOf(ids)
	for i := range ids {
		key := ids[i].key()
		n, seen := l.local[key]
		if at := edges(i); at != 0 && !seen {
			if before := l.counts[key]; at&atStart != 0 && before.edges&atEnd != 0 || at&atEnd != 0 && before.edges&atStart != 0 {
				n = before.n
			}
		}
		l.local[key] = n + 1
		if n > 0 {
			j.numbered = append(j.numbered, numbered{uint32(i), n})
		}
	}
	l.chunks++
	var keys []uint64
	for i := range ids {
		if edges(i) == 0 {
			continue
		}
		key := ids[i].key()
		before, seen := l.counts[key]
		if !seen || before.chunk != l.chunks {
			keys = append(keys, key)
		}
		l.counts[key] = count{max(before.n, l.local[key]), l.chunks, before.edges | edges(i)}
	}
	if l.edges = append(l.edges, keys); len(l.edges) > maxEdges {
		for _, key := range l.edges[0] {
			if l.counts[key].chunk == l.chunks-maxEdges {
				delete(l.counts, key)
			}
		}
		l.edges = slices.Delete(l.edges, 0, 1)
	}
}

// edgesOf returns a function that returns at which edges of a chunk a record is.
func edgesOf(ids []id) func(i int) edge {
	start, end := 0, len(ids)
	for start < min(len(ids), edgeRecords) && ids[start].sameTime(&ids[0]) {
		start++
	}
	for end > max(0, len(ids)-edgeRecords) && ids[end-1].sameTime(&ids[len(ids)-1]) {
		end--
	}
	return func(i int) (at edge) {
		if i < start {
			at |= atStart
		}
		if i >= end {
			at |= atEnd
		}
		return at
	}
}

// limit forgets the oldest job that no call has, if there are too many. When its chunk comes
// again, all of it is sent again, with the same ids.
func (l *ledger) limit() {
	if len(l.order) <= maxJobs {
		return
	}
	for _, j := range l.order {
		if !j.attached && j.running == nil {
			l.remove(j)
			return
		}
	}
}

// detach ends what attach started. A job that is done is forgotten, and Fluent Bit told that
// its chunk is delivered. It reports whether it is done.
func (l *ledger) detach(j *job) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	j.attached = false
	if !j.isDone() {
		return false
	}
	l.remove(j)
	return true
}

func (l *ledger) remove(j *job) {
	i := slices.Index(l.order, j)
	if i < 0 {
		return
	}
	l.order = slices.Delete(l.order, i, i+1)
	same := l.jobs[j.hash]
	i = slices.Index(same, j)
	if same = slices.Delete(same, i, i+1); len(same) == 0 {
		delete(l.jobs, j.hash)
	} else {
		l.jobs[j.hash] = same
	}
}

// start marks that requests of a job are under way, and returns what is to be called when
// they have ended. If there are some already, it returns nil, and a channel that is closed
// when these have ended.
func (l *ledger) start(j *job) (end func(), running <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j.running != nil {
		return nil, j.running
	}
	c := make(chan struct{})
	j.running = c
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		j.running = nil
		close(c)
	}, c
}

// mark marks a record as done and reports whether it was not yet.
func (j *job) mark(index int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.done[index/64]>>(index%64)&1 != 0 {
		return false
	}
	j.done[index/64] |= 1 << (index % 64)
	j.left--
	return true
}

func (j *job) isMarked(index int) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.done[index/64]>>(index%64)&1 != 0
}

func (j *job) isDone() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.left == 0
}
