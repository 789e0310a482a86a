//go:build cgo

package fluentbit

import (
	"fmt"
	"path"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/limit"
)

// Guard counts and logs the panics of one instance. Every function that C calls defers a
// recover, since a panic that reaches C ends the process. The zero Guard is ready for use.
// It is safe for use by several threads at once.
type Guard struct {
	mu    sync.Mutex
	count int
	lines limit.Lines
}

// Recovered counts the recovered panic p and logs it, at most once a minute. It must be
// called from the deferred function itself, whose stack still has the panic's origin.
func (g *Guard) Recovered(log Logger, p any) {
	g.mu.Lock()
	g.count++
	count := g.count
	_, due := g.lines.Due(time.Now()) // the line has the total, so what was held back need not be said
	g.mu.Unlock()
	if due {
		log.Errorf("internal error, the records go on as they came (%d so far): %s at %s", count, describe(p), origin())
	}
}

// total returns how many panics were counted.
func (g *Guard) total() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count
}

// Bug is a value to panic with, whose text is logged: it must contain no data of a record.
type Bug string

// describe describes a panic without its value, which may contain data of a record. The
// errors of Go's runtime contain numbers and types only.
func describe(p any) string {
	switch p := p.(type) {
	case runtime.Error:
		return p.Error()
	case Bug:
		return string(p)
	}
	return fmt.Sprintf("panic of type %T", p)
}

// origin returns the function, file and line that panicked.
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
