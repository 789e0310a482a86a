package sink

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// quiet is a log that keeps its lines.
type quiet struct {
	mu    sync.Mutex
	lines []string
}

func (q *quiet) Debugging() bool       { return true }
func (q *quiet) Debugf(string, ...any) {}
func (q *quiet) Infof(string, ...any)  {}
func (q *quiet) Warnf(format string, args ...any) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lines = append(q.lines, fmt.Sprintf(format, args...))
}
func (q *quiet) Errorf(format string, args ...any) { q.Warnf(format, args...) }

// The file is opened again when its path names another one, or none.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	log := new(quiet)
	s, err := NewFile(log, path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	content := func(path string) string {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	write := func(k string) {
		t.Helper()
		if err := s.Deliver(&Chunk{Events: event1("\xa1" + k)}); err != nil {
			t.Fatal(err)
		}
	}
	write("a")
	write("b")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write("c")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write("d")
	if got := content(path + ".1"); strings.Count(got, "\n") != 2 || !strings.Contains(got, `"k":"b"`) {
		t.Errorf("the file that was moved away: %s", got)
	}
	if got := content(path); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"k":"d"`) {
		t.Errorf("the file: %s", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o007 != 0 {
		t.Errorf("everybody can read it: %v, %v", info.Mode(), err)
	}
	if len(log.lines) != 0 {
		t.Errorf("logged %q", log.lines)
	}
	// A directory that is gone: an error, one line, and no record is lost when it is back.
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "out")
	if s, err = NewFile(log, path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if s.Deliver(&Chunk{Events: event1("\xa1a")}) == nil {
			t.Error("no error")
		}
	}
	if len(log.lines) != 1 || !strings.HasPrefix(log.lines[0], "cannot write to the file: ") {
		t.Errorf("logged %q", log.lines)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write("e")
	if got := content(path); strings.Count(got, "\n") != 1 {
		t.Errorf("the file: %s", got)
	}
}

// Lines of several workers are not interleaved.
func TestFileWorkers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	s, err := NewFile(new(quiet), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	chunk := bytes.Repeat(event1("\xda\x10\x00"+strings.Repeat("x", 4096)), 50)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for range 10 {
				if err := s.Deliver(&Chunk{Events: chunk}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	if len(lines) != 4*10*50 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if !bytes.Equal(line, lines[0]) {
			t.Fatalf("a line of %d bytes", len(line))
		}
	}
}

// A write that fails in its middle leaves no part of a chunk behind.
func TestFileCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Append([]byte("first\n")); err != nil {
		t.Fatal(err)
	}
	// The limit of a file's size, of this process; Go ignores its signal if nobody asks for it.
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limit := before
	limit.Cur = 100
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	err = f.Append(bytes.Repeat([]byte("x"), 1000))
	if again := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); again != nil {
		t.Fatal(again)
	}
	if err == nil {
		t.Fatal("no error beyond the limit")
	}
	if err := f.Append([]byte("second\n")); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "first\nsecond\n" {
		t.Errorf("%q, %v", b, err)
	}
}
