package report

import (
	"hash/maphash"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// Deduplicator passes records on, sorted by time, without the second of two copies: the Go shim
// writes each line to containerd's stream and, under its own identifier, to syslog. Copies have the
// same time to the nanosecond, level, message, sandbox, ID and source, as for the filter's
// option duplicates, and come from two identifiers or two files. A time of whole seconds never
// matches.
type Deduplicator struct {
	Dropped uint64

	names *choose.Names
	keys  [5]string
	next  func(*record.Record) error
	nano  int64
	seen  []seen
	seed  maphash.Seed
}

type seen struct {
	text, identifier uint64
	file             uint32
}

// NewDeduplicator returns a Deduplicator that passes records on to next.
func NewDeduplicator(n *choose.Names, next func(*record.Record) error) *Deduplicator {
	return &Deduplicator{
		names: n, next: next, seed: maphash.MakeSeed(), keys: [5]string{n.Level, n.Msg, n.Sandbox, n.Prefix + "ID", n.Source},
	}
}

// maxSeen bounds how many records of one time are compared.
const maxSeen = 256

// Record takes a record.
func (d *Deduplicator) Record(r *record.Record) error {
	if r.Nano%1e9 == 0 || r.Flags&record.NoTime != 0 || r.Field(d.names.Level) == nil {
		return d.next(r)
	}
	if r.Nano != d.nano {
		d.nano, d.seen = r.Nano, d.seen[:0]
	}
	var h maphash.Hash
	h.SetSeed(d.seed)
	for _, key := range d.keys {
		text := r.Text(key)
		_ = h.WriteByte(byte(min(len(text), 1)))
		_, _ = h.Write(text)
		_ = h.WriteByte(0)
	}
	s := seen{h.Sum64(), maphash.Bytes(d.seed, r.Text("SYSLOG_IDENTIFIER")), r.File}
	for _, o := range d.seen {
		if o.text == s.text && (o.identifier != s.identifier || o.file != s.file) {
			d.Dropped++
			return nil
		}
	}
	if len(d.seen) < maxSeen {
		d.seen = append(d.seen, s)
	}
	return d.next(r)
}
