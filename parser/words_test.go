package parser

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

func TestFoldLevel(t *testing.T) {
	for text, want := range map[string]string{
		"trace": "trace", "TRCE": "trace", "TRAC": "trace", "Debug": "debug", "DEBG": "debug", "DEBU": "debug",
		"info": "info", "INFO": "info", "warn": "warning", "WARN": "warning", "warning": "warning", "WARNING": "warning",
		"error": "error", "ERRO": "error", "ERROR": "error", "CRIT": "critical", "critical": "critical",
		"fatal": "fatal", "FATA": "fatal", "panic": "panic", "PANI": "panic",
	} {
		level, rest, rank := foldLevel([]byte("before"), []byte(text))
		if string(level) != want || string(rest) != "before" || rank < 0 || Levels[rank] != want || LevelRank(level) != rank {
			t.Errorf("%s is %s, rank %d, want %s", text, level, rank, want)
		}
	}
	for text, want := range map[string]string{"": "", "NOTICE": "notice", "5": "5", "ÉÜ": "éü", "\xff": "�"} {
		if level, _, rank := foldLevel(nil, []byte(valid(text))); string(level) != want || rank != -1 {
			t.Errorf("%q is %q, rank %d, want %q", text, level, rank, want)
		}
	}
}

func TestPriorityLevel(t *testing.T) {
	want := map[string]string{"2": "critical", "3": "error", "4": "warning", "5": "info", "6": "debug", "7": "trace"}
	for _, text := range []string{"", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "x", "22"} {
		got := ""
		if rank := priorityLevel([]byte(text)); rank >= 0 {
			got = Levels[rank]
		}
		if got != want[text] {
			t.Errorf("priority %q is %q, want %q", text, got, want[text])
		}
	}
}

// TestDetectSeverity has each word as it counts, and as it does not.
func TestDetectSeverity(t *testing.T) {
	for text, want := range map[string]string{
		"Kernel panic - not syncing": "critical", "KERNEL PANIC": "critical", "kernel  panic": "", "kernel panics": "", "akernel panic": "",
		"thread 'main' panicked at src/main.rs": "critical", "BUG: unable to handle": "critical", "DEBUG: x": "", "bug: x": "", "Oops: 0002": "critical",
		"oops": "", "panic: runtime error": "critical", "panic:x": "", "don't panic: x": "critical", "CRIT x": "critical", "CRITICAL": "critical",
		"FATA[0001]": "critical", "FATAL: x": "critical", "fatal: x": "", "xFATAL": "", "_CRIT": "",
		"Out of memory: Killed process 1": "error", "oom-kill:constraint": "error", "invoked oom-killer": "", "a[1]: segfault at 0": "error",
		"[FAILED] Failed to start": "error", "[failed]": "warning", "ERROR x": "error", "ERRO[1]": "error", "ERRORS": "error", "Error: x": "warning",
		"no_error": "", "error-free": "warning", "fail": "warning", "failover": "", "failure.": "warning", "cannot": "warning", "Unable to": "warning",
		"denied": "warning", "timed out": "warning", "timed  out": "", "WARN x": "warning", "WARNING: x": "warning", "warn": "", "warning": "",
		"": "", "[    0.5] pci 0000:00:01.0: BAR 0 assigned": "", "éerror": "", "—error": "warning", "errorß": "", "error—": "warning",
		"WARN then ERROR then Kernel panic": "critical", "cannot: out of memory": "error",
	} {
		got := ""
		if rank := detectSeverity([]byte(text)); rank >= 0 {
			got = Levels[rank]
		}
		if got != want {
			t.Errorf("%q names %q, want %q", text, got, want)
		}
	}
}

// A parser deals with whatever it is given.
func TestZeroParser(t *testing.T) {
	m := Message{Text: []byte(consoleLine(`{"msg":"m","level":"INFO","x":[[1]]}`)), Origin: Kata}
	want := render(New(Config{}).Parse(&m))
	var zero, released Parser
	released.Release()
	for name, p := range map[string]*Parser{
		"zero": &zero, "released": &released, "negative limits": New(Config{MaxMessage: -1, MaxFields: -5, MaxDepth: -1 << 40}),
	} {
		if r := p.Parse(nil); r != nil {
			t.Errorf("%s: nil gave %s", name, render(r))
		}
		if r := p.Parse(&Message{}); r != nil {
			t.Errorf("%s: no text gave %s", name, render(r))
		}
		if got := render(p.Parse(&m)); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
		if r := p.Parse(&Message{Continuation: GuestContinuation}); r != nil {
			t.Errorf("%s: no rest gave %s", name, render(r))
		}
		p.Release()
		if len(p.Keys()) == 0 {
			t.Errorf("%s: no keys", name)
		}
	}
	if got := render(New(Config{MaxMessage: 1, MaxFields: 1, MaxDepth: 1}).Parse(&m)); got == want {
		t.Error("limits of 1 make no difference")
	}
}

// What a message made of the enclosing record's keys does not come back when the numbers
// of messages start anew.
func TestGenerations(t *testing.T) {
	p := New(Config{})
	parse := func(fields string) *Record {
		return p.Parse(&Message{Text: []byte(hostLine(fields, `{"msg":"m","level":"INFO","driver":"d"}`)), Origin: Kata})
	}
	parse("driver=x ")
	generation := p.rec.gen
	plain := Message{Text: []byte("time=x level=info"), Origin: Kata}
	for range 1 << 17 { // until the next message has the same one
		if p.Parse(&plain); p.rec.gen+1<<16 == generation || p.rec.gen+1<<16 == 0 && generation == 1<<16 {
			break
		}
	}
	if r := parse(""); p.rec.gen != generation || lookup(r, "driver") == nil || lookup(r, "agent_driver") != nil {
		t.Fatalf("generation %x, not %x: %s", p.rec.gen, generation, render(r))
	}
}

func TestOriginOf(t *testing.T) {
	for id, want := range map[string]Origin{
		"kata": Kata, "kata-runtime": Kata, "kata-proxy": KataProxy, "kata-shim": KataProxy, "kata-netmon": Kata, "kata-monitor": Kata,
		"containerd": Runtime, "crio": Runtime, "cri-o": Runtime, "": Other, "containerd-shim": Other, "docker": Other, "virtiofsd": Other, "Kata": Other, "kata-agent": Other, "kata ": Other,
	} {
		if got := OriginOf([]byte(id)); got != want {
			t.Errorf("%q is %v", id, got)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, text := range []string{
		"0", "-0", "7", "007", "-5", "+5", "", "-", "1.0", "1e3", " 1", "0x10", "1_000", "９",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
		"18446744073709551616", "99999999999999999999", "00000000000000000000001",
	} {
		want, err := strconv.ParseInt(text, 10, 64)
		wantOK := err == nil && !strings.HasPrefix(text, "+") && len(strings.TrimPrefix(text, "-")) <= 19
		if got, ok := parseInt([]byte(text)); ok != wantOK || ok && got != want {
			t.Errorf("parseInt(%q) = %d, %v", text, got, ok)
		}
	}
	for text, want := range map[string]float64{"0": 0, "0.5": 0.5, "-1e3": -1000, "1E+2": 100, "4.9e-324": 4.9e-324, "007.50": 7.5} {
		if got, ok := parseFloat([]byte(text)); !ok || got != want {
			t.Errorf("parseFloat(%q) = %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "NaN", "Inf", "-Inf", "infinity", "1e999", "0x1p4", "1_0", "1,5", " 1", "1.5s", "e", "-", strings.Repeat("1", 65)} {
		if got, ok := parseFloat([]byte(text)); ok || math.IsNaN(got) {
			t.Errorf("parseFloat(%q) = %v, %v", text, got, ok)
		}
	}
	for text, want := range map[string]string{"true": "true true", "false": "false true", "TRUE": "false false", "1": "false false", "": "false false"} {
		if v, ok := parseBool([]byte(text)); fmt.Sprint(v, ok) != want {
			t.Errorf("parseBool(%q) = %v, %v", text, v, ok)
		}
	}
}

// TestReasons: the order is the contract's, in which the first counts.
func TestReasons(t *testing.T) {
	const words = "unterminated_quote bad_escape bad_time bad_json agent_json agent_logfmt trailing_text cut too_large too_many_fields too_deep"
	if got := strings.Trim(fmt.Sprint(Reasons()), "[]"); got != words {
		t.Errorf("the words are %s", got)
	}
	for _, r := range append(Reasons(), OK) {
		for _, s := range append(Reasons(), OK) {
			want := min(r, s)
			if want == OK {
				want = max(r, s)
			}
			if got := r.or(s); got != want {
				t.Errorf("of %q and %q counts %q", r, s, got)
			}
		}
	}
}

// TestParsersShareNothing: a Record is in the memory of one Parser
// only.
func TestParsersShareNothing(t *testing.T) {
	p, q := New(Config{}), New(Config{})
	m := Message{Text: []byte(consoleLine(`{"msg":"a","level":"INFO","sandbox":"evil","zeta":"1"}`)), Origin: Kata}
	r := p.Parse(&m)
	want := render(r)
	for _, text := range []string{consoleLine(`{"msg":"b","level":"WARN","sandbox":"worse","eta":"2"}`), proxyLine("x\x1b[0m"), "text"} {
		q.Parse(&Message{Text: []byte(text), Origin: Kata})
	}
	if got := render(r); got != want {
		t.Errorf("another parser changed the record:\n%s\nto\n%s", want, got)
	}
}

// TestDefaultLimits is about the limits that a zero Config has.
func TestDefaultLimits(t *testing.T) {
	f := func(name, text string, want Reason, fields int) {
		t.Helper()
		r := New(Config{}).Parse(&Message{Text: []byte(text), Origin: Kata})
		if r.Reason != want || len(r.Fields) != fields {
			t.Errorf("%s: %q and %d fields, want %q and %d", name, r.Reason, len(r.Fields), want, fields)
		}
	}
	pairs := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	const head = `time="2022-05-06T07:08:09.1Z" level=info`
	f("512 fields", head+pairs(511, " k%d=v"), OK, 512)
	f("513 fields", head+pairs(512, " k%d=v"), TooManyFields, 513)
	f("1000 fields", head+pairs(1000, " k%d=v"), TooManyFields, 513)
	f("512 members", `{"level":"info"`+pairs(511, `,"k%d":1`)+"}", OK, 512)
	f("1000 members", `{"level":"info"`+pairs(1000, `,"k%d":1`)+"}", TooManyFields, 513)
	// Of a guest's: level, msg, source, guest, agent_fields, and the error code.
	f("a guest's 512", `{"msg":"reading guest console","vmconsole":`+strconv.Quote(`{"msg":"m","level":"INFO"`+pairs(510, `,"k%d":1`)+"}")+"}", OK, 5)
	f("a guest's 1000", `{"msg":"reading guest console","vmconsole":`+strconv.Quote(`{"msg":"m","level":"INFO"`+pairs(1000, `,"k%d":1`)+"}")+"}", TooManyFields, 6)
	f("32 deep", `{"msg":"x","a":`+strings.Repeat("[", 31)+strings.Repeat("]", 31)+"}", OK, 2)
	f("33 deep", `{"msg":"x","a":`+strings.Repeat("[", 32)+strings.Repeat("]", 32)+"}", TooDeep, 2)
	f("1 MiB", head+" k="+strings.Repeat("v", 1<<20-len(head)-3), OK, 2)
	f("1 MiB and more", head+" k="+strings.Repeat("v", 1<<20-len(head)-2)+" l=w", TooLarge, 3)

	// No option gives more fields than a Record has capacity for.
	r := New(Config{MaxFields: 1 << 20, MaxMessage: 1 << 20}).Parse(&Message{Text: []byte(head + pairs(1<<16, " k%d=v")), Origin: Kata})
	if r.Reason != TooManyFields || len(r.Fields) != HighestMaxFields+1 {
		t.Errorf("%q and %d fields", r.Reason, len(r.Fields))
	}
}

func TestLevelRank(t *testing.T) {
	for rank, level := range Levels {
		if got := LevelRank([]byte(level)); got != rank {
			t.Errorf("%s is %d, want %d", level, got, rank)
		}
		for _, text := range []string{level + "\x00", level + " ", level[1:], level[:len(level)-1], strings.ToUpper(level)} {
			if got := LevelRank([]byte(text)); got != -1 {
				t.Errorf("%q is %d", text, got)
			}
		}
	}
	if LevelRank(nil) != -1 {
		t.Error("nothing is a level")
	}
}
