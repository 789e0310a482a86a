package host

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	cases "github.com/kata-logs/fluent-bit-kata/internal/contract"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// input returns the arguments for an instance of the input that reads a journal of these tests.
func input(dir string, more ...string) []string {
	return append([]string{"-p", "path=" + dir, "-p", "systemd_filter=all"}, more...)
}

// db returns the path of a file for positions that does not exist yet.
func db(t *testing.T) string { return filepath.Join(t.TempDir(), "position") }

// The input gives the records of the contract that the filter makes of the same entries, from a
// file to the queue of Fluent Bit, on a thread of its own and without one.
func TestInput(t *testing.T) {
	t.Parallel()
	var all [][]string
	var chunk []byte
	for i, c := range cases.Load(t) {
		var entry []string
		var keys []string
		for key := range c.Record {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		chunk = event.AppendTime(append(chunk, 0x92, 0x92), uint32(journalTime/1000000+i), journalTime%1000000*1000)
		chunk = event.AppendMapHeader(append(chunk, 0x80), len(keys))
		for _, key := range keys {
			value := c.Record[key].(string)
			entry = append(entry, key+"="+value)
			chunk = event.AppendStr(event.AppendStr(chunk, []byte(key)), []byte(value))
		}
		all = append(all, entry)
	}
	dir := journal(t, all...)
	everyStandIn(t, func(t *testing.T, standIn string) {
		want := good(t, standIn, release["filter"], file(t, chunk))
		for _, threaded := range []string{"on", "off"} {
			got := good(t, standIn, input(dir, "-p", "threaded="+threaded, "-p", "db="+db(t), release["input"])...)
			if len(got.events) != len(want.events) || len(got.events) < 20 {
				t.Fatalf("%d events, want %d", len(got.events), len(want.events))
			}
			for i := range want.events {
				if !reflect.DeepEqual(got.events[i], want.events[i]) {
					t.Errorf("event %d:\n%v\nwant\n%v", i, got.events[i], want.events[i])
				}
			}
		}
	})
}

// large returns a journal with n entries of 40 KiB: two are a batch of the smallest size.
func large(t *testing.T, n int) (dir string) {
	t.Helper()
	var all [][]string
	for i := range n {
		all = append(all, []string{"SYSLOG_IDENTIFIER=kata", fmt.Sprintf("NUMBER=%d", i), "MESSAGE=" + message("info"), "LONG=" + strings.Repeat("x", 40<<10)})
	}
	return journal(t, all...)
}

// counted returns one of Fluent Bit's own counters of the instance kata.0.
func (r result) counted(name string) string {
	_, rest, _ := strings.Cut(r.log, "fluentbit_input_"+name+`_total{name="kata.0"} `)
	n, _, _ := strings.Cut(rest, "\n")
	return n
}

// The position is kept only when the engine has taken a batch out of the queue, and before that
// there is no second one. A batch that the queue has refused, or that the engine has lost, is
// given again.
func TestInputHandover(t *testing.T) {
	t.Parallel()
	const n = 4
	dir := large(t, n)
	for _, c := range []struct {
		name        string
		args        []string
		events      int
		writes      string // to the queue
		kept        bool   // there is a position
		left        int    // events that another start gives
		beforeQueue bool   // also in a Fluent Bit that does not count what is in the queue
	}{
		{"taken", []string{"--collect", "10"}, n, "2", true, 0, true},
		{"taken late", []string{"--collect", "40", "--take", "500"}, n, "2", true, 0, true},
		{"never taken", []string{"--collect", "8", "--take", "-1"}, 0, "1", false, n, true},
		{"taken when paused", []string{"--collect", "8", "--pause", "2-100"}, 2, "1", true, 2, true},
		{"paused first", []string{"--collect", "4", "--pause", "1-100"}, 0, "0", false, n, true},
		{"paused for some time", []string{"--collect", "14", "--pause", "2-5"}, n, "2", true, 0, true},
		{"paused in the queue", []string{"--collect", "20", "--take", "600", "--pause", "2-100"}, 0, "1", false, n, true},
		{"full", []string{"--collect", "14", "--full", "3", "--log-level", "error"}, n, "2", true, 0, false},
		{"slow filter", []string{"--collect", "40", "--filter", "600"}, n, "2", true, 0, true},
		{"without a thread", []string{"--collect", "12", "-p", "threaded=off"}, n, "0", true, 0, true},
	} {
		for version, standIn := range map[string]string{"current": current, "oldest": oldest} {
			if version == "oldest" && !c.beforeQueue {
				continue
			}
			t.Run(c.name+" "+version, func(t *testing.T) {
				t.Parallel()
				position := db(t)
				args := input(dir, "-p", "max_batch=64k", "-p", "db="+position)
				r := run(t, standIn, slices.Concat([]string{"--log-level", "warn", "--metrics"}, args, c.args, []string{release["input"]})...)
				if r.code != 0 || len(r.events) != c.events || version == "current" && r.counted("ring_buffer_writes") != c.writes {
					t.Errorf("exit code %d, %d events, want %d, %s writes, want %s\n%s", r.code, len(r.events), c.events, r.counted("ring_buffer_writes"), c.writes, r.log)
				}
				if _, err := os.Stat(position); (err == nil) != c.kept {
					t.Errorf("position kept: %v", err)
				}
				r = run(t, standIn, append(args, "--collect", "10", release["input"])...)
				for i, e := range r.events {
					if want := fmt.Sprint(n - c.left + i); e.Record["NUMBER"] != want {
						t.Errorf("event %v, want %s", e.Record["NUMBER"], want)
					}
				}
				if len(r.events) != c.left {
					t.Errorf("%d events after another start, want %d", len(r.events), c.left)
				}
			})
		}
	}
}

// Where Fluent Bit's counters cannot be read a batch counts as taken at once.
func TestInputNoCounters(t *testing.T) {
	t.Parallel()
	position := db(t)
	args := input(large(t, 4), "-p", "max_batch=64k", "-p", "db="+position, "--collect", "40", release["input"])
	if r := run(t, without, args...); r.code != 0 || len(r.events) != 4 || !strings.Contains(r.log, "no counters among this program's metrics") {
		t.Errorf("exit code %d, %d events\n%s", r.code, len(r.events), r.log)
	}
	if r := run(t, without, args...); r.code != 0 || len(r.events) != 0 {
		t.Errorf("exit code %d, %d events at the second start", r.code, len(r.events))
	}
}

// Each instance has a thread, its own options and its own journal. Without threads there can be
// one only, and others are refused.
func TestInputInstances(t *testing.T) {
	t.Parallel()
	one, two := journal(t, entries(message("info"), message("error"))...), journal(t, entries(message("debug"))...)
	everyStandIn(t, func(t *testing.T, standIn string) {
		args := append(append(input(one, "-p", "prefix=a_", "--next"), input(two, "-p", "alias=second", "--next")...), input(one, "-p", "min_level=error", release["input"])...)
		r := good(t, standIn, args...)
		got := map[string][]any{}
		for _, e := range r.events {
			got[e.Name] = append(got[e.Name], e.Record["a_level"], e.Record["kata_level"])
		}
		if want := map[string][]any{"kata.0": {"info", nil, "error", nil}, "second": {nil, "debug"}, "kata.2": {nil, "error"}}; !reflect.DeepEqual(got, want) {
			t.Errorf("%v, want %v", got, want)
		}

		// One without a thread beside one with a thread.
		if r := good(t, standIn, append(append(input(one, "-p", "threaded=off", "--next"), input(two)...), release["input"])...); len(r.events) != 3 {
			t.Errorf("%d events, want 3", len(r.events))
		}
		r = run(t, standIn, append(append([]string{"--log-level", "warn"}, append(input(one, "-p", "threaded=off", "--next"), input(two, "-p", "threaded=off")...)...), release["input"])...)
		r.logged(t, "[error] [input:kata] with threaded off there can be one input kata only: Fluent Bit does not say which of several it calls",
			"[error] [go proxy]: plugin 'kata' failed to initialize")
		if r.code != 1 {
			t.Errorf("exit code %d", r.code)
		}
	})
}

// After a restart in one process, as after a reload, reading goes on at the position, or starts
// anew where there is none; also without a thread, where instances follow on the same one.
func TestInputReinit(t *testing.T) {
	t.Parallel()
	dir := journal(t, entries(message("info"), message("error"))...)
	everyStandIn(t, func(t *testing.T, standIn string) {
		for _, threaded := range []string{"on", "off"} {
			args := input(dir, "-p", "threaded="+threaded, "--reinit", "2", "--every", "50", release["input"])
			if r := good(t, standIn, args...); len(r.events) != 6 {
				t.Errorf("threaded %s: %d events without a position, want 6", threaded, len(r.events))
			}
			if r := good(t, standIn, append([]string{"-p", "db=" + db(t)}, args...)...); len(r.events) != 2 {
				t.Errorf("threaded %s: %d events with a position, want 2", threaded, len(r.events))
			}
		}
	})
}

// A misspelt option is refused where Fluent Bit reads the config map of an input, and otherwise
// there is a warning at the start.
func TestInputMisspelt(t *testing.T) {
	args := input(journal(t, entries(message("info"))...), "--log-level", "warn", "-p", "max_bach=1M", release["input"])
	if r := run(t, current, args...); r.code == 0 || !strings.Contains(r.log, "unknown configuration property 'max_bach'. The following properties are allowed: key_name, ") {
		t.Errorf("exit code %d, %s", r.code, r.log)
	}
	r := run(t, oldest, args...)
	r.logged(t, "[ warn] [input:kata:kata.0] there is no option max_bach, so that it has no effect; is max_batch meant?")
	if r.code != 0 || len(r.events) != 1 {
		t.Errorf("exit code %d, %d events", r.code, len(r.events))
	}
}

// All bad options are named at once, and none of them leaves a file behind.
func TestInputBadOptionsAtOnce(t *testing.T) {
	r := run(t, current, "-p", "alias=mine", "-p", "systemd_filter=x", "-p", "max_batch=y", "-p", "min_level=z", "-p", "lowercase=perhaps", release["input"])
	var lines []string
	for line := range strings.Lines(r.log) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	slices.Sort(lines)
	result{log: strings.Join(lines, "\n")}.logged(t,
		"[error] [go proxy]: plugin 'kata' failed to initialize",
		`[error] [input:kata:mine] lowercase: "perhaps" is not a boolean (on, off, true, false, yes, no)`,
		`[error] [input:kata:mine] max_batch: "y" is not a size (such as 512k, 1M)`,
		`[error] [input:kata:mine] min_level: "z" is not one of trace, debug, info, warning, error, critical, fatal, panic`,
		`[error] [input:kata:mine] systemd_filter: "x" is neither FIELD=VALUE nor kata nor all`)
	if r.code != 1 {
		t.Errorf("exit code %d", r.code)
	}
}

// A position that cannot be kept stops the start.
func TestInputBadDB(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"sqlite": "SQLite format 3\x00...", "other": "text\n", "half": "# position in the journal of the Fluent Bit input kata\ns=1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	journal := journal(t, entries(message("info"))...)
	for path, want := range map[string]string{
		"sqlite":    "is a database of Fluent Bit's systemd input; the input kata needs a file of its own",
		"other":     "is not a file of the input kata",
		"half":      "is not a file of the input kata",
		"":          "is not a regular file",
		"none/file": "no such file or directory",
	} {
		path = filepath.Join(dir, path)
		r := run(t, current, input(journal, "-p", "db="+path, release["input"])...)
		if r.code != 1 || !strings.Contains(r.log, "[error] [input:kata:kata.0] db: ") || !strings.Contains(r.log, path) || !strings.Contains(r.log, want) {
			t.Errorf("%s: exit code %d, %s", path, r.code, r.log)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 3 {
		t.Errorf("%d files, %v", len(left), err)
	}
}

// After a panic the entries go on as they came, and the next ones are parsed again.
func TestInputPanic(t *testing.T) {
	t.Parallel()
	everyStandIn(t, func(t *testing.T, standIn string) {
		for text, cause := range map[string]string{
			"katatest:panic": "panic of type string at fluentbit.failOnDemand (testing_on.go:",
			"katatest:nil":   "runtime error: invalid memory address or nil pointer dereference at fluentbit.failOnDemand (testing_on.go:",
		} {
			long := strings.Repeat("x", 70<<10) // the batch ends behind it
			dir := journal(t, entries(message("info"), text+" secret "+long, message("error"))...)
			position := db(t)
			args := input(dir, "-p", "max_batch=64k", "-p", "db="+position, "--log-level", "warn", "--metrics", "--collect", "12", breaking["input"])
			r := run(t, standIn, args...)
			var levels []any
			for _, e := range r.events {
				levels = append(levels, e.Record["kata_level"])
			}
			if r.code != 0 || !reflect.DeepEqual(levels, []any{nil, nil, "error"}) || strings.Contains(r.log, "secret") ||
				!strings.HasPrefix(r.log, "[error] [input:kata:kata.0] internal error, the records go on as they came (1 so far): "+cause) ||
				r.shown(t, "kata.0")["panics_total"] != "1" {
				t.Errorf("%s: exit code %d, levels %v, logged\n%s", text, r.code, levels, r.log)
			}
			if r := run(t, standIn, args...); r.code != 0 || len(r.events) != 0 {
				t.Errorf("%s: exit code %d, %d events at the second start", text, r.code, len(r.events))
			}
		}
	})
}

// The transformation gets the instance's name in place of the tag.
func TestInputTag(t *testing.T) {
	run(t, current, input(journal(t, entries("katatest:tag")...), "-q", "--log-level", "warn", "-p", "alias=mine", breaking["input"])...).logged(t, `tag: "mine"`)
}

// Content is not logged, whatever goes wrong, and the log level is the instance's.
func TestInputLog(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	dir := journal(t, entries(secret, message("info")+" token="+secret, `time="`+secret+`" level=info msg="`+secret, `{"level":"info","msg":"`+secret)...)
	for level, lines := range map[string]int{"off": 0, "error": 0, "warn": 0, "info": 3, "debug": 3, "trace": 3} {
		r := run(t, current, input(dir, "-q", "-p", "db="+db(t), "-p", "log_level="+level, release["input"])...)
		if n := strings.Count(r.log, "\n"); r.code != 0 || strings.Contains(r.log, secret) || n != lines {
			t.Errorf("at %s: exit code %d, %d lines, want %d and no content:\n%s", level, r.code, n, lines, r.log)
		}
	}
}

// In steady state a batch costs no allocation in Go but those for the file of the position.
func TestInputAllocations(t *testing.T) {
	t.Parallel()
	const batches = 12
	var all [][]string
	for range batches {
		all = append(all, entries("katatest:runtime "+strings.Repeat("x", 80<<10))...)
	}
	r := run(t, current, input(journal(t, all...), "-q", "--log-level", "error", "-p", "max_batch=64k", "--collect", "80", "--every", "20", breaking["input"])...)
	none, printed := 0, strings.Count(r.log, "allocations: ")
	for line := range strings.Lines(r.log) {
		var n int
		if _, err := fmt.Sscanf(line, "allocations: %d,", &n); err == nil && n < 10 {
			none++
		}
	}
	if printed != batches || none < batches/2 {
		t.Errorf("%d of %d batches allocated little or nothing: %s", none, printed, r.log)
	}
}

// An instance that is ended while it waits for the engine ends at once.
func TestInputEnds(t *testing.T) {
	dir := large(t, 4)
	for _, args := range [][]string{{"--collect", "0"}, {"--collect", "1", "--take", "-1"}, {"--collect", "1", "--take", "-1", "--full", "100"}} {
		if r := run(t, current, slices.Concat(input(dir, "-p", "max_batch=64k", "--log-level", "warn"), args, []string{release["input"]})...); r.code != 0 || r.log != "" {
			t.Errorf("%v: exit code %d: %s", args, r.code, r.log)
		}
	}
}

// A field without a name is left out, and the log says so: in the journal it is damage, and a name
// may have been nothing but an underscore.
func TestInputNoName(t *testing.T) {
	t.Parallel()
	dir := journal(t, []string{"=nothing", "MESSAGE=m", "_=nothing"}, []string{"MESSAGE=n"})
	for strip, lines := range map[string][]string{
		"off": {"[ warn] [input:kata:kata.0] " + dir + "/test.journal: a data object is invalid", "[ warn] [input:kata:kata.0] 1 entries or fields of damaged files cannot be read"},
		"on":  {"[ warn] [input:kata:kata.0] " + dir + "/test.journal: a data object is invalid", "[ warn] [input:kata:kata.0] 1 entries or fields of damaged files cannot be read", "[ warn] [input:kata:kata.0] 1 fields have no name and were left out"},
	} {
		r := run(t, current, input(dir, "--log-level", "warn", "-p", "strip_underscores="+strip, release["input"])...)
		r.logged(t, lines...)
		want := map[string]any{"MESSAGE": "m", "_": "nothing"}
		if strip == "on" {
			delete(want, "_")
		}
		if r.code != 0 || len(r.events) != 2 || !reflect.DeepEqual(r.events[0].Record, want) {
			t.Errorf("exit code %d, %v", r.code, r.events)
		}
	}
}

// The position is not kept while the engine passes a batch to filters that take long, also where
// the call for the next one comes meanwhile.
func TestInputSlowFilter(t *testing.T) {
	t.Parallel()
	dir := large(t, 2)
	for _, standIn := range []string{current, oldest} {
		position := db(t)
		r := run(t, standIn, input(dir, "-p", "max_batch=64k", "-p", "db="+position, "--log-level", "warn", "--filter", "1500", "--absent", position, "--collect", "40", release["input"])...)
		if r.code != 0 || r.log != "" || len(r.events) != 2 {
			t.Errorf("exit code %d, %d events\n%s", r.code, len(r.events), r.log)
		}
		if _, err := os.Stat(position); err != nil {
			t.Error(err)
		}
	}
}
