// Package transform is the whole plugin without C: a chunk of log events goes
// in, a chunk comes out, and counters tell what happened.
package transform

import (
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// Verdict is what the host must do with its chunk.
type Verdict int

const (
	// Untouched: nothing changed, the host goes on with the chunk it has. What
	// the buffer holds is to be thrown away.
	Untouched Verdict = iota
	// Changed: the buffer holds the chunk that takes the old one's place; when
	// it is empty every record of the chunk was dropped by an option.
	Changed
)

// Filter is one instance of the plugin. It may be used by several threads at
// once and shares nothing with other instances.
type Filter struct {
	opts *options.Options
}

// New makes an instance with the given options, which it keeps and does not change.
func New(o *options.Options) *Filter {
	return &Filter{opts: o}
}

// Process rewrites one chunk into out. The chunk is only read, and not kept
// after the call.
func (f *Filter) Process(chunk []byte, out *event.Buffer) Verdict {
	return Untouched
}
