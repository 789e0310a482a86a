// Package collect is the input without C and Fluent Bit: it reads the entries of journals as the
// log events that Fluent Bit's systemd input makes of them, and keeps the position.
//
// It must never import cgo or package net.
package collect

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/limit"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/journal"
)

// The memory for one entry: a field that is longer is cut, and of what an entry has beyond it
// only the start of each field is read. journald's own limits are higher, but what Fluent Bit
// does with a record takes several times its size.
const (
	maxField = 8 << 20
	maxEntry = 16 << 20
)

// Logger gets what an operator is to know. Lines have no data of a record.
type Logger interface {
	Infof(format string, args ...any)
	Warnf(format string, args ...any)
}

// Collector reads the journals of one instance. It is for one goroutine at a time, but for
// Numbers.
type Collector struct {
	opts   *options.Input
	log    Logger
	reader *journal.Reader
	db     *position // nil without one

	encoder encoder
	start   string        // cursor of the entry that reading started behind, or empty
	held    bool          // the reader's entry is not in a batch yet, for want of memory
	last    journal.Entry // that was read
	read    bool          // last is set
	done    journal.Entry // that Done was called for
	cursor  []byte

	reopened   bool // by Reopen, at
	reopenedAt string
	skip       int // entries that were left out there

	damaged                            int // files that were reported
	late, lost, vanished, cut, noNames limit.Lines

	mu     sync.Mutex    // guards what follows
	before journal.Stats // of readers that were closed
	stats  journal.Stats // of all
	time   uint64        // of the last entry, in microseconds since 1970
}

// New returns a Collector that starts where the position says, or as the options do.
func New(opts *options.Input, log Logger) (*Collector, error) {
	c := &Collector{opts: opts, log: log, encoder: encoder{lowercase: opts.Lowercase, strip: opts.StripUnderscores}}
	if opts.DB == "" {
		log.Infof("no db is set: the next start does not know what was read")
	} else {
		db, cursor, err := openPosition(opts.DB)
		if err != nil {
			return nil, err
		}
		c.db, c.start = db, cursor
	}
	if err := c.open(c.start); err != nil {
		c.closePosition()
		return nil, err
	}
	if !anyExists(opts.Paths) {
		log.Warnf("path: none of %q exists yet; is it mounted? journald keeps its files in /var/log/journal or, if that directory does not exist, in /run/log/journal", opts.Paths)
	}
	return c, nil
}

// open opens the journals and moves to behind the entry with a cursor, or if that is empty to
// the start that the options say.
func (c *Collector) open(cursor string) error {
	r, err := journal.Open(c.opts.Paths, journal.Options{MaxField: maxField, MaxEntry: maxEntry, Damaged: c.reportDamage})
	if err != nil {
		return err
	}
	for i, m := range c.opts.Filters {
		if i > 0 {
			r.Or()
		}
		r.Match(m.Field, m.Value)
	}
	switch {
	case cursor != "":
		if err := r.SeekAfterCursor(cursor); err != nil {
			r.Close()
			return fmt.Errorf("db: %w", err)
		}
	case c.opts.ReadFromTail:
		r.SeekTail()
	}
	if c.reader != nil {
		c.mu.Lock()
		c.before = c.stats
		c.mu.Unlock()
		c.reader.Close()
	}
	c.reader, c.held = r, false
	return nil
}

// anyExists reports whether there is one of the paths.
func anyExists(paths []string) bool {
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

// reportDamage logs the damage of a file: of the first ones each, of others one a minute.
func (c *Collector) reportDamage(path string, err error) {
	lines := &c.late
	if c.damaged++; c.damaged <= 10 {
		lines = new(limit.Lines)
	}
	if held, due := lines.Due(time.Now()); due {
		c.log.Warnf("%s: %v%s", path, err, held)
	}
}

// Read appends the events of the next entries to b until it has about size bytes, and reports
// whether there are any. An error is one of memory: what is in b is whole, and the next entries are
// read again.
func (c *Collector) Read(b *event.Buffer, size int) (any bool, err error) {
	defer c.count()
	for len(b.B) < size {
		if !c.held && !c.reader.Next() {
			return any, nil
		}
		e := c.reader.Entry()
		if !c.encoder.append(b, e.Realtime, e.Fields()) {
			c.held = true
			return any, fmt.Errorf("no memory for a batch of %d bytes", len(b.B))
		}
		c.held = false
		c.last, c.read, any = *e, true, true
	}
	return any, nil
}

// count takes over the reader's counters, and logs what is lost.
func (c *Collector) count() {
	s := c.reader.Stats()
	c.mu.Lock()
	old := c.stats
	c.stats = journal.Stats{
		Entries:         c.before.Entries + s.Entries,
		DamagedFiles:    c.before.DamagedFiles + s.DamagedFiles,
		RefusedFiles:    c.before.RefusedFiles + s.RefusedFiles,
		VanishedFiles:   c.before.VanishedFiles + s.VanishedFiles,
		LostEntries:     c.before.LostEntries + s.LostEntries,
		DamagedEntries:  c.before.DamagedEntries + s.DamagedEntries,
		DamagedFields:   c.before.DamagedFields + s.DamagedFields,
		TruncatedFields: c.before.TruncatedFields + s.TruncatedFields,
	}
	c.time = c.last.Realtime
	now := c.stats
	c.mu.Unlock()
	warn := func(lines *limit.Lines, n uint64, format string) {
		if n == 0 {
			return
		}
		if held, due := lines.Due(time.Now()); due {
			c.log.Warnf(format+"%s", n, held)
		}
	}
	warn(&c.vanished, now.VanishedFiles-old.VanishedFiles, "%d files of the journal were deleted before they were read: what they had is lost. A larger max_batch reads faster, and journald keeps more with a larger SystemMaxUse")
	warn(&c.lost, now.LostEntries+now.DamagedEntries+now.DamagedFields-old.LostEntries-old.DamagedEntries-old.DamagedFields, "%d entries or fields of damaged files cannot be read")
	warn(&c.cut, now.TruncatedFields-old.TruncatedFields, "%d fields are longer than 8M, or their entries than 16M, and were cut")
	warn(&c.noNames, c.encoder.nameless, "%d fields have no name and were left out")
	c.encoder.nameless = 0
}

// Done says that the entries that were read so far are in the batch that Fluent Bit is given.
func (c *Collector) Done() { c.done = c.last }

// Save keeps the position behind the entries that Done was called for, for the next start.
func (c *Collector) Save() error {
	if c.db == nil || c.done.Realtime == 0 {
		return nil
	}
	c.cursor = c.done.AppendCursor(c.cursor[:0])
	return c.db.save(c.cursor)
}

// Reopen opens the journals anew behind the last entry that was read: after a panic the state
// of what reads them is not known. Where it is called again before another entry was read, that
// entry is left out, and one more each time.
func (c *Collector) Reopen() error {
	at := c.start
	if c.read {
		at = c.last.Cursor()
	}
	if c.reopened && at == c.reopenedAt {
		c.skip++
	} else {
		c.reopened, c.reopenedAt, c.skip = true, at, 0
	}
	if err := c.open(at); err != nil {
		return err
	}
	for range c.skip {
		if !c.reader.Next() {
			break
		}
	}
	if c.skip > 0 {
		c.log.Warnf("%d entries that cannot be read were left out", c.skip)
	}
	return nil
}

// Close closes the journals, and ends the use of the position.
func (c *Collector) Close() {
	c.reader.Close()
	c.closePosition()
}

func (c *Collector) closePosition() {
	if c.db != nil {
		c.db.close()
		c.db = nil
	}
}
