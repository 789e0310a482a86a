package gen

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
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

// with returns a copy of f with more fields.
func (f fields) with(more fields) fields {
	all := fields{}
	for _, m := range []fields{f, more} {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

// LogrusText returns a line of logrus's text formatter, without its newline. build/interop
// compares this function and the two below it with logrus itself.
func LogrusText(at time.Time, format, level, msg string, f map[string]any) string {
	f = withoutClashes(f)
	var b strings.Builder
	b.WriteString("time=")
	writeLogrusValue(&b, at.Format(format))
	b.WriteString(" level=")
	writeLogrusValue(&b, level)
	if msg != "" {
		b.WriteString(" msg=")
		writeLogrusValue(&b, msg)
	}
	for _, key := range slices.Sorted(maps.Keys(f)) {
		b.WriteString(" " + key + "=")
		writeLogrusValue(&b, f[key])
	}
	return b.String()
}

// LogrusJSON returns a line of logrus's JSON formatter, without its newline.
func LogrusJSON(at time.Time, format, level, msg string, f map[string]any) string {
	all := withoutClashes(f)
	for key, value := range all {
		if err, ok := value.(error); ok {
			all[key] = err.Error()
		}
	}
	all["time"], all["level"], all["msg"] = at.Format(format), level, msg
	line, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(line)
}

// LogrusTerminal returns a line that logrus prints on a terminal, without its newline. since
// is the time since the start of the program, in seconds.
func LogrusTerminal(since int, level, msg string, f map[string]any) string {
	colour := map[string]int{"trace": 37, "debug": 37, "warning": 33, "error": 31, "fatal": 31, "panic": 31}[level]
	if colour == 0 {
		colour = 36
	}
	f = withoutClashes(f)
	var b strings.Builder
	fmt.Fprintf(&b, "\x1b[%dm%s\x1b[0m[%04d] %-44s ", colour, strings.ToUpper(level)[:4], since, strings.TrimSuffix(msg, "\n"))
	for _, key := range slices.Sorted(maps.Keys(f)) {
		fmt.Fprintf(&b, " \x1b[%dm%s\x1b[0m=", colour, key)
		writeLogrusValue(&b, f[key])
	}
	return b.String()
}

// withoutClashes returns a copy of f in which logrus's own keys are renamed as logrus does.
func withoutClashes(f map[string]any) map[string]any {
	all := map[string]any{}
	maps.Copy(all, f)
	for _, key := range []string{"time", "msg", "level", "logrus_error"} {
		if value, ok := all[key]; ok {
			delete(all, key)
			all["fields."+key] = value
		}
	}
	return all
}

// writeLogrusValue writes a value, in quotes where logrus finds them necessary.
func writeLogrusValue(b *strings.Builder, value any) {
	text := fmt.Sprint(value)
	bare := !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._/@^+", r)
	})
	if bare {
		b.WriteString(text)
	} else {
		b.WriteString(strconv.Quote(text))
	}
}

// slogJSON returns an object of slog-json: msg, level and ts first, all others in any order
// (they come from a hash map), all of them strings.
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

// rustDebug returns a string as Rust's {:?} prints it.
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
