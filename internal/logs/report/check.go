// Package report has what kata-logs says about logs as a whole: what of them is damaged, which
// sandboxes there are, how much each source writes, and how a sandbox lived.
package report

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/output"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// Codes of damage that is not the filter's, beside those of its parse_error.
const (
	CodeTorn    = "torn"       // the end of a line or of an entry is missing
	CodeNoEntry = "not_record" // text that is no record, with Check.Strict
)

// Check finds the records that did not parse whole.
type Check struct {
	Names  *choose.Names
	Files  []string
	Out    io.Writer // gets one line for each; nil for none
	Strict bool      // text that is no record counts, too

	Records, Damaged uint64
	codes            map[string]uint64
	files            map[uint32]uint64
	buf              []byte
}

// Record takes a record.
func (c *Check) Record(r *record.Record) error {
	c.Records++
	code := c.code(r)
	if code == "" {
		return nil
	}
	c.Damaged++
	if c.codes == nil {
		c.codes, c.files = map[string]uint64{}, map[uint32]uint64{}
	}
	c.codes[code]++
	c.files[r.File]++
	if c.Out == nil {
		return nil
	}
	c.buf = output.Escape(c.buf[:0], []byte(c.file(r.File)))
	c.buf = fmt.Appendf(c.buf, ":%d: %s: ", r.Line, code)
	text := c.Names.Text(r)
	if text == nil {
		text = r.Text(c.Names.Msg)
	}
	c.buf = output.Escape(c.buf, shorten(text))
	_, err := c.Out.Write(append(c.buf, '\n'))
	return err
}

func (c *Check) code(r *record.Record) string {
	if code := r.Text(c.Names.ParseError); code != nil {
		return string(code)
	}
	if r.Flags&record.Torn != 0 {
		return CodeTorn
	}
	// Kata's logfmt starts so; without the level that follows it is no record.
	if r.Field(c.Names.Level) == nil && bytes.HasPrefix(c.Names.Text(r), []byte(`time="`)) {
		return CodeTorn
	}
	if c.Strict && r.Field(c.Names.Level) == nil && !r.Bool(c.Names.Guest) {
		return CodeNoEntry
	}
	return ""
}

func (c *Check) file(n uint32) string {
	if int(n) < len(c.Files) {
		return c.Files[n]
	}
	return ""
}

// shortText is how much of a damaged text is shown.
const shortText = 120

func shorten(text []byte) []byte {
	if len(text) <= shortText {
		return text
	}
	return append(text[:shortText:shortText], "..."...)
}

// Summary writes how many records there were, and how many were damaged, by code and file.
func (c *Check) Summary(w io.Writer) error {
	_, err := fmt.Fprintf(w, "records\t%d\ndamaged\t%d\n", c.Records, c.Damaged)
	for _, code := range slices.Sorted(maps.Keys(c.codes)) {
		if err == nil {
			_, err = fmt.Fprintf(w, "code\t%s\t%d\n", code, c.codes[code])
		}
	}
	for _, file := range slices.Sorted(maps.Keys(c.files)) {
		if err == nil {
			_, err = fmt.Fprintf(w, "file\t%s\t%d\n", output.Escape(nil, []byte(c.file(file))), c.files[file])
		}
	}
	return err
}
