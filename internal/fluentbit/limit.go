//go:build cgo

package fluentbit

import (
	"fmt"
	"sync"
	"time"
)

// logInterval keeps an error of every chunk from filling the log.
const logInterval = time.Minute

// Limiter limits a log line to one per logInterval and counts those that are held back. The
// zero Limiter is ready for use. It is safe for use by several threads at once.
type Limiter struct {
	mu   sync.Mutex
	last time.Time // of the last line that was due
	held int       // how many were held back since then
}

// Due reports whether a line is to be logged now. If so, held is to be put at its end: it
// says how many were held back, or is empty.
func (l *Limiter) Due(now time.Time) (held string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.last) < logInterval {
		l.held++
		return "", false
	}
	if l.held > 0 {
		held = fmt.Sprintf(" (%d more since the last such line)", l.held)
	}
	l.last, l.held = now, 0
	return held, true
}
