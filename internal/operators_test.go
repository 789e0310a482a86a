package internal_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/collect"
	"github.com/kata-logs/fluent-bit-kata/internal/elastic"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// The documentation and the alerts name every metric and every label's value, and no
// others.
func TestOperatorsDocs(t *testing.T) {
	docs, rules := readText(t, "../docs/operations.md"), readText(t, "../build/alerts/kata.rules.yml")
	var names, values []string
	for _, m := range slices.Concat(transform.Metrics(), elastic.Metrics(), collect.Metrics(), []transform.Metric{transform.Info}) {
		name := "fluentbit_kata_" + m.Name
		names, values = append(names, name), append(values, m.Values...)
		if m.Label != "" {
			name += "{" + m.Label + "}"
		}
		if !regexp.MustCompile("(?m)^\\|.*`" + regexp.QuoteMeta(name) + "`.* \\|.*\\|.*\\|$").MatchString(docs) {
			t.Errorf("docs/operations.md has no row for %s", name)
		}
		for _, value := range m.Values {
			if !strings.Contains(docs, "`"+value+"`") {
				t.Errorf("docs/operations.md does not explain %s %s", m.Label, value)
			}
		}
	}
	for _, reason := range parser.Reasons() {
		if !regexp.MustCompile("(?m)^\\| [^|]*`" + reason.String() + "`[^|]* \\|.*\\|.*\\|$").MatchString(docs) {
			t.Errorf("docs/operations.md has no row for %s", reason)
		}
	}
	for _, m := range regexp.MustCompile(`fluentbit_kata_\w+`).FindAllString(docs+rules, -1) {
		if !slices.Contains(names, m) {
			t.Errorf("there is no metric %s", m)
		}
	}
	for _, m := range regexp.MustCompile(`(?:outcome|encoding|reason|status|problem|what)=~?"([^"]*)"`).FindAllStringSubmatch(rules, -1) {
		for value := range strings.SplitSeq(m[1], "|") {
			if !slices.Contains(values, value) {
				t.Errorf("kata.rules.yml: no counter has %s", m[0])
			}
		}
	}
}

// The alerts on log lines use exactly the counters that log-counters.conf makes.
func TestLogCounters(t *testing.T) {
	rules, conf := readText(t, "../build/alerts/kata.rules.yml"), readText(t, "../build/alerts/log-counters.conf")
	var made, used []string
	for _, m := range regexp.MustCompile(`Metric_Name +(\w+)`).FindAllStringSubmatch(conf, -1) {
		made = append(made, "kata_log_"+m[1])
	}
	used = regexp.MustCompile(`\bkata_log_\w+`).FindAllString(rules, -1)
	slices.Sort(made)
	slices.Sort(used)
	if len(made) == 0 || !slices.Equal(made, used) {
		t.Errorf("log-counters.conf makes %v, kata.rules.yml uses %v", made, used)
	}
}

// promtool accepts the alerts.
func TestRules(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("no promtool: ", err)
	}
	if out, err := exec.Command(promtool, "check", "rules", "../build/alerts/kata.rules.yml").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
