package sink

import (
	"sync"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/limit"
)

// lines is a sink that writes JSON lines.
type lines struct {
	log      Logger
	write    func([]byte) error // all of the bytes, not interleaved with those of other calls
	close    func()             // may be nil
	failure  string             // what is logged before an error
	failures limit.Lines
	spare    sync.Pool // of *[]byte
}

// maxSpare is the size of the memory that is kept for later chunks, so that one large chunk
// does not occupy memory for good.
const maxSpare = 4 << 20

func (l *lines) Ready() bool { return true }

func (l *lines) Deliver(c *Chunk) error {
	b, _ := l.spare.Get().(*[]byte)
	if b == nil {
		b = new([]byte)
	}
	*b = AppendJSONLines((*b)[:0], c.Events)
	if l.log.Debugging() {
		l.log.Debugf("chunk of %d bytes, %d bytes of lines", len(c.Received), len(*b))
	}
	err := l.write(*b)
	if cap(*b) <= maxSpare {
		l.spare.Put(b)
	}
	if err != nil {
		if held, due := l.failures.Due(time.Now()); due {
			l.log.Warnf("%s: %v%s", l.failure, err, held)
		}
	}
	return err
}

func (l *lines) Close() {
	if l.close != nil {
		l.close()
	}
}
