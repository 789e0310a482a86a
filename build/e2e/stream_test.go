//go:build e2e

package e2e

import (
	"sync"
	"testing"
	"time"
)

// stream collects what is received from a Fluent Bit, and lets a test wait for it.
type stream[T any] struct {
	mu    sync.Mutex
	items []T
	grown chan struct{} // closed by the next add
}

func newStream[T any]() *stream[T] {
	return &stream[T]{grown: make(chan struct{})}
}

func (s *stream[T]) add(items ...T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = append(s.items, items...)
	close(s.grown)
	s.grown = make(chan struct{})
}

// now returns what was received so far, and a channel that is closed when there is more.
func (s *stream[T]) now() ([]T, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.items[:len(s.items):len(s.items)], s.grown
}

// wait returns what was received as soon as that is enough. It fails the test if that takes too
// long, or if p, which sends it, ends before.
func (s *stream[T]) wait(t *testing.T, p *process, enough func([]T) bool) []T {
	t.Helper()
	late := time.After(timeout)
	for {
		items, grown := s.now()
		if enough(items) {
			return items
		}
		select {
		case <-grown:
		case <-p.ended:
			t.Fatalf("Fluent Bit has ended (%v) after %d", p.err, len(items))
		case <-late:
			t.Fatalf("%d in %s, which is not enough", len(items), timeout)
		}
	}
}

// count returns a condition for wait: at least n items.
func count[T any](n int) func([]T) bool {
	return func(items []T) bool { return len(items) >= n }
}
