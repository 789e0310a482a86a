package journal

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestHeaderThatChanges reads a header while journald's way of appending changes it: first the
// size that is in use, then where the last object is. No such moment is damage.
func TestHeaderThatChanges(t *testing.T) {
	w := newWriter(0, 0, 1)
	w.add(1, 1, ID{1}, field("MESSAGE", "x"))
	path := filepath.Join(t.TempDir(), "system.journal")
	write(t, path, w.bytes(stateOnline))
	const size = 256 << 20
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	fd, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fd.Close() }()
	b, err := unix.Mmap(int(fd.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Munmap(b) }()
	r := open(t, Options{Damaged: func(path string, err error) { t.Errorf("%s: %v", path, err) }}, path)
	f, err := r.open(path)
	if err != nil {
		t.Fatal(err)
	}
	arena, tail := (*uint64)(unsafe.Pointer(&b[96])), (*uint64)(unsafe.Pointer(&b[136]))
	first := binary.LittleEndian.Uint64(b[88:]) + atomic.LoadUint64(arena)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for at := first; at < size-64; at += 64 {
			select {
			case <-stop:
				return
			default:
			}
			atomic.AddUint64(arena, 64)
			atomic.StoreUint64(tail, at)
		}
	}()
	for range 100000 {
		if err := f.readHeader(); err != nil || t.Failed() {
			t.Error(err)
			break
		}
	}
	close(stop)
	<-ended
}

// TestFileThatIsArchived reads a header while journald's way of archiving a file makes it shorter:
// first the size that is in use, then the file.
func TestFileThatIsArchived(t *testing.T) {
	w := newWriter(0, 0, 1)
	w.add(1, 1, ID{1}, field("MESSAGE", "x"))
	whole := w.bytes(stateOnline)
	arena := func(size int) []byte {
		return binary.LittleEndian.AppendUint64(nil, uint64(size)-binary.LittleEndian.Uint64(whole[88:]))
	}
	const size = 8 << 20
	path := filepath.Join(t.TempDir(), "system.journal")
	write(t, path, whole)
	r := open(t, Options{Damaged: func(path string, err error) { t.Errorf("%s: %v", path, err) }}, path)
	f, err := r.open(path)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = fd.Close() }()
	for range 2000 {
		if err := fd.Truncate(size); err != nil {
			t.Fatal(err)
		}
		if _, err := fd.WriteAt(arena(size), 96); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			_, err := fd.WriteAt(arena(len(whole)), 96)
			if err == nil {
				err = fd.Truncate(int64(len(whole)))
			}
			ended <- err
		}()
		for done := false; !done; {
			select {
			case err := <-ended:
				if done = true; err != nil {
					t.Fatal(err)
				}
			default:
				if err := f.readHeader(); err != nil || t.Failed() {
					t.Fatal(err)
				}
			}
		}
	}
}
