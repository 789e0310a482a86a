//go:build cgo

package fluentbit

import (
	"fmt"
	"path"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Guard counts the panics of one instance. Every function that C calls defers a
// recover, since a panic that reaches C ends the process, and all of its logs.
type Guard struct {
	mu    sync.Mutex
	count int
	lines Limiter
}

// Recovered counts the recovered panic p and logs it, at most once a minute. It
// has to be called from the deferred function itself, while the stack is still there.
func (g *Guard) Recovered(log Logger, p any) {
	g.mu.Lock()
	g.count++
	count := g.count
	_, due := g.lines.Due(time.Now()) // the line has the count of all
	g.mu.Unlock()
	if due {
		log.Errorf("internal error, the records go on as they came (%d so far): %s at %s", count, describe(p), origin())
	}
}

func (g *Guard) total() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count
}

// Bug is a panic whose text is ours and names no data.
type Bug string

// describe names a panic without printing what it carries, which may be part
// of a record. The runtime's own errors and Bugs carry numbers and types only.
func describe(p any) string {
	switch p := p.(type) {
	case runtime.Error:
		return p.Error()
	case Bug:
		return string(p)
	}
	return fmt.Sprintf("panic of type %T", p)
}

// origin is the function, file and line that panicked.
func origin() string {
	pc := make([]uintptr, 32)
	frames := runtime.CallersFrames(pc[:runtime.Callers(3, pc)]) // Callers, origin, Recovered: from the deferred function on
	for panicked := false; ; {
		f, more := frames.Next()
		inRuntime := strings.HasPrefix(f.Function, "runtime.")
		if panicked && !inRuntime {
			return fmt.Sprintf("%s (%s:%d)", path.Base(f.Function), path.Base(f.File), f.Line)
		}
		panicked = panicked || inRuntime
		if !more {
			return "an unknown place"
		}
	}
}
