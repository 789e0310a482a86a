package collect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// position is the file that keeps how far the journal was read. It is text: a line that says
// what it is, and one with the cursor of the last entry. It is replaced as a whole, so that it
// is never half written, and is on the disk before it replaces the old one.
type position struct {
	path string
	name string // in use
}

// inUse has the absolute names of the files that instances of this process have: two that wrote
// to one would each start behind the other's entries.
var inUse = struct {
	sync.Mutex
	names map[string]bool
}{names: map[string]bool{}}

const (
	positionHead = "# position in the journal of the Fluent Bit input kata\n"
	maxPosition  = 4096
)

// openPosition returns the position in a file and the cursor that it has, which is empty if
// there is no such file. It checks that the file can be replaced.
func openPosition(path string) (p *position, cursor string, err error) {
	p = &position{path: path}
	text, err := readStart(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, "", fmt.Errorf("db: %w", err)
	case bytes.HasPrefix(text, []byte("SQLite format 3\x00")):
		return nil, "", fmt.Errorf("db: %s is a database of Fluent Bit's systemd input; the input kata needs a file of its own", path)
	case len(text) > 0:
		rest, isOurs := bytes.CutPrefix(text, []byte(positionHead))
		line, isWhole := bytes.CutSuffix(rest, []byte("\n"))
		if !isOurs || !isWhole || len(text) == maxPosition || bytes.IndexByte(line, '\n') >= 0 {
			return nil, "", fmt.Errorf("db: %s is not a file of the input kata", path)
		}
		cursor = string(line)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return nil, "", fmt.Errorf("db: %w", err)
	}
	_ = f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return nil, "", fmt.Errorf("db: %w", err)
	}
	if p.name, err = filepath.Abs(path); err != nil {
		return nil, "", fmt.Errorf("db: %w", err)
	}
	inUse.Lock()
	defer inUse.Unlock()
	if inUse.names[p.name] {
		return nil, "", fmt.Errorf("db: another input kata has %s; each needs a file of its own", path)
	}
	inUse.names[p.name] = true
	return p, cursor, nil
}

// close ends the use of the file.
func (p *position) close() {
	inUse.Lock()
	defer inUse.Unlock()
	delete(inUse.names, p.name)
}

// readStart returns the start of a file, up to maxPosition bytes.
func readStart(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is not a regular file", path))
	}
	return io.ReadAll(io.LimitReader(f, maxPosition))
}

// save replaces the file by one with another cursor.
func (p *position) save(cursor []byte) error {
	temporary := p.path + ".new"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s%s\n", positionHead, cursor)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, p.path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(p.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
