//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// contractCase is one row of testdata/contract/cases.json: a journal record and
// what the plugin adds to it.
type contractCase struct {
	Name   string
	Record map[string]any
	Time   string
	Expect map[string]any

	usec int64 // when the journal received it
}

// contract answers the cases in their order. Every record of a journal has a
// boot id, and the one of the cases' recorded chunks is given to those without.
func contract(t *testing.T) []contractCase {
	t.Helper()
	var cases []contractCase
	if err := decodeJSON(read(t, "testdata/contract/cases.json"), &cases); err != nil {
		t.Fatal(err)
	}
	for i := range cases {
		c := &cases[i]
		c.usec = 1582281087810900 + int64(i)*1000
		if c.Time == "journal" {
			c.Time = fmt.Sprintf("%d.%06d000", c.usec/1e6, c.usec%1e6)
		}
		if _, ok := c.Record["_BOOT_ID"]; !ok {
			c.Record["_BOOT_ID"] = "590edceeef5545a784ec8c6181a10400"
		}
		c.Expect = plain(c.Expect).(map[string]any)
	}
	return cases
}

// casesJournal is a journal of cases.
func casesJournal(t *testing.T, cases []contractCase) (dir string) {
	t.Helper()
	var export []byte
	for _, c := range cases {
		export = appendExport(export, c.usec, c.Record)
	}
	return journal(t, export)
}

// check compares events, which are those of the cases in their order.
func check(t *testing.T, cases []contractCase, events []event) {
	t.Helper()
	if len(events) != len(cases) {
		t.Fatalf("%d events, want %d", len(events), len(cases))
	}
	for i, c := range cases {
		e := events[i]
		want := maps.Clone(c.Record)
		maps.Copy(want, c.Expect)
		wrong := diff(want, e.body)
		if e.time != c.Time {
			wrong = append(wrong, fmt.Sprintf("time %s, want %s", e.time, c.Time))
		}
		if len(e.keys) > len(c.Record) {
			for _, key := range e.keys[:len(c.Record)] {
				if _, own := c.Record[key]; !own {
					wrong = append(wrong, key+" comes before the record's own fields")
				}
			}
		}
		if wrong != nil {
			t.Errorf("%s:\n\t%s", c.Name, strings.Join(wrong, "\n\t"))
		}
	}
}

// diff says what got has too much, too little, or otherwise than want.
func diff(want, got map[string]any) (list []string) {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if value, ok := got[key]; !ok {
			list = append(list, fmt.Sprintf("%s is missing: %#v", key, want[key]))
		} else if !reflect.DeepEqual(value, want[key]) {
			list = append(list, fmt.Sprintf("%s = %#v, want %#v", key, value, want[key]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			list = append(list, fmt.Sprintf("%s = %#v is too much", key, got[key]))
		}
	}
	return list
}

// read answers a file of the project.
func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decodeJSON keeps numbers as they are written.
func decodeJSON(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(v)
}

// plain turns JSON's numbers into those that msgpack has: int64 and float64.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}

// TestContract runs every case of the contract through every way in which the
// filter can be put into a pipeline.
func TestContract(t *testing.T) {
	t.Parallel()
	cases := contract(t)
	dir := casesJournal(t, cases)
	for _, way := range []struct{ name, file, config string }{
		{"classic filter", "fluent-bit.conf", `
[SERVICE]
    Flush         0.1
    Plugins_File  plugins.conf

[INPUT]
    Name            systemd
    Tag             kata
    Path            ${JOURNAL}
    Read_From_Tail  Off

[FILTER]
    Name   kata
    Match  kata

[OUTPUT]
    Name   forward
    Match  *
    Host   127.0.0.1
    Port   ${PORT}
`},
		{"YAML filter", "fluent-bit.yaml", `
service:
  flush: 0.1
plugins:
  - ${FILTER}
pipeline:
  inputs:
    - name: systemd
      tag: kata
      path: ${JOURNAL}
      read_from_tail: off
  filters:
    - name: kata
      match: kata
  outputs:
    - name: forward
      match: "*"
      host: 127.0.0.1
      port: ${PORT}
`},
		{"processor of a threaded input", "fluent-bit.yaml", `
service:
  flush: 0.1
plugins:
  - ${FILTER}
pipeline:
  inputs:
    - name: systemd
      tag: kata
      path: ${JOURNAL}
      read_from_tail: off
      threaded: on
      processors:
        logs:
          - name: kata
  outputs:
    - name: forward
      match: "*"
      host: 127.0.0.1
      port: ${PORT}
`},
		{"processor of an output", "fluent-bit.yaml", `
service:
  flush: 0.1
plugins:
  - ${FILTER}
pipeline:
  inputs:
    - name: systemd
      tag: kata
      path: ${JOURNAL}
      read_from_tail: off
  outputs:
    - name: forward
      match: "*"
      host: 127.0.0.1
      port: ${PORT}
      processors:
        logs:
          - name: kata
`},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			check(t, cases, through(t, way.file, way.config, vars{"JOURNAL": dir}, len(cases)))
		})
	}
}
