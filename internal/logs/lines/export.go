package lines

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// Entry collects the fields of a journal entry and makes a record of them. It keeps its memory
// for the next entry. The zero Entry is empty.
type Entry struct {
	text   []byte
	fields []span
}

// span is a field: name and value are parts of Entry.text.
type span struct {
	start, value, end int
	list              bool // one more value of a name that was there
}

// Reset removes all fields.
func (e *Entry) Reset() {
	e.fields = e.fields[:0]
	if e.text = e.text[:0]; cap(e.text) > keptBuffer {
		e.text = nil
	}
}

// maxFields is how many fields an entry may have; journald allows 1024.
const maxFields = 4096

// Add adds a field, of which it makes a copy. A name may come several times. A name that starts
// with two underscores is an address of journald's: only the time is used, as Fluent Bit does.
func (e *Entry) Add(name, value []byte) {
	if len(e.fields) >= maxFields {
		return
	}
	s := span{start: len(e.text)}
	e.text = append(e.text, name...)
	s.value = len(e.text)
	e.text = append(e.text, value...)
	s.end = len(e.text)
	e.fields = append(e.fields, s)
}

func (e *Entry) name(s *span) []byte  { return e.text[s.start:s.value] }
func (e *Entry) value(s *span) []byte { return e.text[s.value:s.end] }

// isExport reports whether a line starts an entry in the Journal Export Format.
func isExport(line []byte) bool {
	return bytes.HasPrefix(line, []byte("__CURSOR=")) || bytes.HasPrefix(line, []byte("__REALTIME_TIMESTAMP=")) ||
		bytes.HasPrefix(line, []byte("__SEQNUM=")) || bytes.HasPrefix(line, []byte("__MONOTONIC_TIMESTAMP="))
}

// appendExport appends the entry whose first line is given.
func (r *Reader) appendExport(b, line []byte, flags record.Flags) []byte {
	e := &r.entry
	e.Reset()
	number := r.line
	if flags&record.NoEnd != 0 {
		flags |= record.Torn
	}
	for {
		if name, value, ok := bytes.Cut(line, []byte("=")); ok {
			e.Add(name, value)
		} else {
			// A value of any bytes: its length in eight bytes follows, the lowest first.
			name := append([]byte(nil), line...)
			head, err := r.take(8)
			if err != nil {
				flags |= record.Torn
				break
			}
			size := binary.LittleEndian.Uint64(head)
			if !isFieldName(name) || size > 4*record.MaxLine {
				flags |= record.Torn
				break
			}
			value, err := r.take(int(size))
			if err != nil {
				flags |= record.Torn
				break
			}
			e.Add(name, value)
			if end, err := r.take(1); err != nil || end[0] != '\n' {
				flags |= record.Torn
				break
			}
		}
		var more record.Flags
		var err error
		if line, more, err = r.next(); err != nil {
			if !errors.Is(err, io.EOF) {
				flags |= record.Torn
			}
			break
		}
		if len(line) == 0 {
			break
		}
		if more != 0 { // an entry ends with an empty line, and its texts are not that long
			flags |= record.Torn
		}
	}
	return e.Append(b, record.Position{File: r.o.File, Line: number, Flags: flags})
}

// isFieldName reports whether a name may be that of a field. Those of journald are in capitals, those of
// Fluent Bit need not be.
func isFieldName(name []byte) bool {
	for _, c := range name {
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 64
}

// Append appends the record of the entry.
func (e *Entry) Append(b []byte, p record.Position) []byte {
	start := len(b)
	b = record.AppendHeader(b, 0, 0, p, 0)
	timed := false
	n := 0
	for i := range e.fields {
		s := &e.fields[i]
		name := e.name(s)
		if len(name) > 1 && name[0] == '_' && name[1] == '_' {
			if string(name) == "__REALTIME_TIMESTAMP" {
				if usec, ok := digits(e.value(s)); ok && usec/1e6 < event.GroupEnd {
					record.SetTime(b[start:], int64(usec)*1000)
					timed = true
				}
			}
			continue
		}
		if s.list {
			s.list = false
			continue
		}
		values := 1
		for j := i + 1; j < len(e.fields); j++ {
			if t := &e.fields[j]; t.value-t.start == len(name) && bytes.Equal(e.name(t), name) {
				t.list = true
				values++
			}
		}
		n++
		b = event.AppendStr(b, name)
		if values == 1 {
			b = event.AppendStr(b, e.value(s))
			continue
		}
		b = event.AppendStr(event.AppendArrayHeader(b, values), e.value(s))
		for j := i + 1; j < len(e.fields); j++ {
			if t := &e.fields[j]; t.list && bytes.Equal(e.name(t), name) {
				b = event.AppendStr(b, e.value(t))
			}
		}
	}
	record.SetLen(b[start:], n)
	if !timed {
		record.SetFlags(b[start:], record.NoTime)
	}
	return b
}
