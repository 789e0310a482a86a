package transform

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
	"time"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// twins remembers the lines of the last two seconds, to know the second of two
// copies of one. The Go shim writes every line twice: to containerd's journal
// stream and, through its syslog hook, under its own identifier; the two differ
// in the digits of the time at most.
//
// The table has a fixed size: of many lines at once the oldest are forgotten,
// and then a copy stays that might have been marked.
type twins struct {
	mu    sync.Mutex
	seeds [2]maphash.Seed
	start time.Time
	sets  [twinSets][twinWays]twin
	now   func() time.Duration // since start; replaced in tests
}

type twin struct {
	print [2]uint64
	until time.Duration // 0: empty
}

const (
	twinSets   = 1024
	twinWays   = 8
	twinWindow = 2 * time.Second
)

func newTwins() *twins {
	t := &twins{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, start: time.Now()}
	t.now = func() time.Duration { return time.Since(t.start) }
	return t
}

// second says whether a line with the same time, sandbox, level and message came
// in the last two seconds, and remembers this one. A line whose time is known to
// the second only is no one's copy: the next line may well look the same.
func (t *twins) second(rec *parser.Record) bool {
	if !rec.HasTime || rec.Time.Whole || rec.Encoding == parser.NativeEncoding {
		return false
	}
	id, ok := rec.Lookup("sandbox")
	if !ok {
		if id, ok = rec.Lookup("ID"); !ok {
			return false
		}
	}
	level, _ := rec.Lookup("level")
	msg, _ := rec.Lookup("msg")
	print := t.print(rec.Time, id.Value, level.Value, msg.Value)

	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	set := &t.sets[print[0]%twinSets]
	oldest := &set[0]
	for i := range set {
		e := &set[i]
		if e.until > now && e.print == print {
			e.until = 0 // a third is the first of another pair
			return true
		}
		if e.until < oldest.until {
			oldest = e
		}
	}
	*oldest = twin{print, now + twinWindow}
	return false
}

func (t *twins) print(at parser.Time, texts ...[]byte) (print [2]uint64) {
	for i := range print {
		var h maphash.Hash
		h.SetSeed(t.seeds[i])
		var b [12]byte
		binary.LittleEndian.PutUint64(b[:], uint64(at.Sec))
		binary.LittleEndian.PutUint32(b[8:], at.Nsec)
		_, _ = h.Write(b[:])
		for _, text := range texts {
			binary.LittleEndian.PutUint64(b[:], uint64(len(text)))
			_, _ = h.Write(b[:8])
			_, _ = h.Write(text)
		}
		print[i] = h.Sum64()
	}
	return print
}
