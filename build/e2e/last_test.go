//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
)

// lastMessage is the message of the last record of a journal, for tests in which the number of
// resulting events is not known. It is not of Kata's, so no option drops it.
const lastMessage = "this is the last record"

// appendLast appends that record in the journal export format.
func appendLast(export []byte, usec int64) []byte {
	return appendExport(export, usec, map[string]any{"_BOOT_ID": bootID, "SYSLOG_IDENTIFIER": "e2e", "MESSAGE": lastMessage})
}

func isLast(e event) bool {
	return e.body["MESSAGE"] == lastMessage || e.body["message"] == lastMessage // with the names in lower case
}

// untilLast returns what a configuration forwards until the last record has been received and
// Fluent Bit has been stopped, without that record.
func untilLast(t *testing.T, name, text string, v vars) []event {
	t.Helper()
	to := listen(t)
	v["PORT"] = to.port
	p := start(t, configure(t, name, text, v), "-c", name)
	to.events.wait(t, p, func(events []event) bool { return slices.ContainsFunc(events, isLast) })
	p.stop(t)
	return withoutLast(t, to.close())
}

// printedUntilLast returns the records that p prints as lines of JSON until the last has been
// printed and p has been stopped.
func printedUntilLast(t *testing.T, p *process) []string {
	t.Helper()
	p.stdout.wait(t, p, func(lines []string) bool {
		return slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, lastMessage) })
	})
	p.stop(t)
	lines, _ := p.stdout.now()
	return records(lines)
}

// withoutLast checks that the last record came once, and returns the others.
func withoutLast(t *testing.T, events []event) []event {
	t.Helper()
	rest := slices.DeleteFunc(slices.Clone(events), isLast)
	if len(rest) != len(events)-1 {
		t.Fatalf("the last record came %d times", len(events)-len(rest))
	}
	return rest
}
