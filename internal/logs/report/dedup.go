package report

import (
	"hash/maphash"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// Deduplicator passes records on, sorted by time, without the second of two copies: the Go shim
// writes each line to containerd's stream and, under its own identifier, to syslog. What copies
// have in common is decided by the filter, see record.Position.Copy. Here they come from two
// identifiers or from two files.
type Deduplicator struct {
	Dropped uint64

	next func(*record.Record) error
	nano int64
	seen []seen
	seed maphash.Seed
}

type seen struct {
	copy, identifier uint64
	file             uint32
}

// NewDeduplicator returns a Deduplicator that passes records on to next.
func NewDeduplicator(next func(*record.Record) error) *Deduplicator {
	return &Deduplicator{next: next, seed: maphash.MakeSeed()}
}

// maxSeen bounds how many records of one time are compared.
const maxSeen = 256

// Record takes a record.
func (d *Deduplicator) Record(r *record.Record) error {
	if r.Copy == 0 {
		return d.next(r)
	}
	if r.Nano != d.nano {
		d.nano, d.seen = r.Nano, d.seen[:0]
	}
	s := seen{r.Copy, maphash.Bytes(d.seed, r.Text("SYSLOG_IDENTIFIER")), r.File}
	for _, o := range d.seen {
		if o.copy == s.copy && (o.identifier != s.identifier || o.file != s.file) {
			d.Dropped++
			return nil
		}
	}
	if len(d.seen) < maxSeen {
		d.seen = append(d.seen, s)
	}
	return d.next(r)
}
