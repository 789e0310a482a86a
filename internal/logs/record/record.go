// Package record has the one representation of a record in kata-logs, from the reader of a
// file to the writer of the output: a log event as Fluent Bit has it, which is what the filter
// (internal/transform) reads and writes. In its metadata it has its Position.
//
// Run is a sequence of such records with their times, the unit in which they are passed on.
package record

import (
	"encoding/binary"
	"slices"
	"sort"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// Position says where a record was read.
type Position struct {
	File  uint32 // index of the file among the inputs
	Line  uint64 // number of the line from 1 on, of an entry of several lines that of its first
	Flags Flags
	Copy  uint64 // what two copies of a record have in common, see SetCopy; 0 for none
}

// Flags are what the reader knows of a record beside its text.
type Flags uint32

const (
	// NoTime: neither the line nor its prefix has a time; the record is ordered behind the one
	// before it.
	NoTime Flags = 1 << iota
	// Torn: bytes of this line or entry are missing.
	Torn
	// NoEnd: the input ends with this line, and has no newline there.
	NoEnd
	// Piece: the line is longer than MaxLine, and this is a part of it.
	Piece
	// Plain: who wrote the message is known from the text of the line only, not from fields of
	// journald's.
	Plain
	// Parsed: a filter has parsed the record before, in Fluent Bit, and left the message out. Its
	// fields are not read anew.
	Parsed
)

// MaxLine is the number of bytes from which on a line is given in pieces.
const MaxLine = 2 << 20

// An event starts with [[time, {"p": position}], ; the position is an ext.
const (
	timeAt      = 4
	positionAt  = timeAt + 8 + 6
	positionLen = 24
	headerLen   = positionAt + positionLen
)

// AppendHeader starts a record: body pairs follow, of which there are n. See SetLen.
func AppendHeader(b []byte, sec, nsec uint32, p Position, n int) []byte {
	b = append(b, 0x92, 0x92)
	b = event.AppendTime(b, sec, nsec)
	b = append(b, 0x81, 0xa1, 'p', 0xc7, positionLen, 1)
	b = binary.BigEndian.AppendUint32(b, p.File)
	b = binary.BigEndian.AppendUint64(b, p.Line)
	b = binary.BigEndian.AppendUint32(b, uint32(p.Flags))
	b = binary.BigEndian.AppendUint64(b, p.Copy)
	return append(b, 0xde, byte(n>>8), byte(n))
}

// SetLen sets the number of pairs of the record that starts b.
func SetLen(b []byte, n int) { event.PutMapLen(b[headerLen:], n) }

// SetFlags adds flags to the record that starts b.
func SetFlags(b []byte, f Flags) {
	at := b[positionAt+12:]
	binary.BigEndian.PutUint32(at, binary.BigEndian.Uint32(at)|uint32(f))
}

// SetTime sets the time of the record that starts b, in nanoseconds since 1970.
func SetTime(b []byte, nano int64) {
	binary.BigEndian.PutUint32(b[timeAt:], uint32(nano/1e9))
	binary.BigEndian.PutUint32(b[timeAt+4:], uint32(nano%1e9))
}

// SetCopy sets a hash of what two copies of one record have in common, in the record that starts b.
func SetCopy(b []byte, hash uint64) { binary.BigEndian.PutUint64(b[positionAt+16:], hash) }

// FileOf returns the file of the record that starts b, 0 if that is none.
func FileOf(b []byte) uint32 {
	if len(b) < headerLen {
		return 0
	}
	return binary.BigEndian.Uint32(b[positionAt:])
}

// FlagsOf returns the flags of the record that starts b.
func FlagsOf(b []byte) Flags { return readPosition(b).Flags }

func readTime(b []byte) int64 {
	return int64(binary.BigEndian.Uint32(b[timeAt:]))*1e9 + int64(binary.BigEndian.Uint32(b[timeAt+4:]))
}

func readPosition(b []byte) Position {
	b = b[positionAt:]
	return Position{
		File: binary.BigEndian.Uint32(b), Line: binary.BigEndian.Uint64(b[4:]), Flags: Flags(binary.BigEndian.Uint32(b[12:])),
		Copy: binary.BigEndian.Uint64(b[16:]),
	}
}

// Pair is a key and its value, as parts of the record.
type Pair struct {
	Key   []byte
	Value []byte // the value as msgpack
	Text  []byte // the text of a str; nil of another value
}

// Record is a view of one record. It refers to the record's bytes and to memory that it keeps
// for the next one. The zero Record is ready for Read.
type Record struct {
	Position
	Nano  int64 // the time in nanoseconds since 1970
	Pairs []Pair
	Bytes []byte

	walk   event.Walker
	ev     event.Event
	wanted bool
}

// Read makes r the view of the record that b is, and reports whether it is one.
func (r *Record) Read(b []byte) bool {
	if !r.wanted {
		r.walk.Want(nil, 0)
		r.wanted = true
	}
	r.Pairs, r.Bytes = r.Pairs[:0], b
	r.walk.Reset(b)
	if !r.walk.Next(&r.ev) || !r.ev.Log || len(b) < headerLen {
		return false
	}
	r.Nano, r.Position = readTime(b), readPosition(b)
	r.walk.All(&r.ev)
	r.Pairs = slices.Grow(r.Pairs, len(r.ev.Pairs))
	for i := range r.ev.Pairs {
		p := &r.ev.Pairs[i]
		pair := Pair{Key: b[p.Key:p.Value], Value: b[p.Value:p.End]}
		if p.Kind == event.Str {
			pair.Text = b[p.Text:p.End:p.End]
		}
		r.Pairs = append(r.Pairs, pair)
	}
	return true
}

// Field returns the value of the first pair with the key, nil if there is none.
func (r *Record) Field(key string) *Pair {
	for i := range r.Pairs {
		if p := &r.Pairs[i]; string(p.Key) == key {
			return p
		}
	}
	return nil
}

// Text returns the text of the first pair with the key, nil if it has none.
func (r *Record) Text(key string) []byte {
	if p := r.Field(key); p != nil {
		return p.Text
	}
	return nil
}

// Bool reports whether the first pair with the key is true.
func (r *Record) Bool(key string) bool {
	p := r.Field(key)
	return p != nil && len(p.Value) == 1 && p.Value[0] == 0xc3
}

// Entry is the place of one record in a Run.
type Entry struct {
	Nano       int64
	Start, End uint32
}

// Pod is the pod of a sandbox, as a container runtime names it in a record.
type Pod struct {
	Sandbox, Name, Namespace, UID string
	// Plain says that the record is of a text without fields of journald's, which anybody may have
	// written.
	Plain bool
}

// Run is a sequence of records.
type Run struct {
	Bytes   []byte
	Entries []Entry
	Pods    []Pod // that records name
	// Sorted says that Sort found the entries in order.
	Sorted bool
	// Back is the longest step back in time from one record to the next that Index found, in
	// nanoseconds.
	Back int64

	walk   event.Walker
	wanted bool
}

// Index lists the records of r.Bytes. A record without a time of its own gets that of the record
// before it, which is before for the first one; the time of the last record is returned.
func (r *Run) Index(before int64) int64 {
	r.Entries, r.Back = r.Entries[:0], 0
	if !r.wanted { // again it would forget the layouts
		r.walk.Want(nil, 0)
		r.wanted = true
	}
	var e event.Event
	for r.walk.Reset(r.Bytes); r.walk.Next(&e); {
		if !e.Log {
			continue
		}
		b := r.Bytes[e.Start:e.End]
		nano := readTime(b)
		if readPosition(b).Flags&NoTime != 0 {
			if nano == 0 {
				nano = before
				SetTime(b, nano)
			} else { // the message has one
				at := b[positionAt+12:]
				binary.BigEndian.PutUint32(at, binary.BigEndian.Uint32(at)&^uint32(NoTime))
			}
		}
		r.Back = max(r.Back, before-nano)
		before = nano
		r.Entries = append(r.Entries, Entry{nano, uint32(e.Start), uint32(e.End)})
	}
	return before
}

// Sort puts the entries in the order of time; those of one time stay in their order.
func (r *Run) Sort() {
	r.Sorted = slices.IsSortedFunc(r.Entries, func(a, b Entry) int { return compare(a.Nano, b.Nano) })
	if !r.Sorted {
		sort.Stable(byTime(r.Entries))
	}
}

type byTime []Entry

func (e byTime) Len() int           { return len(e) }
func (e byTime) Less(i, j int) bool { return e[i].Nano < e[j].Nano }
func (e byTime) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// At returns the bytes of the record with the index.
func (r *Run) At(i int) []byte { return r.Bytes[r.Entries[i].Start:r.Entries[i].End] }
