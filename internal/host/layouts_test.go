package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// fact is a line of testdata/layouts.txt: an expression for Fluent Bit's headers, one for the
// libraries', and the former's value in each version of Fluent Bit.
type fact struct {
	theirs, relation, ours string
	values                 []string
}

// layouts is the content of testdata/layouts.txt.
type layouts struct {
	versions         []string
	rows, counters   []string // what the library chooses, by version
	needed, optional []fact
}

func readLayouts(t *testing.T) *layouts {
	t.Helper()
	l := new(layouts)
	gap := regexp.MustCompile(` {2,}`)
	for line := range strings.Lines(string(read(t, "testdata/layouts.txt"))) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := gap.Split(line, -1)
		f := fact{theirs: cells[0], relation: "==", ours: cells[1], values: cells[2:]}
		if l.versions != nil && len(f.values) != len(l.versions) {
			t.Fatalf("%d values, want %d: %s", len(f.values), len(l.versions), line)
		}
		if relation, ours, ok := strings.Cut(f.ours, " "); ok && strings.ContainsAny(relation, "<>") {
			f.relation, f.ours = relation, ours
		}
		switch {
		case l.versions == nil:
			l.versions = f.values
		case f.theirs == "N":
			l.rows = f.values
		case f.theirs == "counters":
			l.counters = f.values
		case l.counters == nil:
			l.needed = append(l.needed, f)
		default:
			l.optional = append(l.optional, f)
		}
	}
	if len(l.rows) == 0 || len(l.needed) == 0 || len(l.optional) == 0 {
		t.Fatal("the table is not complete")
	}
	return l
}

// with returns the fact for one of the structs of config map rows.
func (f fact) with(row string) fact {
	f.ours = strings.ReplaceAll(f.ours, "row_N", "row_"+row)
	return f
}

var (
	function = regexp.MustCompile(`^(\w+)\(\)$`)
	quoted   = regexp.MustCompile(`^"(\w+)"$`)
	member   = regexp.MustCompile(`^(\w+)\.(\w+)$`)
	distance = regexp.MustCompile(`^(\w+)\.(\w+)-(\w+)$`)
	constant = regexp.MustCompile(`^[A-Z0-9_]+$`)
)

// inC returns an expression of the table in C.
func inC(expression string) string {
	if m := distance.FindStringSubmatch(expression); m != nil {
		return fmt.Sprintf("offsetof(struct %s, %s) - offsetof(struct %[1]s, %[3]s)", m[1], m[2], m[3])
	}
	if m := member.FindStringSubmatch(expression); m != nil {
		return fmt.Sprintf("offsetof(struct %s, %s)", m[1], m[2])
	}
	if constant.MatchString(expression) {
		return expression
	}
	return fmt.Sprintf("sizeof(struct %s)", expression)
}

// evaluate returns the values of C expressions by their keys, which are those of the table.
func evaluate(t *testing.T, includes string, expressions map[string]string, flags ...string) map[string]int {
	t.Helper()
	if err := dependOnSources(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var c strings.Builder
	fmt.Fprintf(&c, "#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n%s\nint main(void)\n{\n", includes)
	names := slices.Sorted(maps.Keys(expressions))
	for _, name := range names {
		fmt.Fprintf(&c, "    printf(\"%%ld\\n\", (long) (%s));\n", expressions[name])
	}
	c.WriteString("    return 0;\n}\n")
	source, program := filepath.Join(dir, "facts.c"), filepath.Join(dir, "facts")
	if err := os.WriteFile(source, []byte(c.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(compiler(), append([]string{"-std=gnu11", "-w", "-o", program, source}, flags...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(program).Output()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]int{}
	for i, text := range strings.Fields(string(out)) {
		if values[names[i]], err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	return values
}

// ourSide returns the values of the table's expressions for the libraries' headers.
func ourSide(t *testing.T, l *layouts) map[string]int {
	t.Helper()
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/fluent/fluent-bit-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	expressions := map[string]string{}
	for _, f := range append(slices.Clone(l.needed), l.optional...) {
		if quoted.MatchString(f.theirs) || function.MatchString(f.theirs) {
			continue
		}
		for _, row := range l.rows {
			f := f.with(row)
			expressions[f.ours] = inC(f.ours)
		}
	}
	fluentBitGo := strings.TrimSpace(string(module))
	return evaluate(t, `
#include "layout.h"
#include "proxy.h"
#include "flb_plugin.h"
#include "flb_output.h"
/* Some names are those of the headers for outputs, with another content. */
#undef FLBGO_PLUGIN_H
#define flb_plugin_proxy_def input_def
#define flb_api input_api
#define flb_plugin_proxy_context input_context
#include "`+fluentBitGo+`/input/flb_plugin.h"
#include "flb_input.h"
#undef flb_plugin_proxy_def
#undef flb_api
#undef flb_plugin_proxy_context
`, expressions, "-I../../internal/fluentbit", "-I../../plugin/filter", "-I"+filepath.Join(fluentBitGo, "output"), "-I"+filepath.Join(fluentBitGo, "input"))
}

// fits reports whether the library works with a version's value.
func (f fact) fits(theirs string, ours int) bool {
	value, err := strconv.Atoi(theirs)
	if err != nil {
		return false
	}
	switch f.relation {
	case "<=":
		return value <= ours
	case ">=":
		return value >= ours
	case "<":
		return value < ours
	}
	return value == ours
}

// What the library relies on is the case in every supported version, and it makes the choices
// of the table.
func TestLayouts(t *testing.T) {
	l := readLayouts(t)
	ours := ourSide(t, l)
	value := func(f fact) int {
		if function.MatchString(f.theirs) || quoted.MatchString(f.theirs) {
			return 1
		}
		return ours[f.ours]
	}
	for i, v := range l.versions {
		for _, f := range l.needed {
			if f = f.with(l.rows[i]); f.theirs == "flb_config_map_get_raw()" {
				// The library chooses by this function; see filter.c.
				if longer := l.rows[i] == "5_0_3"; longer != (f.values[i] == "1") {
					t.Errorf("%s: takes the rows %s, though %s is %s", v, l.rows[i], f.theirs, f.values[i])
				}
				continue
			}
			if !f.fits(f.values[i], value(f)) {
				t.Errorf("%s: %s is %s, want %s %s, which is %d", v, f.theirs, f.values[i], f.relation, f.ours, value(f))
			}
		}
		counters := "with"
		var why fact
		for _, f := range l.optional {
			if !f.fits(f.values[i], value(f)) {
				counters, why = "without", f
			}
		}
		if counters != l.counters[i] {
			t.Errorf("%s: %s counters, want %s: %s is %s, %s %d", v, counters, l.counters[i], why.theirs, why.values[i], why.ours, value(why))
		}
	}
}

// The table has all functions that the libraries look up in Fluent Bit, and all that Fluent
// Bit looks up in those for the proxy.
func TestLayoutsFunctions(t *testing.T) {
	l := readLayouts(t)
	var called, looksUp []string
	for _, f := range append(slices.Clone(l.needed), l.optional...) {
		if m := function.FindStringSubmatch(f.theirs); m != nil {
			called = append(called, m[1])
		}
		if m := quoted.FindStringSubmatch(f.theirs); m != nil {
			looksUp = append(looksUp, m[1])
		}
	}
	var sources []string
	for _, pattern := range []string{"../../internal/fluentbit/*.c", "../../plugin/*/*.c"} {
		some, err := filepath.Glob(pattern)
		if err != nil || len(some) == 0 {
			t.Fatal(pattern, err)
		}
		sources = append(sources, some...)
	}
	found := map[string]bool{}
	for _, source := range sources {
		for _, m := range regexp.MustCompile(`"((?:flb|cmt)_\w+)"`).FindAllSubmatch(read(t, source), -1) {
			found[string(m[1])] = true
		}
	}
	slices.Sort(called)
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, called) {
		t.Errorf("the libraries look up %v, the table has %v", got, called)
	}
	names := append(exported(t, openELF(t, release["output"])), exported(t, openELF(t, release["input"]))...)
	slices.Sort(names)
	names = slices.Compact(names)
	slices.Sort(looksUp)
	if !slices.Equal(names, looksUp) {
		t.Errorf("the output and the input export %v, the table has %v", names, looksUp)
	}
}

// The stand-in has the layouts of the versions that it stands for.
func TestLayoutsOfStandIn(t *testing.T) {
	l := readLayouts(t)
	for _, c := range []struct {
		version string
		flags   []string
	}{{"5.1.0", nil}, {"2.2.0", []string{"-DBEFORE_5_0_3"}}} {
		expressions := map[string]string{}
		structs := append(slices.Clone(l.needed), l.optional...)
		for _, f := range structs {
			if member.MatchString(f.theirs) || distance.MatchString(f.theirs) {
				expressions[f.theirs] = inC(f.theirs)
			}
		}
		expressions["flb_config_map"] = inC("flb_config_map")
		expressions["flb_filter_plugin"] = inC("flb_filter_plugin")
		got := evaluate(t, `#include "host.h"`, expressions, append(c.flags, "-Isrc")...)
		i := slices.Index(l.versions, c.version)
		for _, f := range structs {
			if n, ok := got[f.theirs]; ok && strconv.Itoa(n) != f.values[i] {
				t.Errorf("the stand-in for %s: %s is %d, want %s", c.version, f.theirs, n, f.values[i])
			}
		}
	}
}

// types are the types with which the library calls Fluent Bit's functions.
var types = map[string]string{
	"flb_config_map_get_raw":  "const char *(struct flb_config_map *)",
	"flb_filter_get_property": "const char *(const char *, struct flb_filter_instance *)",
	"flb_filter_set_context":  "void (struct flb_filter_instance *, void *)",
	"flb_filter_name":         "const char *(struct flb_filter_instance *)",
	"flb_input_name":          "const char *(struct flb_input_instance *)",
	"flb_output_name":         "const char *(struct flb_output_instance *)",
	"flb_output_set_property": "int (struct flb_output_instance *, const char *, const char *)",
	"flb_log_print":           "void (int, const char *, int, const char *, ...)",
	"cmt_counter_create":      "struct cmt_counter *(struct cmt *, char *, char *, char *, char *, int, char **)",
	"cmt_counter_set":         "int (struct cmt_counter *, uint64_t, double, int, char **)",
	"cmt_gauge_create":        "struct cmt_gauge *(struct cmt *, char *, char *, char *, char *, int, char **)",
	"cmt_gauge_set":           "int (struct cmt_gauge *, uint64_t, double, int, char **)",
	"cmt_encode_text_create":  "char *(struct cmt *)",
	"cmt_encode_text_destroy": "void (char *)",
}

// The table agrees with the sources of Fluent Bit in FLUENT_BIT_SOURCE, whose version is
// FLUENT_BIT_VERSION.
func TestLayoutsOfSource(t *testing.T) {
	source, of := os.Getenv("FLUENT_BIT_SOURCE"), os.Getenv("FLUENT_BIT_VERSION")
	if source == "" || of == "" {
		t.Skip("no FLUENT_BIT_SOURCE and FLUENT_BIT_VERSION")
	}
	l := readLayouts(t)
	at := -1
	for i, v := range l.versions {
		if slices.Compare(numbers(t, v), numbers(t, of)) <= 0 {
			at = i
		}
	}
	if at < 0 {
		t.Fatalf("%s is older than all of the table", of)
	}
	declared, registered := texts(t, source, "include", "lib/cmetrics/include"), texts(t, source, "src/proxy/go", "src/flb_plugin_proxy.c")
	expressions := map[string]string{}
	all := append(slices.Clone(l.needed), l.optional...)
	for _, f := range all {
		switch m, q := function.FindStringSubmatch(f.theirs), quoted.MatchString(f.theirs); {
		case m == nil && !q:
			expressions[f.theirs] = inC(f.theirs)
		case q && bytes.Contains(registered, []byte(f.theirs)):
			expressions[f.theirs] = "1"
		case !q && bytes.Contains(declared, []byte(m[1]+"(")):
			expressions[f.theirs] = fmt.Sprintf("__builtin_types_compatible_p(__typeof__(%s), %s) ? 1 : -1", m[1], types[m[1]])
		default:
			expressions[f.theirs] = "0"
		}
	}
	got := evaluate(t, headers, expressions, headerFlags(t, source)...)
	for _, f := range all {
		if n := strconv.Itoa(got[f.theirs]); n != f.values[at] {
			t.Errorf("%s: %s is %s, the table has %s", of, f.theirs, n, f.values[at])
		}
	}
}

// numbers returns the numbers in a version.
func numbers(t *testing.T, version string) (all []int) {
	t.Helper()
	for text := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

const headers = `
#include <fluent-bit/flb_info.h>
#include <fluent-bit/flb_filter.h>
#include <fluent-bit/flb_config_map.h>
#include <fluent-bit/flb_output.h>
#include <fluent-bit/flb_input.h>
#include <fluent-bit/flb_log.h>
#include <fluent-bit/flb_api.h>
#include <fluent-bit/flb_plugin_proxy.h>
#include <cmetrics/cmetrics.h>
#include <cmetrics/cmt_counter.h>
#include <cmetrics/cmt_gauge.h>
#include <cmetrics/cmt_encode_text.h>
#include "go.h"`

// headerFlags returns compiler flags for Fluent Bit's headers. In place of headers that its
// build would generate there are empty ones, and flags with the default configuration.
func headerFlags(t *testing.T, source string) []string {
	t.Helper()
	written := t.TempDir()
	flags := []string{"-I" + written, "-DFLB_HAVE_REGEX", "-DFLB_HAVE_METRICS", "-DMK_THREADS_POSIX", "-DMK_HAVE_SYS_UIO_H", "-DMK_HAVE_UNISTD_H"}
	for _, pattern := range []string{"include", "lib/*/include", "lib/monkey/include/monkey", "lib/cfl/lib/xxhash", "lib/mpack-*/src", "lib/nghttp2*/lib/includes", "lib/flb_libco", "src/proxy/go"} {
		dirs, err := filepath.Glob(filepath.Join(source, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range dirs {
			flags = append(flags, "-I"+dir)
			err := fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
				name, ok := strings.CutSuffix(path, ".h.in")
				if err != nil || !ok {
					return err
				}
				path = filepath.Join(written, name+".h")
				return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return flags
}

// texts returns all C sources and headers in parts of a source tree.
func texts(t *testing.T, source string, places ...string) (all []byte) {
	t.Helper()
	for _, place := range places {
		err := filepath.WalkDir(filepath.Join(source, place), func(path string, d fs.DirEntry, err error) error {
			if err == nil && (strings.HasSuffix(path, ".c") || strings.HasSuffix(path, ".h")) {
				all = append(all, read(t, path)...)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}
