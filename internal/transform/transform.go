// Package transform is the whole plugin without C: a chunk of log events goes
// in, a chunk comes out, and counters tell what happened.
package transform

import (
	"strings"
	"sync"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/parser"
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
	plan          plan
	counters      counters
	duplicates    *duplicates // nil for duplicates keep
	continuations *continuations

	mu   sync.Mutex
	idle []*worker
}

// New makes an instance with the given options, which it keeps and does not change.
func New(o *options.Options) *Filter {
	f := &Filter{plan: newPlan(o), continuations: newContinuations()}
	if o.Duplicates != options.KeepDuplicates {
		f.duplicates = newDuplicates()
	}
	return f
}

// Process rewrites one chunk with the given tag into out, whose bytes so far stay as
// they are. Tag and chunk are only read, and not kept after the call.
func (f *Filter) Process(tag, chunk []byte, out *event.Buffer) Verdict {
	w := f.take()
	start := len(out.B)
	verdict := w.process(tag, chunk, out)
	f.counters.add(&w.tally, verdict, len(chunk), len(out.B)-start)
	// Not deferred: after a panic the worker's memory is not to be trusted.
	f.give(w)
	return verdict
}

// take answers a worker that no other thread uses. One is enough unless the host
// calls an instance from several threads.
func (f *Filter) take() *worker {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.idle); n > 0 {
		w := f.idle[n-1]
		f.idle = f.idle[:n-1]
		return w
	}
	return newWorker(f)
}

func (f *Filter) give(w *worker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, w)
}

// plan is what follows from the options, worked out once.
type plan struct {
	*options.Options
	config   parser.Config
	keys     *parser.Keys
	names    []strName // by place in keys: the field's name with the prefix
	prefix   []byte
	first    byte     // of the prefix; without one a byte that no key starts with
	wanted   []string // keys that are looked at
	keep     globs    // only_keys
	remove   globs    // remove_keys
	ownGone  globs    // remove_journal_keys
	selected bool     // keep or remove is set
	nest     []byte
	flags    [2]strName // the names of guest and parse_error where the record has those itself
}

// flagPrefix is put before the plugin's own flags when there is no prefix and the record
// has a key of their name.
const flagPrefix = "kata_"

func newPlan(o *options.Options) plan {
	p := plan{
		Options: o,
		prefix:  []byte(o.Prefix),
		first:   (o.Prefix + "\xff")[0],
		nest:    []byte(o.NestUnder),
		keep:    newGlobs(o.OnlyKeys, true),
		remove:  newGlobs(o.RemoveKeys, true),
		ownGone: newGlobs(o.RemoveJournalKeys, false),
		config:  o.Parser,
	}
	p.selected = len(p.keep)+len(p.remove) > 0
	p.keys = parser.NewKeys(o.Parser.Types)
	p.config.Keys = p.keys
	p.names = make([]strName, p.keys.Len())
	for i := range p.names {
		p.names[i].set(o.Prefix + p.keys.Name(parser.KeyID(i)))
	}
	p.wanted = append(p.wanted, o.KeyName...)
	for _, name := range specialNames {
		p.wanted = append(p.wanted, name, strings.ToLower(name))
	}
	if o.Prefix == "" {
		p.flags = [2]strName{}
		p.flags[0].set(flagPrefix + "guest")
		p.flags[1].set(flagPrefix + "parse_error")
	}
	return p
}
