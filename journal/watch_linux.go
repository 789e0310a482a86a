package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const openFlags = unix.O_NONBLOCK | unix.O_CLOEXEC

// fileKey tells files apart, whatever their names are.
type fileKey struct{ dev, ino uint64 }

func keyOf(info os.FileInfo) fileKey {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fileKey{uint64(s.Dev), s.Ino} //nolint:unconvert // Dev is shorter on some architectures
	}
	return fileKey{}
}

// watch is an inotify instance.
type watch struct {
	fd    int
	file  *os.File // of fd
	paths map[int32]string
	buf   [4096]byte
}

const (
	dirEvents  = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_DELETE_SELF | unix.IN_ONLYDIR
	fileEvents = unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_MOVE_SELF | unix.IN_DELETE_SELF
)

// watchAll has the kernel report changes of all directories and single files. What it cannot watch
// is polled.
func (r *Reader) watchAll() {
	if r.watch == nil {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
		if err != nil {
			r.watch = &watch{fd: -1}
			return
		}
		r.watch = &watch{fd: fd, file: os.NewFile(uintptr(fd), "inotify"), paths: make(map[int32]string)}
		for _, f := range r.files {
			if f.parent == nil {
				r.watch.add(f.path, fileEvents)
			}
		}
	}
	for _, d := range r.dirs {
		if !d.watched && !d.gone {
			d.watched = r.watch.add(d.path, dirEvents)
		}
	}
}

func (w *watch) add(path string, events uint32) bool {
	if w.fd < 0 {
		return false
	}
	wd, err := unix.InotifyAddWatch(w.fd, path, events)
	if err != nil {
		return false
	}
	w.paths[int32(wd)] = path
	return true
}

func (w *watch) close() {
	if w.file != nil {
		_ = w.file.Close()
	}
}

// sleep waits for a change, or for the time to poll.
func (r *Reader) sleep(ctx context.Context) error {
	w := r.watch
	wait := max(time.Until(r.polled.Add(r.options.PollInterval)), time.Millisecond)
	if w.file == nil {
		return pause(ctx, wait)
	}
	if err := w.file.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return pause(ctx, wait)
	}
	stop := context.AfterFunc(ctx, func() { _ = w.file.SetReadDeadline(time.Unix(1, 0)) })
	n, err := w.file.Read(w.buf[:])
	stop()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		return pause(ctx, wait)
	}
	r.noteEvents(w.buf[:n])
	return nil
}

// noteEvents marks the files that events are about.
func (r *Reader) noteEvents(b []byte) {
	for len(b) >= unix.SizeofInotifyEvent {
		wd := int32(binary.NativeEndian.Uint32(b))
		mask := binary.NativeEndian.Uint32(b[4:])
		n := int(binary.NativeEndian.Uint32(b[12:]))
		b = b[unix.SizeofInotifyEvent:]
		name := ""
		if n <= len(b) {
			name = strings.TrimRight(string(b[:n]), "\x00")
			b = b[n:]
		}
		if mask&unix.IN_Q_OVERFLOW != 0 {
			for _, f := range r.files {
				f.changed = true
			}
			continue
		}
		path, known := r.watch.paths[wd]
		if !known {
			continue
		}
		if mask&unix.IN_IGNORED != 0 {
			delete(r.watch.paths, wd)
			for _, d := range r.dirs {
				if d.path == path {
					d.watched = false
				}
			}
			continue
		}
		if name != "" {
			path = filepath.Join(path, name)
		}
		if f := r.byPath[path]; f != nil {
			f.changed = true
		}
	}
}
