package transform

import (
	"hash/maphash"
	"sync"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// duplicates remembers records, to detect the second of two copies of one. The Go shim
// writes every line twice: to containerd's journal stream and, through its syslog hook,
// under its own identifier; the two differ in the digits of the time at most.
//
// Fluent Bit processes one record several times itself (rewrite_tag, a retry of the output).
// So an entry is the copy that was kept: what comes again from the identifier of that
// copy is kept again, and what comes from another one is a duplicate again.
//
// The table has a fixed size: of many records at once the oldest are forgotten, and their
// second copies are not detected.
type duplicates struct {
	mu    sync.Mutex
	seeds [2]maphash.Seed
	count uint64 // how many entries were added so far
	sets  [duplicateSets][duplicateWays]seenRecord
}

// seenRecord is an entry: a copy that was kept.
type seenRecord struct {
	fingerprint [2]uint64 // of what both copies have, see duplicates.fingerprint
	identifier  uint64    // hash of the program that wrote it
	arrival     int64     // the event's own time in nanoseconds
	number      uint64    // entries are numbered from 1 on; 0 is an empty one
}

const (
	duplicateSets   = 1024
	duplicateWays   = 8
	duplicateWindow = 2e9 // nanoseconds between the copies' arrivals
)

func newDuplicates() *duplicates {
	return &duplicates{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

// isSecond reports whether a record is the second of two copies, given whether its sandbox
// comes from a command line, the identifier of the program that wrote it and the event's
// own time, and remembers it if not. A record
// whose time is known to the second only is never one: several of them may be equal.
func (d *duplicates) isSecond(rec *parser.Record, fromCommand bool, identifier []byte, sec int64, nsec uint32) bool {
	if identifier == nil || !mayHaveCopy(rec) {
		return false
	}
	fingerprint := [2]uint64{fingerprint(d.seeds[0], rec, fromCommand), fingerprint(d.seeds[1], rec, fromCommand)}
	entry := seenRecord{
		fingerprint: fingerprint, identifier: maphash.Bytes(d.seeds[0], identifier), arrival: sec*1e9 + int64(nsec),
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	set := &d.sets[fingerprint[0]%duplicateSets]
	slot := &set[0] // the oldest, or the entry of the same copy
	for i := range set {
		e := &set[i]
		same := e.number > 0 && e.fingerprint == fingerprint
		if distance := entry.arrival - e.arrival; same && e.identifier != entry.identifier && distance <= duplicateWindow && distance >= -duplicateWindow {
			return true
		}
		if same && e.identifier == entry.identifier {
			slot = e
		} else if e.number < slot.number && !(slot.number > 0 && slot.fingerprint == fingerprint && slot.identifier == entry.identifier) {
			slot = e
		}
	}
	d.count++
	entry.number = d.count
	*slot = entry
	return false
}

// mayHaveCopy reports whether there may be a second copy of a record: its time is the program's own,
// and known to the nanosecond.
func mayHaveCopy(rec *parser.Record) bool {
	return rec.HasTime && !rec.Time.Whole && rec.Encoding != parser.NativeEncoding
}

// fingerprint returns a hash of what two copies have in common: time, level, message, and sandbox, ID
// and source as far as the message has them.
func fingerprint(seed maphash.Seed, rec *parser.Record, fromCommand bool) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	writeNumber(&h, uint64(rec.Time.Sec))
	writeNumber(&h, uint64(rec.Time.Nsec))
	for _, name := range [...]string{"level", "msg", "sandbox", "ID", "source"} {
		var text []byte
		// Only the shim's own copy has a sandbox from the command line.
		if at := rec.Index([]byte(name)); at >= 0 && !(name == "sandbox" && fromCommand) {
			if f := &rec.Fields[at]; f.Type == parser.Text {
				text = rec.Text(f)
			}
		}
		writeNumber(&h, uint64(len(text)))
		_, _ = h.Write(text)
	}
	return h.Sum64()
}

// duplicateFlag is the field that the second of two copies gets.
const duplicateFlag = "duplicate"

// writeNumber adds a number to what is hashed.
func writeNumber(h *maphash.Hash, n uint64) {
	for range 8 {
		_ = h.WriteByte(byte(n))
		n >>= 8
	}
}
