package gen

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/sirupsen/logrus"
)

// Time formats in use.
const (
	trimmed = time.RFC3339Nano                      // syslog copies
	nine    = "2006-01-02T15:04:05.000000000Z07:00" // containerd and its shims
	seconds = time.RFC3339                          // --log files
	crio130 = "2006-01-02 15:04:05.000000000Z07:00" // CRI-O up to 1.30
)

// fields are a record's keys and values.
type fields map[string]any

func (f fields) with(more fields) fields {
	all := fields{}
	for _, m := range []fields{f, more} {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

func entry(at time.Time, level, msg string, f fields) *logrus.Entry {
	l, err := logrus.ParseLevel(level)
	if err != nil {
		panic(err)
	}
	return &logrus.Entry{Data: logrus.Fields(f), Time: at, Level: l, Message: msg}
}

func formatted(f logrus.Formatter, e *logrus.Entry) string {
	line, err := f.Format(e)
	if err != nil {
		panic(err)
	}
	return strings.TrimSuffix(string(line), "\n")
}

// logrusText is a line of logrus's text formatter, without its newline.
func logrusText(at time.Time, format, level, msg string, f fields) string {
	return formatted(&logrus.TextFormatter{DisableColors: true, TimestampFormat: format}, entry(at, level, msg, f))
}

// logrusJSON is a line of logrus's JSON formatter.
func logrusJSON(at time.Time, format, level, msg string, f fields) string {
	return formatted(&logrus.JSONFormatter{TimestampFormat: format}, entry(at, level, msg, f))
}

// logrusTerminal is what logrus prints on a terminal since seconds; the real
// formatter counts them from the start of this process.
func logrusTerminal(since int, level, msg string, keys ...string) string {
	colour := map[string]int{"info": 36, "warning": 33, "error": 31, "debug": 37}[level]
	var b strings.Builder
	fmt.Fprintf(&b, "\x1b[%dm%s\x1b[0m[%04d] %-44s ", colour, strings.ToUpper(level)[:4], since, msg)
	for i := 0; i < len(keys); i += 2 {
		fmt.Fprintf(&b, " \x1b[%dm%s\x1b[0m=%s", colour, keys[i], keys[i+1])
	}
	return b.String()
}

// slogJSON is an object of slog-json: msg, level and ts first, all others in
// any order (they come from a hash map), all of them strings.
func (g *Generator) slogJSON(at time.Time, level, msg string, keys ...string) string {
	var b strings.Builder
	member := func(key, value string) {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		writeJSON(&b, key)
		b.WriteByte(':')
		writeJSON(&b, value)
	}
	member("msg", msg)
	member("level", level)
	member("ts", at.UTC().Format(trimmed))
	order := g.rnd.Perm(len(keys) / 2)
	for _, i := range order {
		member(keys[2*i], keys[2*i+1])
	}
	return "{" + b.String() + "}"
}

// writeJSON writes a string as serde_json does.
func writeJSON(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, c := range s {
		switch c {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case '\b':
			b.WriteString(`\b`)
		case '\f':
			b.WriteString(`\f`)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		default:
			if c < ' ' {
				fmt.Fprintf(b, `\u%04x`, c)
			} else {
				b.WriteRune(c)
			}
		}
	}
	b.WriteByte('"')
}

// rustDebug is a string as Rust's {:?} prints it.
func rustDebug(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch c {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case 0:
			b.WriteString(`\0`)
		default:
			if unicode.IsPrint(c) {
				b.WriteRune(c)
			} else {
				fmt.Fprintf(&b, `\u{%x}`, c)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}
