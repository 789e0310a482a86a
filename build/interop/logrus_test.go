package interop

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/kata-logs/fluent-bit-kata/internal/gen"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// FuzzLogrus writes a record with logrus: package gen, whose lines the tests of the parser use,
// writes the same bytes, and the parser reads the fields that were written.
func FuzzLogrus(f *testing.F) {
	for i, text := range corpus(f) {
		f.Add("my key", text, text, int64(i)*1_234_567_891, uint8(i))
	}
	f.Add("level", "\x1b[0m\xff\x00\u200b\ufeff\u0085\u00a0\"\\\n", "", int64(0), uint8(3))
	f.Add("a.b", "<&>\u2028", "x\r\n", int64(1_700_000_000_000_000_000), uint8(5))
	f.Add("time", "-._/@^+", "msg\n", int64(0), uint8(0))
	f.Add("msg", "é", "\n\n", int64(0), uint8(1))
	f.Add("logrus_error", "", " ", int64(0), uint8(6))
	p := parser.New(parser.Config{})
	f.Fuzz(func(t *testing.T, key, value, msg string, nano int64, level uint8) {
		// A copy for each formatter, since logrus may change an entry that it formats.
		e := logrus.Entry{Level: logrus.AllLevels[level%7], Message: msg, Time: time.Unix(0, int64(uint64(nano)%4e18)).UTC()}
		word := e.Level.String()
		line := func(format logrus.Formatter, fields map[string]any) string {
			t.Helper()
			e := e
			e.Data = fields
			line, err := format.Format(&e)
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimSuffix(string(line), "\n")
		}
		same := func(got, want string) {
			t.Helper()
			if got != want {
				t.Fatalf("gen writes\n%q\nlogrus\n%q", got, want)
			}
		}
		fields := map[string]any{key: value, "pid": 4242, "error": errors.New(value), "debug": true}
		for _, layout := range []string{time.RFC3339Nano, time.RFC3339} {
			same(gen.LogrusText(e.Time, layout, word, msg, fields), line(&logrus.TextFormatter{DisableColors: true, TimestampFormat: layout}, fields))
			same(gen.LogrusJSON(e.Time, layout, word, msg, fields), line(&logrus.JSONFormatter{TimestampFormat: layout}, fields))
		}
		terminal := line(&logrus.TextFormatter{ForceColors: true}, fields)
		_, since, _ := strings.Cut(terminal, "\x1b[0m[")
		since, _, _ = strings.Cut(since, "]")
		seconds, err := strconv.Atoi(since)
		if err != nil {
			t.Fatalf("%q: %v", terminal, err)
		}
		same(gen.LogrusTerminal(seconds, word, msg, fields), terminal)

		for _, format := range []logrus.Formatter{
			&logrus.TextFormatter{DisableColors: true, TimestampFormat: time.RFC3339Nano}, &logrus.JSONFormatter{TimestampFormat: time.RFC3339Nano},
		} {
			text := line(format, map[string]any{"my key": value, "pid": 4242, "name": "kata-runtime"})
			r := p.Parse(&parser.Message{Text: []byte(text), Origin: parser.Kata})
			if r == nil || r.Reason != parser.OK || !r.HasTime || r.Time.Sec != e.Time.Unix() || int(r.Time.Nsec) != e.Time.Nanosecond() {
				t.Fatalf("%s\ngave %+v", text, r)
			}
			for name, want := range map[string]string{"level": word, "my_key": valid(value), "msg": strings.TrimRight(valid(msg), "\r\n")} {
				got := ""
				if i := r.Index([]byte(name)); i >= 0 {
					got = string(r.Text(&r.Fields[i]))
				}
				if got != want {
					t.Fatalf("%s\n%s is %q, want %q", text, name, got, want)
				}
			}
			if i := r.Index([]byte("pid")); i < 0 || r.Fields[i].Integer() != 4242 {
				t.Fatalf("%s\npid is not 4242", text)
			}
		}
	})
}

// valid returns text with U+FFFD for what is not UTF-8.
func valid(text string) string { return string([]rune(text)) }
