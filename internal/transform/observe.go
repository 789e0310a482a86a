package transform

import (
	"hash/maphash"

	"github.com/kata-logs/fluent-bit-kata/internal/journalfields"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// Observer is told what a Filter knows of records beyond the fields that it writes, so that who
// shows logs need not decide the same again. Its functions are called by Process, in the order of
// the records. Each gets the event as a part of the chunk; a function may change the event's
// metadata in place if the chunk is the caller's own. What they get is valid until they return.
type Observer struct {
	// Pod is called for each record in which a container runtime names the pod of a sandbox. It
	// may be nil.
	Pod func(event []byte, p NamedPod)
	// Copy is called for each record of which there may be a second copy, with a hash that the
	// two have in common: that of the option duplicates. It may be nil.
	Copy func(event []byte, fingerprint uint64)
	// Time is called for each record whose time is the message's own, with that time in nanoseconds
	// since 1970. That of the event is when the record was received, if anything. It may be nil.
	Time func(event []byte, nano int64)
	// Seed is that of the hash. Hashes of several Filters can be compared if they have the
	// same.
	Seed maphash.Seed
}

// NamedPod is what a container runtime says of the pod of a sandbox.
type NamedPod struct {
	Sandbox, Name, Namespace, UID []byte
	// Unit is the systemd unit that wrote the record, nil if the record has none.
	Unit []byte
	// Runtime says that the unit is that of a container runtime: only then the filter itself
	// believes it.
	Runtime bool
}

// NewObserved is New for a Filter that has an observer.
func NewObserved(o *options.Options, observer *Observer) *Filter {
	f := New(o)
	f.observer = observer
	if !o.SandboxMetadata { // which wants it, too
		f.plan.wanted = append(f.plan.wanted, journalfields.UnitSpellings()...)
	}
	return f
}

// observe tells the observer of a record.
func (w *worker) observe(rec *parser.Record, unit []byte) {
	event := w.chunk[w.ev.Start:w.ev.End]
	if o := w.observer; o.Copy != nil && mayHaveCopy(rec) {
		o.Copy(event, fingerprint(o.Seed, rec, w.fromCommand))
	}
	if o := w.observer; o.Time != nil && rec.HasTime && rec.Encoding != parser.NativeEncoding {
		o.Time(event, rec.Time.Sec*1e9+int64(rec.Time.Nsec))
	}
	if o := w.observer; o.Pod != nil && namesPod(rec) {
		o.Pod(event, NamedPod{
			Sandbox: w.fieldText(rec, "sandbox"), Name: w.fieldText(rec, podKeys[0]), Namespace: w.fieldText(rec, podKeys[1]),
			UID: w.fieldText(rec, podKeys[2]), Unit: unit, Runtime: journalfields.IsRuntimeUnit(unit),
		})
	}
}
