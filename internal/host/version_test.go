package host

import (
	"runtime"
	"strings"
	"testing"
)

// version returns the version in the file VERSION.
func version(t *testing.T) string {
	t.Helper()
	return strings.TrimSuffix(string(read(t, "../../VERSION")), "\n")
}

// firstLine returns the line that an instance logs at its start.
func firstLine(t *testing.T, mode, name string) string {
	t.Helper()
	return "[ info] [" + mode + ":kata:" + name + "] version " + version(t) + ", " + runtime.Version()
}

// Every instance logs the version once, at its start, at level info.
func TestVersionInLog(t *testing.T) {
	for _, mode := range []string{"filter", "output", "input"} {
		r := run(t, current, "--repeat", "0", "--next", "-p", "alias=second", "--next", "-p", "log_level=warn", release[mode], contract)
		var lines []string
		for line := range strings.Lines(r.log) {
			if strings.Contains(line, "] version ") {
				lines = append(lines, line)
			}
		}
		result{log: strings.Join(lines, "")}.logged(t, firstLine(t, mode, "kata.0"), firstLine(t, mode, "second"))
		if t.Failed() {
			t.Log("if the version is not that in VERSION: run go generate ./internal/fluentbit")
		}
	}
}

// The version is in the description that Fluent Bit's help prints.
func TestDescription(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		for mode, does := range map[string]string{"filter": "", "output": " and deliver them to Elasticsearch, OpenSearch, a file or standard output"} {
			run(t, standIn, "--describe", release[mode], contract).logged(t,
				"kata: Parse the log records of Kata Containers"+does+" (version "+version(t)+")")
		}
		run(t, standIn, "--describe", release["input"]).logged(t, "kata: Read the log records of Kata Containers from the journal and parse them (version "+version(t)+")")
	})
}
