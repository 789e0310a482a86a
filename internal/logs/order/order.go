// Package order puts records in the order of time in memory of a fixed size.
//
// The records of one input are nearly in order, as several processes write to it. A Window holds
// two batches of them and gives what is in order; the few that come later than that are late. A
// first pass over the input finds whether there are any; if so, a second one sorts those, and only
// those, on disk (Spill). Merge then puts the inputs together.
package order

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// Stream gives records in an order. A record is valid until the next call; the error is io.EOF
// at the end.
type Stream interface {
	Next() (rec []byte, nano int64, err error)
}

// Batches gives the batches of an input, each sorted. The same input is always divided in the
// same way.
type Batches interface {
	Get() (*record.Run, error)
	Put(*record.Run) // the batch is not used any more
}

// Window gives the records of an input that are in order within two batches.
type Window struct {
	from Batches
	late func(rec []byte, nano int64)

	current, next *record.Run
	at, nextAt    int
	last          int64
	ended         error
}

// NewWindow returns a Window. It calls late for the records that are earlier than one that it
// has given before; nil leaves them out.
func NewWindow(from Batches, late func([]byte, int64)) *Window {
	return &Window{from: from, late: late, last: math.MinInt64}
}

// load gets the next batch into w.next.
func (w *Window) load() {
	for w.next == nil && w.ended == nil {
		run, err := w.from.Get()
		if err != nil {
			w.ended = err
			return
		}
		w.nextAt = 0
		for w.nextAt < len(run.Entries) && run.Entries[w.nextAt].Nano < w.last {
			if w.late != nil {
				w.late(run.At(w.nextAt), run.Entries[w.nextAt].Nano)
			}
			w.nextAt++
		}
		if w.nextAt == len(run.Entries) {
			w.from.Put(run)
			continue
		}
		w.next = run
	}
}

// Next returns the next record.
func (w *Window) Next() ([]byte, int64, error) {
	if w.current == nil || w.at == len(w.current.Entries) {
		if w.current != nil {
			w.from.Put(w.current)
		}
		w.load()
		w.current, w.at, w.next = w.next, w.nextAt, nil
		if w.current == nil {
			return nil, 0, w.ended
		}
		w.load()
	}
	e := &w.current.Entries[w.at]
	if w.next != nil && w.next.Entries[w.nextAt].Nano < e.Nano {
		e = &w.next.Entries[w.nextAt]
		rec := w.next.Bytes[e.Start:e.End]
		w.last = e.Nano
		if w.nextAt++; w.nextAt == len(w.next.Entries) {
			// It counts as the current one until the next call, since its bytes are in use.
			w.current, w.next = w.next, w.current
			w.at, w.nextAt = w.nextAt, w.at
		}
		return rec, w.last, nil
	}
	w.at++
	w.last = e.Nano
	return w.current.Bytes[e.Start:e.End], e.Nano, nil
}

// Spill sorts records on disk.
type Spill struct {
	dir    string
	memory int
	run    record.Run
	file   *os.File
	size   int64
	runs   []section
	n      uint64
	err    error
}

type section struct{ start, end int64 }

const (
	fanIn      = 64       // runs that are merged at once
	fanBuffer  = 64 << 10 // bytes of a run that are in memory then
	recordHead = 12       // bytes in front of a record: its length and time
)

// NewSpill returns a Spill that keeps up to memory bytes, and the rest in a file without a name
// in a folder, or in the system's for temporary files if it is empty.
func NewSpill(dir string, memory int) *Spill { return &Spill{dir: dir, memory: memory} }

// Add adds a record. Records of one time stay in the order in which they come.
func (s *Spill) Add(rec []byte, nano int64) {
	start := len(s.run.Bytes)
	s.run.Bytes = append(s.run.Bytes, rec...)
	s.run.Entries = append(s.run.Entries, record.Entry{Nano: nano, Start: uint32(start), End: uint32(len(s.run.Bytes))})
	s.n++
	if len(s.run.Bytes)+24*len(s.run.Entries) >= s.memory {
		s.flush()
	}
}

// Len returns how many records were added.
func (s *Spill) Len() uint64 { return s.n }

func (s *Spill) flush() {
	if s.err != nil || len(s.run.Entries) == 0 {
		return
	}
	s.run.Sort()
	i := -1
	s.err = s.write(func() ([]byte, int64, error) {
		if i++; i == len(s.run.Entries) {
			return nil, 0, io.EOF
		}
		return s.run.At(i), s.run.Entries[i].Nano, nil
	})
	s.run.Bytes, s.run.Entries = s.run.Bytes[:0], s.run.Entries[:0]
}

// write appends a run to the file.
func (s *Spill) write(next func() ([]byte, int64, error)) error {
	if s.file == nil {
		f, err := os.CreateTemp(s.dir, "kata-logs-")
		if err != nil {
			return err
		}
		if err := os.Remove(f.Name()); err != nil {
			_ = f.Close()
			return err
		}
		s.file = f
	}
	start := s.size
	w := bufio.NewWriterSize(io.NewOffsetWriter(s.file, start), fanBuffer)
	for {
		rec, nano, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		var head [recordHead]byte
		binary.LittleEndian.PutUint32(head[:], uint32(len(rec)))
		binary.LittleEndian.PutUint64(head[4:], uint64(nano))
		_, _ = w.Write(head[:]) // Flush returns the error
		_, _ = w.Write(rec)
		s.size += int64(recordHead + len(rec))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	s.runs = append(s.runs, section{start, s.size})
	return nil
}

// Sorted returns the records in order. Nothing may be added any more. Close must be called when
// the stream is not used any more.
func (s *Spill) Sorted() (Stream, error) {
	if s.file == nil { // all is in memory
		s.run.Sort()
		return &memory{run: &s.run}, s.err
	}
	s.flush()
	s.run = record.Run{}
	for s.err == nil && len(s.runs) > fanIn {
		runs := s.runs
		s.runs = nil
		for len(runs) > 0 && s.err == nil {
			n := min(fanIn, len(runs))
			s.err = s.write(s.merge(runs[:n]).Next)
			runs = runs[n:]
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	return s.merge(s.runs), nil
}

func (s *Spill) merge(runs []section) *Merge {
	m := &Merge{}
	for _, r := range runs {
		m.Add(&reader{r: bufio.NewReaderSize(io.NewSectionReader(s.file, r.start, r.end-r.start), fanBuffer)}, math.MinInt64, 0)
	}
	return m
}

// Close frees the file.
func (s *Spill) Close() {
	if s.file != nil {
		_ = s.file.Close()
	}
}

// memory is a Stream of a sorted run.
type memory struct {
	run *record.Run
	at  int
}

func (m *memory) Next() ([]byte, int64, error) {
	if m.at == len(m.run.Entries) {
		return nil, 0, io.EOF
	}
	m.at++
	return m.run.At(m.at - 1), m.run.Entries[m.at-1].Nano, nil
}

// reader is a Stream of a run in a file.
type reader struct {
	r   *bufio.Reader
	buf []byte
}

func (r *reader) Next() ([]byte, int64, error) {
	var head [recordHead]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return nil, 0, err
	}
	n := int(binary.LittleEndian.Uint32(head[:]))
	if cap(r.buf) < n {
		r.buf = make([]byte, n)
	}
	r.buf = r.buf[:n]
	if _, err := io.ReadFull(r.r, r.buf); err != nil {
		return nil, 0, io.ErrUnexpectedEOF
	}
	return r.buf, int64(binary.LittleEndian.Uint64(head[4:])), nil
}

// Merge is a Stream of several sorted ones. Records of one time come in the order of their files, and
// those of one file in that in which the streams were added. The zero Merge has none.
type Merge struct {
	heads []*head // a heap
	n     int
	last  *head
}

type head struct {
	s      Stream
	number int
	rec    []byte
	nano   int64
	file   uint32
	opened bool
}

// Add adds a stream whose first record is not earlier than from, and whose files are not before file.
// It is not read before that time is reached.
func (m *Merge) Add(s Stream, from int64, file uint32) {
	m.heads = append(m.heads, &head{s: s, number: m.n, nano: from, file: file})
	m.n++
	heap.Fix((*heads)(m), len(m.heads)-1)
}

// Next returns the next record of all streams.
func (m *Merge) Next() ([]byte, int64, error) {
	if m.last != nil {
		if err := m.advance(m.last); err != nil {
			return nil, 0, err
		}
		m.last = nil
	}
	for len(m.heads) > 0 {
		h := m.heads[0]
		if h.opened {
			m.last = h
			return h.rec, h.nano, nil
		}
		h.opened = true
		if err := m.advance(h); err != nil {
			return nil, 0, err
		}
	}
	return nil, 0, io.EOF
}

// advance reads the next record of the stream at the top of the heap.
func (m *Merge) advance(h *head) (err error) {
	h.rec, h.nano, err = h.s.Next()
	if err == nil {
		h.file = record.FileOf(h.rec)
		heap.Fix((*heads)(m), 0)
		return nil
	}
	heap.Pop((*heads)(m))
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// heads is the heap of a Merge.
type heads Merge

func (m *heads) Len() int { return len(m.heads) }
func (m *heads) Less(i, j int) bool {
	a, b := m.heads[i], m.heads[j]
	return cmp.Or(cmp.Compare(a.nano, b.nano), cmp.Compare(a.file, b.file), cmp.Compare(a.number, b.number)) < 0
}
func (m *heads) Swap(i, j int) { m.heads[i], m.heads[j] = m.heads[j], m.heads[i] }
func (m *heads) Push(any)      {}
func (m *heads) Pop() any {
	last := len(m.heads) - 1
	h := m.heads[last]
	m.heads = m.heads[:last]
	return h
}
