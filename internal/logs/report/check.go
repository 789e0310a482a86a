// Package report has what kata-logs says about logs as a whole: what of them is damaged, which
// sandboxes there are, how much each source writes, and how a sandbox lived.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/lines"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/output"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// Codes of damage that is not the filter's, beside those of its parse_error.
const (
	CodeTorn     = "torn"       // the start or the end of a line or of an entry is missing
	CodeNoRecord = "not_record" // text that is no record, where there should be one
)

// Check finds the records that did not parse whole.
type Check struct {
	Names *choose.Names
	Files []string
	Out   io.Writer // gets one line for each; nil for none
	// Logs says of an input, by its index, whether it is the log of a program by itself: then all that
	// is no record in it counts. It may be nil.
	Logs func(file uint32) bool
	// Strict has text that is no record count in all inputs.
	Strict bool
	// Tolerant leaves out what is broken inside of a guest's text only, as kernels break it that write
	// to the console at the same time.
	Tolerant bool

	Records, Damaged uint64
	Counts           map[uint32]uint64 // records by file
	codes            map[string]uint64
	files            map[uint32]uint64
	buf              []byte
}

// Record takes a record.
func (c *Check) Record(r *record.Record) error {
	if c.codes == nil {
		c.Counts, c.codes, c.files = map[uint32]uint64{}, map[string]uint64{}, map[uint32]uint64{}
	}
	c.Records++
	c.Counts[r.File]++
	code := c.code(r)
	if code == "" || c.Tolerant && (code == parser.AgentJSON.String() || code == parser.AgentLogfmt.String()) {
		return nil
	}
	c.Damaged++
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
	text := c.Names.Text(r)
	if text == nil {
		text = r.Text(c.Names.Msg)
	}
	if r.Field(c.Names.Level) != nil || r.Bool(c.Names.Guest) {
		if len(text) > 0 && text[0] == 't' && second.Match(text[1:]) {
			return CodeTorn // the end of one record, with another behind it
		}
		return ""
	}
	if isTorn(text) {
		return CodeTorn
	}
	if lines.IsKlog(text) || len(text) > 0 && text[0] == '{' && json.Valid(text) {
		return "" // another program's
	}
	if c.Strict || r.Flags&record.Plain != 0 && r.Text("SYSLOG_IDENTIFIER") == nil && c.Logs != nil && c.Logs(r.File) {
		return CodeNoRecord
	}
	return ""
}

// second matches the start of a record in logfmt. Within values quotes are escaped.
var second = regexp.MustCompile(`time="[0-9][^"]*" level=`)

// isTorn reports whether a text that is no record is a part of one in logfmt: it has its start, or the
// fields that Kata's programs write behind the message.
func isTorn(text []byte) bool {
	if bytes.HasPrefix(text, []byte(`time="`)) {
		return true
	}
	for _, field := range [...]string{" name=kata-", " name=containerd-shim-", " source=virtcontainers"} {
		if bytes.Contains(text, []byte(field)) {
			return true
		}
	}
	return false
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
