package host

import (
	"fmt"
	"strings"
	"testing"
)

// both returns the arguments for an instance of each of two libraries in one process, where each
// has a Go runtime of its own, in both orders of loading.
func both(libraries map[string]string) map[string][]string {
	return map[string][]string{
		"filter first": {"-p", "alias=f", "--and", libraries["output"], "-p", "alias=o", libraries["filter"]},
		"output first": {"-p", "alias=o", "--and", libraries["filter"], "-p", "alias=f", libraries["output"]},
	}
}

// Both libraries work in one process, on the same threads, also after a restart.
func TestBoth(t *testing.T) {
	t.Parallel()
	everyStandIn(t, func(t *testing.T, standIn string) {
		const starts, calls = 3, 40
		for name, args := range both(release) {
			path := chunk(t, message("info"), message("error"))
			r := run(t, standIn, append([]string{"-q", "--log-level", "warn", "--metrics", "--threads", "8", "--repeat", fmt.Sprint(calls / 8),
				"--reinit", fmt.Sprint(starts - 1)}, append(args, path)...)...)
			if r.code != 0 || len(r.lines) != 2*calls*starts {
				t.Fatalf("%s: exit code %d, %d lines, want %d\n%s", name, r.code, len(r.lines), 2*calls*starts, r.log)
			}
			for _, line := range r.lines {
				if line["kata_msg"] != "release sandbox" {
					t.Fatalf("%s: %v", name, line)
				}
			}
			for _, instance := range []string{"f", "o"} {
				parsed := fmt.Sprintf("fluentbit_kata_records_total{name=%q,outcome=%q} %d\n", instance, "parsed", 2*calls)
				if got := strings.Count(r.log, parsed); got != starts {
					t.Errorf("%s: counted %d times, want %d: %s%s", name, got, starts, parsed, r.log)
				}
			}
		}
	})
}

// A nil pointer in one of two Go runtimes is a panic in that one, in both orders of loading,
// also after Fluent Bit has set its own signal handler again.
func TestBothPanic(t *testing.T) {
	t.Parallel()
	everyStandIn(t, func(t *testing.T, standIn string) {
		for name, args := range both(breaking) {
			const starts, calls = 3, 20
			r := run(t, standIn, append([]string{"-q", "--log-level", "error", "--metrics", "--threads", "4", "--repeat", fmt.Sprint(calls / 4),
				"--reinit", fmt.Sprint(starts - 1)}, append(args, chunk(t, message("info"), "katatest:nil"))...)...)
			if r.code != 0 || len(r.lines) != 2*calls*starts {
				t.Fatalf("%s: exit code %d, %d lines, want %d\n%s", name, r.code, len(r.lines), 2*calls*starts, r.log)
			}
			for _, instance := range []string{"f", "o"} {
				panics := fmt.Sprintf("fluentbit_kata_panics_total{name=%q} %d\n", instance, calls)
				if got := strings.Count(r.log, panics); got != starts {
					t.Errorf("%s: counted %d times, want %d: %s%s", name, got, starts, panics, r.log)
				}
			}
		}
	})
}

// The input works beside the output and the filter, in every order of loading: the two get chunks
// on other threads while the input reads. A nil pointer in each is a panic in that one.
func TestBothInput(t *testing.T) {
	t.Parallel()
	dir := journal(t, entries(message("info"), "katatest:nil", message("error"))...)
	path := chunk(t, message("info"), "katatest:nil")
	args := map[string][]string{
		"i": input(dir, "-p", "alias=i", "-p", "max_batch=64k"),
		"o": {"-p", "alias=o"},
		"f": {"-p", "alias=f"},
	}
	modes := map[string]string{"i": "input", "o": "output", "f": "filter"}
	everyStandIn(t, func(t *testing.T, standIn string) {
		for _, order := range []string{"io", "oi", "fi", "iof"} {
			const starts, calls = 2, 20
			all := []string{"-q", "--log-level", "error", "--metrics", "--threads", "4", "--repeat", fmt.Sprint(calls / 4), "--reinit", fmt.Sprint(starts - 1)}
			for i, one := range strings.Split(order, "") {
				if i > 0 {
					all = append(all, "--and", breaking[modes[one]])
				}
				all = append(all, args[one]...)
			}
			r := run(t, standIn, append(all, breaking[modes[order[:1]]], path)...)
			if r.code != 0 {
				t.Fatalf("%s: exit code %d\n%s", order, r.code, r.log)
			}
			for _, one := range strings.Split(order, "") {
				n := calls
				if one == "i" {
					n = 1
				}
				panics := fmt.Sprintf("fluentbit_kata_panics_total{name=%q} %d\n", one, n)
				if got := strings.Count(r.log, panics); got != starts {
					t.Errorf("%s: counted %d times, want %d: %s%s", order, got, starts, panics, r.log)
				}
			}
		}
	})
}
