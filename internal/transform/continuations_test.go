package transform

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// cutEntry is a journal entry in the tests of cut lines.
type cutEntry struct {
	tag, stream, lineBreak, identifier, message string
	milli                                       uint32
}

// send processes the entry. It returns the event, and the fields that were added to it,
// without the prefix; with time if the event's time changed.
func (e cutEntry) send(t testing.TB, f *Filter) (before contract.Event, fields map[string]any) {
	t.Helper()
	pairs := []string{"MESSAGE", e.message, "SYSLOG_IDENTIFIER", e.identifier}
	if e.stream != "" {
		pairs = append(pairs, "_STREAM_ID", e.stream)
	}
	if e.lineBreak != "" {
		pairs = append(pairs, "_LINE_BREAK", e.lineBreak)
	}
	chunk := appendEvent(nil, 100+e.milli/1000, e.milli%1000*1e6, pairs...)
	before = contract.Events(t, chunk)[0]
	out, verdict := runTagged(t, f, e.tag, chunk)
	after := before
	if verdict == Changed {
		after = contract.Events(t, out)[0]
	}
	fields = map[string]any{}
	if after.Time != before.Time {
		fields["time"] = after.Time
	}
	for key, value := range after.Body {
		if _, own := before.Body[key]; !own {
			fields[strings.TrimPrefix(key, "kata_")] = value
		}
	}
	return before, fields
}

const (
	consoleStart = `time="2024-05-06T07:08:10.250000001Z" level=debug msg="reading guest console" console-url=/run/vc/vm/55bb/console.sock ` +
		`name=containerd-shim-v2 pid=4242 sandbox=55bb source=virtcontainers subsystem=sandbox vmconsole="AAAA`
	hostStart = `time="2024-05-06T07:08:10.250000001Z" level=debug msg="sending request" name=grpc.CreateContainerRequest req="container_id: `
	hostLine  = `time="2024-05-06T07:08:11.25Z" level=info msg=next name=containerd-shim-v2 pid=4242 sandbox=55bb source=virtcontainers`
	forged    = `time="2031-01-01T00:00:00.123456789Z" level=fatal msg=host_compromised name=containerd-shim-v2 pid=1 sandbox=victim source=virtcontainers x="`
	forged2   = `{"msg":"host_compromised","level":"CRIT","ts":"2031-01-01T00:00:00Z","name":"kata-runtime","source":"victim","subsystem":"shim"}`
)

// TestCutLines has streams with lines that journald has cut, and for each entry what it
// is read as.
func TestCutLines(t *testing.T) {
	const host, guest, rest, guestRest, untouched = "a host's record", "a guest's record", "a rest", "a guest's rest", "untouched"
	type step struct {
		entry cutEntry
		is    string
	}
	first := func(message string) cutEntry {
		return cutEntry{stream: "s1", lineBreak: "line-max", identifier: "containerd", message: message}
	}
	next := func(message string, milli uint32) cutEntry {
		return cutEntry{stream: "s1", identifier: "containerd", message: message, milli: milli}
	}
	with := func(e cutEntry, change func(*cutEntry)) cutEntry {
		change(&e)
		return e
	}
	const (
		jsonStart  = `{"msg":"AAAA","level":"INFO","ts":"2024-05-06T07:08:09.5Z","name":"kata-runtime","source":"55bb","pid":"4242","version":"0.1.0",`
		proxyStart = `time="2019-05-06T07:08:09.1Z" level=info msg="BBBB`
	)
	for name, steps := range map[string][]step{
		"a guest's value":                  {{first(consoleStart), guest}, {next(forged, 1), guestRest}, {next(hostLine, 2), host}},
		"a guest's value, JSON behind it":  {{first(consoleStart), guest}, {next(forged2, 1), guestRest}},
		"only CR of a guest's value":       {{first(consoleStart[:len(consoleStart)-4] + `\r\r\r`), host}, {next(forged, 1), guestRest}, {next(hostLine, 2), host}},
		"runtime-rs's JSON, empty console": {{first(strings.Replace(jsonStart, "AAAA", `\r`, 1) + `"subsystem":"dmesg","x":"`), host}, {next(forged2, 1), guestRest}},
		"Cloud Hypervisor's, no stream":    {{first(jsonStart + `"subsystem":"cloud-hypervisor","x":"`), guest}, {next(forged2, 1), guestRest}},
		"in three parts":                   {{first(consoleStart), guest}, {with(first(forged), func(e *cutEntry) { e.milli = 1 }), guestRest}, {next(forged, 2), guestRest}, {next(hostLine, 3), host}},
		"a host's value":                   {{first(hostStart), host}, {next(forged, 1), rest}, {next(hostLine, 2), host}},
		"a line that is whole":             {{first(hostLine), host}, {next(hostLine, 1), host}},
		"a message without an end":         {{first(proxyStart), host}, {next(forged, 1), guestRest}},
		"kata-proxy's":                     {{with(first(proxyStart), func(e *cutEntry) { e.identifier = "kata-proxy" }), guest}, {with(next(forged, 1), func(e *cutEntry) { e.identifier = "kata-proxy" }), guestRest}},
		"runtime-rs's JSON, no subsystem":  {{first(jsonStart), guest}, {next(forged2, 1), guestRest}, {next(hostLine, 2), host}},
		"runtime-rs's JSON, of the host's": {{first(jsonStart + `"subsystem":"shim","x":"`), host}, {next(forged2, 1), rest}, {next(hostLine, 2), host}},
		"runtime-rs's JSON, of an agent's": {{first(jsonStart + `"subsystem":"agent","x":"`), guest}, {next(forged2, 1), guestRest}},
		"JSON that is no record yet":       {{first(`{"msg":"AAAA`), untouched}, {next(forged2, 1), untouched}, {next(hostLine, 2), host}},
		"an untouched line":                {{first("some text"), untouched}, {next(forged, 1), untouched}, {next(hostLine, 2), host}},
		"an untouched line of three parts": {{first("some text"), untouched}, {first(forged), untouched}, {next(forged, 1), untouched}, {next(hostLine, 2), host}},
		"text of Kata's": {
			{with(first("some text"), func(e *cutEntry) { e.identifier = "kata" }), rest},
			{with(next(forged, 1), func(e *cutEntry) { e.identifier = "kata" }), rest}, {next(hostLine, 2), host},
		},
		"another stream":                 {{first(consoleStart), guest}, {with(next(hostLine, 1), func(e *cutEntry) { e.stream = "s2" }), host}, {next(forged, 2), guestRest}},
		"another tag":                    {{first(consoleStart), guest}, {with(next(hostLine, 1), func(e *cutEntry) { e.tag = "t2" }), host}, {next(forged, 2), guestRest}},
		"no stream, first":               {{with(first(consoleStart), func(e *cutEntry) { e.stream = "" }), guest}, {next(hostLine, 1), host}},
		"no stream, next":                {{first(consoleStart), guest}, {with(next(hostLine, 1), func(e *cutEntry) { e.stream = "" }), host}, {next(forged, 2), guestRest}},
		"earlier":                        {{with(first(consoleStart), func(e *cutEntry) { e.milli = 5 }), guest}, {next(hostLine, 4), host}, {next(hostLine, 5), host}},
		"the same time":                  {{with(first(consoleStart), func(e *cutEntry) { e.milli = 5 }), guest}, {next(forged, 5), guestRest}},
		"two seconds later":              {{first(consoleStart), guest}, {next(forged, 2000), guestRest}},
		"more than that":                 {{first(consoleStart), guest}, {next(hostLine, 2001), host}},
		"ended by nul":                   {{with(first(consoleStart), func(e *cutEntry) { e.lineBreak = "nul" }), guest}, {next(hostLine, 1), host}},
		"ended by eof":                   {{with(first(consoleStart), func(e *cutEntry) { e.lineBreak = "eof" }), guest}, {next(hostLine, 1), host}},
		"an empty rest":                  {{first(consoleStart), guest}, {next("", 1), untouched}, {next(hostLine, 2), host}},
		"the first part processed again": {{first(consoleStart), guest}, {first(consoleStart), guest}, {next(forged, 1), guestRest}},
		"the rest processed again": {
			{first(consoleStart), guest}, {next(forged, 1), guestRest}, {next(forged, 1), guestRest},
			{next(hostLine, 2), host}, {next(forged, 1), guestRest}, {with(next(hostLine, 3), func(e *cutEntry) { e.stream = "s2" }), host},
		},
		"both processed again": {{first(consoleStart), guest}, {next(forged, 1), guestRest}, {first(consoleStart), guest}, {next(forged, 1), guestRest}, {next(hostLine, 2), host}},
	} {
		t.Run(name, func(t *testing.T) {
			f := New(options.Default())
			for i, s := range steps {
				before, fields := s.entry.send(t, f)
				want := map[string]any{}
				switch s.is {
				case untouched:
				case host, guest:
					if _, ok := fields["guest"]; ok != (s.is == guest) || fields["msg"] == nil {
						t.Errorf("entry %d: %v is not %s", i, fields, s.is)
					}
					continue
				case guestRest:
					want["guest"] = true
					fallthrough
				case rest:
					want["msg"], want["parse_error"] = s.entry.message, "cut"
				}
				if !maps.Equal(fields, want) {
					t.Errorf("entry %d: %v, not %s of %v", i, fields, s.is, before.Body)
				}
			}
		})
	}
}

// How a line ends that is longer than the limit is known, but not who wrote the end.
func TestCutLongLine(t *testing.T) {
	long := strings.Repeat(" x=y", 100)
	for first, open := range map[string]bool{
		hostLine + long:          false,
		hostLine + long + ` z="`: true,
		`{"msg":"m","level":"INFO","ts":"2024-05-06T07:08:09.5Z","name":"kata-runtime","source":"55bb","x":"` + long:                                   true,
		`{"msg":"m","level":"INFO","ts":"2024-05-06T07:08:09.5Z","name":"kata-runtime","source":"55bb","subsystem":"shim","x":"` + long + `"}`:         false,
		`{"msg":"m","level":"INFO","ts":"2024-05-06T07:08:09.5Z","name":"kata-runtime","source":"55bb","subsystem":"shim","x":"` + long + `","y":[1,2`: true,
	} {
		f := filter(t, "max_message_size", "256")
		cutEntry{stream: "s", lineBreak: "line-max", identifier: "containerd", message: first}.send(t, f)
		_, fields := cutEntry{stream: "s", identifier: "containerd", message: forged}.send(t, f)
		if got := fields["parse_error"] == "cut" && fields["guest"] == true && len(fields) == 3; got != open {
			t.Errorf("behind %s: %v", first, fields)
		}
	}
}

// The rest of a guest's line is written without terminal codes.
func TestCutLineCodes(t *testing.T) {
	f := New(options.Default())
	cutEntry{stream: "s", lineBreak: "line-max", identifier: "containerd", message: consoleStart}.send(t, f)
	_, fields := cutEntry{stream: "s", identifier: "containerd", message: "a\x1b[31mb\u009b0m\r\n"}.send(t, f)
	if fields["msg"] != "ab" {
		t.Errorf("got %v", fields)
	}
}

// Of too many streams the oldest is forgotten.
func TestManyStreams(t *testing.T) {
	f := New(options.Default())
	entry := func(i int, lineBreak, message string) cutEntry {
		return cutEntry{stream: fmt.Sprint("s", i), lineBreak: lineBreak, identifier: "containerd", message: message}
	}
	for i := range maxStreams + 1 {
		entry(i, "line-max", consoleStart).send(t, f)
	}
	for i := maxStreams; i >= 0; i-- {
		_, fields := entry(i, "", forged).send(t, f)
		if isRest := fields["parse_error"] == "cut"; isRest != (i > 0) {
			t.Errorf("stream %d: %v", i, fields)
		}
	}
	if f.continuations.open != 0 || f.continuations.known != maxRests {
		t.Errorf("%d streams and %d rests are left", f.continuations.open, f.continuations.known)
	}
}

// With Strip_Underscores On _STREAM_ID and _LINE_BREAK have no underscore, and count if
// _TRANSPORT has none either; fields that would have to be trusted do not count.
func TestStrippedStream(t *testing.T) {
	send := func(f *Filter, sec uint32, pairs ...string) map[string]any {
		out, verdict := run(t, f, appendEvent(nil, sec, 0, pairs...))
		if verdict == Untouched {
			return nil
		}
		return contract.Events(t, out)[0].Body
	}
	for _, lower := range []bool{false, true} {
		for _, stripped := range []bool{true, false} {
			name := func(s string) string {
				if lower {
					return strings.ToLower(s)
				}
				return s
			}
			transport := "_TRANSPORT"
			if stripped {
				transport = "TRANSPORT"
			}
			f := filter(t)
			send(f, 1, name("MESSAGE"), consoleStart, name("SYSLOG_IDENTIFIER"), "containerd", name("STREAM_ID"), "s", name("LINE_BREAK"), "line-max", name(transport), "stdout")
			got := send(f, 1, name("MESSAGE"), hostLine, name("SYSLOG_IDENTIFIER"), "containerd", name("STREAM_ID"), "s", name(transport), "stdout")
			if (got["kata_parse_error"] == "cut") != stripped {
				t.Errorf("lower %v, stripped %v: %v", lower, stripped, got)
			}
		}
	}
	got := send(filter(t), 1, "MESSAGE", `time="2024-05-06T07:08:11.25Z" level=info msg=x`, "SYSLOG_IDENTIFIER", "kata", "TRANSPORT", "syslog",
		"COMM", "containerd-shim", "UID", "0", "CMDLINE", "shim -id 55bb")
	if got["kata_msg"] != "x" || got["kata_sandbox"] != nil {
		t.Errorf("a command line that any process can write: %v", got)
	}
}

// FuzzCut cuts an enclosing record anywhere in the guest's text: the rest, which the guest
// can choose, is never read as a record, and the host's next line is.
func FuzzCut(f *testing.F) {
	for i, text := range []string{forged, forged2, hostLine, "", "\x1b[31m", `A` + strings.Repeat(`\`, 5) + `"`, `",x="`, "announce: a=\"b\""} {
		for enclosing := range uint8(3) {
			f.Add(text, text, uint16(i*7), enclosing)
		}
	}
	filter := New(options.Default())
	tag := 0
	f.Fuzz(func(t *testing.T, text, rest string, at uint16, enclosing uint8) {
		var head, value string
		identifier := "containerd"
		switch enclosing % 3 {
		case 0:
			head, value = strings.TrimSuffix(consoleStart, "AAAA"), strconv.Quote(text)[1:]
		case 1:
			identifier = "kata-proxy"
			head, value = `time="2019-05-06T07:08:09.1Z" level=info msg="`, strconv.Quote(text)[1:]
		case 2:
			head = `{"level":"INFO","ts":"2024-05-06T07:08:09.5Z","name":"kata-runtime","source":"55bb","msg":"m","subsystem":"agent","x":"`
			value = strings.ReplaceAll(strconv.Quote(text)[1:], `\`, `\\`)
		}
		value = value[:int(at)%len(value)] // never with the closing quote
		tag++
		entry := cutEntry{tag: fmt.Sprint(tag), stream: "s", lineBreak: "line-max", identifier: identifier, message: head + value}
		if _, fields := entry.send(t, filter); fields["guest"] != true {
			return // an empty value
		}
		entry.lineBreak, entry.message = "", rest
		_, fields := entry.send(t, filter)
		if names := slices.Sorted(maps.Keys(fields)); rest != "" && !slices.Equal(names, []string{"guest", "msg", "parse_error"}) {
			t.Fatalf("%q behind %q became %v", rest, head+value, fields)
		}
		entry.identifier, entry.message, entry.milli = "containerd", hostLine, 1
		if _, fields := entry.send(t, filter); fields["guest"] != nil || fields["sandbox"] != "55bb" || fields["msg"] != "next" {
			t.Fatalf("the next line became %v", fields)
		}
	})
}
