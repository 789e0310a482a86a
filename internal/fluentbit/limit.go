//go:build cgo

package fluentbit

import (
	"fmt"
	"sync"
	"time"
)

// logInterval keeps an error that every chunk runs into from filling the log.
const logInterval = time.Minute

// Limiter lets a line that may come with every chunk into the log once per
// logInterval, and counts those that it holds back.
type Limiter struct {
	mu   sync.Mutex
	last time.Time // when a line was let through
	held int       // how many were not, since then
}

// Due reports whether a line is to be logged now and, if so, what to put at its
// end: how many were held back before it.
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
