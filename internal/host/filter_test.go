package host

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

const record = `time="2020-02-21T10:31:27.810781647Z" level=%s msg="release sandbox" name=kata-runtime pid=14314 source=virtcontainers`

func message(level string) string { return fmt.Sprintf(record, level) }

// One case of the contract, from C memory to C memory; package transform tests the others.
func TestFilter(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		seed := good(t, standIn, release["filter"], contract).events[0]
		if seed.Time != "1582281087.810781647" {
			t.Errorf("time %s", seed.Time)
		}
		for key, want := range map[string]any{
			"kata_level": "info", "kata_msg": "release sandbox", "kata_pid": json.Number("14314"), "_CASE": "seed",
		} {
			if got := seed.Record[key]; got != want {
				t.Errorf("%s is %v, want %v", key, got, want)
			}
		}
	})
}

// Old versions write the wide formats of msgpack, with the same results.
func TestWidths(t *testing.T) {
	short := good(t, current, release["filter"], contract)
	long := good(t, oldest, release["filter"], "../../testdata/contract/cases-3.2.msgpack")
	if len(short.events) != len(long.events) {
		t.Fatalf("%d events and %d", len(short.events), len(long.events))
	}
	for i := range short.events {
		if !reflect.DeepEqual(short.events[i].Record, long.events[i].Record) {
			t.Errorf("event %d:\n%v\n%v", i, short.events[i], long.events[i])
		}
	}
}

func TestInstancesAreSeparate(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		r := good(t, standIn, "-p", "prefix=a_", "-p", "Min_Level=warning", "--next", "-p", "PREFIX=", "-p", "alias=second",
			release["filter"], chunk(t, message("info"), message("error")))
		if len(r.events) != 3 {
			t.Fatalf("%d events, want one and two: %v", len(r.events), r.events)
		}
		if e := r.events[0]; e.Name != "kata.0" || e.Record["a_level"] != "error" || e.Record["level"] != nil {
			t.Errorf("first instance: %v", e)
		}
		if e := r.events[1]; e.Name != "second" || e.Record["level"] != "info" || e.Record["a_level"] != nil {
			t.Errorf("second instance: %v", e)
		}
	})
}

func TestReinit(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		one := good(t, standIn, release["filter"], contract)
		four := good(t, standIn, "--reinit", "3", release["filter"], contract)
		for i, e := range four.events {
			if !reflect.DeepEqual(e, one.events[i%len(one.events)]) {
				t.Fatalf("event %d differs after a restart: %v", i, e)
			}
		}
		if len(four.events) != 4*len(one.events) {
			t.Errorf("%d events, want 4 times %d", len(four.events), len(one.events))
		}
	})
}

// Instances that have ended are freed, in Go, too, whose memory AddressSanitizer does not
// see.
func TestInstancesAreFreed(t *testing.T) {
	t.Parallel()
	dir := journal(t, entries(message("info"))...)
	for _, mode := range []string{"filter", "output", "input"} {
		memory := func(times string) int64 {
			args := []string{"-q", "--reinit", times, release[mode], chunk(t, message("info"))}
			if mode == "input" {
				args = append(input(dir, "-p", "threaded=off", "--collect", "1", "--every", "1"), args...)
			}
			return good(t, current, args...).memory
		}
		starts := "320"
		if mode == "input" {
			starts = "120" // one takes longer
		}
		if few, many := memory("20"), memory(starts); many > few+4<<20 {
			t.Errorf("%s: 20 instances one after the other took %d kB, %s took %d kB", mode, few>>10, starts, many>>10)
		}
	}
}

func TestThreads(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		one := good(t, standIn, release["filter"], contract)
		r := good(t, standIn, "--threads", "8", "--repeat", "50", "-p", "prefix=a_", "--next", "--reinit", "1", release["filter"], contract)
		if len(r.events) != 4*len(one.events) { // the first call of two instances, twice
			t.Errorf("%d events, want 4 times %d", len(r.events), len(one.events))
		}
	})
}

// Every option can be set by its name, also the last ones: Fluent Bit reads the config map
// with the size of its own rows.
func TestOptionNames(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		of := func(p options.Plugin) (args []string) {
			for _, row := range options.Table {
				if row.Name == "path" { // not the machine's journal
					row.Default = t.TempDir()
				}
				if row.Of(p) {
					args = append(args, "-p", strings.ToUpper(row.Name)+"="+row.Default)
				}
			}
			return args
		}
		good(t, standIn, append(of(options.FilterPlugin), release["filter"], contract)...)
		good(t, standIn, append(of(options.OutputPlugin), release["output"], contract)...)
		good(t, standIn, append(of(options.InputPlugin), "--collect", "1", release["input"])...)
		r := run(t, standIn, "-p", "PARSE=on", release["filter"], contract)
		if r.code == 0 || !strings.Contains(r.log, "unknown configuration property 'PARSE'") {
			t.Errorf("the filter takes an option of the output: exit code %d, %s", r.code, r.log)
		}
	})
}

// The output is much larger than any estimate.
func TestOutputGrows(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		prefix := strings.Repeat("p", 5000)
		messages := make([]string, 100)
		for i := range messages {
			messages[i] = message("info")
		}
		r := good(t, standIn, "--repeat", "3", "-p", "prefix="+prefix, release["filter"], chunk(t, messages...))
		if len(r.events) != len(messages) {
			t.Fatalf("%d events, want %d", len(r.events), len(messages))
		}
		for i, e := range r.events {
			if len(e.Record) != 7 || e.Record[prefix+"level"] != "info" || e.Record[prefix+"pid"] != json.Number("14314") {
				t.Fatalf("event %d: %.300v", i, e.Record)
			}
		}
	})
}

func TestDropAll(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		r := good(t, standIn, "-p", "min_level=error", release["filter"], chunk(t, message("info"), message("debug")))
		if len(r.events) != 0 {
			t.Errorf("events are left: %v", r.events)
		}
	})
}

// unchanged runs the filter and fails unless its output is the chunk.
func unchanged(t *testing.T, standIn, library, path string) result {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	r := run(t, standIn, "--log-level", "warn", "-w", out, library, path)
	if r.code != 0 {
		t.Fatalf("exit code %d: %s", r.code, r.log)
	}
	if !bytes.Equal(read(t, out), read(t, path)) {
		t.Error("the chunk changed")
	}
	return r
}

func TestOddChunks(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		t.Run("empty", func(t *testing.T) { unchanged(t, standIn, release["filter"], file(t, nil)) })
		t.Run("no msgpack", func(t *testing.T) { unchanged(t, standIn, release["filter"], file(t, []byte("\xc1\xc1"))) })
		t.Run("nothing to parse", func(t *testing.T) { unchanged(t, standIn, release["filter"], chunk(t, "", "")) })
		t.Run("cut", func(t *testing.T) {
			// The complete event is parsed, the rest is copied.
			whole := read(t, chunk(t, message("info"), message("info")))
			out := filepath.Join(t.TempDir(), "out")
			cut := whole[:len(whole)-7]
			r := run(t, standIn, "-w", out, release["filter"], file(t, cut))
			if r.code != 0 || len(r.events) != 1 || r.events[0].Record["kata_level"] != "info" {
				t.Errorf("exit code %d, %v", r.code, r.events)
			}
			if got := read(t, out); !bytes.HasSuffix(got, cut[len(whole)/2:]) {
				t.Errorf("the rest is missing: %q", got)
			}
		})
		t.Run("10 MB", func(t *testing.T) {
			long := message("info") + " long=" + strings.Repeat("x", 10<<20)
			r := good(t, standIn, release["filter"], chunk(t, long))
			if e := r.events[0].Record; e["MESSAGE"] != long || e["kata_level"] != "info" || e["kata_parse_error"] != "too_large" {
				t.Errorf("%d bytes of MESSAGE, kata_level %v, kata_parse_error %v", len(e["MESSAGE"].(string)), e["kata_level"], e["kata_parse_error"])
			}
		})
	})
}

// The tag of a chunk is passed to Go.
func TestTag(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		for _, mode := range []string{"filter", "output"} {
			run(t, standIn, "-q", "--log-level", "warn", breaking[mode], chunk(t, "katatest:tag")).logged(t, `tag: "kata.host"`)
		}
	})
}
