package sink

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// File appends to a file by its path. Once per Append it looks whether the path still names
// the open file, and opens it again if not: programs that rotate logs rename the file, and
// need to signal nobody. It is safe for use by several goroutines at once.
type File struct {
	path string

	mu   sync.Mutex
	file *os.File // nil after an error
	info os.FileInfo
}

// OpenFile opens a file for appending, and creates it if there is none. It is readable by its
// owner and group only: it has whatever was logged.
func OpenFile(path string) (*File, error) {
	f := &File{path: path}
	return f, f.open()
}

func (f *File) open() (err error) {
	if f.file, err = os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640); err != nil {
		f.file = nil
		return err
	}
	f.info, err = f.file.Stat()
	return err
}

// Append writes all of b in one piece, or returns an error. What an error has left of b at
// the end of a regular file is removed, so that the call can be repeated; where that fails,
// the error says so.
func (f *File) Append(b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		if now, err := os.Stat(f.path); err != nil || !os.SameFile(now, f.info) {
			f.file.Close()
			f.file = nil
		}
	}
	if f.file == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	n, err := f.file.Write(b)
	if err == nil || n == 0 || !f.info.Mode().IsRegular() {
		return err
	}
	// With O_APPEND the position is behind what was written.
	end, seekErr := f.file.Seek(0, io.SeekCurrent)
	if seekErr == nil {
		seekErr = f.file.Truncate(end - int64(n))
	}
	if seekErr != nil {
		err = errors.Join(err, fmt.Errorf("part of a chunk was written and will be there twice: %w", seekErr))
	}
	return err
}

// Close closes the file.
func (f *File) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}

// NewFile returns a sink that appends JSON lines to a file, see File.
func NewFile(log Logger, path string) (Sink, error) {
	f, err := OpenFile(path)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	return &lines{log: log, write: f.Append, close: f.Close, failure: "cannot write to the file"}, nil
}
