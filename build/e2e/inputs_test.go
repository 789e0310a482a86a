//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
)

// TestJournalNames has the systemd input change the names of journal fields, by which the plugin
// knows where a record comes from.
func TestJournalNames(t *testing.T) {
	t.Parallel()
	cases := mapCases(contractCases(t), func(c *contractCase) {
		delete(c.Record, "_CASE") // no name of journald's: stripped, it is a key of the record
	})
	// With Strip_Underscores On the sender's PID and journald's _PID are one field with two
	// values: the PID is known only if they are equal.
	disputed := cases[slices.IndexFunc(cases, func(c contractCase) bool { return c.Name == "runtime-rs-native" })]
	disputed.Name = "runtime-rs-native, disputed pid"
	disputed.Record = maps.Clone(disputed.Record)
	disputed.Record["_PID"] = "778"
	disputed.usec = cases[len(cases)-1].usec + 1
	cases = append(cases, disputed)
	dir := casesJournal(t, cases)

	for _, names := range []struct{ lowercase, strip bool }{{true, false}, {false, true}, {true, true}} {
		t.Run(fmt.Sprintf("lowercase %v, strip %v", names.lowercase, names.strip), func(t *testing.T) {
			t.Parallel()
			events := through(t, "fluent-bit.conf", classicService+classicJournal+`
    Lowercase          ${LOWERCASE}
    Strip_Underscores  ${STRIP}
`+classicFilter+classicForward, vars{
				"JOURNAL":   dir,
				"LOWERCASE": fmt.Sprint(names.lowercase),
				"STRIP":     fmt.Sprint(names.strip),
			}, len(cases))
			check(t, mapCases(cases, func(c *contractCase) {
				record := map[string]any{}
				for _, key := range slices.Sorted(maps.Keys(c.Record)) {
					name := key
					if names.strip {
						name = strings.TrimPrefix(name, "_")
					}
					if names.lowercase {
						name = strings.ToLower(name)
					}
					if first, twice := record[name]; twice {
						record[name] = []any{first, c.Record[key]}
					} else {
						record[name] = c.Record[key]
					}
				}
				c.Record = record
				if names.strip && c.Name == disputed.Name {
					delete(c.Expect, "kata_pid")
				}
			}), events)
		})
	}
}

// TestJournald runs entries that a real journald stored for lines that are hard to read through the pipeline
// with the filter and without: the filter only adds fields.
func TestJournald(t *testing.T) {
	t.Parallel()
	export := read(t, "testdata/corpus/journald-edges.export")
	dir := journal(t, export)
	n := bytes.Count(export, []byte("\n__CURSOR=")) + 1
	config := classicService + classicJournal
	before := through(t, "fluent-bit.conf", config+classicForward, vars{"JOURNAL": dir}, n)
	after := through(t, "fluent-bit.conf", config+classicFilter+classicForward, vars{"JOURNAL": dir}, n)
	parsed := 0
	for i, e := range after {
		own := before[i].keys
		if len(e.keys) < len(own) || !slices.Equal(e.keys[:len(own)], own) {
			t.Errorf("event %d: its own fields %v became %v", i, own, e.keys)
			continue
		}
		for _, key := range own {
			if !reflect.DeepEqual(e.body[key], before[i].body[key]) {
				t.Errorf("event %d: its own %s changed", i, key)
			}
		}
		for _, key := range e.keys[len(own):] {
			if !strings.HasPrefix(key, "kata_") {
				t.Errorf("event %d: %s is not the filter's", i, key)
			}
		}
		if len(e.keys) > len(own) {
			parsed++
		}
	}
	if parsed == 0 {
		t.Error("no record was parsed")
	}
}

// TestTail reads the lines of a JSON log file as they are, and with a parser of Fluent Bit, with
// which the filter only gets the lines that this cannot parse.
func TestTail(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSuffix(string(read(t, "testdata/corpus/tail.jsonl")), "\n"), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines", len(lines))
	}
	dir := configure(t, "parsers.conf", `
[PARSER]
    Name    json
    Format  json
`, nil)
	endpoint := lines[1][strings.Index(lines[1], `{"EndpointProperties"`):strings.Index(lines[1], `,"level"`)]
	enriched := []map[string]any{
		{"log": lines[0], "kata_arch": "amd64", "kata_command": "kill", "kata_level": "info", "kata_msg": "release sandbox",
			"kata_name": "kata-runtime", "kata_pid": int64(4242), "kata_source": "virtcontainers"},
		{"log": lines[1], "kata_arch": "amd64", "kata_command": "kill", "kata_endpoint": endpoint, "kata_level": "debug",
			"kata_msg": "endpoint unmarshalled", "kata_name": "kata-runtime", "kata_pid": int64(4242),
			"kata_source": "virtcontainers", "kata_subsystem": "network"},
		{"log": lines[2], "kata_arch": "amd64", "kata_level": "info", "kata_msg": "the formatter race: logfmt in a JSON file",
			"kata_name": "kata-runtime", "kata_pid": int64(4242), "kata_source": "runtime"},
		{"log": lines[3]},
	}
	parsed := slices.Clone(enriched)
	for i, line := range lines[:2] {
		parsed[i] = contract.Numbers(jsonRecord(t, line)).(map[string]any)
	}
	for _, c := range []struct {
		name, parser string
		want         []map[string]any
		times        []string
	}{
		{"no parser", "", enriched, []string{"1714979289.000000000", "1714979289.000000000", "1714979290.000000000"}},
		{"json parser", "Parser json", parsed, []string{"", "", "1714979290.000000000"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			events := through(t, "fluent-bit.conf", classicService+`
    Parsers_File  ${PARSERS}/parsers.conf

[INPUT]
    Name            tail
    Tag             kata
    Path            ${CORPUS}/tail.jsonl
    Read_From_Head  On
    ${PARSER}
`+classicFilter+classicForward, vars{"PARSERS": dir, "PARSER": c.parser, "CORPUS": abs(t, "testdata/corpus")}, len(lines))
			for i, e := range events {
				if wrong := contract.Diff(c.want[i], e.body); wrong != nil {
					t.Errorf("line %d:\n\t%s", i+1, strings.Join(wrong, "\n\t"))
				}
				if i < len(c.times) && c.times[i] != "" && e.time != c.times[i] {
					t.Errorf("line %d: time %s, want %s", i+1, e.time, c.times[i])
				}
			}
		})
	}
}
