//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
)

// realGroup has examples of real.json that one Fluent Bit processes, in one journal.
type realGroup struct {
	name    string
	options map[string]string
	rows    []contract.Real
}

// realGroups returns a group for each set of options, and one for each example that has to be
// alone.
func realGroups(rows []contract.Real) (groups []realGroup) {
	for _, r := range rows {
		name := "defaults"
		if r.Alone {
			name = r.Name
		} else if len(r.Options) > 0 {
			name = strings.Join(optionLines(r.Options, "", "="), ",")
		}
		i := slices.IndexFunc(groups, func(g realGroup) bool { return g.name == name })
		if i < 0 {
			i = len(groups)
			groups = append(groups, realGroup{name: name, options: r.Options})
		}
		groups[i].rows = append(groups[i].rows, r)
	}
	return groups
}

// optionLines returns one text for each option: indent, name, separator, value.
func optionLines(set map[string]string, indent, separator string) (list []string) {
	for _, name := range slices.Sorted(maps.Keys(set)) {
		list = append(list, indent+name+separator+set[name])
	}
	return list
}

// nameField is the field with the name of the record's example.
const nameField = "_CASE"

// journal writes the group's records to a journal, and returns its directory and, for each
// example, the record to compare as it is without the plugin.
func (g realGroup) journal(t *testing.T) (dir string, before []contract.Event) {
	t.Helper()
	var export []byte
	usec := int64(journalStart)
	for _, r := range g.rows {
		for i, record := range r.Records {
			record = maps.Clone(record)
			record["_BOOT_ID"] = bootID
			if i == r.Of {
				record[nameField] = r.Name
				before = append(before, contract.Event{Time: journalTime(usec), Body: record})
			}
			export = appendExport(export, usec, record)
			usec += 1000
		}
	}
	return journal(t, appendLast(export, usec)), before
}

// check finds the record of each example by its name and compares it.
func (g realGroup) check(t *testing.T, before []contract.Event, events []event) {
	t.Helper()
	for i, r := range g.rows {
		t.Run(r.Name, func(t *testing.T) {
			var after *contract.Event
			for _, e := range events {
				if e.body[nameField] == r.Name {
					if after != nil {
						t.Fatal("the record came out twice")
					}
					after = &contract.Event{Time: e.time, Body: e.body}
				}
			}
			if wrong := r.Compare(before[i], after); wrong != nil {
				t.Errorf("%s:\n\t%s", r.Kind, strings.Join(wrong, "\n\t"))
			}
		})
	}
}

// TestReal runs every example of real.json, with its options, through the filter, the processor
// and the output.
func TestReal(t *testing.T) {
	t.Parallel()
	pipelines := []struct {
		name string
		run  func(t *testing.T, g realGroup, dir string) []event
	}{
		{"filter", func(t *testing.T, g realGroup, dir string) []event {
			return untilLast(t, "fluent-bit.conf", classicService+classicJournal+classicFilter+
				strings.Join(optionLines(g.options, "    ", "  "), "\n")+"\n"+classicForward, vars{"JOURNAL": dir})
		}},
		{"processor", func(t *testing.T, g realGroup, dir string) []event {
			return untilLast(t, "fluent-bit.yaml", yamlJournal+yamlProcessor+
				strings.Join(optionLines(g.options, "            ", ": "), "\n")+yamlForward, vars{"JOURNAL": dir})
		}},
		{"output", func(t *testing.T, g realGroup, dir string) []event {
			args := []string{"-f", "0.1", "-e", outputLibrary, "-i", "systemd", "-p", "path=" + dir, "-o", "kata", "-m", "*"}
			for _, option := range optionLines(g.options, "", "=") {
				args = append(args, "-p", option)
			}
			return withoutLast(t, jsonEvents(t, printedUntilLast(t, start(t, t.TempDir(), args...)), "date"))
		}},
	}
	for _, g := range realGroups(contract.LoadReal(t)) {
		dir, before := g.journal(t)
		for _, pipeline := range pipelines {
			t.Run(fmt.Sprintf("%s %s", pipeline.name, g.name), func(t *testing.T) {
				t.Parallel()
				g.check(t, before, pipeline.run(t, g, dir))
			})
		}
	}
}
