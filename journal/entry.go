package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"unicode/utf8"
)

// More items than that of one entry are not given; journald allows 1024.
const maxItems = 16384

// Entry is the entry at the Reader's position. It belongs to the Reader and is set anew by each
// Next and Previous.
type Entry struct {
	Seqnum    uint64 // counts the entries of SeqnumID
	Realtime  uint64 // when journald got it, in microseconds since 1970, UTC
	Monotonic uint64 // the same as microseconds since BootID
	XorHash   uint64 // a hash of the contents
	BootID    ID
	SeqnumID  ID // the source of sequence numbers
	MachineID ID // of the file that has the entry
	// Damaged is set by Fields if it left out a field that is damaged or, with Options.VerifyHashes,
	// if the fields are not those that XorHash was made of.
	Damaged bool

	reader *Reader
	file   *file
	offset uint64
	size   uint64
	list   []byte // the items, once they are needed
	loaded bool
	given  int // bytes of fields that next returned
	fields []Field
}

// Field is a field of an entry. An entry may have several of one name.
type Field struct {
	Name  []byte // such as MESSAGE; never empty
	Value []byte // any bytes
	// Truncated is set if the value is only the start of what the journal has, see Options.
	Truncated bool
}

// Entry returns the current entry, or nil if the last call of Next or Previous returned false.
func (r *Reader) Entry() *Entry {
	if r.entry.file == nil {
		return nil
	}
	return &r.entry
}

func (e *Entry) reset(f *file, h *entryHead) {
	e.loaded, e.list, e.given, e.Damaged = false, nil, 0, false
	if e.file = f; f == nil {
		return
	}
	e.Seqnum, e.Realtime, e.Monotonic, e.XorHash = h.seqnum, h.realtime, h.monotonic, h.xor
	e.BootID, e.SeqnumID, e.MachineID = h.boot, f.seqnumID, f.machineID
	e.offset, e.size = h.offset, h.size
}

// Path returns the name of the file that has the entry.
func (e *Entry) Path() string { return e.file.path }

// Cursor returns a text that names the entry, as sd_journal_get_cursor does.
func (e *Entry) Cursor() string { return string(e.AppendCursor(nil)) }

// AppendCursor appends the cursor to b.
func (e *Entry) AppendCursor(b []byte) []byte {
	b = append(b, "s="...)
	b = hex.AppendEncode(b, e.SeqnumID[:])
	b = append(b, ";i="...)
	b = strconv.AppendUint(b, e.Seqnum, 16)
	b = append(b, ";b="...)
	b = hex.AppendEncode(b, e.BootID[:])
	b = append(b, ";m="...)
	b = strconv.AppendUint(b, e.Monotonic, 16)
	b = append(b, ";t="...)
	b = strconv.AppendUint(b, e.Realtime, 16)
	b = append(b, ";x="...)
	return strconv.AppendUint(b, e.XorHash, 16)
}

// Fields returns the fields in the order that they have in the journal. Those that are damaged are
// left out and counted. The slice and all that it refers to are valid until the Reader's next
// call; they must not be written to.
func (e *Entry) Fields() []Field {
	if e.loaded || e.file == nil {
		return e.fields
	}
	e.loaded, e.given = true, 0
	e.fields = e.fields[:0]
	verify, xor := e.reader.options.VerifyHashes, uint64(0)
	for list := e.items(); len(list) > 0; {
		p, eq, cut, ok := e.next(&list)
		if !ok {
			continue
		}
		if cut {
			verify = false
		} else if verify {
			xor ^= jenkins64(p)
		}
		if eq > 0 {
			e.fields = append(e.fields, Field{Name: p[:eq:eq], Value: p[eq+1:], Truncated: cut})
		} else {
			e.bad(errData)
		}
	}
	if verify && xor != e.XorHash && !e.Damaged {
		e.Damaged = true
		e.file.damaged(errXor)
		e.reader.stats.DamagedEntries++
	}
	return e.fields
}

// Field returns the value of the first field with a name, and whether there is one. It reads no
// more than it has to. The value is valid until the Reader's next call.
func (e *Entry) Field(name string) (value []byte, ok bool) {
	if e.file == nil {
		return nil, false
	}
	if e.loaded {
		for _, f := range e.fields {
			if string(f.Name) == name {
				return f.Value, true
			}
		}
		return nil, false
	}
	e.given = 0
	for list := e.items(); len(list) > 0; {
		p, eq, _, ok := e.next(&list)
		if ok && eq == len(name) && string(p[:eq]) == name {
			return p[eq+1:], true
		}
	}
	return nil, false
}

// items returns the entry's list of data objects.
func (e *Entry) items() []byte {
	if e.list == nil {
		n := (e.size - entryHeader) / e.file.entryItem
		if n > maxItems {
			e.reader.stats.TruncatedFields += n - maxItems
			n = maxItems
		}
		var err error
		if e.list, err = e.file.hold(e.offset+entryHeader, int(n*e.file.entryItem)); err != nil {
			e.bad(err)
			e.list = []byte{}
		}
	}
	return e.list
}

func (e *Entry) bad(err error) {
	e.Damaged = true
	e.file.damaged(err)
	e.reader.stats.DamagedFields++
}

// next takes the first item off the list and returns the payload of its data object, and where
// its name ends.
func (e *Entry) next(list *[]byte) (p []byte, eq int, cut, ok bool) {
	f, c := e.file, e.reader.cache
	var at uint64
	if f.entryItem == 4 {
		at = uint64(binary.LittleEndian.Uint32(*list))
		*list = (*list)[4:]
	} else {
		at = binary.LittleEndian.Uint64(*list)
		*list = (*list)[16:] // with a hash, which is that of the object
	}
	// At least the name should fit.
	limit := min(e.reader.options.MaxField, max(e.reader.options.MaxEntry-e.given, 256))
	known := c.payload(f.serial, at)
	if known.serial == f.serial && known.at == at && len(known.text) <= limit {
		known.used = c.tick
		e.given += len(known.text)
		return known.text, known.eq, false, true
	}
	shared := false
	// Most fields lie in one block and are not compressed.
	if at%8 == 0 && at >= f.headerSize && at < f.end {
		if b, err := c.block(f, at>>blockShift); err == nil && at%blockSize+f.dataHeader < uint64(len(b)) {
			b = b[at%blockSize:]
			size := binary.LittleEndian.Uint64(b[8:])
			if b[0] == typeData && b[1]&dataCompressed == 0 && size <= uint64(len(b)) && size > f.dataHeader && size-f.dataHeader <= uint64(limit) {
				p = b[f.dataHeader:size:size]
				shared = binary.LittleEndian.Uint64(b[56:]) > 1
			}
		}
	}
	if p == nil {
		var err error
		p, cut, err = f.payload(at, limit)
		large := errors.Is(err, errTooLarge)
		if cut || large {
			e.reader.stats.TruncatedFields++
		}
		if err != nil {
			if !large {
				e.bad(err)
			}
			return nil, 0, false, false
		}
	}
	if e.reader.options.VerifyHashes && !cut {
		if b, err := f.peek(at+16, 8); err != nil || binary.LittleEndian.Uint64(b) != f.hash(p) {
			e.bad(errHash)
			return nil, 0, false, false
		}
	}
	e.given += len(p)
	eq = bytes.IndexByte(p, '=')
	if shared && len(p) <= maxKnown && known.used != c.tick {
		known.keep(f.serial, at, p, eq)
	}
	return p, eq, cut, true
}

// AppendExport appends the entry in the Journal Export Format, with an empty line at the end, as
// journalctl -o export of systemd 252 prints it.
func (e *Entry) AppendExport(b []byte) []byte {
	b = append(b, "__CURSOR="...)
	b = e.AppendCursor(b)
	b = append(b, "\n__REALTIME_TIMESTAMP="...)
	b = strconv.AppendUint(b, e.Realtime, 10)
	b = append(b, "\n__MONOTONIC_TIMESTAMP="...)
	b = strconv.AppendUint(b, e.Monotonic, 10)
	b = append(b, "\n_BOOT_ID="...)
	b = hex.AppendEncode(b, e.BootID[:])
	b = append(b, '\n')
	for _, f := range e.Fields() {
		if string(f.Name) == "_BOOT_ID" {
			continue
		}
		b = append(b, f.Name...)
		if isPrintable(f.Value) {
			b = append(b, '=')
		} else {
			b = append(b, '\n')
			b = binary.LittleEndian.AppendUint64(b, uint64(len(f.Value)))
		}
		b = append(b, f.Value...)
		b = append(b, '\n')
	}
	return append(b, '\n')
}

// isPrintable reports whether a value may be written as text.
func isPrintable(p []byte) bool {
	for i := 0; i < len(p); {
		if c := p[i]; c < utf8.RuneSelf {
			if c < ' ' && c != '\t' || c == 0x7f {
				return false
			}
			i++
			continue
		}
		c, n := utf8.DecodeRune(p[i:])
		if c == utf8.RuneError && n == 1 || c < 0xa0 || c >= 0xfdd0 && c <= 0xfdef || c&0xfffe == 0xfffe {
			return false
		}
		i += n
	}
	return true
}
