package host

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// shown returns the library's metrics as the stand-in printed them, by name and by what is in
// the braces after the instance's name.
func (r result) shown(t *testing.T, instance string) map[string]string {
	t.Helper()
	counters := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^fluentbit_kata_(\w+)\{name="`+instance+`"(.*)\} (\d+)$`).FindAllStringSubmatch(r.log, -1) {
		counters[m[1]+strings.TrimPrefix(m[2], ",")] = m[3]
	}
	return counters
}

// metrics returns the gauge, and all counters with 0 or the given values.
func metrics(t *testing.T, but map[string]string) map[string]string {
	t.Helper()
	info := transform.Info
	all := map[string]string{fmt.Sprintf("%s%s=%q", info.Name, info.Label, version(t)): "1"}
	for _, m := range transform.Metrics() {
		if m.Label == "" {
			all[m.Name] = "0"
		}
		for _, value := range m.Values {
			all[fmt.Sprintf("%s%s=%q", m.Name, m.Label, value)] = "0"
		}
	}
	maps.Copy(all, but)
	return all
}

// same compares metrics.
func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] != want[key] {
			t.Errorf("%s is %q, want %q", key, got[key], want[key])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d metrics, want %d", len(got), len(want))
	}
}

// Both libraries have metrics with the name of the instance; those of its threads are added.
func TestCounters(t *testing.T) {
	const times = 40
	path := chunk(t, message("info"), message("info")+` broken="`, message("debug"), "plain text")
	size := len(read(t, path))
	everyStandIn(t, func(t *testing.T, standIn string) {
		for _, mode := range []string{"filter", "output"} {
			r := run(t, standIn, "-q", "--metrics", "--threads", "4", "--repeat", fmt.Sprint(times/4),
				"-p", "alias=mine", "-p", "min_level=info", "--next", release[mode], path)
			if r.code != 0 {
				t.Errorf("exit code %d: %s", r.code, r.log)
			}
			n := func(each int) string { return fmt.Sprint(each * times) }
			second := r.shown(t, "kata.1")
			same(t, second, metrics(t, map[string]string{
				`records_totaloutcome="parsed"`: n(3), `records_totaloutcome="error"`: n(1),
				`encoding_totalencoding="logfmt"`: n(3), `encoding_totalencoding="plain"`: n(1),
				`parse_errors_totalreason="unterminated_quote"`: n(1),
				"in_bytes_total": n(size), "out_bytes_total": second["out_bytes_total"],
			}))
			mine := r.shown(t, "mine")
			if mine[`records_totaloutcome="dropped"`] != n(1) || mine[`records_totaloutcome="parsed"`] != n(2) {
				t.Errorf("%s: min_level dropped %v", mode, mine)
			}
		}
	})
}

// The gauge and all counters exist before the first chunk, with 0 for the counters.
func TestFirstMetrics(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		same(t, run(t, standIn, "--metrics", "--repeat", "0", release["filter"], contract).shown(t, "kata.0"), metrics(t, nil))
	})
}

// A Fluent Bit whose metrics cannot be found, or that has none, gets no counters: one line
// says so, and all else works.
func TestNoCounters(t *testing.T) {
	const line = "[ info] [filter:kata:kata.0] no counters among this program's metrics, whose place is not known; the numbers are logged at the end\n"
	want := good(t, current, release["filter"], contract)
	start := firstLine(t, "filter", "kata.0") + "\n"
	for _, standIn := range []string{unknown, strange, without, noGauge} {
		r := run(t, standIn, "--metrics", "--repeat", "2", release["filter"], contract)
		if r.code != 0 || len(r.events) != len(want.events) || len(r.events) == 0 {
			t.Errorf("exit code %d, %d events, want %d", r.code, len(r.events), len(want.events))
		}
		if !strings.HasPrefix(r.log, start+line) || strings.Count(r.log, line) != 1 || len(r.shown(t, "kata.0")) != 0 {
			t.Errorf("logged %s", r.log)
		}
	}
	// An output gets its metrics from a function: no layout has to be known.
	same(t, run(t, unknown, "-q", "--metrics", "--repeat", "0", release["output"], contract).shown(t, "kata.0"), metrics(t, nil))
}

// The numbers are logged at the end, and before that if something went wrong: in a library
// for tests after each such chunk.
func TestReport(t *testing.T) {
	numbers := func(n int) string {
		return fmt.Sprintf("records{error=%d} encoding{logfmt=%[1]d} parse_errors{bad_time=%[1]d} ", n)
	}
	bad := chunk(t, `time="no time" level=info msg=secret`)
	for _, mode := range []string{"filter", "output"} {
		lines := strings.Split(run(t, current, "-q", "--repeat", "3", breaking[mode], bad).log, "\n")
		for i, want := range []string{"version ", "so far: " + numbers(1), "so far: " + numbers(2), "so far: " + numbers(3), "in all: " + numbers(3), ""} {
			if len(lines) != 6 || want != "" && !strings.HasPrefix(lines[i], "[ info] ["+mode+":kata:kata.0] "+want) {
				t.Fatalf("%s: logged\n%s\nwant %s", mode, strings.Join(lines, "\n"), want)
			}
		}
		for library, path := range map[string]string{release[mode]: bad, breaking[mode]: chunk(t, message("info"))} {
			if r := run(t, current, "-q", "--repeat", "3", library, path); strings.Count(r.log, "\n") != 2 || !strings.Contains(r.log, "in all: ") {
				t.Errorf("%s: logged\n%s\nwant a line at the start and one at the end", mode, r.log)
			}
		}
	}
}

// Whatever goes wrong with a record, its content is never logged, and no level has
// additional lines.
func TestNoContentInLog(t *testing.T) {
	const secret = "s3cr3t"
	path := chunk(t, secret, message("info")+" token="+secret, `time="`+secret+`" level=info msg="`+secret,
		`{"level":"info","msg":"`+secret+`","time":`, "time=2024-01-01T00:00:00Z level="+secret+" "+secret+`="\q`)
	broken := file(t, append(read(t, path), "\x92\x92"+secret...))
	for _, mode := range []string{"filter", "output"} {
		most := map[string]int{"off": 0, "error": 0, "warn": 0, "info": 2, "debug": 3, "trace": 3}
		for level, lines := range most {
			for _, path := range []string{path, broken} {
				r := run(t, current, "-q", "-p", "log_level="+level, release[mode], path)
				if strings.Contains(r.log, secret) || strings.Count(r.log, "\n") != lines {
					t.Errorf("%s at %s: want %d lines and no content:\n%s", mode, level, lines, r.log)
				}
			}
		}
	}
}
