//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// TestMetrics scrapes Fluent Bit: every instance has its version and all of its counters in the
// metrics, as a filter, as a processor in an input's own thread and as an output, and logs the
// same numbers when it ends.
func TestMetrics(t *testing.T) {
	t.Parallel()
	cases := contractCases(t)
	wrong, parsed := 0, 0
	for _, c := range cases {
		if c.Expect["kata_parse_error"] != nil {
			wrong++
		} else if len(c.Expect) > 0 {
			parsed++
		}
	}
	url := "http://127.0.0.1:" + freePort(t)
	dir := configure(t, "fluent-bit.yaml", `
service:
  flush: 0.1
  http_server: on
  http_listen: 127.0.0.1
  http_port: ${HTTP}
plugins:
  - ${FILTER}
  - ${OUTPUT}
pipeline:
  inputs:
    - name: systemd
      tag: one
      path: ${JOURNAL}
      threaded: on
      processors:
        logs:
          - name: kata
            alias: processor
            prefix: p_
    - name: systemd
      tag: two
      path: ${JOURNAL}
  filters:
    - name: kata
      match: two
      log_level: warn
  outputs:
    - name: kata
      match: two
      alias: output
`, vars{"HTTP": url[strings.LastIndex(url, ":")+1:], "JOURNAL": casesJournal(t, cases), "OUTPUT": outputLibrary})
	p := start(t, dir, "-c", "fluent-bit.yaml")

	outcomes := map[string]int{"parsed": parsed, "untouched": len(cases) - parsed - wrong, "dropped": 0, "error": wrong}
	var want []string
	for _, name := range []string{"processor", "kata.0", "output"} {
		for outcome, n := range outcomes {
			want = append(want, fmt.Sprintf("fluentbit_kata_records_total{name=%q,outcome=%q} %d\n", name, outcome, n))
		}
		want = append(want, fmt.Sprintf("fluentbit_kata_info{name=%q,version=%q} 1\n", name, version(t)))
	}
	text := scrape(t, p, url+"/api/v2/metrics/prometheus", want...)
	for _, m := range transform.Metrics() {
		for _, value := range append(m.Values, "")[:max(1, len(m.Values))] {
			labels := `{name="processor"`
			if m.Label != "" {
				labels += fmt.Sprintf(",%s=%q", m.Label, value)
			}
			if !strings.Contains(text, "fluentbit_kata_"+m.Name+labels+"} ") {
				t.Errorf("no %s%s}", m.Name, labels)
			}
		}
		if !strings.Contains(text, "# TYPE fluentbit_kata_"+m.Name+" counter\n") {
			t.Errorf("%s is no counter", m.Name)
		}
	}
	if !strings.Contains(text, "# TYPE fluentbit_kata_info gauge\n") {
		t.Error("fluentbit_kata_info is no gauge")
	}
	p.stop(t)
	for line, times := range map[string]int{
		"[ info] [filter:kata:processor] version " + version(t) + ", ":                                                                 1,
		"[ info] [output:kata:output] version " + version(t) + ", ":                                                                    1,
		fmt.Sprintf("[filter:kata:processor] in all: records{parsed=%d,untouched=%d,error=%d} ", parsed, outcomes["untouched"], wrong): 1,
		fmt.Sprintf("[output:kata:output] in all: records{parsed=%d,untouched=%d,error=%d} ", parsed, outcomes["untouched"], wrong):    1,
		"[filter:kata:kata.0]": 0, // its log_level is warn
		"no counters":          0,
	} {
		if n := strings.Count(p.logText(), line); n != times {
			t.Errorf("%d log lines with %q, want %d", n, line, times)
		}
	}
}

// TestLogCounters has Fluent Bit count log lines about lost records, for the alerts.
func TestLogCounters(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	counters := string(read(t, "build/alerts/log-counters.conf"))
	if !strings.Contains(counters, "Port   2021") {
		t.Fatal("the file names another port")
	}
	const line = "time=2024-05-06T07:08:09Z level=warning "
	var export []byte
	for i, record := range []map[string]any{
		{"MESSAGE": line + `msg="Failed to read guest console logs" error="bufio.Scanner: token too long"`},
		{"MESSAGE": line + `msg="Failed to read guest console logs" error="read unix @->s: use of closed network connection"`},
		{"MESSAGE": line + `msg="reading guest console" vmconsole="{\"msg\":\"slog-async: logger dropped messages due to channel overflow\",\"level\":\"ERRO\",\"count\":\"5\",\"name\":\"kata-agent\",\"source\":\"agent\",\"ts\":\"2024-05-06T07:08:09Z\"}"`},
		{"MESSAGE": "slog-async: logger dropped messages due to channel overflow", "NAME": "kata-runtime", "PRIORITY": "3"},
		{"MESSAGE": "Suppressed 12 messages from containerd.service", "SYSLOG_IDENTIFIER": "systemd-journald"},
		{"MESSAGE": "Nothing was suppressed", "SYSLOG_IDENTIFIER": "systemd-journald"},
	} {
		if record["SYSLOG_IDENTIFIER"] == nil {
			record["SYSLOG_IDENTIFIER"] = "kata"
		}
		record["_BOOT_ID"] = bootID
		export = appendExport(export, journalStart+int64(i), record)
	}
	p := start(t, configure(t, "fluent-bit.conf", classicService+classicJournal+classicFilter+
		strings.Replace(counters, "2021", port, 1), vars{"JOURNAL": journal(t, export)}), "-c", "fluent-bit.conf")
	scrape(t, p, "http://127.0.0.1:"+port+"/metrics",
		"kata_log_console_ended_total 1\n", "kata_log_messages_dropped_total 2\n", "kata_log_journal_suppressed_total 1\n")
	p.stop(t)
}

// scrape returns the metrics as soon as they have these lines. Fluent Bit updates them once a
// second.
func scrape(t *testing.T, p *process, url string, want ...string) string {
	t.Helper()
	for late := time.After(timeout); ; {
		text := get(url)
		missing := ""
		for _, line := range want {
			if !strings.Contains(text, line) {
				missing = line
			}
		}
		if missing == "" {
			return text
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-p.ended:
			t.Fatal("Fluent Bit has ended: ", p.err)
		case <-late:
			t.Fatalf("no %sin\n%s", missing, text)
		}
	}
}

// get returns a page, or "" while there is no server.
func get(url string) string {
	resp, err := http.Get(url)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return string(text)
}
