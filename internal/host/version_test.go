package host

import (
	"runtime"
	"strings"
	"testing"
)

// version returns what the file VERSION says.
func version(t *testing.T) string {
	t.Helper()
	return strings.TrimSuffix(string(read(t, "../../VERSION")), "\n")
}

// greeting returns the line that an instance logs at its start.
func greeting(t *testing.T, mode, name string) string {
	t.Helper()
	return "[ info] [" + mode + ":kata:" + name + "] version " + version(t) + ", " + runtime.Version()
}

// Every instance logs the version once, at its start, at level info. That it is
// among the metrics is in TestMetricsAtOnce.
func TestVersionInTheLog(t *testing.T) {
	for _, mode := range []string{"filter", "output"} {
		r := run(t, current, "--repeat", "0", "--next", "-p", "alias=second", "--next", "-p", "log_level=warn", release[mode], contract)
		var lines []string
		for line := range strings.Lines(r.log) {
			if strings.Contains(line, "] version ") {
				lines = append(lines, line)
			}
		}
		result{log: strings.Join(lines, "")}.logged(t, greeting(t, mode, "kata.0"), greeting(t, mode, "second"))
		if t.Failed() {
			t.Log("if the version is another than in VERSION: run go generate ./internal/fluentbit")
		}
	}
}

// The version is in what the host's help prints.
func TestDescription(t *testing.T) {
	everyHost(t, func(t *testing.T, host string) {
		for mode, does := range map[string]string{"filter": "", "output": " and write them as JSON lines"} {
			run(t, host, "--describe", release[mode], contract).logged(t,
				"kata: Parse the log records of Kata Containers"+does+" (version "+version(t)+")")
		}
	})
}
