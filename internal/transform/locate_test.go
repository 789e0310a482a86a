package transform

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
)

// TestKnownLayouts: the layouts that an instance knows do not change the result. Each
// record is processed by an instance of its own, and all of them by one.
func TestKnownLayouts(t *testing.T) {
	spellings := map[string]func(key string) string{
		"as it is": func(key string) string { return key },
		"lower":    strings.ToLower,
		"stripped": func(key string) string { return strings.TrimPrefix(key, "_") },
	}
	for name, spell := range spellings {
		for _, opts := range [][]string{nil, {"reserve_data", "off"}, {"prefix", ""}, {"prefix", "_"}, {"remove_journal_keys", "_*"}, {"key_name", "_CMDLINE,NAME,MESSAGE"}} {
			g := gen.New(3, 20)
			var chunk, want []byte
			for range 150 {
				r := g.Record()
				for i := range r.Fields {
					r.Fields[i].Key = spell(r.Fields[i].Key)
				}
				one := r.Append(nil)
				chunk = append(chunk, one...)
				var out event.Buffer
				if filter(t, opts...).Process(nil, one, &out) == Untouched {
					out.B = one
				}
				want = append(want, out.B...)
			}
			f := filter(t, opts...)
			for range 3 {
				got, verdict := run(t, f, chunk)
				if verdict == Untouched {
					got = chunk
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("%s, %q: %d bytes, want %d", name, opts, len(got), len(want))
				}
			}
		}
	}
}

// TestShimCommand: a record of runtime-rs gets the sandbox from the shim's command line
// whatever its instance knows of its layout, also one with too many pairs for a layout.
func TestShimCommand(t *testing.T) {
	few := []string{"_BOOT_ID", "x", "A_B", "1", "_COMM", "containerd-shim", "_UID", "0", "_CMDLINE", "shim -id 55bb",
		"SYSLOG_IDENTIFIER", "kata", "NAME", "kata-runtime", "SUBSYSTEM", "s", "PRIORITY", "6", "MESSAGE", "m"}
	many := slices.Clone(few)
	for i := range 100 {
		many = append(many, fmt.Sprint("_X", i), "")
	}
	f := filter(t, "remove_journal_keys", "*")
	for _, record := range [][]string{few, many} {
		for i := range 4 {
			const want = "kata_a_b=1 kata_level=debug kata_msg=m kata_name=kata-runtime kata_sandbox=55bb kata_subsystem=s"
			if got := one(t, f, record...); got != want {
				t.Errorf("record %d of %d pairs:\n%s\nwant\n%s", i, len(record)/2, got, want)
			}
		}
	}
}

// TestEmptyKey: a record of runtime-rs may have a key of no bytes.
func TestEmptyKey(t *testing.T) {
	got := one(t, filter(t), "SYSLOG_IDENTIFIER", "kata", "NAME", "kata-runtime", "", "x", "MESSAGE", "hello")
	if want := "=x MESSAGE=hello NAME=kata-runtime SYSLOG_IDENTIFIER=kata kata_msg=hello kata_name=kata-runtime"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Other filters add keys. One that is a journal field's name in small letters is not read
// as that field beside others in capitals, wherever it stands.
func TestOtherSpellings(t *testing.T) {
	native := []string{
		"SYSLOG_IDENTIFIER", "kata", "NAME", "kata-runtime", "SOURCE", "55bb", "SUBSYSTEM", "agent", "PRIORITY", "5", "PID", "7", "_SOURCE_REALTIME_TIMESTAMP", "1765799710000001",
		"MESSAGE", `{"msg":"m","level":"FATAL","ts":"2031-01-01T00:00:00.5Z","source":"virtcontainers","name":"containerd-shim-v2","sandbox":"victim"}`,
	}
	shim := []string{"SYSLOG_IDENTIFIER", "kata", "_LINE_BREAK", "eof", "_COMM", "x", "_UID", "1000", "_CMDLINE", "shim -id evil", "MESSAGE", line}
	for _, c := range []struct {
		record []string
		other  []string
	}{
		{native, []string{"name", "x"}}, {native, []string{"syslog_identifier", "app"}}, {native, []string{"priority", "3"}}, {native, []string{"pid", "8"}},
		{native, []string{"_source_realtime_timestamp", "x"}}, {native, []string{"subsystem", "shim"}},
		{shim, []string{"_line_break", "nul"}}, {shim, []string{"_uid", "0", "_comm", "containerd-shim"}}, {shim, []string{"_comm", "containerd-shim", "_uid", "0", "_cmdline", "shim -id evil"}},
	} {
		want := one(t, filter(t), c.record...)
		added := ""
		for i := 0; i < len(c.other); i += 2 {
			added += c.other[i] + "=" + c.other[i+1] + " "
		}
		for _, record := range [][]string{slices.Concat(c.record, c.other), slices.Concat(c.other, c.record)} {
			got := one(t, filter(t), record...)
			for pair := range strings.SplitSeq(strings.TrimSpace(added), " ") {
				if i := strings.Index(got, " "+pair); i >= 0 && len(c.other) == 2 {
					got = got[:i] + got[i+1+len(pair):]
				}
			}
			if len(c.other) > 2 && strings.Contains(got, "kata_sandbox") || len(c.other) == 2 && got != want {
				t.Errorf("with %s:\n%s\nwant\n%s", added, got, want)
			}
		}
	}
}

// A process can write a field that has the name of journald's time without its underscore.
// It is that time only where the input has taken the underscores from all names.
func TestRealtimeOfAProcess(t *testing.T) {
	const first = "SYSLOG_IDENTIFIER=kata NAME=kata-runtime MESSAGE=m SOURCE_REALTIME_TIMESTAMP=1577836801250000"
	record := func(more ...string) []string {
		return append(strings.FieldsFunc(first, func(c rune) bool { return c == ' ' || c == '=' }), more...)
	}
	for _, more := range [][]string{nil, {"_TRANSPORT", "journal"}} {
		if got := one(t, filter(t), record(more...)...); !strings.Contains(got, "kata_source_realtime_timestamp=1577836801250000") {
			t.Errorf("with %v: %s", more, got)
		}
	}
	if got := one(t, filter(t), record("TRANSPORT", "journal")...); strings.Contains(got, "kata_source") {
		t.Errorf("without underscores: %s", got)
	}
}
