package journal

import "io"

// Files are read in blocks by pread and never mapped: a mapping of a file that is truncated ends
// the process. The cache is one for all files of a Reader and set-associative.
//
// A block that was looked at since the last step of the Reader is pinned: the slices that the
// caller has point into it. If all blocks of a set are pinned, what is read is copied to the
// arena.

const (
	blockShift = 13
	blockSize  = 1 << blockShift
	ways       = 8
)

type cacheSet struct {
	keys [ways]uint64 // the file's serial number and the number of the block
	used [ways]uint64 // tick of the last use
	data [ways][]byte // as much as there is in the file
}

// Most of an entry's fields are shared with other entries, and are all over the file: those that
// are short are kept beside the blocks.

const (
	knownShift = 12  // how many are kept, as a power of two
	maxKnown   = 512 // bytes of one
)

// knownPayload is the payload of a data object.
type knownPayload struct {
	at     uint64 // the object's offset
	used   uint64 // tick of the last use; what was given out in this tick stays as it is
	serial uint32 // of the file, or 0
	eq     int    // where the name ends
	text   []byte
}

func (k *knownPayload) keep(serial uint32, at uint64, p []byte, eq int) {
	k.serial, k.at, k.eq, k.text = serial, at, eq, append(k.text[:0], p...)
}

// payload returns where the payload of a data object is, if it is known.
func (c *cache) payload(serial uint32, at uint64) *knownPayload {
	return &c.known[(at>>3^uint64(serial)<<20)*0x9e3779b97f4a7c15>>(64-knownShift)]
}

type cache struct {
	sets  []cacheSet
	known []knownPayload
	tick  uint64
	reads uint64 // calls of pread; a bound in tests
	arena arena

	// The block that was used last, if that was in this tick.
	key  uint64
	data []byte
}

func newCache(size int) *cache {
	sets := 1
	for sets*ways*blockSize*2 <= size {
		sets *= 2
	}
	return &cache{sets: make([]cacheSet, sets), known: make([]knownPayload, 1<<knownShift), tick: 1}
}

// step ends the life of all that was given out.
func (c *cache) step() {
	c.tick++
	c.key = 0
	c.arena.reset()
}

// block returns what the file has of a block, or nil if there is no memory for it that is not
// in use.
func (c *cache) block(f *file, number uint64) ([]byte, error) {
	if number >= 1<<32 {
		return nil, errShort
	}
	key := uint64(f.serial)<<32 | number
	if key == c.key {
		return c.data, nil
	}
	s := &c.sets[(number^uint64(f.serial)*0x9e3779b1)&uint64(len(c.sets)-1)]
	for i, k := range &s.keys {
		if k == key {
			s.used[i] = c.tick
			c.key, c.data = key, s.data[i]
			return c.data, nil
		}
	}
	return c.fill(f, s, key)
}

func (c *cache) fill(f *file, s *cacheSet, key uint64) ([]byte, error) {
	oldest := 0
	for i, used := range &s.used {
		if used < s.used[oldest] {
			oldest = i
		}
	}
	if s.used[oldest] == c.tick {
		return nil, nil
	}
	b := s.data[oldest]
	if cap(b) == 0 {
		b = make([]byte, blockSize)
	}
	s.keys[oldest] = 0
	n, err := c.pread(f, b[:blockSize], key<<32>>(32-blockShift))
	if err != nil {
		s.data[oldest] = b[:0]
		return nil, err
	}
	s.keys[oldest], s.used[oldest], s.data[oldest] = key, c.tick, b[:n]
	c.key, c.data = key, b[:n]
	return c.data, nil
}

// pread fills b as far as the file goes.
func (c *cache) pread(f *file, b []byte, at uint64) (int, error) {
	if err := f.reader.reopen(f); err != nil {
		return 0, err
	}
	c.reads++
	n, err := f.fd.ReadAt(b, int64(at))
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// peek returns n bytes, at most len(scratch), of the file. They are valid until scratch is used
// again or the next step.
func (f *file) peek(at uint64, n int) ([]byte, error) {
	i := int(at % blockSize)
	if i+n <= blockSize {
		b, err := f.reader.cache.block(f, at>>blockShift)
		if err != nil {
			return nil, err
		}
		if b != nil {
			if i+n > len(b) {
				return nil, errShort
			}
			return b[i : i+n : i+n], nil
		}
	}
	b := f.reader.scratch[:n]
	return b, f.copy(b, at)
}

// hold returns n bytes of the file that are valid until the next step.
func (f *file) hold(at uint64, n int) ([]byte, error) {
	i := int(at % blockSize)
	if n <= blockSize-i {
		b, err := f.reader.cache.block(f, at>>blockShift)
		if err != nil {
			return nil, err
		}
		if b != nil {
			if i+n > len(b) {
				return nil, errShort
			}
			return b[i : i+n : i+n], nil
		}
	}
	b := f.reader.cache.arena.take(n)
	return b, f.copy(b, at)
}

// copy fills b from the file.
func (f *file) copy(b []byte, at uint64) error {
	if at >= 1<<63-uint64(len(b)) {
		return errShort
	}
	c := f.reader.cache
	for len(b) > 0 {
		i := at % blockSize
		var from []byte
		if len(b) <= 4*blockSize {
			var err error
			if from, err = c.block(f, at>>blockShift); err != nil {
				return err
			}
		}
		if from == nil { // too much for the cache, or no memory in it
			n, err := c.pread(f, b, at)
			if err == nil && n < len(b) {
				err = errShort
			}
			return err
		}
		if i >= uint64(len(from)) {
			return errShort
		}
		n := copy(b, from[i:])
		if n < len(b) && len(from) < blockSize {
			return errShort
		}
		b, at = b[n:], at+uint64(n)
	}
	return nil
}

// arena has memory that lives until the next step.
type arena struct{ buf []byte }

// A chunk that is larger than this is not kept for the next step.
const maxArena = 1 << 20

func (a *arena) reset() {
	if cap(a.buf) > maxArena {
		a.buf = nil
	}
	a.buf = a.buf[:0]
}

// take returns n bytes. Bytes taken before stay where they are.
func (a *arena) take(n int) []byte {
	if n > cap(a.buf)-len(a.buf) {
		a.buf = make([]byte, 0, max(n, min(2*cap(a.buf), maxArena), 4096))
	}
	from := len(a.buf)
	a.buf = a.buf[:from+n]
	return a.buf[from : from+n : from+n]
}
