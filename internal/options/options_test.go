package options

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// from returns a Getter of pairs: name, value, name, value.
func from(pairs ...string) Getter {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestDefaults(t *testing.T) {
	o := Default()
	if got := strings.Join(o.KeyName, " "); got != "MESSAGE message log" {
		t.Errorf("key_name is %q", got)
	}
	if got := strings.Join(o.SandboxMetadataRoots, " "); !strings.HasPrefix(got, "/run/containerd ") || !strings.HasSuffix(got, " /var/log/containers") {
		t.Errorf("sandbox_metadata_roots is %q", got)
	}
	o.KeyName, o.SandboxMetadataRoots = nil, nil
	if got := o.Output; !got.Parse || !got.Tune || got.Index != "kata-%Y.%m.%d" || !got.TLSVerify || !got.Gzip || got.Timeout != 10*time.Second ||
		got.BulkSize != 5<<20 || got.BulkRecords != 5000 || got.GiveUp != 0 || got.DeadLetter != DeadLetterIndex || got.Setup != SetupTemplate ||
		got.DeadLetterIndex != "kata-dead-letter" || got.Shards != 1 || got.Replicas != 1 || got.Retention != 30*24*time.Hour || got.URLs != nil {
		t.Errorf("defaults of the output are %+v", got)
	}
	o.Output, o.Input = Output{}, Input{}
	want := &Options{
		Parser: parser.Config{MaxMessage: parser.DefaultMaxMessage, MaxFields: parser.DefaultMaxFields, MaxDepth: parser.DefaultMaxDepth},
		Prefix: "kata_", ReserveData: true, PreserveKey: true, MinLevel: -1, SandboxMetadataKey: "kubernetes",
	}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("defaults are %+v, want %+v", o, want)
	}
}

func TestParse(t *testing.T) {
	o, err := Parse(OutputPlugin, from(
		"key_name", " log , MESSAGE,", "format", "LOGFMT", "prefix", "", "nest_under", "kata", "reserve_data", "Off",
		"preserve_key", "FALSE", "types", "string", "nested", "Keep", "remove_keys", "Endpoint*, req", "min_level", "WARNING",
		"duplicates", "drop", "max_message_size", "64k", "max_fields", "100", "max_depth", "8",
	))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(o.KeyName, "|") != "log|MESSAGE" || o.Parser.Format != parser.OnlyLogfmt || o.Prefix != "" || o.NestUnder != "kata" ||
		o.ReserveData || o.PreserveKey || !o.Parser.Types.AllText || o.Parser.Nested != parser.KeepNested || strings.Join(o.RemoveKeys, "|") != "Endpoint*|req" ||
		parser.Levels[o.MinLevel] != "warning" || o.Duplicates != DropDuplicates || o.Parser.MaxMessage != 64<<10 || o.Parser.MaxFields != 100 || o.Parser.MaxDepth != 8 {
		t.Errorf("got %+v", o)
	}
	o, err = Parse(OutputPlugin, from("types", "kata, foo:integer, vm path:string, a:b:float"))
	if err != nil {
		t.Fatal(err)
	}
	if extra := o.Parser.Types.Extra; extra["foo"] != parser.Integer || extra["vm path"] != parser.Text || extra["a:b"] != parser.Float {
		t.Errorf("types are %v", extra)
	}
}

func TestParseTypes(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		types, err := parseTypes(text)
		got := fmt.Sprint(types.AllText)
		for _, key := range slices.Sorted(maps.Keys(types.Extra)) {
			got += fmt.Sprintf(" %s=%v", key, types.Extra[key])
		}
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	f("kata", "false")
	f(" KATA ", "false")
	f("string", "true")
	f("a:integer", "false a=integer")
	f(" vm path : Float , b:bool,c:string,d.e:integer,", "false b=bool c=string d.e=integer vm path=float")
	f("rpc call::string", "false rpc call:=string")
	f("kata,a:integer", "false a=integer")
	f("a", `"a" is not kata, string or a pair key:type`)
	f("a:int", `"a:int": type "int" is not one of integer, float, bool, string`)
	f(":integer", `":integer" is not kata, string or a pair key:type`)
}

func TestErrors(t *testing.T) {
	f := func(name, value, want string) {
		t.Helper()
		_, err := Parse(OutputPlugin, from(name, value))
		if err == nil || err.Error() != want {
			t.Errorf("%s %q: %v, want %s", name, value, err, want)
		}
	}
	f("reserve_data", "banana", `reserve_data: "banana" is not a boolean (on, off, true, false, yes, no)`)
	f("format", "xml", `format: "xml" is not one of auto, logfmt, json, native`)
	f("nested", "", `nested: "" is not one of stringify, keep, drop`)
	f("min_level", "loud", `min_level: "loud" is not one of trace, debug, info, warning, error, critical, fatal, panic`)
	f("max_message_size", "lots", `max_message_size: "lots" is not a size (such as 512k, 1M)`)
	f("max_message_size", "-1", `max_message_size: "-1" is not a size (such as 512k, 1M)`)
	f("max_message_size", "10", `max_message_size: "10" is out of range (256 to 1073741824)`)
	f("max_message_size", "99999999999G", `max_message_size: "99999999999G" is not a size (such as 512k, 1M)`)
	f("max_fields", "1k", `max_fields: "1k" is not a whole number`)
	f("max_depth", "1000", `max_depth: "1000" is out of range (1 to 512)`)
	f("types", "pid", `types: "pid" is not kata, string or a pair key:type`)
	f("types", "pid:number", `types: "pid:number": type "number" is not one of integer, float, bool, string`)
	f("key_name", " , ", `key_name: at least one key is needed`)
	f("sandbox_metadata_roots", "/run/containerd, run", `sandbox_metadata_roots: "run" is not an absolute path`)
}

// Options of the output that contradict each other, or that a server would refuse.
func TestOutputErrors(t *testing.T) {
	f := func(want string, pairs ...string) {
		t.Helper()
		_, err := Parse(OutputPlugin, from(append(pairs, "url", "http://127.0.0.1:9200")...))
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", pairs, err, want)
		}
	}
	f("file: url is set too, and records go to one of them only", "file", "/tmp/x")
	f("http_user, api_key: only one of them can be set", "http_user", "a", "api_key", "b")
	f("http_passwd: http_user is not set", "http_passwd", "a")
	f("crt_file, key_file: one needs the other", "crt_file", "a")
	f("dead_letter_file: dead_letter file needs it", "dead_letter", "file")
	f(`index: "Kata" has a capital letter`, "index", "Kata")
	f(`index: "kata-%Z": only %Y %m %d %H %j %G %V %y %% are known`, "index", "kata-%Z")
	f(`index: "kata-%": only %Y %m %d %H %j %G %V %y %% are known`, "index", "kata-%")
	f(`index: "a b" has a character that a name of an index must not have`, "index", "a b")
	f(`index: "_a" starts with _`, "index", "_a")
	f(`index: "" is no name of an index`, "index", "")
	f(`index: "a%Y" must not depend on the time`, "index", "a%Y", "data_stream", "on")
	f(`dead_letter_index: "a%Y" must not depend on the time`, "dead_letter_index", "a%Y")
	f(`timeout: "1y" is not a time (such as 90s, 10m, 24h)`, "timeout", "1y")
	f(`timeout: at least 1s is needed`, "timeout", "0")
	f(`give_up: "soon" is neither never nor a time (such as 90s, 10m, 24h, 30d)`, "give_up", "soon")
	f(`retention: whole hours or days are needed`, "retention", "90s")
	f(`bulk_size: "10" is out of range (1024 to 94371840)`, "bulk_size", "10")
}

func TestOutputOptions(t *testing.T) {
	o, err := Parse(OutputPlugin, from("url", "http://a:1, http://b:2", "data_stream", "on", "give_up", "1d", "timeout", "30", "compress", "none", "retention", "never", "http_user", "u", "http_passwd", "p"))
	if err != nil {
		t.Fatal(err)
	}
	got := o.Output
	if strings.Join(got.URLs, "|") != "http://a:1|http://b:2" || got.Index != "logs-kata-default" || got.GiveUp != 24*time.Hour || got.Timeout != 30*time.Second || got.Gzip || got.Retention != 0 {
		t.Errorf("got %+v", got)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", got, got, got, got.Password); strings.Contains(text, `"p"`) || strings.Contains(text, "Password:p") || got.Password != "p" {
		t.Errorf("the password is printed: %s", text)
	}
}

func TestMisspelt(t *testing.T) {
	got := Misspelt(OutputPlugin, from("url", "x", "urls", "x", "bulk-size", "x", "inedx", "x", "http_password", "x", "min_lvel", "x", "generate_id", "on", "quite_another", "x"))
	want := map[string]string{"urls": "url", "bulk-size": "bulk_size", "inedx": "index", "http_password": "http_passwd", "min_lvel": "min_level", "generate_id": ""}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	for plugin, names := range foreign {
		for name, meant := range names {
			has := func(name string) bool {
				return slices.ContainsFunc(Table, func(o Option) bool { return o.Name == name && o.Of(plugin) })
			}
			if meant != "" && !has(meant) || has(name) {
				t.Errorf("%s: %s, %s", plugin, name, meant)
			}
		}
	}
	if got := Misspelt(InputPlugin, from("db.sync", "x", "read_form_tail", "on", "url", "x")); !reflect.DeepEqual(got, map[string]string{"db.sync": "", "read_form_tail": "read_from_tail"}) {
		t.Errorf("of the input: %v", got)
	}
}

// TestInput has the values of the input's options.
func TestInput(t *testing.T) {
	o, err := Parse(InputPlugin, from())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(o.Input.Filters); n != len(Identifiers) || o.Input.Filters[0] != (JournalMatch{"SYSLOG_IDENTIFIER", "kata"}) || len(o.Input.Paths) != 2 {
		t.Errorf("%+v", o.Input)
	}
	if o, err = Parse(InputPlugin, from("systemd_filter", "all", "path", "/a, /b/c.journal", "db", "/d", "max_batch", "1M")); err != nil ||
		o.Input.Filters != nil || !slices.Equal(o.Input.Paths, []string{"/a", "/b/c.journal"}) || o.Input.DB != "/d" || o.Input.MaxBatch != 1<<20 {
		t.Errorf("%+v, %v", o.Input, err)
	}
	if o, err = Parse(InputPlugin, from("systemd_filter", "SYSLOG_IDENTIFIER=kubelet,kata,_SYSTEMD_UNIT=a=b")); err != nil || len(o.Input.Filters) != len(Identifiers)+2 ||
		o.Input.Filters[len(Identifiers)+1] != (JournalMatch{"_SYSTEMD_UNIT", "a=b"}) {
		t.Errorf("%+v, %v", o.Input, err)
	}
	for _, c := range [][3]string{
		{"path", ",", "path: at least one directory or file is needed"},
		{"systemd_filter", "", "systemd_filter: it is empty; all reads every entry"},
		{"systemd_filter", "kubelet", `systemd_filter: "kubelet" is neither FIELD=VALUE nor kata nor all`},
		{"systemd_filter", "a=b", `systemd_filter: "a=b" is neither FIELD=VALUE nor kata nor all`},
		{"systemd_filter", "kata,1A=b", `systemd_filter: "1A=b" is neither FIELD=VALUE nor kata nor all`},
		{"max_batch", "1k", `max_batch: "1k" is out of range (65536 to 67108864)`},
	} {
		if _, err := Parse(InputPlugin, from(c[0], c[1])); err == nil || err.Error() != c[2] {
			t.Errorf("%s %s: %v, want %s", c[0], c[1], err, c[2])
		}
		if _, err := Parse(FilterPlugin, from(c[0], c[1])); err != nil {
			t.Errorf("the filter parses %s: %v", c[0], err)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int]string{1000: "1000", 1024: "1K", 1025: "1025", 3 << 20: "3M", 2 << 30: "2G", 4 << 40: "4096G"} {
		if got := size(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
		if back, ok := number(want, true); !ok || back != n {
			t.Errorf("%s is %d, want %d", want, back, n)
		}
	}
}

// TestErrorsAtOnce: all errors of a configuration are reported together.
func TestErrorsAtOnce(t *testing.T) {
	_, err := Parse(OutputPlugin, from("format", "xml", "max_depth", "x", "sandbox_metadata", "maybe"))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v", err)
	}
}

// TestSameKey: one key cannot be both maps.
func TestSameKey(t *testing.T) {
	_, err := Parse(OutputPlugin, from("nest_under", "kubernetes", "sandbox_metadata", "on"))
	if err == nil || err.Error() != `sandbox_metadata_key: "kubernetes" is also nest_under` {
		t.Errorf("got %v", err)
	}
	if _, err = Parse(OutputPlugin, from("nest_under", "kubernetes", "sandbox_metadata", "on", "sandbox_metadata_key", "pod")); err != nil {
		t.Error(err)
	}
	if _, err = Parse(OutputPlugin, from("nest_under", "kubernetes")); err != nil {
		t.Error(err)
	}
}

// TestReadme compares the documents' tables with the options.
func TestReadme(t *testing.T) {
	for _, f := range []struct {
		path string
		only Plugin
	}{{"README.md", ""}, {"docs/output.md", OutputPlugin}, {"docs/input.md", InputPlugin}} {
		b, err := os.ReadFile("../../" + f.path)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		rows := Markdown(f.only)
		for _, row := range rows {
			if !strings.Contains(text, row+"\n") {
				t.Errorf("%s lacks this row:\n%s", f.path, row)
			}
		}
		if got := strings.Count(text, "\n| `"); got < len(rows) {
			t.Errorf("%s has %d rows of options, the table %d", f.path, got, len(rows))
		}
		if f.only != "" {
			continue
		}
		for _, reason := range parser.Reasons() {
			if !strings.Contains(text, "`"+reason.String()+"`") {
				t.Errorf("README.md does not explain %s", reason)
			}
		}
	}
}
