package journal

import (
	"encoding/binary"
	"slices"
)

// chain is a list of entries in ascending order of their offsets: all entries of a file, or those
// that have one field. The format stores it as a first entry, in a data object only, and linked
// entry arrays.
type chain struct {
	file   *file
	extra  uint64 // the first entry, or 0 for the list of all entries
	first  uint64 // the first array
	n      uint64 // entries
	arrays []entryArray
	hint   int // index in arrays

	i, at uint64 // the entry that was found last is item i at offset at; at is 0 if there is none
}

type entryArray struct {
	offset uint64
	base   uint64 // items in the arrays before it
	items  uint64
}

// More arrays than that are taken for damage: writers double their sizes.
const maxArrays = 1 << 16

// item returns the offset of item i, which is less than n.
func (c *chain) item(i uint64) (uint64, error) {
	f := c.file
	if c.extra == 0 && f.index != nil {
		if i >= uint64(len(f.index)) {
			return 0, errArray
		}
		return f.index[i], nil
	}
	if c.extra != 0 {
		if i == 0 {
			return c.extra, nil
		}
		i--
	}
	k := c.hint
	if k >= len(c.arrays) || i < c.arrays[k].base || i-c.arrays[k].base >= c.arrays[k].items {
		var err error
		if k, err = c.array(i); err != nil {
			return 0, err
		}
		c.hint = k
	}
	a := &c.arrays[k]
	return f.item(a.offset+arrayHeader, i-a.base, f.arrayItem)
}

// array returns the index of the array with item i.
func (c *chain) array(i uint64) (int, error) {
	if n := len(c.arrays); n > 0 && i < c.arrays[n-1].base+c.arrays[n-1].items {
		k, found := slices.BinarySearchFunc(c.arrays, i, func(a entryArray, i uint64) int {
			switch {
			case a.base > i:
				return 1
			case a.base < i:
				return -1
			}
			return 0
		})
		if !found {
			k--
		}
		return k, nil
	}
	for {
		at, base, last := c.first, uint64(0), uint64(0)
		if n := len(c.arrays); n > 0 {
			a := c.arrays[n-1]
			b, err := c.file.peek(a.offset, arrayHeader)
			if err != nil {
				return 0, err
			}
			at, base, last = binary.LittleEndian.Uint64(b[16:]), a.base+a.items, a.offset
		}
		if at <= last || len(c.arrays) >= maxArrays {
			return 0, errArray
		}
		items, err := c.file.arrayAt(at)
		if err != nil {
			return 0, err
		}
		c.arrays = append(c.arrays, entryArray{offset: at, base: base, items: items})
		if i < base+items {
			return len(c.arrays) - 1, nil
		}
	}
}

// arrayAt returns the number of items of an entry array.
func (f *file) arrayAt(at uint64) (uint64, error) {
	if at%8 != 0 || at < f.headerSize || at >= f.end {
		return 0, errArray
	}
	b, err := f.peek(at, arrayHeader)
	if err != nil {
		return 0, err
	}
	size := objectSize(b)
	if b[0] != typeEntryArray || size < arrayHeader+f.arrayItem || (size-arrayHeader)%f.arrayItem != 0 || size > f.end-at && f.damage == nil {
		return 0, errArray
	}
	return (size - arrayHeader) / f.arrayItem, nil
}

// search returns the index of the first item whose offset is at least p, n if there is none.
// The items must be in order; where they are not, the result is any index.
func (c *chain) search(p uint64) (uint64, error) {
	low, high := uint64(0), c.n
	// Most often it is near the item that was found last.
	if c.at != 0 && c.i < c.n {
		if c.at < p {
			low = c.i + 1
			for step := uint64(1); low+step < high; step *= 2 {
				at, err := c.item(low + step - 1)
				if err != nil {
					return 0, err
				}
				if at == 0 || at >= p {
					high = low + step
					break
				}
				low += step
			}
		} else {
			high = c.i + 1
		}
	}
	for low < high {
		middle := low + (high-low)/2
		at, err := c.item(middle)
		if err != nil {
			return 0, err
		}
		if at != 0 && at < p {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

// from finds the first entry whose offset is at least p, or, if forward is not set, the last one
// whose offset is less than p. It returns 0 if there is none. An error says that the list is
// damaged, or, if e is not nil, the entry.
func (c *chain) from(p uint64, forward bool, e *entryHead) (uint64, error) {
	if c.n == 0 {
		return 0, nil
	}
	var i uint64
	if forward && c.at != 0 && c.at < p && p <= c.at+8 {
		i = c.i + 1 // the one behind that was found last
	} else {
		var err error
		if i, err = c.search(p); err != nil {
			return 0, err
		}
		if !forward {
			i-- // may wrap around
		}
	}
	if i >= c.n {
		return 0, nil
	}
	at, err := c.item(i)
	if err != nil {
		return 0, err
	}
	if at == 0 || at%8 != 0 || at >= p != forward {
		return 0, errArray
	}
	// An offset that is wrong but valid must not hide the entries around it.
	if forward && i+1 < c.n {
		after, err := c.item(i + 1)
		live := c.extra != 0 && c.file.state != stateArchived // see clamp
		if (err != nil || after == 0) && !live || err == nil && after != 0 && after <= at {
			return 0, errArray
		}
	} else if !forward && i > 0 {
		if before, err := c.item(i - 1); err != nil || before >= at {
			return 0, errArray
		}
	}
	if e != nil {
		if err := c.file.entryAt(at, e); err != nil {
			return 0, err
		}
	}
	c.i, c.at = i, at
	return at, nil
}

// tail returns the offset behind the last entry.
func (c *chain) tail() (uint64, error) {
	if c.n == 0 {
		return 0, nil
	}
	at, err := c.item(c.n - 1)
	if err == nil && (at == 0 || at >= c.file.end) {
		err = errArray
	}
	return at + 1, err
}

// clamp leaves out what is at the end of a list that is being written: an array that was read
// before the number of entries was may not have the last ones.
func (c *chain) clamp() {
	for i := 0; i < 4096 && c.n > 1; i++ {
		if _, err := c.tail(); err == nil {
			return
		}
		c.n--
	}
}

// verify checks that the list ends where it should. So it finds arrays whose sizes are wrong, and
// a wrong number of entries.
func (c *chain) verify() error {
	f := c.file
	if c.extra == 0 && f.index != nil || c.n == 0 && c.first == 0 {
		return nil
	}
	if c.n > 0 {
		if _, err := c.tail(); err != nil {
			return err
		}
	}
	if f.state != stateArchived { // there may be more entries by now than were counted
		return nil
	}
	i := c.n
	if c.extra != 0 {
		i--
	}
	if n := len(c.arrays); i > 0 && n > 0 {
		if a := c.arrays[n-1]; i < a.base+a.items {
			if at, err := f.item(a.offset+arrayHeader, i-a.base, f.arrayItem); err != nil || at != 0 {
				return errArray
			}
		}
		b, err := f.peek(c.arrays[n-1].offset, arrayHeader)
		if err != nil || binary.LittleEndian.Uint64(b[16:]) != 0 {
			return errArray
		}
	} else if c.first != 0 {
		return errArray
	}
	return nil
}

// The index of a damaged file has at most this many entries, of 8 bytes each.
const maxIndex = 4 << 20

// rebuild makes a list of all entries of a file that is damaged: those that its lists still have,
// and those that are found by going from object to object.
func (f *file) rebuild() {
	f.index = nil
	var index []uint64
	var e entryHead
	steps := 0
	budget := f.end / 8 // items that a file of this size can have
	add := func(at uint64) {
		if steps++; steps%64 == 0 {
			f.reader.cache.step()
		}
		if budget > 0 {
			budget--
		}
		if len(index) < maxIndex && f.entryAt(at, &e) == nil {
			index = append(index, at)
		}
	}
	sort := func() {
		slices.Sort(index)
		index = slices.Compact(index)
	}
	list := func(c chain) {
		for i := uint64(0); i < c.n && len(index) < maxIndex && budget > 0; i++ {
			at, err := c.item(i)
			if err != nil {
				return
			}
			add(at)
		}
	}
	list(chain{file: f, first: f.entryArray, n: f.entries})
	sort()
	for _, data := range f.boots() {
		if c, err := f.dataChain(data); err == nil {
			list(c)
			sort()
		}
	}
	known := len(index)
	for at := f.headerSize; at < f.end && len(index) < maxIndex; {
		b, err := f.peek(at, objectHeader)
		if err == nil {
			if size := objectSize(b); b[0] != 0 && size >= objectHeader && size <= f.end-at {
				if b[0] == typeEntry {
					add(at)
				} else if steps++; steps%64 == 0 {
					f.reader.cache.step()
				}
				at += (size + 7) &^ 7
				continue
			}
		}
		// Behind an object that cannot be stepped over, the entry that is next goes on.
		i, _ := slices.BinarySearch(index[:known], at+1)
		if i == known {
			break
		}
		at = index[i]
	}
	sort()
	// What is behind the entries that the header counts is being written.
	if uint64(len(index)) > f.entries {
		index = index[:f.entries]
	}
	stats := &f.reader.stats
	stats.LostEntries -= f.lost
	f.lost = 0
	if n := uint64(len(index)); n < f.entries && f.entries <= f.end/entryHeader {
		f.lost = f.entries - n
	}
	stats.LostEntries += f.lost
	if index == nil {
		index = []uint64{}
	}
	f.index = index
	f.main = chain{file: f, n: uint64(len(index))}
}

// dataChain returns the list of the entries that have a data object.
func (f *file) dataChain(at uint64) (chain, error) {
	if at%8 != 0 || at < f.headerSize || at >= f.end {
		return chain{}, errData
	}
	b, err := f.peek(at, dataHeader)
	if err != nil {
		return chain{}, err
	}
	if b[0] != typeData {
		return chain{}, errData
	}
	le := binary.LittleEndian
	c := chain{file: f, extra: le.Uint64(b[40:]), first: le.Uint64(b[48:]), n: le.Uint64(b[56:])}
	if (c.extra == 0) != (c.n == 0) || c.extra%8 != 0 || c.extra >= f.end {
		return chain{}, errData
	}
	return c, nil
}

// boots returns the offsets of the data objects of _BOOT_ID, oldest first.
func (f *file) boots() (list []uint64) {
	at, err := f.findField([]byte("_BOOT_ID"))
	if err != nil || at == 0 {
		return nil
	}
	b, err := f.peek(at, fieldHeader)
	if err != nil {
		return nil
	}
	last := f.end
	for at = binary.LittleEndian.Uint64(b[32:]); at != 0 && at < last && len(list) < maxArrays; {
		last = at
		b, err := f.peek(at, dataHeader)
		if err != nil || at%8 != 0 || b[0] != typeData {
			break
		}
		list = append(list, at)
		at = binary.LittleEndian.Uint64(b[32:])
	}
	slices.Reverse(list)
	return list
}
