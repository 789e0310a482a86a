// Package transform is the filter without C and Fluent Bit: it parses the messages of a
// chunk of log events, writes the chunk with the parsed fields, and counts what it did.
// The metrics that operators see are defined here, too.
//
// It works on memory alone: it must never import cgo, package net, what is for one plugin
// (internal/fluentbit, internal/sink), or a module from elsewhere.
package transform

import (
	"sync"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/journalfields"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/pods"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// Verdict is what Fluent Bit must do with its chunk.
type Verdict int

const (
	// Untouched: nothing changed, or there was no memory. Fluent Bit continues with
	// its own chunk; what was appended to the buffer is to be discarded.
	Untouched Verdict = iota
	// Changed: the buffer has the chunk that replaces the old one. If nothing was
	// appended to it, an option has dropped every record.
	Changed
)

// Filter is one instance of the plugin. It is safe for use by several goroutines or
// threads at once, and shares nothing with other instances.
type Filter struct {
	plan          plan
	counters      counters
	duplicates    *duplicates // nil for duplicates keep
	continuations *continuations
	pods          *pods.Resolver // nil for sandbox_metadata off
	observer      *Observer      // nil for none

	mu   sync.Mutex
	idle []*worker
}

// New returns an instance with the given options, which it keeps and does not change.
// The caller must not change them either.
func New(o *options.Options) *Filter {
	f := &Filter{plan: newPlan(o), continuations: newContinuations()}
	if o.Duplicates != options.KeepDuplicates {
		f.duplicates = newDuplicates()
	}
	if o.SandboxMetadata {
		f.pods = pods.New(o.SandboxMetadataRoots)
	}
	return f
}

// Close frees what the instance holds beside memory. No other method may be called any more.
func (f *Filter) Close() {
	if f.pods != nil {
		f.pods.Close()
	}
}

// Warnings returns what the operator is to know of the look-ups of pods since the last call, and
// nil if there is nothing. The texts have nothing of a record.
func (f *Filter) Warnings() []string {
	if f.pods == nil {
		return nil
	}
	return f.pods.Warnings()
}

// Process appends to out what replaces a chunk with the given tag; see Verdict. The chunk
// is a run of msgpack events as package event reads them, of less than 4 GiB; what is no
// log event, and what follows the first byte that is no msgpack, is copied as it is.
//
// Tag and chunk are only read, and neither they nor out are kept after the call. After a
// panic, from which the caller may recover, the instance can still be used.
func (f *Filter) Process(tag, chunk []byte, out *event.Buffer) Verdict {
	w := f.get()
	start := len(out.B)
	verdict := w.process(tag, chunk, out)
	f.counters.add(&w.counts, verdict, len(chunk), len(out.B)-start)
	// Not deferred: after a panic the worker's state may be inconsistent.
	f.put(w)
	return verdict
}

// get returns a worker that no other thread uses. One is enough unless Fluent Bit calls
// an instance from several threads at once.
func (f *Filter) get() *worker {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.idle); n > 0 {
		w := f.idle[n-1]
		f.idle = f.idle[:n-1]
		return w
	}
	return newWorker(f)
}

// put makes a worker available again.
func (f *Filter) put(w *worker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, w)
}

// plan is what follows from the options. It is computed once, and only read by workers.
type plan struct {
	*options.Options
	keys         []parser.Key // by KeyID
	names        []strName    // by KeyID: the field's name with the prefix
	duplicateKey parser.KeyID // of duplicateFlag
	prefix       []byte
	first        byte     // of the prefix; without one a byte that no key starts with
	wanted       []string // keys whose pairs the walker lists
	keep         globs    // only_keys
	remove       globs    // remove_keys
	removePairs  globs    // remove_journal_keys
	selected     bool     // keep or remove is set
	nest         []byte
	flags        [2]strName // the names of guest and parse_error where the record has those itself
	podWait      time.Duration
	podKey       []byte // of the map with the pod; empty for fields
	podFields    [4]parser.KeyID
}

// flagPrefix is put before the names of the plugin's own flags if there is no prefix and
// the record has a key of that name.
const flagPrefix = "kata_"

func newPlan(o *options.Options) plan {
	p := plan{
		Options:     o,
		prefix:      []byte(o.Prefix),
		first:       (o.Prefix + "\xff")[0],
		nest:        []byte(o.NestUnder),
		keep:        newGlobs(o.OnlyKeys, true),
		remove:      newGlobs(o.RemoveKeys, true),
		removePairs: newGlobs(o.RemoveJournalKeys, false),
	}
	p.selected = len(p.keep)+len(p.remove) > 0
	p.keys = parser.New(o.Parser).Keys()
	p.names = make([]strName, len(p.keys))
	for i, key := range p.keys {
		p.names[i].set(o.Prefix + key.Name)
		if key.Name == duplicateFlag {
			p.duplicateKey = parser.KeyID(i)
		}
	}
	if o.SandboxMetadata {
		p.planPods()
	}
	p.wanted = append(p.wanted, o.KeyName...)
	p.wanted = append(p.wanted, journalfields.Spellings()...)
	if o.Prefix == "" {
		p.flags = [2]strName{}
		p.flags[0].set(flagPrefix + "guest")
		p.flags[1].set(flagPrefix + "parse_error")
	}
	return p
}
