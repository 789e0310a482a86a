package journal

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// dir is a directory that files are looked for in.
type dir struct {
	path     string
	root     bool // given to Open: directories of machines in it are looked for too
	modified time.Time
	scanned  time.Time
	scan     uint64 // number of the scan that read it last
	watched  bool
	gone     bool
}

// refusal is what a file was like that could not be read.
type refusal struct {
	size     int64
	modified time.Time
	counted  bool
	final    bool // it will not be different as long as it does not change
}

// A change of a directory within this time of its last scan may not show in its modification time.
const dirGranularity = time.Second

func isJournalName(name string) bool {
	return strings.HasSuffix(name, ".journal") || strings.HasSuffix(name, ".journal~")
}

// isMachineName reports whether a directory is named after a machine's ID, and possibly a
// namespace.
func isMachineName(name string, namespaces bool) bool {
	id, _, found := strings.Cut(name, ".")
	_, err := ParseID(id)
	return err == nil && (namespaces || !found)
}

// track adds a file.
func (r *Reader) track(f *file) {
	r.files = append(r.files, f)
	r.byPath[f.path] = f
	if f.key != (fileKey{}) {
		r.byKey[f.key] = f
	}
	f.seen = r.scans
}

func (r *Reader) untrack(f *file) {
	r.closeFD(f)
	if r.byPath[f.path] == f {
		delete(r.byPath, f.path)
	}
	if r.byKey[f.key] == f {
		delete(r.byKey, f.key)
	}
	r.files = slices.DeleteFunc(r.files, func(g *file) bool { return g == f })
	if r.current == f {
		r.current = nil
	}
}

// refresh looks for what was added to the journals since the last time, and reports whether there
// is a next entry. all is set to look at every file, otherwise so many descriptors as are needed
// are only opened each PollInterval or when the kernel reports a change.
//
// The headers are read before the directories: an entry that is seen may then be no newer than a
// file that is not.
func (r *Reader) refresh(all bool) bool {
	if r.closed {
		return false
	}
	now := time.Now()
	due := all || now.Sub(r.polled) >= max(r.options.PollInterval, 50*r.looking) || now.Before(r.polled)
	live := 0
	for _, f := range r.files {
		if f.state != stateArchived {
			live++
		}
	}
	everything := due || live <= r.options.MaxOpenFiles
	var gone []*file
	changed := false
	for _, f := range r.files {
		if f.inHeap {
			continue
		}
		if everything || f.changed || f.gone {
			f.changed = false
			f.ready = f.refresh() || f.ready
		}
		if f.ready {
			changed = true
		} else if f.gone {
			gone = append(gone, f)
		}
	}
	if r.scan() {
		changed = true
	}
	if due {
		r.polled = time.Now()
		r.looking = r.polled.Sub(now)
	}
	if changed && r.forward && r.positioned {
		if r.pending {
			r.settle()
		}
		for _, f := range r.files {
			if f.ready {
				f.ready = false
				r.push(f)
			}
		}
	}
	for _, f := range gone {
		r.untrack(f)
	}
	return len(r.heap) > 0
}

// scan looks for files that appeared, were renamed or deleted, and reports whether there are any
// new ones. Directories that did not change are not read.
func (r *Reader) scan() (changed bool) {
	r.scanning = true
	defer func() { r.scanning = false }()
	first := r.scans == 0
	r.scans++
	retry := r.retry
	r.retry = false
	var added []*file
	vanished := false
	for i := 0; i < len(r.dirs); i++ { // grows
		d := r.dirs[i]
		info, err := os.Stat(d.path)
		if err != nil {
			if !d.gone {
				vanished = true
			}
			d.gone, d.watched, d.modified, d.scan = true, false, time.Time{}, r.scans
			continue
		}
		if !retry && !d.gone && info.ModTime().Equal(d.modified) && d.scanned.Sub(d.modified) > dirGranularity {
			continue
		}
		d.gone = false
		d.modified, d.scanned = info.ModTime(), time.Now()
		entries, err := os.ReadDir(d.path)
		if err != nil {
			continue
		}
		d.scan = r.scans
		vanished = true // perhaps
		for _, entry := range entries {
			name := entry.Name()
			path := filepath.Join(d.path, name)
			switch {
			case isJournalName(name):
				if f := r.consider(d, path); f != nil {
					added = append(added, f)
				}
			case d.root && isMachineName(name, r.options.AllNamespaces):
				if info, err := os.Stat(path); err == nil && info.IsDir() && !slices.ContainsFunc(r.dirs, func(d *dir) bool { return d.path == path }) {
					r.dirs = append(r.dirs, &dir{path: path})
				}
			}
		}
	}
	if vanished && !first {
		r.dropVanished()
	}
	if len(added) == 0 {
		return false
	}
	if !first {
		// What was given already is not given again from a new file, such as one that journald
		// copies the entries of another one to.
		given := r.given()
		for _, f := range added {
			f.skip = given
		}
	}
	for _, f := range added {
		f.ready = true
		r.track(f)
	}
	return true
}

// consider opens a file of a directory, if it is not known.
func (r *Reader) consider(d *dir, path string) *file {
	f := r.byPath[path]
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	if f != nil && os.SameFile(info, f.info) {
		f.seen = r.scans
		return nil
	}
	// A known file under a new name, as when journald archives it?
	if g := r.renamed(info); g != nil {
		if r.byPath[g.path] == g {
			delete(r.byPath, g.path)
		}
		g.path, g.parent, g.seen, g.gone, g.changed = path, d, r.scans, false, true
		if f != nil {
			f.gone, f.changed = true, true
		}
		r.byPath[path] = g
		return nil
	}
	if f != nil { // another file has its name now
		f.gone, f.changed = true, true
		delete(r.byPath, path)
	}
	old, known := r.refused[path]
	if known && old.final && old.size == info.Size() && old.modified.Equal(info.ModTime()) {
		return nil
	}
	f, err = r.open(path)
	if err != nil {
		// A file that was just made has no header yet, and its modification time does not
		// change when it gets one.
		young := errors.Is(err, ErrNotJournal) && time.Since(info.ModTime()) < time.Minute
		var newer *IncompatibleError
		final := errors.Is(err, ErrNotJournal) && !young || errors.As(err, &newer) || errors.Is(err, fs.ErrPermission)
		if !young && !old.counted {
			r.stats.RefusedFiles++
			if r.options.Damaged != nil {
				r.options.Damaged(path, err)
			}
		}
		r.refused[path] = refusal{size: info.Size(), modified: info.ModTime(), counted: !young || old.counted, final: final}
		r.retry = r.retry || !final
		return nil
	}
	delete(r.refused, path)
	f.parent = d
	// In the same scan another name of the file may follow; it is one file.
	if f.key != (fileKey{}) {
		r.byKey[f.key] = f
	}
	r.byPath[path] = f
	return f
}

// renamed returns the file that is known under another name that it has no more.
func (r *Reader) renamed(info fs.FileInfo) *file {
	var f *file
	if key := keyOf(info); key != (fileKey{}) {
		f = r.byKey[key]
	} else if i := slices.IndexFunc(r.files, func(f *file) bool { return os.SameFile(f.info, info) }); i >= 0 {
		f = r.files[i]
	}
	if f == nil || !os.SameFile(f.info, info) {
		return nil
	}
	if now, err := os.Stat(f.path); err == nil && os.SameFile(now, info) {
		return nil // it has both names
	}
	return f
}

// dropVanished marks the files that have no name any more.
func (r *Reader) dropVanished() {
	for _, f := range r.files {
		if f.seen == r.scans || f.gone || f.parent != nil && f.parent.scan != r.scans {
			continue
		}
		if info, err := os.Stat(f.path); err == nil && os.SameFile(info, f.info) {
			continue
		}
		f.gone, f.changed = true, true
	}
	for path := range r.refused {
		if _, err := os.Stat(path); err != nil {
			delete(r.refused, path)
		}
	}
}

// frontier has the last of what was given: the highest sequence number of each source, and the
// latest monotonic time of each boot.
type frontier struct {
	seqnum, monotonic map[ID]uint64
}

func (r *Reader) given() *frontier {
	given := &frontier{seqnum: make(map[ID]uint64), monotonic: make(map[ID]uint64)}
	for _, f := range r.files {
		var e entryHead
		if f.gap == 0 {
			continue
		}
		r.cache.step()
		if at, err := f.main.from(f.gap, false, &e); err != nil || at == 0 {
			continue
		}
		given.seqnum[f.seqnumID] = max(given.seqnum[f.seqnumID], e.seqnum)
		given.monotonic[e.boot] = max(given.monotonic[e.boot], e.monotonic)
	}
	return given
}

func (g *frontier) covers(f *file, e *entryHead) bool {
	if last, ok := g.seqnum[f.seqnumID]; ok {
		return e.seqnum <= last
	}
	last, ok := g.monotonic[e.boot]
	return ok && e.monotonic <= last
}

// Wait waits until there is a next entry, or the context is done: then it returns the context's
// error. It returns at once if there is one already.
func (r *Reader) Wait(ctx context.Context) error {
	if r.closed {
		return fs.ErrClosed
	}
	r.cache.step()
	r.entry.reset(nil, nil)
	r.position(true)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(r.heap) > 0 {
			return nil
		}
		r.watchAll()
		if r.refresh(false) {
			return nil
		}
		if err := r.sleep(ctx); err != nil {
			return err
		}
	}
}

// Follow is Next, but waits for the next entry if there is none. It returns false if the context is
// done or the Reader is closed.
func (r *Reader) Follow(ctx context.Context) bool {
	for ctx.Err() == nil {
		if r.Next() {
			return true
		}
		if r.Wait(ctx) != nil {
			break
		}
	}
	return false
}

// pause waits for some time, or until the context is done.
func pause(ctx context.Context, wait time.Duration) error {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
