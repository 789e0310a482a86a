package report

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record/recordtest"
)

var names = choose.NewNames("kata_")

func TestCheck(t *testing.T) {
	var out bytes.Buffer
	c := &Check{Names: names, Files: []string{"a\x1b.log"}, Out: &out}
	torn := recordtest.Make(1, "MESSAGE=x")
	record.SetFlags(torn.Bytes, record.Torn)
	torn.Read(torn.Bytes)
	for _, r := range []*record.Record{
		recordtest.Make(1, "kata_level=info"), recordtest.Make(1, "MESSAGE=text"), torn,
		recordtest.Make(1, "kata_level=info", "kata_parse_error=bad_json", "MESSAGE="+strings.Repeat("\x1b", 200)),
		recordtest.Make(1, `MESSAGE=time="2024-05-06T07:08:09Z" lev`),
	} {
		if err := c.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	const file = `a\x1b.log:7: `
	want := file + "torn: x\n" + file + "bad_json: " + strings.Repeat(`\x1b`, shortText) + "...\n" + file + `torn: time="2024-05-06T07:08:09Z" lev` + "\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	if err := c.Summary(&out); err != nil || out.String() != "records\t5\ndamaged\t3\ncode\tbad_json\t1\ncode\ttorn\t2\nfile\ta\\x1b.log\t3\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// TestCheckOfLogs has lines of a log of a program by itself, and the code of each.
func TestCheckOfLogs(t *testing.T) {
	const fine = `time="2024-05-06T07:08:09Z" level=info msg=x name=kata-runtime`
	for _, test := range []struct{ fields, log, other string }{
		{"kata_level=info|MESSAGE=" + fine, "", ""},
		{"kata_level=info|MESSAGE=" + fine + fine, "torn", "torn"},
		{`kata_level=info|MESSAGE=time="2024-05-06T07:08:09Z" level=info msg="x time=\"2024\" level=info"`, "", ""},
		{`MESSAGE=broken "line`, "not_record", ""},
		{"MESSAGE=goroutine 1 [running]:", "not_record", ""},
		{`MESSAGE=msg="x" name=kata-runtime source=virtcontainers`, "torn", "torn"},
		{`MESSAGE=tcontainers" name=containerd-shim-v2 pid=1`, "torn", "torn"},
		{`MESSAGE={"level":"info","msg":"of another program"}`, "", ""},
		{`MESSAGE={"level":"info","msg":"of`, "not_record", ""},
		{"MESSAGE=I0506 07:08:09.123456    1234 kubelet.go:123] x", "", ""},
		{"SYSLOG_IDENTIFIER=systemd|MESSAGE=Started x", "", ""},
		{"kata_guest=true|kata_msg=console", "", ""},
		{"kata_level=info|kata_guest=true|kata_parse_error=agent_json|MESSAGE=x", "agent_json", "agent_json"},
	} {
		for isLog, want := range map[bool]string{true: test.log, false: test.other} {
			r := recordtest.Make(1, strings.Split(test.fields, "|")...)
			record.SetFlags(r.Bytes, record.Plain)
			r.Read(r.Bytes)
			c := &Check{Names: names, Logs: func(uint32) bool { return isLog }}
			if got := c.code(r); got != want {
				t.Errorf("%s in a log %v: %q, want %q", test.fields, isLog, got, want)
			}
			c.Tolerant = true
			if err := c.Record(r); err != nil || (c.Damaged > 0) != (want != "" && want != "agent_json") {
				t.Errorf("%s: %d damaged, %v", test.fields, c.Damaged, err)
			}
		}
	}
}

// TestPageOfExtremes makes pages of lives that are short, long, without phases, and with a great many.
func TestPageOfExtremes(t *testing.T) {
	id := "kata_sandbox=" + strings.Repeat("5b", 32)
	const day = int64(24 * time.Hour)
	for name, records := range map[string]func(add func(nano int64, pairs ...string)){
		"nothing":    func(func(int64, ...string)) {},
		"one":        func(add func(int64, ...string)) { add(5, "kata_msg=VM started") },
		"no phase":   func(add func(int64, ...string)) { add(5, "kata_msg=x"); add(6+day, "kata_msg=x") },
		"one time":   func(add func(int64, ...string)) { add(5, "kata_msg=Starting VM"); add(5, "kata_msg=VM started") },
		"only ended": func(add func(int64, ...string)) { add(5, "kata_msg=x"); add(5+1000*day, "kata_msg=Stopping VM") },
		"many": func(add func(int64, ...string)) {
			add(0, "kata_msg=Starting VM")
			add(1e9, "kata_msg=Container is started")
			for i := range int64(3 * maxSteps) {
				add(1e9+i*1e6, "kata_msg=Exec() start", "kata_container="+strings.Repeat("c", 64))
				add(1e9+i*1e6, "kata_guest=true", "kata_level=error", "kata_msg="+strings.Repeat("y", 1000))
			}
			add(400*day, "kata_msg=Stopping VM")
		},
	} {
		l := &Timeline{Names: names, Keep: true, Known: &choose.Known{}}
		records(func(nano int64, pairs ...string) {
			if err := l.Record(recordtest.Make(nano, append(pairs, id)...)); err != nil {
				t.Fatal(err)
			}
		})
		var page bytes.Buffer
		if err := l.WriteHTML(&page); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		text := page.String()
		for _, bad := range []string{"NaN", "Inf", "ZgotmplZ", ` x="-`, `width="-`} {
			if strings.Contains(text, bad) {
				t.Errorf("%s: the page has %q", name, bad)
			}
		}
		if page.Len() > 16<<20 || l.kept > maxKept {
			t.Errorf("%s: %d bytes, %d records are kept", name, page.Len(), l.kept)
		}
		if strings.Count(text, "<svg") != strings.Count(text, "</svg>") || strings.Contains(text, "<svg") == (name == "nothing") {
			t.Errorf("%s: %d drawings", name, strings.Count(text, "<svg"))
		}
	}
}

// TestCutIDs checks that the start of an id, at the end of a line that was cut, is no sandbox.
func TestCutIDs(t *testing.T) {
	id := strings.Repeat("5b", 32)
	s, l := &Sandboxes{Names: names}, &Timeline{Names: names}
	for _, r := range []*record.Record{
		recordtest.Make(1, "kata_level=info", "kata_sandbox="+id), recordtest.Make(2, "kata_level=info", "kata_sandbox=short"),
		recordtest.Make(3, "kata_level=info", "kata_sandbox="+id[:20], "kata_parse_error=unterminated_quote"),
		recordtest.Make(4, "kata_level=info", "kata_sandbox="+id, "kata_parse_error=agent_json"),
	} {
		if err := s.Record(r); err != nil {
			t.Fatal(err)
		}
		if err := l.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := len(s.List()), len(l.Lives()); a != 2 || b != 2 {
		t.Errorf("%d sandboxes, %d lives", a, b)
	}
}

func TestPattern(t *testing.T) {
	for text, want := range map[string]string{
		"VM started":                      "VM started",
		"pid 4242 of 5b5b5b5b5b5b":        "pid # of #",
		"deadbeef is a word":              "deadbeef is a word", // there is no digit in it
		"eth0 02:42:ac:11:00:02 (0x1f)":   "eth# #:#:ac:#:#:# (#x#f)",
		"took 1.5ms":                      "took #.#ms",
		"[    0.305113] pci 0000:00:02.0": "[    #.#] pci #:#:#.#",
	} {
		if got := string(appendPattern(nil, []byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestStatsAreBounded checks that a guest cannot fill the memory with different messages.
func TestStatsAreBounded(t *testing.T) {
	s := &Stats{Names: names, Top: 1 << 20}
	for i := range 100000 {
		word := strings.Map(func(r rune) rune { return 'g' + r - '0' }, fmt.Sprint(i)) // no digits
		if err := s.Record(recordtest.Make(1, "kata_level=info", "kata_source="+word, "kata_msg="+word)); err != nil {
			t.Fatal(err)
		}
	}
	var records, messages uint64
	for _, v := range s.Volumes() {
		records += v.Records
	}
	for _, f := range s.Messages() {
		messages += f.Records
	}
	if len(s.Volumes()) > maxVolumes+1 || len(s.Messages()) > maxMessages+1 || records != 100000 || messages != 100000 {
		t.Errorf("%d sources with %d, %d messages with %d", len(s.Volumes()), records, len(s.Messages()), messages)
	}
}

// TestPhases checks that each mark is recognised as its phase, that a guest cannot write a host's
// mark, and that the table says where each message is from.
func TestPhases(t *testing.T) {
	for i, p := range Phases {
		for _, m := range p.Marks {
			for _, guest := range []bool{false, true} {
				r := recordtest.Make(1, "kata_msg="+m.Message, fmt.Sprintf("kata_guest=%v", guest), "kata_"+m.Key+"="+m.Value)
				if got := phaseOf(names, r); (got == i) != (guest == m.Guest) {
					t.Errorf("%s: %q, guest %v: phase %d", p.Name, m.Message, guest, got)
				}
			}
			if m.Whole && phaseOf(names, recordtest.Make(1, "kata_msg="+m.Message+"x")) >= 0 {
				t.Errorf("%s: more than %q", p.Name, m.Message)
			}
			if len(m.In) == 0 {
				t.Errorf("%s: nothing has %q", p.Name, m.Message)
			}
		}
	}
}

// TestPhasesInSource looks for each message in Kata's code, in the first and the last release that the
// table names for it. KATA_SOURCES is a folder with bare clones of kata-containers, runtime and agent.
func TestPhasesInSource(t *testing.T) {
	folder := os.Getenv("KATA_SOURCES")
	if folder == "" {
		t.Skip("KATA_SOURCES names no folder with clones of Kata's repositories")
	}
	n := 0
	for _, p := range Phases {
		for _, m := range p.Marks {
			for _, in := range m.In {
				for _, release := range []string{in.From, in.To} {
					out, err := exec.Command("git", "--git-dir", filepath.Join(folder, in.Repository), "show", release+":"+in.File).CombinedOutput()
					text := `"` + m.Message
					if m.Whole {
						text += `"`
					}
					if err != nil || !bytes.Contains(out, []byte(text)) {
						t.Errorf("%s: %s is not in %s of %s %s (%v)", p.Name, text, in.File, in.Repository, release, err)
					}
					n++
				}
			}
		}
	}
	t.Logf("%d places", n)
}

func TestSandboxEnds(t *testing.T) {
	s := &Sandboxes{Names: names}
	for i, r := range []*record.Record{
		recordtest.Make(3, "kata_sandbox=a", "kata_level=info", "kata_msg=Stopping VM"),
		recordtest.Make(2, "kata_sandbox=a", "kata_level=error", "kata_msg=x"),
		recordtest.Make(4, "kata_sandbox=a", "kata_level=debug", "kata_detected_level=critical", "kata_guest=true", "kata_msg=[    1.5] Kernel panic - not syncing"),
		recordtest.Make(1, "kata_sandbox=b", "kata_level=strange", "kata_msg=Kernel panic"), // the host only speaks of one
		recordtest.Make(5e9, "kata_sandbox=c", "kata_guest=true", "kata_agent_time=1970-01-01T00:00:03Z", "kata_msg=x"),
		recordtest.Make(6e9, "kata_sandbox=c", "kata_guest=true", "kata_agent_time=1970-01-01T00:00:05.5Z", "kata_msg=x"),
		recordtest.Make(7e9, "kata_sandbox=c", "kata_guest=true", "kata_agent_time=never", "kata_msg=x"),
		recordtest.Make(9, "MESSAGE=x"),
	} {
		if err := s.Record(r); err != nil {
			t.Fatal(i, err)
		}
	}
	list := s.List()
	if len(list) != 3 || list[0].ID != "b" || list[0].Crashed || list[0].Ended != "not seen" || list[0].Levels["unknown"] != 1 {
		t.Errorf("%+v", list[0])
	}
	if c := list[2].Clock; c == nil || *c != -500*time.Millisecond || list[0].Clock != nil {
		t.Errorf("the guest's clock is ahead by %v", c)
	}
	a := list[1]
	if !a.Crashed || a.Ended != "VM stopped" || a.Errors != 2 || a.Records != 3 || a.First.UnixNano() != 2 || a.Last.UnixNano() != 4 {
		t.Errorf("%+v", a)
	}
}
