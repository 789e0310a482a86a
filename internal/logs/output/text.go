package output

import (
	"bytes"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// text writes lines for people.
type text struct {
	*base
	hidden map[string]bool // fields that are not listed behind the message
	last   int64           // the time of the line before
	any    bool            // there was one
	sec    int64
	second []byte
}

func newText(b *base) format {
	n := b.Names
	return &text{base: b, hidden: map[string]bool{
		n.Level: true, n.Msg: true, n.Source: true, n.Guest: true, n.ParseError: true, n.Detected: true,
		// Each line of a guest's console has them, and they say nothing new.
		n.Prefix + "console-url": !b.All, n.Prefix + "console-protocol": !b.All,
	}}
}

// Colours, by what they are for, in SGR parameters.
const (
	dim     = "2"
	red     = "31"
	boldRed = "1;31"
	yellow  = "33"
	cyan    = "36"
	green   = "32"
	magenta = "35"
)

var levelColors = map[string]string{
	"trace": dim, "debug": dim, "info": green, "warning": yellow, "error": red, "critical": boldRed, "fatal": boldRed, "panic": boldRed,
}

func (t *text) color(b []byte, sgr string) []byte {
	if !t.Color || sgr == "" {
		return b
	}
	return append(append(append(b, "\x1b["...), sgr...), 'm')
}

func (t *text) plain(b []byte, sgr string) []byte {
	if !t.Color || sgr == "" {
		return b
	}
	return append(b, "\x1b[0m"...)
}

func (t *text) write(r *record.Record) error {
	n := t.Names
	b := t.buf
	b = t.color(b, dim)
	b = t.appendTime(b, r)
	if t.Delta {
		b = t.appendDelta(b, r)
	}
	b = t.plain(b, dim)
	b = append(b, ' ')
	level, sgr := t.level(r)
	b = t.color(b, sgr)
	b = Escape(b, level)
	b = t.plain(b, sgr)
	for i := len(level); i < len("critical"); i++ {
		b = append(b, ' ')
	}
	if t.Source {
		b = append(b, ' ')
		b = t.color(b, magenta)
		b = Escape(b, []byte(t.file(r.File)))
		b = t.plain(b, magenta)
	}
	b = append(b, ' ')
	guest := r.Bool(n.Guest)
	sgr = cyan
	if guest {
		sgr = magenta
	}
	b = t.color(b, sgr)
	if guest {
		b = append(b, "guest:"...)
	}
	if program := n.Program(r); len(program) > 0 {
		b = Escape(b, program)
	} else {
		b = append(b, '-')
	}
	b = t.plain(b, sgr)
	b = append(b, "  "...)
	b = Escape(b, n.Message(r))
	b = t.appendFields(b, r)
	if code := r.Text(n.ParseError); code != nil {
		b = append(b, ' ')
		b = t.color(b, red)
		b = append(b, "parse_error="...)
		b = Escape(b, code)
		b = t.plain(b, red)
	}
	t.buf = append(b, '\n')
	t.last, t.any = r.Nano, true
	return nil
}

func (t *text) end() error { return nil }

// level returns the word for the record's level, and its colour.
func (t *text) level(r *record.Record) (word []byte, sgr string) {
	if rank := t.Names.Rank(r); rank >= 0 {
		word = []byte(parser.Levels[rank])
	} else if word = r.Text(t.Names.Level); word == nil {
		word = []byte("-")
	}
	return word, levelColors[string(word)]
}

const (
	timeForm   = "2006-01-02 15:04:05"
	noTime     = "-                         "
	deltaWidth = len(" +0000.000000")
)

// appendTime appends the time to the microsecond. The time of a record that has none, which is
// only there to keep it in its place, is not shown.
func (t *text) appendTime(b []byte, r *record.Record) []byte {
	if r.Flags&record.NoTime != 0 {
		return append(b, noTime...)
	}
	if sec := r.Nano / 1e9; sec != t.sec || t.second == nil {
		t.sec = sec
		t.second = time.Unix(sec, 0).In(t.Zone).AppendFormat(t.second[:0], timeForm)
	}
	b = append(append(b, t.second...), '.')
	return appendDigits(b, uint32(r.Nano%1e9), 6)
}

// appendDelta appends the time since the record before, in seconds.
func (t *text) appendDelta(b []byte, r *record.Record) []byte {
	delta := r.Nano - t.last
	start := len(b)
	b = append(b, ' ')
	if !t.any || r.Flags&record.NoTime != 0 {
		delta = 0
	}
	if delta < 0 {
		b = append(b, '-')
		delta = -delta
	} else {
		b = append(b, '+')
	}
	b = strconv.AppendInt(b, delta/1e9, 10)
	b = append(b, '.')
	b = appendDigits(b, uint32(delta%1e9), 6)
	for len(b)-start < deltaWidth {
		b = append(b, ' ')
	}
	return b
}

// appendFields appends the fields that are not shown yet: the parsed ones without their prefix,
// and journald's if they are wanted.
func (t *text) appendFields(b []byte, r *record.Record) []byte {
	for i := range r.Pairs {
		p := &r.Pairs[i]
		key, ok := bytes.CutPrefix(p.Key, []byte(t.Names.Prefix))
		if ok && t.hidden[string(p.Key)] || !ok && !t.All && string(p.Key) != "kubernetes" || choose.IsText(p.Key) {
			continue
		}
		b = append(b, ' ')
		b = t.color(b, dim)
		b = Escape(b, key)
		b = append(b, '=')
		b = t.plain(b, dim)
		switch {
		case p.Text == nil:
			start := len(b)
			b, _ = appendValue(b, p.Value, 0, 0)
			if isNested(p.Value) {
				nested := append([]byte(nil), b[start:]...)
				b = appendQuoted(b[:start], nested)
			}
		case len(p.Text) == 64 && !t.All && isHex(p.Text):
			b = append(b, p.Text[:12]...) // as container runtimes shorten ids
		default:
			b = appendQuoted(b, p.Text)
		}
	}
	return b
}

func isHex(text []byte) bool {
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// appendQuoted appends a value, in quotes if it would be ambiguous without.
func appendQuoted(b, value []byte) []byte {
	for _, c := range value {
		if c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f {
			start := len(b) + 1
			b = append(b, '"')
			b = Escape(b, value)
			var quoted []byte
			for _, c := range b[start:] {
				if c == '"' {
					quoted = append(quoted, '\\')
				}
				quoted = append(quoted, c)
			}
			return append(append(b[:start], quoted...), '"')
		}
	}
	if len(value) == 0 {
		return append(b, `""`...)
	}
	return append(b, value...)
}

// Escape appends text in one line and without anything that a terminal does not simply show: all
// that is not printable in the sense of Unicode, such as control characters, terminal codes and
// changes of direction, and bytes that are not UTF-8, are written as Go's escapes.
func Escape(b, text []byte) []byte {
	from := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < 0x7f {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if c >= utf8.RuneSelf && strconv.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			i += size
			continue
		}
		b = append(b, text[from:i]...)
		b = appendEscape(b, r, size, c)
		i += size
		from = i
	}
	return append(b, text[from:]...)
}

func appendEscape(b []byte, r rune, size int, c byte) []byte {
	if r == utf8.RuneError && size <= 1 {
		const hexDigits = "0123456789abcdef"
		return append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
	}
	quoted := strconv.AppendQuoteRune(nil, r)
	return append(b, quoted[1:len(quoted)-1]...)
}

// Guard is a Writer for a terminal: all but newlines and tabs that Escape escapes is escaped. It
// is for formats that keep text as it is.
type Guard struct {
	To   io.Writer
	buf  []byte
	rest []byte // the start of a character
}

// Write writes p. The number that it returns is of bytes of p.
func (g *Guard) Write(p []byte) (int, error) {
	text := append(g.rest, p...)
	end := len(text)
	for i := end - 1; i >= 0 && i > end-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			if !utf8.FullRune(text[i:]) {
				end = i
			}
			break
		}
	}
	g.buf = g.buf[:0]
	for line := text[:end]; ; {
		i := bytes.IndexAny(line, "\n\t")
		if i < 0 {
			g.buf = Escape(g.buf, line)
			break
		}
		g.buf = append(Escape(g.buf, line[:i]), line[i])
		line = line[i+1:]
	}
	g.rest = append([]byte(nil), text[end:]...)
	_, err := g.To.Write(g.buf)
	return len(p), err
}
