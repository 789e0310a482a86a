package journal

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"
)

// FuzzJournal reads anything that starts like a journal, in every way: without a panic, in a
// bounded number of reads, and in bounded memory. What is given has to be in the file.
func FuzzJournal(f *testing.F) {
	for i, form := range forms {
		w := newWriter(form.flags, form.compress, 1)
		w.threshold = 80
		sample(w, uint64(i), 6)
		f.Add(w.bytes(byte(i % 3)))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<15 {
			return
		}
		defer time.AfterFunc(time.Minute, func() { panic("no end") }).Stop()
		b = bytes.Clone(b)
		copy(b, "LPKSHHRH")
		path := filepath.Join(dir, "x.journal")
		write(t, path, b)
		for _, match := range []bool{false, true} {
			_, _, s := readAll(t, path, match, true)
			if s.Entries > uint64(len(b)/entryHeader) {
				t.Fatalf("%d entries in %d bytes", s.Entries, len(b))
			}
		}
	})
}
