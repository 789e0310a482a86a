//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
)

// contractCase is an example of testdata/contract/cases.json as a journal entry.
type contractCase struct {
	contract.Case
	usec int64 // when the journal received it
}

// journalTime returns the event time that Fluent Bit gives an entry which the
// journal received at usec.
func journalTime(usec int64) string {
	return fmt.Sprintf("%d.%06d000", usec/1e6, usec%1e6)
}

// The first entry of a journal is received at journalStart. Every record of a journal has a
// boot ID: here that of the recorded chunks.
const (
	journalStart = 1582281087810900
	bootID       = "590edceeef5545a784ec8c6181a10400"
)

// contractCases returns the cases in their order.
func contractCases(t *testing.T) (cases []contractCase) {
	t.Helper()
	for i, c := range contract.Load(t) {
		if _, ok := c.Record["_BOOT_ID"]; !ok {
			c.Record["_BOOT_ID"] = bootID
		}
		usec := journalStart + int64(i)*1000
		if c.Time == contract.OwnTime {
			c.Time = journalTime(usec)
		}
		cases = append(cases, contractCase{c, usec})
	}
	return cases
}

// casesJournal writes a journal of cases and returns its directory.
func casesJournal(t *testing.T, cases []contractCase) (dir string) {
	t.Helper()
	var export []byte
	for _, c := range cases {
		export = appendExport(export, c.usec, c.Record)
	}
	return journal(t, export)
}

// check compares events with the cases, which are in the same order.
func check(t *testing.T, cases []contractCase, events []event) {
	t.Helper()
	if len(events) != len(cases) {
		t.Fatalf("%d events, want %d", len(events), len(cases))
	}
	for i, c := range cases {
		e := events[i]
		before := contract.Event{Time: journalTime(c.usec), Body: c.Record}
		wrong := c.Compare(before, contract.Event{Time: e.time, Body: e.body})
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

// mapCases returns copies of the cases to which change was applied.
func mapCases(cases []contractCase, change func(*contractCase)) (changed []contractCase) {
	for _, c := range cases {
		c.Record, c.Expect = maps.Clone(c.Record), maps.Clone(c.Expect)
		change(&c)
		changed = append(changed, c)
	}
	return changed
}

// read returns a file of this module.
func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// abs returns the absolute path of a file of this module.
func abs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
