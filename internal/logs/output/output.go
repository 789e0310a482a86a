// Package output writes records: as lines for people, and in the formats for programs that
// docs/kata-logs.md describes. What a guest wrote never reaches a terminal as it is: see Escape
// and Guard.
package output

import (
	"io"
	"math"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// Format is a form of output.
type Format struct {
	Name string
	Help string
	new  func(*base) format
}

// format writes records to base.buf.
type format interface {
	write(r *record.Record) error
	end() error
}

// Formats lists all formats.
var Formats = []Format{
	{"text", "one line for each record, for people", newText},
	{"json", "one JSON object in a line", newJSON},
	{"logfmt", "one line of key=value pairs, as go-logfmt encodes them", newLogfmt},
	{"csv", "a header, then one row for each record", newCSV},
	{"export", "the Journal Export Format of systemd", newExport},
	{"yaml", "one YAML sequence", newYAML},
	{"toml", "an array of TOML tables", newTOML},
	{"xml", "one XML document", newXML},
}

// Options change how records are written.
type Options struct {
	Format string
	Names  *choose.Names
	Files  []string // the names of the inputs, by Position.File
	Zone   *time.Location
	Color  bool
	Delta  bool // show the time since the record before; text only
	All    bool // show journald's fields, and ids in full; text only
	Source bool // show the input of each record; text only
	Line   bool // each record is passed on at once
}

// base is what all formats have.
type base struct {
	Options
	buf  []byte
	time timeText
}

// file returns the name of the input with the number.
func (b *base) file(n uint32) string {
	if int(n) < len(b.Files) {
		return b.Files[n]
	}
	return ""
}

// Writer writes records in one format.
type Writer struct {
	base   base
	format format
	to     io.Writer
	err    error
}

// flushAt is how much is written at once.
const flushAt = 64 << 10

// New returns a Writer to w in the format that the options name, and false if there is none of
// that name.
func New(w io.Writer, o Options) (*Writer, bool) {
	for i := range Formats {
		if Formats[i].Name == o.Format {
			if o.Zone == nil {
				o.Zone = time.UTC
			}
			out := &Writer{base: base{Options: o}, to: w}
			out.format = Formats[i].new(&out.base)
			return out, true
		}
	}
	return nil, false
}

// Write writes a record. After an error nothing more is written, and Write returns it again.
func (w *Writer) Write(r *record.Record) error {
	if w.err != nil {
		return w.err
	}
	if w.err = w.format.write(r); w.err == nil && (len(w.base.buf) >= flushAt || w.base.Line) {
		return w.Flush()
	}
	return w.err
}

// Flush passes on what was written.
func (w *Writer) Flush() error {
	if w.err == nil && len(w.base.buf) > 0 {
		_, w.err = w.to.Write(w.base.buf)
		if w.base.buf = w.base.buf[:0]; cap(w.base.buf) > 4*flushAt {
			w.base.buf = nil
		}
	}
	return w.err
}

// Close writes the end of the format. It does not close what is written to.
func (w *Writer) Close() error {
	if w.err == nil {
		w.err = w.format.end()
	}
	return w.Flush()
}

// timeText formats times, and keeps the text of the last second.
type timeText struct {
	sec   int64
	known bool
	text  []byte // up to the seconds
}

// append appends RFC 3339 with nine decimals in UTC.
func (t *timeText) append(b []byte, nano int64) []byte {
	sec := nano / 1e9
	if !t.known || sec != t.sec {
		t.sec, t.known = sec, true
		t.text = time.Unix(sec, 0).UTC().AppendFormat(t.text[:0], "2006-01-02T15:04:05.")
	}
	b = append(b, t.text...)
	b = appendDigits(b, uint32(nano%1e9), 9)
	return append(b, 'Z')
}

// appendDigits appends the first digits of a number of nanoseconds.
func appendDigits(b []byte, nsec uint32, digits int) []byte {
	var d [9]byte
	for i := 8; i >= 0; i-- {
		d[i] = '0' + byte(nsec%10)
		nsec /= 10
	}
	return append(b, d[:digits]...)
}

// integer reads the msgpack value of a pair if it is a whole number.
func integer(v []byte) (n int64, ok bool) {
	if len(v) == 0 {
		return 0, false
	}
	switch c := v[0]; {
	case c < 0x80 || c >= 0xe0:
		return int64(int8(c)), true
	case c >= 0xcc && c <= 0xcf:
		return int64(bigEndian(v[1:])), true // the filter and the readers write none above an int64
	case c >= 0xd0 && c <= 0xd3:
		unused := 64 - 8*(len(v)-1)
		return int64(bigEndian(v[1:])<<unused) >> unused, true
	}
	return 0, false
}

func bigEndian(b []byte) (n uint64) {
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n
}

// number reads the msgpack value of a pair that is neither text nor a whole number: a float64, a
// bool, or nil.
func number(v []byte) any {
	if len(v) == 0 {
		return nil
	}
	switch v[0] {
	case 0xc2:
		return false
	case 0xc3:
		return true
	case 0xca:
		return float64(math.Float32frombits(uint32(bigEndian(v[1:]))))
	case 0xcb:
		return math.Float64frombits(bigEndian(v[1:]))
	}
	return nil
}

// value returns the value of a pair for an encoder of some format: a string, a number, a bool,
// nil, or of an array or map its JSON.
func value(p *record.Pair) any {
	switch {
	case p.Text != nil:
		return string(p.Text)
	case isNested(p.Value):
		b, _ := appendValue(nil, p.Value, 0, 0)
		return string(b)
	}
	if n, ok := integer(p.Value); ok {
		return n
	}
	return number(p.Value)
}

func isNested(v []byte) bool {
	return len(v) > 0 && (v[0] >= 0x80 && v[0] < 0xa0 || v[0] >= 0xdc && v[0] <= 0xdf)
}

// skip returns where the msgpack value at i ends.
func skip(b []byte, i int) int { return event.Skip(b, i) }
