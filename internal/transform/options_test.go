package transform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// filter returns an instance with options given as name, value, name, value.
func filter(t testing.TB, pairs ...string) *Filter {
	t.Helper()
	set := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		set[pairs[i]] = pairs[i+1]
	}
	o, err := options.Parse(options.FilterPlugin, func(name string) (string, bool) { v, ok := set[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	f := New(o)
	f.plan.podWait = time.Minute // the machine may be busy
	return f
}

// text returns an event as key=value, sorted by key, with the type where the value is no
// string.
func text(e contract.Event) string {
	var keys []string
	for key := range e.Body {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	var b strings.Builder
	for _, key := range keys {
		switch v := e.Body[key].(type) {
		case string:
			fmt.Fprintf(&b, "%s=%s ", key, v)
		case map[string]any, []any:
			j, _ := json.Marshal(v)
			fmt.Fprintf(&b, "%s=%s ", key, j)
		default:
			fmt.Fprintf(&b, "%s=%v(%T) ", key, v, v)
		}
	}
	return strings.TrimSpace(b.String())
}

// one processes one record and returns the result as text does, after the event's time if
// that changed; "" if the record was dropped.
func one(t testing.TB, f *Filter, pairs ...string) string {
	t.Helper()
	chunk := appendEvent(nil, 100, 7, pairs...)
	out, verdict := run(t, f, chunk)
	if verdict == Untouched {
		out = chunk
	}
	events := contract.Events(t, out)
	if len(events) == 0 {
		return ""
	}
	if len(events) > 1 {
		t.Fatalf("one record became %d", len(events))
	}
	if at := events[0].Time; at != "100.000000007" {
		return "@" + at + " " + text(events[0])
	}
	return text(events[0])
}

const (
	line = `time="2020-01-01T00:00:00.5Z" level=info msg=hello pid=7`
	at   = "@1577836800.500000000 "
)

func TestReserveAndPreserve(t *testing.T) {
	f := func(reserve, preserve, msg, want string) {
		t.Helper()
		got := one(t, filter(t, "reserve_data", reserve, "preserve_key", preserve), "A", "1", "MESSAGE", msg, "SYSLOG_IDENTIFIER", "kata")
		if got != want {
			t.Errorf("reserve_data %s, preserve_key %s:\n%s\nwant\n%s", reserve, preserve, got, want)
		}
	}
	const parsed = "kata_level=info kata_msg=hello kata_pid=7(int64)"
	f("on", "on", line, at+"A=1 MESSAGE="+line+" SYSLOG_IDENTIFIER=kata "+parsed)
	f("on", "off", line, at+"A=1 SYSLOG_IDENTIFIER=kata "+parsed)
	f("off", "on", line, at+"MESSAGE="+line+" "+parsed)
	f("off", "off", line, at+parsed)
	// With an error the message stays.
	f("off", "off", line+" junk", at+"MESSAGE="+line+" junk kata_level=info kata_msg=hello kata_parse_error=trailing_text kata_pid=7(int64) kata_unparsed=junk")
	// Text that is no record was not parsed.
	f("off", "off", "some text", "A=1 MESSAGE=some text SYSLOG_IDENTIFIER=kata kata_msg=some text")
}

func TestPrefix(t *testing.T) {
	f := func(prefix, want string, own ...string) {
		t.Helper()
		if got := one(t, filter(t, "prefix", prefix), append(own, "MESSAGE", line)...); got != want {
			t.Errorf("prefix %q:\n%s\nwant\n%s", prefix, got, want)
		}
	}
	f("", at+"MESSAGE="+line+" level=info msg=hello pid=7(int64)")
	// Without a prefix the record's own field wins,
	f("", at+"MESSAGE="+line+" level=mine msg=hello pid=7(int64)", "level", "mine")
	// with one what this plugin wrote before is replaced, and nothing else.
	f("k.", at+"MESSAGE="+line+" k.level=info k.msg=hello k.other=x k.pid=7(int64) level=mine", "k.level", "old", "level", "mine", "k.other", "x")
}

// Without a prefix the record's own field wins, but not over the plugin's own flags: else
// the writer of a record could hide that it is a guest's, or did not parse whole.
func TestFlagsWithoutPrefix(t *testing.T) {
	message := `time="2024-05-06T07:08:10.25Z" level=debug msg="reading guest console" vmconsole="text`
	for _, c := range []struct{ name, own, want string }{
		{"none is there", "", "guest=true(bool) parse_error=unterminated_quote"},
		{"guest", "guest=no", "guest=no kata_guest=true(bool) parse_error=unterminated_quote"},
		{"parse_error", "parse_error=no", "guest=true(bool) kata_parse_error=unterminated_quote parse_error=no"},
		{"both", "guest=no parse_error=no", "guest=no kata_guest=true(bool) kata_parse_error=unterminated_quote parse_error=no"},
		{"guest, and the flag's other name", "guest=no kata_guest=no", "guest=no kata_guest=true(bool) parse_error=unterminated_quote"},
		{"the flags' other names only", "kata_guest=no kata_parse_error=no", "guest=true(bool) kata_guest=no kata_parse_error=no parse_error=unterminated_quote"},
		{"other names", "level=mine duplicate=no", "duplicate=no guest=true(bool) parse_error=unterminated_quote"},
	} {
		f := filter(t, "prefix", "")
		pairs := []string{"MESSAGE", message, "SYSLOG_IDENTIFIER", "kata"}
		for pair := range strings.FieldsSeq(c.own) {
			name, value, _ := strings.Cut(pair, "=")
			pairs = append(pairs, name, value)
		}
		var got []string
		for word := range strings.FieldsSeq(one(t, f, pairs...)) {
			for _, name := range []string{"guest=", "parse_error=", "kata_guest=", "kata_parse_error=", "duplicate="} {
				if strings.HasPrefix(word, name) {
					got = append(got, word)
				}
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", c.name, s, c.want)
		}
	}
}

// A record that is processed again stays as it is.
func TestTwice(t *testing.T) {
	f := filter(t)
	chunk := appendEvent(nil, 100, 7, "SYSLOG_IDENTIFIER", "kata", "MESSAGE", line)
	first, _ := run(t, f, chunk)
	second, _ := run(t, f, first)
	if a, b := text(contract.Events(t, first)[0]), text(contract.Events(t, second)[0]); a != b {
		t.Errorf("the second time gave\n%s\nafter\n%s", b, a)
	}
	if len(first) != len(second) {
		t.Errorf("%d bytes became %d", len(first), len(second))
	}
}

func TestNestUnder(t *testing.T) {
	f := filter(t, "nest_under", "kata", "prefix", "")
	want := at + "MESSAGE=" + line + ` kata={"level":"info","msg":"hello","pid":7} level=mine`
	if got := one(t, f, "MESSAGE", line, "level", "mine"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := one(t, f, "MESSAGE", line, "kata", "old", "level", "mine"); got != want {
		t.Errorf("the second time:\n%s\nwant\n%s", got, want)
	}
}

func TestTimeOptions(t *testing.T) {
	f := func(want string, opts ...string) {
		t.Helper()
		if got := one(t, filter(t, opts...), "MESSAGE", `time="2020-01-01T00:00:00.5Z" level=info`); got != want {
			t.Errorf("%v: %s, want %s", opts, got, want)
		}
	}
	const msg = `MESSAGE=time="2020-01-01T00:00:00.5Z" level=info kata_level=info`
	f(at + msg)
	f(at+msg+" kata_time=2020-01-01T00:00:00.5Z", "time_keep", "on")
	f(msg+" kata_time=2020-01-01T00:00:00.5Z", "use_message_time", "off")
}

// TestWholeSeconds: a time without a fraction is used unless the event's own is within
// two seconds after it.
func TestWholeSeconds(t *testing.T) {
	f := func(sec, nsec uint32, want string) {
		t.Helper()
		chunk := appendEvent(nil, sec, nsec, "MESSAGE", `time="1970-01-01T00:01:40Z" level=info`)
		out, _ := run(t, filter(t), chunk)
		if got := contract.Events(t, out)[0].Time; got != want {
			t.Errorf("an event of %d.%09d got %s, want %s", sec, nsec, got, want)
		}
	}
	f(99, 999_999_999, "100.000000000")
	f(100, 0, "100.000000000")
	f(100, 5, "100.000000005")
	f(101, 999_999_999, "101.999999999")
	f(102, 0, "100.000000000")
}

func TestKeyOptions(t *testing.T) {
	const msg = `time="2020-01-01T00:00:00.5Z" level=info msg=m EndpointProperties=x pid=7 vm path=/run`
	f := func(want string, opts ...string) {
		t.Helper()
		if got := one(t, filter(t, append(opts, "reserve_data", "off", "preserve_key", "off")...), "MESSAGE", msg); got != at+want {
			t.Errorf("%v: %s, want %s", opts, got, at+want)
		}
	}
	f("kata_level=info kata_msg=m kata_pid=7(int64) kata_vm_path=/run", "remove_keys", "Endpoint*")
	f("kata_msg=m kata_vm_path=/run", "only_keys", "msg,vm path")
	f("kata_msg=m", "only_keys", "m*,v*", "remove_keys", "vm_path")
	f("kata_EndpointProperties=x kata_level=info kata_msg=m kata_pid=7 kata_vm_path=/run", "types", "string")
	f("kata_EndpointProperties_text=x kata_level=info kata_msg=m kata_pid=7 kata_vm_path=/run", "types", "pid:string,EndpointProperties:integer")
}

func TestRemoveJournalKeys(t *testing.T) {
	f := filter(t, "remove_journal_keys", "SYSLOG_RAW,_CAP*")
	own := []string{"SYSLOG_RAW", "x", "_CAP_EFFECTIVE", "y", "_PID", "1"}
	if got, want := one(t, f, append(own, "MESSAGE", line)...), at+"MESSAGE="+line+" _PID=1 kata_level=info kata_msg=hello kata_pid=7(int64)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := one(t, f, append(own, "MESSAGE", "not Kata's")...), "MESSAGE=not Kata's SYSLOG_RAW=x _CAP_EFFECTIVE=y _PID=1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMinLevel(t *testing.T) {
	f := filter(t, "min_level", "warning")
	chunk := appendEvent(nil, 1, 1, "MESSAGE", `time=x level=debug msg=gone`)
	chunk = appendEvent(chunk, 1, 2, "MESSAGE", "untouched")
	chunk = appendEvent(chunk, 1, 3, "MESSAGE", `time=x level=WARN msg=stays`)
	chunk = appendEvent(chunk, 1, 4, "MESSAGE", `time=x level=info msg=gone`)
	chunk = appendEvent(chunk, 1, 5, "MESSAGE", `time=x level=Odd msg=stays`)
	out, verdict := run(t, f, chunk)
	var times []string
	for _, e := range contract.Events(t, out) {
		times = append(times, e.Time)
	}
	if got := strings.Join(times, " "); verdict != Changed || got != "1.000000002 1.000000003 1.000000005" {
		t.Errorf("verdict %v, left %s", verdict, got)
	}
	if out, verdict = run(t, f, appendEvent(nil, 1, 1, "MESSAGE", `time=x level=debug msg=gone`)); verdict != Changed || len(out) != 0 {
		t.Errorf("all dropped: verdict %v, %d bytes", verdict, len(out))
	}
	if c := f.Counts(); c.Dropped != 3 || c.Untouched != 1 || c.Errors != 2 {
		t.Errorf("counted %+v", c)
	}
}

// TestDuplicates has second copies of a line, and records that are similar to one.
func TestDuplicates(t *testing.T) {
	const nine, short = `time="2020-01-01T00:00:00.100000000Z" level=info msg=hello `, `time="2020-01-01T00:00:00.1Z" level=info msg=hello `
	type entry struct {
		identifier, message string
		milli               uint32 // when it arrived
		second              bool
	}
	// Containerd's own command line does not name the sandbox, the shim's does.
	command := []string{"_COMM", "containerd-shim", "_UID", "0", "_CMDLINE", "containerd-shim-kata-v2 -id 55bb"}
	for _, c := range []struct {
		name    string
		entries []entry
	}{
		{"two copies", []entry{{"containerd", nine + "sandbox=s1 source=virtcontainers", 0, false}, {"kata", short + "sandbox=s1 source=virtcontainers", 5, true}}},
		{"the shim's own copy first", []entry{{"kata", short + "sandbox=s1 source=virtcontainers", 0, false}, {"containerd", nine + "sandbox=s1 source=virtcontainers", 5, true}}},
		{"by ID", []entry{{"containerd", nine + "ID=s1 source=virtcontainers", 0, false}, {"kata", short + "ID=s1 source=virtcontainers", 5, true}}},
		{"neither sandbox nor ID nor source", []entry{{"containerd", nine, 0, false}, {"kata", short, 5, true}}},
		{"another sandbox", []entry{{"containerd", nine + "sandbox=s1", 0, false}, {"kata", short + "sandbox=s2", 5, false}}},
		{"another ID", []entry{{"containerd", nine + "ID=s1", 0, false}, {"kata", short + "ID=s2", 5, false}}},
		{"another source", []entry{{"containerd", nine + "source=virtcontainers", 0, false}, {"kata", short + "source=katautils", 5, false}}},
		{"another time", []entry{{"containerd", nine, 0, false}, {"kata", strings.Replace(short, ".1Z", ".100000001Z", 1), 5, false}}},
		{"another level", []entry{{"containerd", nine, 0, false}, {"kata", strings.Replace(short, "info", "debug", 1), 5, false}}},
		{"whole seconds", []entry{{"containerd", strings.Replace(nine, ".100000000Z", "Z", 1), 0, false}, {"kata", strings.Replace(short, ".1Z", "Z", 1), 5, false}}},
		{"no time", []entry{{"kata-runtime", strings.Replace(nine, "2020-", "bad-", 1), 0, false}, {"kata", strings.Replace(nine, "2020-", "bad-", 1), 5, false}}},
		{"one identifier", []entry{{"kata", nine, 0, false}, {"kata", short, 5, false}, {"kata", short, 6, false}}},
		{"no identifier", []entry{{"", nine + "source=virtcontainers", 0, false}, {"kata", short + "source=virtcontainers", 5, false}}},
		{"two seconds", []entry{{"containerd", nine, 0, false}, {"kata", short, 2000, true}}},
		{"two seconds, the other way round", []entry{{"containerd", nine, 2000, false}, {"kata", short, 0, true}}},
		{"more than two seconds", []entry{{"containerd", nine, 0, false}, {"kata", short, 2001, false}, {"containerd", nine, 2002, true}}},
		{"processed again by Fluent Bit", []entry{
			{"containerd", nine, 0, false}, {"kata", short, 5, true}, {"containerd", nine, 0, false}, {"kata", short, 5, true}, {"containerd", nine, 9000, false},
		}},
		{"the hook was added twice", []entry{{"containerd", nine, 0, false}, {"kata", short, 5, true}, {"kata", short, 5, true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			mark, drop, keep := filter(t, "duplicates", "mark"), filter(t, "duplicates", "drop"), filter(t)
			seconds := uint64(0)
			for i, e := range c.entries {
				pairs := []string{"MESSAGE", e.message}
				if e.identifier != "" {
					pairs = append(pairs, "SYSLOG_IDENTIFIER", e.identifier)
				}
				if e.identifier == "kata" {
					pairs = append(pairs, command...)
				}
				chunk := appendEvent(nil, 100+e.milli/1000, e.milli%1000*1e6, pairs...)
				marked, _ := run(t, mark, chunk)
				if _, ok := contract.Events(t, marked)[0].Body["kata_duplicate"]; ok != e.second {
					t.Errorf("record %d: marked %v", i, ok)
				}
				if out, verdict := run(t, drop, chunk); verdict != Changed || (len(out) == 0) != e.second {
					t.Errorf("record %d: dropped %v", i, !e.second)
				}
				kept, _ := run(t, keep, chunk)
				if _, ok := contract.Events(t, kept)[0].Body["kata_duplicate"]; ok {
					t.Errorf("record %d: marked, though duplicates are kept", i)
				}
				if e.second {
					seconds++
				}
			}
			if m, d := mark.Counts(), drop.Counts(); m.Duplicates != seconds || m.Dropped != 0 || d.Duplicates != seconds || d.Dropped != seconds {
				t.Errorf("counted %+v, %+v", m, d)
			}
		})
	}
}

// TestDuplicateFlag: the flag is written once, whatever has its name, and is no key that
// only_keys and remove_keys select.
func TestDuplicateFlag(t *testing.T) {
	const copied = `time="2020-01-01T00:00:00.100000000Z" level=info msg=hello`
	for _, c := range []struct{ name, options, message, own, want string }{
		{"alone", "", copied, "", "kata_duplicate=true(bool) kata_level=info kata_msg=hello"},
		{"a key of the message", "", copied + " duplicate=false a=b", "", "kata_a=b kata_duplicate=true(bool) kata_level=info kata_msg=hello"},
		{"a field that this plugin has written", "", copied, "kata_duplicate=old kata_x=y", "kata_duplicate=true(bool) kata_level=info kata_msg=hello kata_x=y"},
		{"only_keys", "only_keys=msg", copied, "", "kata_duplicate=true(bool) kata_msg=hello"},
		{"remove_keys", "remove_keys=*", copied, "kata_duplicate=old", "kata_duplicate=true(bool)"},
		{"no prefix", "prefix=", copied, "", "duplicate=true(bool) level=info msg=hello"},
		{"no prefix, the record has the name", "prefix=", copied, "duplicate=mine", "duplicate=mine level=info msg=hello"},
		{"types string", "types=string", copied, "", "kata_duplicate=true(bool) kata_level=info kata_msg=hello"},
		{"types with the name", "types=duplicate:integer", copied + " duplicate=7", "", "kata_duplicate=true(bool) kata_level=info kata_msg=hello"},
		{"nested", "nest_under=k", copied, "", `k={"kata_duplicate":true,"kata_level":"info","kata_msg":"hello"}`},
	} {
		options := []string{"duplicates", "mark"}
		if name, value, ok := strings.Cut(c.options, "="); ok {
			options = append(options, name, value)
		}
		f := filter(t, options...)
		one(t, f, "SYSLOG_IDENTIFIER", "containerd", "MESSAGE", c.message)
		pairs := []string{"SYSLOG_IDENTIFIER", "kata", "MESSAGE", c.message}
		for pair := range strings.FieldsSeq(c.own) {
			name, value, _ := strings.Cut(pair, "=")
			pairs = append(pairs, name, value)
		}
		got := one(t, f, pairs...)
		_, got, _ = strings.Cut(got, "MESSAGE="+c.message+" ")
		if got = strings.Replace(got, "SYSLOG_IDENTIFIER=kata ", "", 1); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// Of many records the oldest are forgotten, not the newest.
func TestManyDuplicates(t *testing.T) {
	const n = 2 * duplicateSets * duplicateWays
	f := filter(t, "duplicates", "drop")
	send := func(identifier string, i int) bool {
		out, _ := run(t, f, appendEvent(nil, 100, 0, "SYSLOG_IDENTIFIER", identifier,
			"MESSAGE", fmt.Sprintf(`time="2020-01-01T00:00:00.5Z" level=info msg=%d`, i)))
		return len(out) > 0
	}
	for i := range n {
		if !send("containerd", i) {
			t.Fatalf("record %d was dropped", i)
		}
	}
	missed := 0
	for i := n - 100; i < n; i++ {
		if send("kata", i) {
			missed++
		}
	}
	if missed > 10 {
		t.Errorf("%d of the 100 newest were forgotten", missed)
	}
}

func TestNested(t *testing.T) {
	const msg = `{"msg":"m","o":{"a":[1, 1.5, null, "x"],"b":{},"a":2},"big":[123456789012345678901234567890],"pid":{"x":1}}`
	f := func(mode, want string) {
		t.Helper()
		got := one(t, filter(t, "nested", mode, "reserve_data", "off", "preserve_key", "off"), "SYSLOG_IDENTIFIER", "kata", "MESSAGE", msg)
		if got != want {
			t.Errorf("nested %s:\n%s\nwant\n%s", mode, got, want)
		}
	}
	f("stringify", `kata_big=[123456789012345678901234567890] kata_msg=m kata_o={"a":[1,1.5,null,"x"],"b":{},"a":2} kata_pid_text={"x":1}`)
	f("keep", `kata_big=[1.2345678901234568e+29] kata_msg=m kata_o={"a":[1,1.5,null,"x"],"b":{}} kata_pid_text={"x":1}`)
	f("drop", `kata_msg=m`)
}

func TestKeyName(t *testing.T) {
	f := filter(t, "key_name", "text,log")
	if got, want := one(t, f, "log", "x", "MESSAGE", "y", "text", line), at+"MESSAGE=y kata_level=info kata_msg=hello kata_pid=7(int64) log=x text="+line; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := one(t, f, "MESSAGE", line), "MESSAGE="+line; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFormat(t *testing.T) {
	f := func(format, id, msg, want string) {
		t.Helper()
		pairs := []string{"MESSAGE", msg}
		if id != "" {
			pairs = append(pairs, "SYSLOG_IDENTIFIER", id)
		}
		got := one(t, filter(t, "format", format, "remove_journal_keys", "*"), pairs...)
		if got != want {
			t.Errorf("format %s, %s: %s\n%s\nwant\n%s", format, id, msg, got, want)
		}
	}
	f("logfmt", "nginx", "status=200 path=/", "kata_path=/ kata_status=200(int64)")
	f("logfmt", "nginx", "no pairs here", "MESSAGE=no pairs here SYSLOG_IDENTIFIER=nginx")
	f("json", "nginx", `{"status":200}`, "kata_status=200(int64)")
	f("json", "kata", line, "kata_msg="+line)
	f("native", "kata", line, "kata_msg="+line)
	f("auto", "", `{"msg":"m","level":"INFO","ts":"1970-01-01T00:00:01.5Z","name":"kata-runtime"}`, "@1.500000000 kata_level=info kata_msg=m kata_name=kata-runtime")
	f("auto", "", `{"msg":"m","level":"INFO","ts":"1970-01-01T00:00:01.5Z","name":"other"}`, `MESSAGE={"msg":"m","level":"INFO","ts":"1970-01-01T00:00:01.5Z","name":"other"}`)
}

// TestBadInput: nothing is lost, and nothing is added.
func TestBadInput(t *testing.T) {
	f := filter(t)
	if out, verdict := run(t, f, nil); verdict != Untouched || len(out) != 0 {
		t.Error("an empty chunk changed")
	}

	good := appendEvent(nil, 100, 7, "SYSLOG_IDENTIFIER", "kata", "MESSAGE", line)
	for _, value := range [][]byte{{0xc0}, {0xc3}, {0x05}, {0x80}, {0x90}, {0x91, 0x05}, {0xa0}, {0xc4, 0x00}, {0xd4, 0x05, 0x01}} {
		odd := event.AppendStr(event.AppendMapHeader(append(event.AppendTime([]byte{0x92, 0x92}, 1, 1), 0x80), 1), []byte("MESSAGE"))
		odd = append(odd, value...)
		out, verdict := run(t, f, append(bytes.Clone(odd), good...))
		if verdict != Changed || !bytes.HasPrefix(out, odd) || len(contract.Events(t, out)) != 2 {
			t.Errorf("a message of %x: verdict %v", value, verdict)
		}
		if _, verdict := run(t, f, odd); verdict != Untouched {
			t.Errorf("a message of %x changed", value)
		}
	}

	// A message in bin, and the first of a list.
	bin := event.AppendStr(event.AppendMapHeader(append(event.AppendTime([]byte{0x92, 0x92}, 1, 1), 0x80), 1), []byte("MESSAGE"))
	list := append(bytes.Clone(bin), 0x92)
	bin = append(append(bin, 0xc4, byte(len(line))), line...)
	list = event.AppendStr(event.AppendStr(list, []byte(line)), []byte("second"))
	for _, chunk := range [][]byte{bin, list} {
		out, _ := run(t, f, chunk)
		if got := contract.Events(t, out)[0].Body["kata_msg"]; got != "hello" {
			t.Errorf("%x: kata_msg is %v", chunk, got)
		}
	}

	// What follows a cut is copied.
	cut := append(bytes.Clone(good), good[:len(good)-3]...)
	out, verdict := run(t, f, cut)
	if verdict != Changed || !bytes.HasSuffix(out, good[:len(good)-3]) {
		t.Error("the end of a cut chunk was lost")
	}
	if f.Counts().Corrupt != 1 {
		t.Errorf("counted %+v", f.Counts())
	}

	// Ten megabytes.
	big := `time="2020-01-01T00:00:00.5Z" level=info msg="` + strings.Repeat("x", 10<<20) + `"`
	out, _ = run(t, f, appendEvent(nil, 1, 1, "MESSAGE", big))
	e := contract.Events(t, out)[0]
	if e.Body["MESSAGE"] != big || e.Body["kata_level"] != "info" || e.Body["kata_parse_error"] != "too_large" {
		t.Errorf("a message of 10 MB gave level %v, error %v", e.Body["kata_level"], e.Body["kata_parse_error"])
	}
	if n := len(e.Body["kata_msg"].(string)); n < 1<<20-100 || n > 1<<20 {
		t.Errorf("kata_msg has %d bytes", n)
	}
}

// TestGroups: group markers are not changed, and the records between them are parsed.
func TestGroups(t *testing.T) {
	marker := func(sec, nsec uint32) []byte {
		b := append(event.AppendTime([]byte{0x92, 0x92}, sec, nsec), 0x80)
		return append(b, 0x81, 0xa7, 'M', 'E', 'S', 'S', 'A', 'G', 'E', 0xa1, 'x')
	}
	start, end, odd := marker(0xffffffff, 0), marker(0xfffffffe, 0), marker(0xffffffff, 5)
	record := appendEvent(nil, 100, 7, "SYSLOG_IDENTIFIER", "kata", "MESSAGE", line)
	chunk := bytes.Join([][]byte{start, record, end, odd}, nil)
	out, verdict := run(t, filter(t), chunk)
	if verdict != Changed || !bytes.HasPrefix(out, start) || !bytes.HasSuffix(out, append(end, odd...)) {
		t.Error("a group's markers changed")
	}
	if got := len(contract.Events(t, out)); got != 4 {
		t.Errorf("%d events", got)
	}
}

// TestNoMemory: without memory for the output the chunk is untouched.
func TestNoMemory(t *testing.T) {
	chunk := appendEvent(nil, 100, 7, "SYSLOG_IDENTIFIER", "kata", "MESSAGE", line)
	out := event.Buffer{Grow: func(b []byte, _ int) ([]byte, bool) { return b, false }}
	if verdict := filter(t).Process(nil, chunk, &out); verdict != Untouched {
		t.Errorf("verdict %v", verdict)
	}
}

// TestAllocations: in steady state a chunk is processed without an allocation, whatever is
// in it.
func TestAllocations(t *testing.T) {
	for name, f := range map[string]*Filter{"default": filter(t), "duplicates": filter(t, "duplicates", "mark"), "bare": filter(t, "prefix", "", "reserve_data", "off")} {
		for i, e := range contractEvents(t) {
			out := event.Buffer{B: make([]byte, 0, 1<<20)}
			if n := testing.AllocsPerRun(20, func() {
				out.B = out.B[:0]
				f.Process(nil, e, &out)
			}); n != 0 {
				t.Errorf("%s: record %d: %v allocations", name, i, n)
			}
		}
	}
}

// contractEvents returns each event of the contract's chunk by itself.
func contractEvents(t *testing.T) (events [][]byte) {
	chunk := contractChunk(t)
	var w event.Walker
	var e event.Event
	w.Reset(chunk)
	for w.Next(&e) {
		events = append(events, chunk[e.Start:e.End])
	}
	return events
}
