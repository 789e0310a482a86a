// Package limit keeps an error that comes again and again from filling the log. It imports
// nothing but the standard library.
package limit

import (
	"fmt"
	"sync"
	"time"
)

// Interval is the least time between two log lines of one kind.
const Interval = time.Minute

// Lines limits a log line to one per Interval, and counts those that are held back. The
// zero Lines is ready for use. It is safe for use by several threads at once.
type Lines struct {
	mu   sync.Mutex
	last time.Time // of the last line that was due
	held int       // how many were held back since then
}

// Due reports whether a line is to be logged now. If so, held is to be put at its end: it
// says how many were held back, or is empty.
func (l *Lines) Due(now time.Time) (held string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.last) < Interval {
		l.held++
		return "", false
	}
	if l.held > 0 {
		held = fmt.Sprintf(" (%d more since the last such line)", l.held)
	}
	l.last, l.held = now, 0
	return held, true
}
