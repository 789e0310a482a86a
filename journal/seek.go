package journal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// location is a place in the order of entries. What is not known is not set.
type location struct {
	hasSeqnum, hasMonotonic, hasRealtime, hasXor bool

	seqnum, monotonic, realtime, xor uint64
	seqnumID, boot                   ID
}

// ErrNoBoot is the error of SeekBoot if no entry is of the boot.
var ErrNoBoot = errors.New("journal: no entry of this boot")

// SeekHead moves to before the first entry.
func (r *Reader) SeekHead() {
	r.seek(func(*file) uint64 { return 0 })
}

// SeekTail moves to behind the last entry that there is now: Previous gives it, and Next the
// entries that are added.
func (r *Reader) SeekTail() {
	r.refresh(true)
	r.seek((*file).tail)
}

// SeekRealtime moves to before the first entry that is not older than a time in microseconds
// since 1970, UTC.
func (r *Reader) SeekRealtime(usec uint64) {
	l := location{realtime: usec, hasRealtime: true}
	r.seek(func(f *file) uint64 { return f.locate(&l, false) })
}

// SeekMonotonic moves to before the first entry of a boot whose monotonic time is not less than
// usec microseconds. Of files that have no entry of the boot it takes those that are not older
// than the first entry of the boot. The error is ErrNoBoot if no file has one.
func (r *Reader) SeekMonotonic(boot ID, usec uint64) error {
	boots := r.Boots()
	i := slices.IndexFunc(boots, func(b Boot) bool { return b.ID == boot })
	if i < 0 {
		return ErrNoBoot
	}
	l := location{boot: boot, monotonic: usec, hasMonotonic: true, realtime: boots[i].First, hasRealtime: true}
	r.seek(func(f *file) uint64 { return f.locate(&l, false) })
	return nil
}

// SeekBoot moves to before the first entry of a boot. The entries of other boots, such as those
// of other machines, are not left out; Match with "_BOOT_ID" does that.
func (r *Reader) SeekBoot(boot ID) error { return r.SeekMonotonic(boot, 0) }

// SeekCursor moves to before the entry with this cursor. If that does not exist any more, it is
// the place where it would be.
func (r *Reader) SeekCursor(cursor string) error { return r.seekCursor(cursor, false) }

// SeekAfterCursor moves to behind the entry with this cursor, or behind where it would be: to go
// on after what was read before.
func (r *Reader) SeekAfterCursor(cursor string) error { return r.seekCursor(cursor, true) }

func (r *Reader) seekCursor(cursor string, after bool) error {
	l, err := parseCursor(cursor)
	if err != nil {
		return err
	}
	r.seek(func(f *file) uint64 { return f.locate(&l, after) })
	return nil
}

func (r *Reader) seek(gap func(*file) uint64) {
	r.entry.reset(nil, nil)
	r.current, r.pending, r.positioned = nil, false, false
	for _, f := range r.files {
		r.cache.step()
		f.inHeap, f.skip = false, nil
		f.gap = gap(f)
	}
}

// parseCursor reads a cursor as sd_journal_get_cursor and Entry.Cursor write it.
func parseCursor(cursor string) (l location, err error) {
	bad := func(reason string) (location, error) {
		return location{}, fmt.Errorf("journal: bad cursor %q: %s", cursor, reason)
	}
	var seen [256]bool
	for part := range strings.SplitSeq(cursor, ";") {
		if len(part) < 2 || part[1] != '=' {
			return bad("a part is not of the form x=value")
		}
		key, value := part[0], part[2:]
		var number uint64
		var id ID
		switch key {
		case 's', 'b':
			id, err = ParseID(value)
		case 'i', 'm', 't', 'x':
			number, err = strconv.ParseUint(value, 16, 64)
		default:
			continue // of a later version
		}
		if err != nil {
			return bad("the value of " + string(key) + " cannot be read")
		}
		seen[key] = true
		switch key {
		case 's':
			l.seqnumID = id
		case 'b':
			l.boot = id
		case 'i':
			l.seqnum = number
		case 'm':
			l.monotonic = number
		case 't':
			l.realtime = number
		case 'x':
			l.xor = number
		}
	}
	l.hasSeqnum = seen['s'] && seen['i']
	l.hasMonotonic = seen['b'] && seen['m']
	l.hasRealtime, l.hasXor = seen['t'], seen['x']
	if !l.hasSeqnum && !l.hasMonotonic && !l.hasRealtime {
		return bad("it has neither a sequence number, nor a monotonic time, nor a time")
	}
	return l, nil
}

// compare orders an entry against the location.
func (l *location) compare(e *entryHead, source ID) int {
	if l.hasSeqnum && source == l.seqnumID && e.seqnum != l.seqnum {
		return cmp.Compare(e.seqnum, l.seqnum)
	}
	if l.hasMonotonic && e.boot == l.boot && e.monotonic != l.monotonic {
		return cmp.Compare(e.monotonic, l.monotonic)
	}
	if l.hasRealtime && e.realtime != l.realtime {
		return cmp.Compare(e.realtime, l.realtime)
	}
	if l.hasXor {
		return cmp.Compare(e.xor, l.xor)
	}
	return 0
}

// tail returns the position behind all entries.
func (f *file) tail() uint64 {
	f.check()
	at, err := f.main.tail()
	if err != nil {
		if !isDamage(err) {
			f.lose(err)
		}
		return 0
	}
	return at
}

// check makes a list of the entries if the file's own one is damaged at its end.
func (f *file) check() {
	if f.verified == f.serial {
		return
	}
	err := f.main.verify()
	for retries := 0; retries < 3 && err != nil && isDamage(err) && f.state != stateArchived && f.index == nil && f.reload() == nil; retries++ {
		err = f.main.verify() // what is being written may have been read in another order
	}
	f.verified = f.serial
	if err != nil && isDamage(err) {
		f.damaged(err)
		f.rebuild()
	}
}

// locate returns the position of a location in the file, or behind the entry that is there.
func (f *file) locate(l *location, after bool) uint64 {
	gap, err := f.bisect(l)
	if err != nil && isDamage(err) {
		f.damaged(err)
		if f.index == nil {
			f.rebuild()
			gap, err = f.bisect(l)
		}
	}
	if err != nil {
		if !isDamage(err) {
			f.lose(err)
		}
		return f.tail()
	}
	for after {
		var e entryHead
		if at, err := f.main.from(gap, true, &e); err != nil || at == 0 || l.compare(&e, f.seqnumID) > 0 {
			break
		}
		gap = e.offset + 1
		f.reader.cache.step()
	}
	return gap
}

func (f *file) bisect(l *location) (uint64, error) {
	if l.hasSeqnum && l.seqnumID == f.seqnumID {
		return f.main.bisect(func(e *entryHead) bool { return e.seqnum < l.seqnum })
	}
	if l.hasMonotonic {
		var name [64]byte
		payload := append(append(name[:0], "_BOOT_ID="...), l.boot.String()...)
		data, err := f.findData(payload)
		if err != nil && !isDamage(err) {
			return 0, err
		}
		if err == nil && data != 0 {
			c, err := f.dataChain(data)
			if err == nil {
				var gap, tail uint64
				if tail, err = c.tail(); err == nil {
					gap, err = c.bisect(func(e *entryHead) bool { return e.monotonic < l.monotonic })
				}
				if err == nil && gap != tail {
					return gap, nil
				}
			}
			if err != nil && !isDamage(err) {
				return 0, err
			}
		}
	}
	if l.hasRealtime {
		return f.main.bisect(func(e *entryHead) bool { return e.realtime < l.realtime })
	}
	return 0, nil
}

// bisect returns the offset of the first entry that is not less, or what tail returns. It looks at
// the last entry of each array first, as libsystemd does, and so finds the same entry in a file
// whose clock was set back.
func (c *chain) bisect(less func(*entryHead) bool) (uint64, error) {
	var e entryHead
	// A damaged entry is taken for the next one that is not.
	test := func(i, end uint64) (found bool, at uint64, err error) {
		for ; i < end; i++ {
			if at, err = c.item(i); err != nil {
				return false, 0, err
			}
			switch err := c.file.entryAt(at, &e); {
			case err == nil:
				return !less(&e), at, nil
			case !isDamage(err):
				return false, 0, err
			}
		}
		return true, 0, nil
	}
	for low := uint64(0); low < c.n; {
		c.file.reader.cache.step()
		high, err := c.arrayEnd(low)
		if err != nil {
			return 0, err
		}
		found, _, err := test(high-1, high)
		if err != nil {
			return 0, err
		}
		if !found {
			low = high
			continue
		}
		end := high
		for low < high {
			middle := low + (high-low)/2
			found, _, err := test(middle, high)
			if err != nil {
				return 0, err
			}
			if found {
				high = middle
			} else {
				low = middle + 1
			}
		}
		if _, at, err := test(low, end); err != nil || at != 0 {
			return at, err
		}
		low = end // only damaged entries: those of the next array
	}
	return c.tail()
}

// arrayEnd returns the index behind the items that are in one array with item i.
func (c *chain) arrayEnd(i uint64) (uint64, error) {
	if c.extra == 0 && c.file.index != nil {
		return c.n, nil
	}
	if _, err := c.item(i); err != nil {
		return 0, err
	}
	if c.extra != 0 {
		if i == 0 {
			return 1, nil
		}
		a := c.arrays[c.hint]
		return min(a.base+a.items+1, c.n), nil
	}
	a := c.arrays[c.hint]
	return min(a.base+a.items, c.n), nil
}

// Boot is a boot of a machine that has entries.
type Boot struct {
	ID          ID
	First, Last uint64 // the times of the first and last entry, in microseconds since 1970, UTC
}

// Boots returns the boots that have entries, in the order of their first ones. The position does
// not change, but what was given of the current entry is not valid any more.
func (r *Reader) Boots() []Boot {
	r.entry.reset(nil, nil)
	found := make(map[ID]Boot)
	add := func(e *entryHead) {
		b, ok := found[e.boot]
		if !ok {
			b = Boot{ID: e.boot, First: e.realtime, Last: e.realtime}
		}
		b.First, b.Last = min(b.First, e.realtime), max(b.Last, e.realtime)
		found[e.boot] = b
	}
	for _, f := range r.files {
		r.cache.step()
		var e entryHead
		whole := false
		boots := f.boots()
		for _, data := range boots {
			c, err := f.dataChain(data)
			if err != nil || c.n == 0 {
				whole = true
				continue
			}
			for _, i := range []uint64{0, c.n - 1} {
				at, err := c.item(i)
				if err != nil || f.entryAt(at, &e) != nil {
					whole = true
					break
				}
				add(&e)
			}
		}
		if !whole && (len(boots) > 0 || f.entries == 0) {
			continue
		}
		// Without lists that can be used, every entry is looked at.
		f.check()
		for i := range f.main.n {
			r.cache.step()
			if at, err := f.main.item(i); err != nil {
				break
			} else if f.entryAt(at, &e) == nil {
				add(&e)
			}
		}
	}
	boots := make([]Boot, 0, len(found))
	for _, b := range found {
		boots = append(boots, b)
	}
	slices.SortFunc(boots, func(a, b Boot) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last), slices.Compare(a.ID[:], b.ID[:]))
	})
	return boots
}
