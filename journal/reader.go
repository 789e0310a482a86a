package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Options change how journals are read. The zero value has the defaults.
type Options struct {
	// MaxField is the number of bytes that a field may have, with its name and as it is after
	// decompression; 1 MiB if it is 0. A longer field is given cut and with Truncated set.
	MaxField int
	// MaxEntry is the number of bytes that the fields of one entry may have together; 64 MiB if it
	// is 0. Of the fields beyond it only the first 256 bytes are given, with Truncated set.
	MaxEntry int
	// CacheSize is the memory for what was read of all files, in bytes; 8 MiB if it is 0.
	CacheSize int
	// MaxOpenFiles is the number of descriptors that are open at a time; 64 if it is 0.
	MaxOpenFiles int
	// PollInterval is how often Wait looks for changes that the kernel did not report, as on
	// network file systems; 2 seconds if it is 0. It is less often where looking takes long.
	PollInterval time.Duration
	// VerifyHashes compares the hash of every data object with its payload, and that of every entry
	// with its fields. A field whose hash is wrong is left out and counted, see also Entry.Damaged.
	// This finds damage within values, and takes between two and three times as long.
	VerifyHashes bool
	// AllNamespaces reads the directories of journal namespaces too. Without it only that of the
	// machine without a namespace is read, as libsystemd does.
	AllNamespaces bool
	// Damaged, if set, is called with the first damage that is found in each file, and for each file
	// in a directory that cannot be read at all. It must not call the Reader.
	Damaged func(path string, err error)
}

// Stats counts what a Reader met.
type Stats struct {
	Entries         uint64 // given by Next and Previous
	Duplicates      uint64 // left out since another file has the same entry
	DamagedFiles    uint64 // with any damage
	RefusedFiles    uint64 // that could not be read at all
	VanishedFiles   uint64 // deleted while they were not open, and before they were read to the end
	LostEntries     uint64 // of damaged files: counted by the header, but not readable
	DamagedEntries  uint64 // given without the right fields
	DamagedFields   uint64 // left out
	TruncatedFields uint64 // cut, see Options.MaxField and MaxEntry
}

// Reader reads the entries of journal files in one order. It must not be used by several goroutines
// at a time.
type Reader struct {
	options Options
	cache   *cache
	scratch [minHeader]byte
	serial  uint32
	stats   Stats

	roots    []string // as given to Open
	dirs     []*dir
	files    []*file
	byPath   map[string]*file
	byKey    map[fileKey]*file
	refused  map[string]refusal
	opened   []*file
	scans    uint64
	scanning bool
	polled   time.Time     // when all files were looked at
	looking  time.Duration // how long that took
	retry    bool          // a file could not be opened that may be later
	watch    *watch
	closed   bool

	root, group, term *node // matches, and where Match adds

	heap       []*file
	forward    bool
	positioned bool // heap is as it should be
	pending    bool // heap[0] gave the current entry and is to be moved on

	entry   Entry
	current *file // of the entry; stays after the end
	last    entryHead
	lastSeq ID

	decoders decoders
}

// Open opens journals. A path is a file, or a directory: then all files in it are read whose
// names end in ".journal" or ".journal~", and those in directories below it that are named
// after a machine's ID, as journald does it, see also Options.AllNamespaces. A directory may be empty, and may be missing: Wait notices files that appear later.
//
// The position is before the first entry. Files in a directory that cannot be read are counted
// and reported, see Options.Damaged; for a path that is a file it is an error.
func Open(paths []string, options Options) (*Reader, error) {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&options.MaxField, 1<<20)
	def(&options.MaxEntry, 64<<20)
	def(&options.CacheSize, 8<<20)
	def(&options.MaxOpenFiles, 64)
	options.MaxOpenFiles = max(options.MaxOpenFiles, 2)
	if options.PollInterval <= 0 {
		options.PollInterval = 2 * time.Second
	}
	if len(paths) == 0 {
		return nil, errors.New("journal: no path given")
	}
	r := &Reader{
		options: options,
		cache:   newCache(options.CacheSize),
		roots:   paths,
		byPath:  make(map[string]*file),
		byKey:   make(map[fileKey]*file),
		refused: make(map[string]refusal),
		forward: true,
	}
	r.entry.reader = r
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && info.IsDir():
			if err == nil {
				_, err = os.ReadDir(path)
			} else if isJournalName(path) {
				r.Close()
				return nil, err
			} else {
				err = nil
			}
			r.dirs = append(r.dirs, &dir{path: path, root: true})
		case err == nil:
			if r.byPath[path] == nil {
				var f *file
				if f, err = r.open(path); err == nil {
					r.track(f)
				}
			}
		}
		if err != nil {
			r.Close()
			return nil, fmt.Errorf("journal: %s: %w", path, err)
		}
	}
	r.scan()
	r.polled = time.Now()
	return r, nil
}

// Close closes all files. What was given of entries is not valid any more.
func (r *Reader) Close() {
	for len(r.opened) > 0 {
		r.closeFD(r.opened[0])
	}
	if r.watch != nil {
		r.watch.close()
	}
	if r.decoders.zstd != nil {
		r.decoders.zstd.Close()
	}
	r.files, r.heap, r.dirs, r.closed = nil, nil, nil, true
	r.pending, r.current, r.entry.file = false, nil, nil
}

// Stats returns the counters.
func (r *Reader) Stats() Stats { return r.stats }

// lose ends the reading of a file that cannot be read.
func (f *file) lose(err error) {
	if errors.Is(err, fs.ErrNotExist) {
		if !f.vanished {
			f.reader.stats.VanishedFiles++
		}
		f.gone, f.vanished = true, true
		return
	}
	f.damaged(err)
	f.ready = true // to be tried again
}

// Next moves to the next entry and reports whether there is one. At the end it looks whether
// something was added to the journals, so it may return true again later; Wait waits until it does.
//
// The order is that of sd_journal_next: of two entries that are next in their files, by sequence
// number if these have one source, then by monotonic time if they are of one boot, then by the
// time, then by the hash of the contents. An entry that is in several files comes once. No entry is
// left out because its clock is behind.
func (r *Reader) Next() bool { return r.step(true) }

// Previous moves to the entry before and reports whether there is one.
func (r *Reader) Previous() bool { return r.step(false) }

func (r *Reader) step(forward bool) bool {
	r.cache.step()
	r.entry.reset(nil, nil)
	r.position(forward)
	for refreshed := false; ; {
		if len(r.heap) == 0 {
			if !forward || refreshed || !r.refresh(false) {
				return false
			}
			refreshed = true
			continue
		}
		f := r.heap[0]
		f.consume(forward)
		r.pending = true
		if r.current != nil && f != r.current && f.seqnumID == r.lastSeq && sameEntry(&f.next, &r.last) {
			r.stats.Duplicates++
			r.settle()
			continue
		}
		r.current, r.last, r.lastSeq = f, f.next, f.seqnumID
		r.entry.reset(f, &f.next)
		r.stats.Entries++
		return true
	}
}

// position makes the heap one of the entries that come next in a direction.
func (r *Reader) position(forward bool) {
	if r.positioned && r.forward == forward {
		if r.pending {
			r.settle()
		}
		return
	}
	// The current entry is not given again.
	if f := r.current; f != nil {
		if f.gap = r.last.offset; forward {
			f.gap++
		}
	}
	r.forward, r.positioned, r.pending = forward, true, false
	r.heap = r.heap[:0]
	for _, f := range r.files {
		f.inHeap = false
		r.push(f)
	}
}

// push puts a file into the heap if it has another entry.
func (r *Reader) push(f *file) {
	r.cache.step()
	if f.inHeap || !f.advance(r.forward) {
		return
	}
	f.inHeap = true
	r.heap = append(r.heap, f)
	for i := len(r.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !r.before(r.heap[i], r.heap[up]) {
			break
		}
		r.heap[i], r.heap[up] = r.heap[up], r.heap[i]
		i = up
	}
}

// settle finds the next entry of the file on top, whose candidate was taken.
func (r *Reader) settle() {
	r.pending = false
	f := r.heap[0]
	n := len(r.heap)
	if !f.advance(r.forward) {
		f.inHeap = false
		n--
		r.heap[0], r.heap[n] = r.heap[n], nil
		r.heap = r.heap[:n]
	}
	for i := 0; ; {
		first := i
		for down := 2*i + 1; down <= 2*i+2 && down < n; down++ {
			if r.before(r.heap[down], r.heap[first]) {
				first = down
			}
		}
		if first == i {
			return
		}
		r.heap[i], r.heap[first] = r.heap[first], r.heap[i]
		i = first
	}
}

// before reports whether the entry of a comes before that of b in the current direction.
func (r *Reader) before(a, b *file) bool {
	c := compare(&a.next, a.seqnumID, &b.next, b.seqnumID)
	return c < 0 == r.forward && c != 0
}

// compare orders entries as libsystemd does.
func compare(a *entryHead, aSource ID, b *entryHead, bSource ID) int {
	if aSource == bSource && a.seqnum != b.seqnum {
		return cmp.Compare(a.seqnum, b.seqnum)
	}
	if a.boot == b.boot && a.monotonic != b.monotonic {
		return cmp.Compare(a.monotonic, b.monotonic)
	}
	if a.realtime != b.realtime {
		return cmp.Compare(a.realtime, b.realtime)
	}
	return cmp.Compare(a.xor, b.xor)
}

// sameEntry reports whether entries of one source of sequence numbers are the same.
func sameEntry(a, b *entryHead) bool {
	return a.seqnum == b.seqnum && a.monotonic == b.monotonic && a.realtime == b.realtime && a.xor == b.xor && a.boot == b.boot
}
