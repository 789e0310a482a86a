// Package input opens what kata-logs reads: files, folders of them and standard input, also
// compressed, and says in one sentence why one cannot be read. It knows nothing of records.
package input

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// Stdin is the name of standard input.
const Stdin = "-"

// Source is one input, which can be opened more than once.
type Source struct {
	Name string
	// Listed is false for a file that was found in a folder.
	Listed bool
	// Newest is when the file was last changed.
	Newest time.Time
	// Journal has the paths of journald's files and folders, which Open does not read.
	Journal []string

	path   string
	spool  *spool
	memory int
	pipe   bool
}

// Path returns the path of a file.
func (s *Source) Path() string { return s.path }

// Ends reports whether nothing can come behind the end of the source: it is a pipe, or compressed.
func (s *Source) Ends() bool { return s.pipe || s.memory > 0 }

// Memory returns about how many bytes of memory it takes to decompress the source. It is known when the
// source has been opened once.
func (s *Source) Memory() int { return s.memory }

// Errors of an input that is not text.
var (
	ErrBinary     = errors.New("it is a binary file")
	ErrCompressed = errors.New("its compression is not supported; decompress it first (gzip, zstd, bzip2, xz and lz4 are supported)")
	ErrTooLarge   = fmt.Errorf("to decompress it takes more than %d MiB of memory; decompress it first and pass it through standard input", maxWindow>>20)
	errJournal    = errors.New("it is a file of journald")
)

// Options say how what can be read once only, standard input and pipes, is kept to be read again.
type Options struct {
	Stdin *os.File
	Limit int64  // bytes that are kept of each
	Dir   string // for temporary files; empty for the system's
	Once  bool   // nothing is kept: sources are opened once
}

// List returns the sources for the arguments of the command line: a folder stands for all files
// in it and below it, in the order of their names. For those that cannot be read there are errors,
// each a sentence with the name. Unless o.Once, it reads standard input and pipes to their end, or
// to the limit.
func List(args []string, o Options) (list []*Source, errs []error) {
	for _, arg := range args {
		if arg == Stdin {
			s := &Source{Name: Stdin, Listed: true, Newest: time.Now()}
			if err := s.keep(o.Stdin, o); err != nil {
				errs = append(errs, sentence("standard input", err))
				continue
			}
			list = append(list, s)
			continue
		}
		info, err := os.Stat(arg)
		if err != nil {
			errs = append(errs, sentence(arg, err))
			continue
		}
		if !info.IsDir() {
			s, err := newSource(arg, info, true)
			if err == nil && !info.Mode().IsRegular() {
				err = s.keepFile(o)
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			list = append(list, s)
			continue
		}
		_ = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				errs = append(errs, sentence(path, err))
				if d != nil && d.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
			if !d.Type().IsRegular() {
				return nil
			}
			info, err := d.Info()
			if err != nil {
				errs = append(errs, sentence(path, err))
				return nil
			}
			s, err := newSource(path, info, false)
			if err != nil {
				errs = append(errs, err)
				return nil
			}
			list = append(list, s)
			return nil
		})
	}
	return list, errs
}

// keep keeps what can be read of a file.
func (s *Source) keep(f *os.File, o Options) error {
	if o.Once {
		return nil
	}
	spool := &spool{limit: o.Limit, dir: o.Dir}
	if err := spool.fill(f); err != nil {
		return err
	}
	s.spool = spool
	return nil
}

// keepFile keeps what can be read of a pipe that has a name.
func (s *Source) keepFile(o Options) error {
	if o.Once {
		return nil
	}
	f, err := os.Open(s.path)
	if err == nil {
		err = s.keep(f, o)
	}
	if err != nil {
		return sentence(s.Name, err)
	}
	return nil
}

// Rest returns what of the source is beyond the limit of what is kept, nil if there is nothing. It
// can be read once, and is not decompressed.
func (s *Source) Rest() io.Reader {
	if s.spool == nil {
		return nil
	}
	return s.spool.rest
}

// newSource looks at the start of a file.
func newSource(path string, info fs.FileInfo, listed bool) (*Source, error) {
	s := &Source{Name: path, Listed: listed, Newest: info.ModTime(), path: path}
	if !info.Mode().IsRegular() {
		s.pipe = true // its start can be read once only
		return s, nil
	}
	f, err := s.Open()
	if errors.Is(err, errJournal) {
		s.Journal = []string{path}
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	_ = f.Close() // of a compressed file it has the error of what was read, of which Read tells
	return s, nil
}

// sentence returns an error that names the input once.
func sentence(name string, err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		err = of.Err
	}
	return &Error{Name: name, Err: err}
}

// Error says why an input cannot be read.
type Error struct {
	Name string
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("cannot read %q: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Open returns the text of the source from its start, decompressed.
func (s *Source) Open() (io.ReadCloser, error) {
	var f io.ReadCloser
	var err error
	if s.spool != nil {
		f, err = s.spool.open()
	} else {
		f, err = os.Open(s.path)
	}
	if err != nil {
		return nil, sentence(s.Name, err)
	}
	var t io.ReadCloser
	t, s.memory, err = decompress(s.Name, f)
	return t, err
}

// text is the text of an input, with what has to be closed after it.
type text struct {
	io.Reader
	name    string
	closers []io.Closer
}

func (t *text) Close() (err error) {
	for i := len(t.closers) - 1; i >= 0; i-- {
		if e := t.closers[i].Close(); err == nil {
			err = e
		}
	}
	return err
}

// Read gives errors as sentences.
func (t *text) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = sentence(t.name, err)
	}
	return n, err
}

// maxWindow bounds the memory for what is compressed with zstd or xz.
const maxWindow = 8 << 20

// magic numbers of files, at their start.
var (
	gzipMagic    = []byte{0x1f, 0x8b}
	zstdMagic    = []byte{0x28, 0xb5, 0x2f, 0xfd}
	bzip2Magic   = []byte("BZh")
	xzMagic      = []byte{0xfd, '7', 'z', 'X', 'Z', 0}
	lz4Magic     = []byte{0x04, 0x22, 0x4d, 0x18}
	lz4OldMagic  = []byte{0x02, 0x21, 0x4c, 0x18}
	zipMagic     = []byte("PK\x03\x04")
	journalMagic = []byte("LPKSHHRH")
)

// lookAt is how much of a text is looked at to see whether it is one.
const lookAt = 512

// decompress returns the text of f, and about how many bytes of memory that takes.
func decompress(name string, f io.ReadCloser) (_ io.ReadCloser, memory int, err error) {
	t := &text{name: name, closers: []io.Closer{f}}
	defer func() {
		if err != nil {
			_ = t.Close()
			err = sentence(name, err)
		}
	}()
	in := bufio.NewReaderSize(f, 64<<10)
	t.Reader = in
	for range 2 { // what is compressed twice is not text
		head, err := in.Peek(lookAt)
		if err != nil && !errors.Is(err, io.EOF) && len(head) == 0 {
			return nil, 0, err
		}
		var from io.Reader
		switch {
		case bytes.HasPrefix(head, gzipMagic):
			z, err := gzip.NewReader(in)
			if err != nil {
				return nil, 0, err
			}
			t.closers = append(t.closers, z)
			from, memory = z, 64<<10
		case bytes.HasPrefix(head, zstdMagic):
			var h zstd.Header
			if err := h.Decode(head); err != nil {
				return nil, 0, err
			}
			if h.WindowSize > maxWindow {
				return nil, 0, ErrTooLarge
			}
			z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return nil, 0, err
			}
			t.closers = append(t.closers, z.IOReadCloser())
			from, memory = z, 1<<20+2*int(h.WindowSize)
		case bytes.HasPrefix(head, bzip2Magic) && len(head) > 9 && string(head[4:10]) == "1AY&SY":
			from, memory = bzip2.NewReader(in), 4<<20
		case bytes.HasPrefix(head, xzMagic):
			dictionary, err := xzDictionary(head)
			if err != nil {
				return nil, 0, err
			}
			if dictionary > maxWindow {
				return nil, 0, ErrTooLarge
			}
			z, err := xz.ReaderConfig{DictCap: lzma.MinDictCap}.NewReader(in)
			if err != nil {
				return nil, 0, err
			}
			from, memory = z, 1<<20+int(dictionary)
		case bytes.HasPrefix(head, lz4Magic):
			from, memory = lz4.NewReader(in), 12<<20
		case bytes.HasPrefix(head, lz4OldMagic), bytes.HasPrefix(head, zipMagic):
			return nil, 0, ErrCompressed
		case bytes.HasPrefix(head, journalMagic):
			return nil, 0, errJournal
		case isBinary(head):
			return nil, 0, ErrBinary
		default:
			t.Reader = in
			return t, memory, nil
		}
		in = bufio.NewReaderSize(from, 64<<10)
	}
	return nil, 0, ErrBinary
}

// isBinary reports whether a file that starts so is no text: it has NULs, and much else that is not
// printed. A log that was torn by a crash may have some.
func isBinary(head []byte) bool {
	if bytes.IndexByte(head, 0) < 0 || head[0] == '_' { // as the Journal Export Format starts, which may have any bytes
		return false
	}
	others := 0
	for rest := head; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 || r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != 0x1b {
			others++
		}
		rest = rest[n:]
	}
	return others > len(head)/4 || head[0] == 0x7f
}

var errHeader = errors.New("its header is damaged")

// xzDictionary returns the size of the dictionary that the first block of an .xz file needs.
func xzDictionary(head []byte) (int64, error) {
	const streamHeader = 12
	if len(head) < streamHeader+8 {
		return 0, errHeader
	}
	b := head[streamHeader:]
	if b[0] == 0 { // there is no block
		return lzma.MinDictCap, nil
	}
	n := (int(b[0]) + 1) * 4
	if n > len(b) {
		return 0, errHeader
	}
	flags := b[1]
	b = b[2:n]
	for _, bit := range []byte{0x40, 0x80} { // the block's sizes may be there
		if flags&bit != 0 {
			_, k := binary.Uvarint(b)
			if k <= 0 {
				return 0, errHeader
			}
			b = b[k:]
		}
	}
	if flags&3 != 0 || len(b) < 3 || b[0] != 0x21 || b[1] != 1 { // one filter, LZMA2
		return 0, ErrCompressed
	}
	return lzma.DecodeDictCap(b[2])
}

// spool keeps what can be read once only in a temporary file, which has no name.
type spool struct {
	limit int64
	dir   string
	file  *os.File
	size  int64
	rest  io.Reader // what is beyond the limit
}

// fill reads all of a file, or as much as the limit allows.
func (s *spool) fill(in *os.File) error {
	if info, err := in.Stat(); err == nil && info.Mode().IsRegular() {
		s.file, s.size = in, info.Size() // it can be read again by itself
		return nil
	}
	f, err := os.CreateTemp(s.dir, "kata-logs-")
	if err != nil {
		return fmt.Errorf("it is kept in a temporary file, see --temp-dir: %v", err) // the file that it is about is not the input
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return err
	}
	s.file = f
	n, err := io.CopyBuffer(struct{ io.Writer }{f}, io.LimitReader(in, s.limit), make([]byte, 256<<10))
	s.size = n
	if err != nil || n < s.limit {
		return err
	}
	// Up to the end of a line; what is behind it comes first in the rest.
	tail := make([]byte, min(n, 4<<20))
	if _, err := f.ReadAt(tail, n-int64(len(tail))); err != nil {
		return err
	}
	end := bytes.LastIndexByte(tail, '\n') + 1
	s.size = n - int64(len(tail)) + int64(end)
	var one [1]byte // there may be no more
	k, _ := io.ReadFull(in, one[:])
	if first := append(bytes.Clone(tail[end:]), one[:k]...); len(first) > 0 {
		s.rest = io.MultiReader(bytes.NewReader(first), in)
	}
	return nil
}

func (s *spool) open() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(s.file, 0, s.size)), nil
}
