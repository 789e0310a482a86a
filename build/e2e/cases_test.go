//go:build e2e

package e2e

import (
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

// journalTime is the event time that Fluent Bit gives the record.
func (c *contractCase) journalTime() string {
	return fmt.Sprintf("%d.%06d000", c.usec/1e6, c.usec%1e6)
}

// bootID is the one of the cases' recorded chunks. Every record of a journal
// has a boot id.
const bootID = "590edceeef5545a784ec8c6181a10400"

// contract answers the cases in their order.
func contract(t *testing.T) []contractCase {
	t.Helper()
	var cases []contractCase
	if err := decodeJSON(read(t, "testdata/contract/cases.json"), &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("there are no cases")
	}
	for i := range cases {
		c := &cases[i]
		c.usec = 1582281087810900 + int64(i)*1000
		if c.Time == "journal" {
			c.Time = c.journalTime()
		}
		if _, ok := c.Record["_BOOT_ID"]; !ok {
			c.Record["_BOOT_ID"] = bootID
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

// mapCases answers cases as they are after change.
func mapCases(cases []contractCase, change func(*contractCase)) (changed []contractCase) {
	for _, c := range cases {
		c.Record, c.Expect = maps.Clone(c.Record), maps.Clone(c.Expect)
		change(&c)
		changed = append(changed, c)
	}
	return changed
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

// abs is a path of the project that Fluent Bit can follow from elsewhere.
func abs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
