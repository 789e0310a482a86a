//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// TestOutput runs the cases of the contract through the output kata, which
// prints them, on the engine's thread and with workers.
func TestOutput(t *testing.T) {
	t.Parallel()
	cases := contractCases(t)
	dir := casesJournal(t, cases)
	for _, workers := range []string{"0", "2"} {
		t.Run(workers+" workers", func(t *testing.T) {
			t.Parallel()
			p := start(t, t.TempDir(), "-f", "0.1", "-e", outputLibrary,
				"-i", "systemd", "-p", "path="+dir,
				"-o", "kata", "-m", "*", "-p", "workers="+workers)
			check(t, cases, jsonEvents(t, printed(t, p, len(cases)), "date"))
		})
	}
}

// TestOutputReaderGone closes the pipe that the output prints to, as head does: Fluent Bit keeps
// the chunks, and one line with the reason is logged.
func TestOutputReaderGone(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir(), "-f", "0.1", "-e", outputLibrary, "-i", "dummy", "-p", "rate=20",
		"-o", "kata", "-m", "*", "-p", "retry_limit=no_limits")
	p.stdout.wait(t, p, func(lines []string) bool { return len(records(lines)) > 0 })
	if err := p.pipe.Close(); err != nil {
		t.Fatal(err)
	}
	p.log.wait(t, p, func(log []string) bool { return strings.Count(strings.Join(log, "\n"), "failed to flush chunk") >= 5 })
	const line = "[output:kata:kata.0] cannot write to standard output: broken pipe"
	if n := strings.Count(p.logText(), line); n != 1 {
		t.Errorf("%d lines, want one: %s", n, line)
	}
}
