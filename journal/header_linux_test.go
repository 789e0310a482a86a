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
