package journal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FuzzJournal reads anything that starts like a journal, in every way, and then while it changes:
// without a panic, in a bounded number of reads, and in bounded memory. What is given has to be in
// the file.
func FuzzJournal(f *testing.F) {
	for i, form := range forms {
		w := newWriter(form.flags, form.compress, 1)
		w.threshold = 80
		sample(w, uint64(i), 6)
		b := w.bytes(byte(i % 3))
		sample(w, uint64(i), 1)
		f.Add(b, w.bytes(byte((i+1)%3)), uint16(0))
		f.Add(b, []byte{1}, uint16(16+i*8))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b, change []byte, at uint16) {
		if len(b) > 1<<15 || len(change) > 1<<15 {
			return
		}
		defer time.AfterFunc(time.Minute, func() { panic("no end") }).Stop()
		b = bytes.Clone(b)
		copy(b, "LPKSHHRH")
		path := filepath.Join(dir, "x.journal")
		for _, match := range []bool{false, true} {
			write(t, path, b)
			_, _, s := readAll(t, path, match, true)
			if s.Entries > uint64(len(b)/entryHeader) {
				t.Fatalf("%d entries in %d bytes", s.Entries, len(b))
			}
			readChanging(t, path, match, change, int64(at))
		}
	})
}

// readChanging writes to a file while it is read.
func readChanging(t *testing.T, path string, match bool, change []byte, at int64) {
	r, err := Open([]string{path}, Options{MaxField: 1 << 10, MaxEntry: 1 << 12})
	if err != nil {
		return
	}
	defer r.Close()
	if match {
		r.Match("SYSLOG_IDENTIFIER", "kata")
		r.Match("_HOSTNAME", "node")
	}
	step := func(n int) {
		for range n {
			if !r.Next() {
				break
			}
			r.Entry().Fields()
		}
	}
	step(3)
	for size := at; ; size = 100 {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteAt(change, at); err != nil {
			t.Fatal(err)
		}
		if len(change)%3 == 0 || size == 100 {
			if err := file.Truncate(size); err != nil {
				t.Fatal(err)
			}
		}
		file.Close()
		if e := r.Entry(); e != nil {
			e.Fields()
		}
		step(1)
		r.refresh(true)
		step(1000)
		for n := 0; r.Previous() && n < 1000; n++ {
			r.Entry().Field("MESSAGE")
		}
		r.SeekTail()
		step(10)
		if size == 100 {
			break
		}
	}
	if r.cache.reads > 2*maxReads {
		t.Errorf("%d reads", r.cache.reads)
	}
}
