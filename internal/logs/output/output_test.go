package output_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
	"github.com/go-logfmt/logfmt"
	"go.yaml.in/yaml/v3"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/lines"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/output"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

var update = flag.Bool("update", false, "write the golden files")

// value is a value of a field, as msgpack.
type pair struct {
	key   string
	value any
}

func makeRecord(nano int64, p record.Position, pairs ...pair) *record.Record {
	b := record.AppendHeader(nil, uint32(nano/1e9), uint32(nano%1e9), p, len(pairs))
	for _, pair := range pairs {
		b = event.AppendStr(b, []byte(pair.key))
		switch v := pair.value.(type) {
		case string:
			b = event.AppendStr(b, []byte(v))
		case int:
			b = event.AppendInt(b, int64(v))
		case float64:
			b = event.AppendFloat(b, math.Float64bits(v))
		case bool:
			b = event.AppendBool(b, v)
		case nil:
			b = event.AppendNil(b)
		case []string:
			b = event.AppendArrayHeader(b, len(v))
			for _, s := range v {
				b = event.AppendStr(b, []byte(s))
			}
		}
	}
	r := new(record.Record)
	if !r.Read(b) {
		panic("no record")
	}
	return r
}

// records are those of the golden files.
var records = []*record.Record{
	makeRecord(1714979289_123456789, record.Position{Line: 1},
		pair{"_HOSTNAME", "node-1"}, pair{"kata_level", "info"}, pair{"kata_msg", "VM started"}, pair{"kata_pid", 4242},
		pair{"kata_sandbox", strings.Repeat("5b", 32)}, pair{"kata_source", "virtcontainers"}, pair{"kata_debug", true}, pair{"kata_cpus", 1.5}, pair{"kata_null", nil}),
	makeRecord(1714979289_500000000, record.Position{Line: 2},
		pair{"kata_level", "info"}, pair{"kata_msg", "a\x1b[31mred\u202e\u009b\x7f \"x\" \\ é\nb\xff"}, pair{"kata_source", "vmconsole"},
		pair{"kata_guest", true}, pair{"kata_detected_level", "critical"}, pair{"kata_parse_error", "agent_json"}, pair{"kata_a b", "\t="}),
	makeRecord(1714979290_000000000, record.Position{File: 1, Line: 7, Flags: record.NoTime},
		pair{"SYSLOG_IDENTIFIER", "kubelet"}, pair{"MESSAGE", `E0506 07:08:09.123456    1234 kubelet.go:123] "x"`}, pair{"N", []string{"a", "b"}}),
}

func write(t *testing.T, o output.Options, list ...*record.Record) string {
	t.Helper()
	var b bytes.Buffer
	o.Names, o.Files = choose.NewNames("kata_"), []string{"a.log", "b,\"\x1b.log"}
	w, ok := output.New(&b, o)
	if !ok {
		t.Fatalf("no format %q", o.Format)
	}
	for _, r := range list {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestGolden compares the output with testdata/golden. go test -update writes it.
func TestGolden(t *testing.T) {
	tests := map[string]output.Options{
		"text-color": {Format: "text", Color: true, Delta: true, Zone: time.FixedZone("", 2*3600)},
		"text-all":   {Format: "text", All: true, Source: true},
	}
	for _, f := range output.Formats {
		tests[f.Name] = output.Options{Format: f.Name}
	}
	for name, o := range tests {
		t.Run(name, func(t *testing.T) {
			got := write(t, o, records...)
			file := "testdata/golden/" + name
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			_ = write(t, o) // nothing is valid, too
		})
	}
}

// TestDecoders checks that those for whom the formats are read them.
func TestDecoders(t *testing.T) {
	for line := range strings.Lines(write(t, output.Options{Format: "json"}, records...)) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil || m["line"] == nil {
			t.Errorf("%v: %s", err, line)
		}
	}
	d := logfmt.NewDecoder(strings.NewReader(write(t, output.Options{Format: "logfmt"}, records...)))
	n := 0
	for d.ScanRecord() {
		for d.ScanKeyval() {
		}
		n++
	}
	if d.Err() != nil || n != len(records) {
		t.Errorf("logfmt: %d records, %v", n, d.Err())
	}
	rows, err := csv.NewReader(strings.NewReader(write(t, output.Options{Format: "csv"}, records...))).ReadAll()
	if err != nil || len(rows) != len(records)+1 {
		t.Errorf("csv: %d rows, %v", len(rows), err)
	}
	var list []map[string]any
	if err := yaml.Unmarshal([]byte(write(t, output.Options{Format: "yaml"}, records...)), &list); err != nil || len(list) != len(records) {
		t.Errorf("yaml: %d records, %v", len(list), err)
	}
	var tables struct{ Record []map[string]any }
	if err := toml.Unmarshal([]byte(write(t, output.Options{Format: "toml"}, records...)), &tables); err != nil || len(tables.Record) != len(records) {
		t.Errorf("toml: %d records, %v", len(tables.Record), err)
	}
	var doc struct {
		Record []struct {
			Line  int        `xml:"line,attr"`
			Field []struct{} `xml:"field"`
		} `xml:"record"`
	}
	if err := xml.Unmarshal([]byte(write(t, output.Options{Format: "xml"}, records...)), &doc); err != nil || len(doc.Record) != len(records) || len(doc.Record[0].Field) != len(records[0].Pairs) {
		t.Errorf("xml: %+v, %v", doc, err)
	}
	r := lines.NewReader(strings.NewReader(write(t, output.Options{Format: "export"}, records...)), lines.Options{})
	b, err := r.Read(nil, 1<<20)
	run := record.Run{Bytes: b}
	run.Index(0)
	if !errors.Is(err, io.EOF) || len(run.Entries) != len(records) || r.Counts[lines.Export] != uint64(len(records)) {
		t.Errorf("export: %d entries, %v", len(run.Entries), err)
	}
}

// isSafe reports whether a terminal shows text as it is, in lines.
func isSafe(text string) bool {
	for _, r := range text {
		if r != '\n' && r != '\t' && !strconv.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(text)
}

// FuzzTerminal checks that nothing that a guest chooses reaches a terminal as it is, in any format
// and field, that JSON holds the text, and that text stays one line.
func FuzzTerminal(f *testing.F) {
	f.Add("\x1b]0;title\x07", "k")
	f.Add("\u009b31m\u202eabc\u2066\xc2", "a\x1bb")
	f.Add("\r\n\x00\x7f\xff\xfe\u00ad\ufeff\U000e0001\U0001f600", "\n")
	f.Add(strings.Repeat("x", 70)+"\x9b\"\\", "")
	f.Fuzz(func(t *testing.T, text, key string) {
		r := makeRecord(1714979289_000000000, record.Position{Line: 1},
			pair{"MESSAGE", text}, pair{"kata_level", text}, pair{"kata_msg", text}, pair{"kata_source", text}, pair{"kata_guest", true},
			pair{"kata_parse_error", text}, pair{"kata_" + key, text}, pair{"N", []string{text}})
		for _, o := range []output.Options{{Format: "text", All: true, Source: true, Delta: true}, {Format: "text"}, {Format: "json"}} {
			got := write(t, o, r)
			if !isSafe(got) || strings.Count(got, "\n") != 1 {
				t.Fatalf("%s: %q", o.Format, got)
			}
		}
		var m map[string]any
		if err := json.Unmarshal([]byte(write(t, output.Options{Format: "json"}, r)), &m); err != nil {
			t.Fatal(err)
		}
		if utf8.ValidString(text) && m["MESSAGE"] != text {
			t.Fatalf("JSON has %q of %q", m["MESSAGE"], text)
		}
		for _, format := range output.Formats {
			if format.Name == "text" {
				continue
			}
			var b bytes.Buffer
			g := &output.Guard{To: &b}
			raw := write(t, output.Options{Format: format.Name}, r)
			for _, part := range []string{raw[:len(raw)/2], raw[len(raw)/2:]} {
				if _, err := g.Write([]byte(part)); err != nil {
					t.Fatal(err)
				}
			}
			if !isSafe(b.String()) {
				t.Fatalf("%s on a terminal: %q", format.Name, b.String())
			}
		}
	})
}

// TestNoAllocation checks that the JSON format allocates nothing for a record.
func TestNoAllocation(t *testing.T) {
	w, _ := output.New(io.Discard, output.Options{Format: "json", Names: choose.NewNames("kata_"), Files: []string{"a.log"}})
	// Not the float, for which strconv needs memory sometimes.
	r := makeRecord(1714979289_123456789, record.Position{Line: 1}, pair{"kata_msg", "VM started\n"}, pair{"kata_pid", 4242}, pair{"kata_guest", true}, pair{"N", []string{"a"}})
	b := r.Bytes
	if n := testing.AllocsPerRun(1000, func() {
		r.Read(b)
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations for a record", n)
	}
}
