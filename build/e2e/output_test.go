//go:build e2e

package e2e

import "testing"

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
