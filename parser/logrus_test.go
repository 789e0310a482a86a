package parser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/gen"
)

// logrusFormat writes a line as logrus does: gen.LogrusText or gen.LogrusJSON.
type logrusFormat func(at time.Time, format, level, msg string, fields map[string]any) string

func (f logrusFormat) line(at time.Time, level, msg string, fields map[string]any) string {
	return f(at, time.RFC3339Nano, level, msg, fields)
}

var (
	logrusText = logrusFormat(gen.LogrusText)
	logrusJSON = logrusFormat(gen.LogrusJSON)
)

// logrusLevels are the words that logrus has for levels.
var logrusLevels = [...]string{"panic", "fatal", "error", "warning", "info", "debug", "trace"}

// FuzzLogrus writes a record as logrus does and reads it again: alone, and with the
// layers of quoting that a guest's line gets on its way.
func FuzzLogrus(f *testing.F) {
	for i, text := range nested(corpus(f)) {
		f.Add("my key", text, text, int64(i)*1_234_567_891, uint8(i))
	}
	f.Add("vm path", "\x1b[0m\xff\x00\u200b\ufeff\u0085\u00a0\"\\\n", "", int64(0), uint8(3))
	f.Add("a.b", "<&>\u2028", "x\r\n", int64(1_700_000_000_000_000_000), uint8(5))
	p := New(Config{})
	f.Fuzz(func(t *testing.T, key, value, msg string, nano int64, level uint8) {
		if !usableKey(p.keys, key) {
			return
		}
		c := logrusCase{p, key, value, msg, time.Unix(0, int64(uint64(nano)%4e18)).UTC(), logrusLevels[level%7]}
		c.alone(t, logrusText, c.msg != "")
		c.alone(t, logrusJSON, true)
		c.throughProxy(t)
		c.throughConsole(t, logrusText)
		c.throughConsole(t, logrusJSON)
		c.jsonThroughConsole(t)
	})
}

// usableKey reports whether a key can be told from what stands beside it in
// logrus's text form, which writes keys as they are, and means nothing to Kata.
func usableKey(keys *keyTable, key string) bool {
	name := appendName(nil, []byte(key))
	return key != "" && len(key) <= maxKey && valid(key) == key && !strings.ContainsAny(key, "=[") && strings.TrimFunc(key, isBlank) == key &&
		!isOurs(name) && keys.group(appendSquashed(nil, name)) == unknown
}

type logrusCase struct {
	p               *Parser
	key, value, msg string
	at              time.Time
	level           string
}

// valid is text as the record has it.
func valid(text string) string { return string([]rune(text)) }

func (c *logrusCase) wantMsg() string { return strings.TrimRight(valid(c.msg), "\r\n") }

// wantGuestMsg is wantMsg for a guest record.
func (c *logrusCase) wantGuestMsg() string { return strings.TrimRight(slowPlain(valid(c.msg)), "\r\n") }

// alone reads the line as it is, which has a message or not.
func (c *logrusCase) alone(t *testing.T, format logrusFormat, hasMsg bool) {
	t.Helper()
	line := format.line(c.at, c.level, c.msg, map[string]any{c.key: c.value, "pid": 4242, "name": "kata-runtime"})
	r := c.p.Parse(&Message{Text: []byte(line), Origin: Kata})
	if r == nil || r.Reason != OK {
		t.Fatalf("%s\ngave %s", line, render(r))
	}
	if !r.HasTime || r.Time.Sec != c.at.Unix() || int(r.Time.Nsec) != c.at.Nanosecond() {
		t.Fatalf("%s\ngave the time %v", line, r.Time)
	}
	want := map[string]string{
		"level": quoteText(c.level), "name": quoteText("kata-runtime"), "pid": "4242",
		string(appendName(nil, []byte(c.key))): quoteText(valid(c.value)),
	}
	if hasMsg {
		want["msg"] = quoteText(c.wantMsg())
	}
	compareFields(t, line, r, want)
}

func compareFields(t *testing.T, line string, r *Record, want map[string]string) {
	t.Helper()
	var lines []string
	for name, value := range want {
		lines = append(lines, name+" = "+value)
	}
	slices.Sort(lines)
	_, got, _ := strings.Cut(render(r), "\n")
	if want := strings.Join(lines, "\n"); got != want {
		t.Fatalf("%s\ngot\n%s\nwant\n%s", line, got, want)
	}
}

// throughProxy nests the line as kata-proxy does.
func (c *logrusCase) throughProxy(t *testing.T) {
	t.Helper()
	at := c.at.Add(time.Second)
	line := logrusText.line(c.at, c.level, c.msg, c.agentFields())
	outer := logrusText.line(at, "info", line+"\n", map[string]any{"name": "kata-proxy", "pid": 7, "sandbox": "55bb", "source": "agent"})
	if c.msg == "" {
		return // then logrus writes no msg, and it is no guest record
	}
	want := c.want(7)
	want["msg"] = quoteText(c.wantGuestMsg())
	c.compareGuest(t, outer, at, want)
}

// throughConsole nests the line as the Go shim's console watcher does.
func (c *logrusCase) throughConsole(t *testing.T, format logrusFormat) {
	t.Helper()
	line := logrusText.line(c.at, c.level, c.msg, c.agentFields())
	if c.msg == "" {
		return
	}
	want := c.want(4242)
	want["msg"] = quoteText(c.wantGuestMsg())
	c.compareGuest(t, c.consoleLine(format, line), c.at, want)
}

// jsonThroughConsole does so with a record that was written as JSON, in which
// members may come in any order.
func (c *logrusCase) jsonThroughConsole(t *testing.T) {
	t.Helper()
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]string{
		"msg": c.msg, "level": c.level, "ts": c.at.Format(time.RFC3339Nano), "name": "kata-agent", "source": "agent", "pid": "78", c.key: c.value,
	}); err != nil {
		t.Fatal(err)
	}
	want := c.want(4242)
	want["msg"] = quoteText(c.wantGuestMsg())
	c.compareGuest(t, c.consoleLine(logrusText, strings.TrimSpace(line.String())), c.at, want)
}

func (c *logrusCase) agentFields() map[string]any {
	return map[string]any{c.key: c.value, "pid": 78, "name": "kata-agent", "source": "agent"}
}

func (c *logrusCase) consoleLine(format logrusFormat, text string) string {
	return format.line(c.at, "debug", "reading guest console", map[string]any{
		"name": "containerd-shim-v2", "pid": 4242, "sandbox": "55bb", "source": "virtcontainers", "vmconsole": text,
	})
}

// want are the fields of the agent's record, but for msg and agent_fields.
func (c *logrusCase) want(pid int) map[string]string {
	return map[string]string{
		"level": quoteText(c.level), "name": quoteText("kata-agent"), "source": quoteText("agent"), "sandbox": quoteText("55bb"),
		"pid": fmt.Sprint(pid), "agent_pid": "78", "agent_time": quoteText(c.at.Format(time.RFC3339Nano)), "guest": "true",
	}
}

// compareGuest reads a line that carries a guest's. The one key that nobody
// knows must be in agent_fields, which is JSON.
func (c *logrusCase) compareGuest(t *testing.T, line string, at time.Time, want map[string]string) {
	t.Helper()
	r := c.p.Parse(&Message{Text: []byte(line), Origin: Kata})
	if r == nil || r.Reason != OK || r.Time.Sec != at.Unix() || int(r.Time.Nsec) != at.Nanosecond() {
		t.Fatalf("%s\ngave %s", line, render(r))
	}
	kept := r.textOf(keyAgentFields)
	var members map[string]string
	if err := json.Unmarshal(kept, &members); err != nil || len(members) != 1 || members[c.key] != valid(c.value) {
		t.Fatalf("%s\nagent_fields is %s: %v", line, kept, err)
	}
	want["agent_fields"] = quoteText(string(kept))
	compareFields(t, line, r, want)
}

// FuzzTerminal reads what logrus prints on a terminal.
func FuzzTerminal(f *testing.F) {
	for i, text := range nested(corpus(f)) {
		f.Add("my key", text, text, uint8(i))
	}
	f.Add("vm path", "a=b", "a message that is longer than its column, with a=b", uint8(4))
	p := New(Config{})
	f.Fuzz(func(t *testing.T, key, value, msg string, level uint8) {
		// A message with colours of its own cannot be told from the fields, nor can the codes of a key,
		// as ESC or as C1, from those around it.
		if !usableKey(p.keys, key) || strings.ContainsRune(key+msg, 0x1b) || hasCode([]byte(key)) {
			return
		}
		word := logrusLevels[level%7]
		line := gen.LogrusTerminal(0, word, msg, map[string]any{key: value, "pid": 4242})
		r := p.Parse(&Message{Text: []byte(line), Origin: Kata})
		want := map[string]string{"level": quoteText(word), "pid": "4242", string(appendName(nil, []byte(key))): quoteText(valid(value))}
		if text := strings.TrimRight(valid(msg), " \r\n"); text != "" {
			want["msg"] = quoteText(text)
		}
		compareFields(t, line, r, want)
	})
}
