package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"
)

// file is a journal file. Its descriptor may be closed for some time when many files are read.
type file struct {
	header
	reader   *Reader
	path     string
	info     fs.FileInfo // of the descriptor, to recognise the file under another name
	key      fileKey
	fd       *os.File
	used     uint64    // when the descriptor was last used, in preads
	serial   uint32    // key of the file's blocks in the cache; a new one when the file has changed
	gone     bool      // no name any more; read to its end while it is open
	vanished bool      // counted as such
	parent   *dir      // that it was found in, or nil
	changed  bool      // the kernel reported a change, or the file is gone
	ready    bool      // to be put into the heap if it has another entry
	seen     uint64    // the last scan that found the file
	grown    time.Time // when the header was last seen to have changed

	main     chain
	match    *node     // the Reader's matches, or nil
	matched  uint32    // serial for which match was set up
	lost     uint64    // entries that rebuild did not find
	verified uint32    // serial for which the end of main was checked
	checked  bool      // match cannot be trusted: every entry is compared
	index    []uint64  // all entries, of a file whose entry arrays are damaged
	reported bool      // damage was reported
	skip     *frontier // what had been given when the file appeared

	// Entries at an offset less than gap are behind, the others ahead.
	gap    uint64
	next   entryHead // the candidate
	inHeap bool
}

// entryHead is what the order of entries depends on.
type entryHead struct {
	offset    uint64 // 0: none
	size      uint64
	seqnum    uint64
	realtime  uint64
	monotonic uint64
	xor       uint64
	boot      ID
}

// open opens the file and reads its header.
func (r *Reader) open(path string) (*file, error) {
	f := &file{reader: r, path: path, grown: time.Now()}
	if err := r.reopen(f); err != nil {
		return nil, err
	}
	if err := f.readHeader(); err != nil {
		r.closeFD(f)
		return nil, err
	}
	f.main = chain{file: f, first: f.entryArray, n: f.entries}
	return f, nil
}

// reopen opens the file's descriptor if it is closed, and closes that of another file if too many
// are open.
func (r *Reader) reopen(f *file) error {
	f.used = r.cache.reads
	if f.fd != nil {
		return nil
	}
	fd, info, err := r.openSame(f)
	if errors.Is(err, fs.ErrNotExist) && f.parent != nil && !r.scanning && !r.closed {
		// It may have another name now, as journald gives files when it archives them.
		r.scan()
		fd, info, err = r.openSame(f)
	}
	for tooManyFiles(err) && len(r.opened) > 0 { // the process has as many as it may have
		r.closeOldest()
		fd, info, err = r.openSame(f)
	}
	if err != nil {
		return err
	}
	if len(r.opened) >= r.options.MaxOpenFiles {
		r.closeOldest()
	}
	f.fd, f.info, f.key = fd, info, keyOf(info)
	r.opened = append(r.opened, f)
	return nil
}

// openSame opens the file, unless its name is that of another one by now.
func (r *Reader) openSame(f *file) (*os.File, fs.FileInfo, error) {
	fd, info, err := openRegular(f.path)
	if err == nil && f.info != nil && !os.SameFile(info, f.info) {
		_ = fd.Close()
		return nil, nil, fmt.Errorf("%s was replaced: %w", f.path, fs.ErrNotExist)
	}
	return fd, info, err
}

// closeOldest closes the descriptor that was not used for longest, of a file that can be opened
// again if there is one.
func (r *Reader) closeOldest() {
	oldest := r.opened[0]
	for _, o := range r.opened {
		if o.gone != oldest.gone && oldest.gone || o.gone == oldest.gone && o.used < oldest.used {
			oldest = o
		}
	}
	r.closeFD(oldest)
}

func tooManyFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// openRegular opens a file for reading without waiting for the other end of a pipe.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is no regular file", path)
	}
	fd, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, nil, err
	}
	if info, err = fd.Stat(); err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err != nil {
		_ = fd.Close()
		return nil, nil, err
	}
	return fd, info, nil
}

func (r *Reader) closeFD(f *file) {
	if f.fd == nil {
		return
	}
	_ = f.fd.Close()
	f.fd = nil
	if i := slices.Index(r.opened, f); i >= 0 {
		r.opened = slices.Delete(r.opened, i, i+1)
	}
}

// readHeader reads the header and makes the blocks that were read before invalid.
func (f *file) readHeader() error {
	r := f.reader
	if err := r.reopen(f); err != nil {
		return err
	}
	b := r.scratch[:minHeader]
	n, err := r.cache.pread(f, b, 0)
	if err != nil {
		return err
	}
	// journald writes the header while it is read. It makes the file longer, says so in the arena's
	// size and then says where the last object is, so these are read in the other order.
	if n == len(b) {
		if _, err := r.cache.pread(f, b[96:104], 96); err != nil {
			return err
		}
	}
	info, err := f.fd.Stat()
	if err != nil {
		return err
	}
	// When journald archives a file it makes the arena smaller, and then the file: between the two
	// reads above it may have done both.
	if n == len(b) && binary.LittleEndian.Uint64(b[88:])+binary.LittleEndian.Uint64(b[96:]) > uint64(info.Size()) {
		if _, err := r.cache.pread(f, b[96:104], 96); err != nil {
			return err
		}
	}
	var h header
	if err := h.read(b[:n], uint64(info.Size())); err != nil {
		return err
	}
	if f.serial != 0 && h.fileID != f.fileID {
		return fmt.Errorf("%s was replaced: %w", f.path, fs.ErrNotExist)
	}
	f.header = h
	r.serial++
	f.serial = r.serial
	if h.damage != nil {
		f.damaged(h.damage)
	}
	return nil
}

// linkTime is for how long after the header has changed the lists of the matches may still grow:
// they are written after it.
const linkTime = 10 * time.Second

// refresh looks at a file again that may have been written to, and reports whether there may be
// more entries.
func (f *file) refresh() bool {
	if f.state == stateArchived && f.serial != 0 {
		return false
	}
	entries, state := f.entries, f.state
	r := f.reader
	if err := r.reopen(f); err != nil {
		return false
	}
	b := r.scratch[:minHeader]
	n, err := r.cache.pread(f, b, 0)
	if err != nil || n < minHeader {
		return false
	}
	now := time.Now()
	if binary.LittleEndian.Uint64(b[152:]) != entries || b[16] != state {
		f.grown = now
	} else if r.root == nil || now.Sub(f.grown) > linkTime {
		return false
	}
	return f.reload() == nil
}

// reload reads the header and what depends on it anew.
func (f *file) reload() error {
	if err := f.readHeader(); err != nil {
		return err
	}
	f.main.n, f.main.first = f.entries, f.entryArray
	if len(f.main.arrays) == 0 || f.main.arrays[0].offset != f.main.first {
		f.main.arrays = nil
	}
	if f.index != nil {
		f.rebuild()
	}
	return nil
}

// damaged counts damage, and reports the first of a file.
func (f *file) damaged(err error) {
	r := f.reader
	if f.reported {
		return
	}
	f.reported = true
	r.stats.DamagedFiles++
	if r.options.Damaged != nil {
		r.options.Damaged(f.path, err)
	}
}

// objectSize returns the size of the object that starts with b.
func objectSize(b []byte) uint64 { return binary.LittleEndian.Uint64(b[8:]) }

// entryAt reads the head of an entry.
func (f *file) entryAt(at uint64, e *entryHead) error {
	if at%8 != 0 || at < f.headerSize || at >= f.end {
		return errEntry
	}
	b, err := f.peek(at, entryHeader)
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	size := objectSize(b)
	if b[0] != typeEntry || size < entryHeader+f.entryItem || (size-entryHeader)%f.entryItem != 0 || size > f.end-at {
		return errEntry
	}
	e.size = size
	e.seqnum = le.Uint64(b[16:])
	e.realtime = le.Uint64(b[24:])
	e.monotonic = le.Uint64(b[32:])
	e.boot = ID(b[40:56])
	e.xor = le.Uint64(b[56:])
	if e.seqnum == 0 || e.realtime == 0 || e.realtime >= maxTime || e.monotonic >= maxTime {
		return errEntry
	}
	e.offset = at
	return nil
}

// findData returns the offset of the data object with this payload, 0 if there is none.
func (f *file) findData(payload []byte) (uint64, error) {
	if f.dataTableItems == 0 {
		return 0, nil
	}
	hash := f.hash(payload)
	return f.find(payload, hash, f.dataTable, f.dataTableItems, typeData)
}

// findField returns the offset of the field object with this name, 0 if there is none.
func (f *file) findField(name []byte) (uint64, error) {
	if f.fieldTableItems == 0 {
		return 0, nil
	}
	return f.find(name, f.hash(name), f.fieldTable, f.fieldTableItems, typeField)
}

func (f *file) find(payload []byte, hash, table, items uint64, kind byte) (uint64, error) {
	at := table + hash%items*16
	if at < f.headerSize || at > f.end-16 || at%8 != 0 {
		return 0, errHashTable
	}
	b, err := f.peek(at, 16)
	if err != nil {
		return 0, err
	}
	le := binary.LittleEndian
	head := uint64(fieldHeader)
	if kind == typeData {
		head = f.dataHeader
	}
	for at = le.Uint64(b); at != 0; {
		if at%8 != 0 || at < f.headerSize || at >= f.end {
			return 0, errHashTable
		}
		b, err := f.peek(at, int(head))
		if err != nil {
			return 0, err
		}
		size := objectSize(b)
		if b[0] != kind || size <= head || size > f.end-at {
			return 0, errHashTable
		}
		next, flags := le.Uint64(b[24:]), b[1]
		if le.Uint64(b[16:]) == hash {
			var same bool
			if kind == typeData && flags&dataCompressed != 0 {
				value, _, err := f.payload(at, len(payload)+1)
				if err != nil && !errors.Is(err, errTooLarge) {
					return 0, err
				}
				same = string(value) == string(payload)
			} else if size-head == uint64(len(payload)) {
				value, err := f.hold(at+head, len(payload))
				if err != nil {
					return 0, err
				}
				same = string(value) == string(payload)
			}
			if same {
				return at, nil
			}
		}
		if next != 0 && next <= at { // a chain only goes towards the end of the file
			return 0, errHashTable
		}
		at = next
	}
	return 0, nil
}

// payload returns the payload of a data object, decompressed, at most limit bytes of it, and its
// size if that is known.
func (f *file) payload(at uint64, limit int) (p []byte, cut bool, err error) {
	if at%8 != 0 || at < f.headerSize || at >= f.end {
		return nil, false, errData
	}
	b, err := f.peek(at, objectHeader)
	if err != nil {
		return nil, false, err
	}
	size := objectSize(b)
	if b[0] != typeData || size <= f.dataHeader || size > f.end-at {
		return nil, false, errData
	}
	flags := b[1] & dataCompressed
	n := size - f.dataHeader
	if flags == 0 {
		if n > uint64(limit) {
			n, cut = uint64(limit), true
		}
		p, err = f.hold(at+f.dataHeader, int(n))
		return p, cut, err
	}
	if n > maxCompressed {
		return nil, true, errTooLarge
	}
	if p, err = f.hold(at+f.dataHeader, int(n)); err != nil {
		return nil, false, err
	}
	return f.reader.decompress(p, flags, limit)
}

// contains reports whether the entry has a field with this payload.
func (f *file) contains(e *entryHead, payload []byte) bool {
	items := (e.size - entryHeader) / f.entryItem
	for i := range min(items, maxItems) {
		at, err := f.item(e.offset+entryHeader, i, f.entryItem)
		if err != nil {
			return false
		}
		p, _, err := f.payload(at, len(payload)+1)
		if err == nil && string(p) == string(payload) {
			return true
		}
	}
	return false
}

// item returns the offset that is the item i of a list; of a regular entry's items the hash
// that follows is not read.
func (f *file) item(list, i, size uint64) (uint64, error) {
	if size == 4 {
		b, err := f.peek(list+i*4, 4)
		if err != nil {
			return 0, err
		}
		return uint64(binary.LittleEndian.Uint32(b)), nil
	}
	b, err := f.peek(list+i*size, 8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}
