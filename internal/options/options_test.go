package options

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

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
	want := &Options{
		Parser: parser.Config{MaxMessage: parser.DefaultMaxMessage, MaxFields: parser.DefaultMaxFields, MaxDepth: parser.DefaultMaxDepth},
		Prefix: "kata_", ReserveData: true, PreserveKey: true, MinLevel: -1, SandboxMetadataKey: "kubernetes",
	}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("defaults are %+v, want %+v", o, want)
	}
}

func TestParse(t *testing.T) {
	o, err := Parse(from(
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
	o, err = Parse(from("types", "kata, foo:integer, vm path:string, a:b:float"))
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
		_, err := Parse(from(name, value))
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
	_, err := Parse(from("format", "xml", "max_depth", "x", "sandbox_metadata", "maybe"))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v", err)
	}
}

// TestSameKey: one key cannot be both maps.
func TestSameKey(t *testing.T) {
	_, err := Parse(from("nest_under", "kubernetes", "sandbox_metadata", "on"))
	if err == nil || err.Error() != `sandbox_metadata_key: "kubernetes" is also nest_under` {
		t.Errorf("got %v", err)
	}
	if _, err = Parse(from("nest_under", "kubernetes", "sandbox_metadata", "on", "sandbox_metadata_key", "pod")); err != nil {
		t.Error(err)
	}
	if _, err = Parse(from("nest_under", "kubernetes")); err != nil {
		t.Error(err)
	}
}

// TestReadme compares the README's table with the options.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range Markdown() {
		if !strings.Contains(string(readme), row+"\n") {
			t.Errorf("README.md lacks this row:\n%s", row)
		}
	}
	for _, reason := range parser.Reasons() {
		if !strings.Contains(string(readme), "`"+reason.String()+"`") {
			t.Errorf("README.md does not explain %s", reason)
		}
	}
	if got, want := strings.Count(string(readme), "\n| `"), len(Table); got < want {
		t.Errorf("README.md has %d rows of options, the table %d", got, want)
	}
}
