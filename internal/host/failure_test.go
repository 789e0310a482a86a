package host

import (
	"strings"
	"testing"
)

func TestBadOptions(t *testing.T) {
	f := func(mode, property, want string) {
		t.Helper()
		r := run(t, current, "-p", property, release[mode], contract)
		last := map[string]string{"filter": "[error] Failed initialize filter kata.0",
			"output": "[error] [go proxy]: plugin 'kata' failed to initialize",
			"input":  "[error] [go proxy]: plugin 'kata' failed to initialize"}[mode]
		r.logged(t, "[error] ["+mode+":kata:kata.0] "+want, last)
		if r.code != 1 || len(r.lines) != 0 {
			t.Errorf("%s: exit code %d, %d lines", property, r.code, len(r.lines))
		}
	}
	for _, mode := range []string{"filter", "output", "input"} {
		f(mode, "reserve_data=banana", `reserve_data: "banana" is not a boolean (on, off, true, false, yes, no)`)
		f(mode, "Format=xml", `format: "xml" is not one of auto, logfmt, json, native`)
		f(mode, "max_fields=many", `max_fields: "many" is not a whole number`)
		f(mode, "max_fields=7", `max_fields: "7" is out of range (8 to 60000)`)
		f(mode, "max_message_size=1X", `max_message_size: "1X" is not a size (such as 512k, 1M)`)
		f(mode, "sandbox_metadata_roots=run", `sandbox_metadata_roots: "run" is not an absolute path`)
	}
	f("input", "systemd_filter=x", `systemd_filter: "x" is neither FIELD=VALUE nor kata nor all`)
	f("input", "max_batch=1k", `max_batch: "1k" is out of range (65536 to 67108864)`)
}

func TestAllBadOptionsAtOnce(t *testing.T) {
	r := run(t, current, "-p", "alias=mine", "-p", "nested=x", "-p", "min_level=y", "-p", "max_depth=0", release["filter"], contract)
	r.logged(t,
		`[error] [filter:kata:mine] nested: "x" is not one of stringify, keep, drop`,
		`[error] [filter:kata:mine] min_level: "y" is not one of trace, debug, info, warning, error, critical, fatal, panic`,
		`[error] [filter:kata:mine] max_depth: "0" is out of range (1 to 512)`,
		`[error] Failed initialize filter kata.0`)
}

// Fluent Bit checks names against the library's config map.
func TestMisspeltOption(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		r := run(t, standIn, "-p", "prefx=k_", release["filter"], contract)
		if r.code != 1 || !strings.Contains(r.log, "[config] kata: unknown configuration property 'prefx'. The following properties are allowed: key_name, ") ||
			!strings.Contains(r.log, ", and sandbox_metadata_key.") {
			t.Errorf("exit code %d: %s", r.code, r.log)
		}
		r = run(t, standIn, "-p", "prefix=a", "-p", "Prefix=b", release["filter"], contract)
		if r.code != 1 || !strings.Contains(r.log, "property 'prefix' is set 2 times") {
			t.Errorf("exit code %d: %s", r.code, r.log)
		}
	})
}

func TestMissingFunction(t *testing.T) {
	for mode, name := range map[string]string{"filter": "flb_filter_name", "output": "flb_output_name", "input": "flb_input_name"} {
		r := run(t, lacking, release[mode], contract)
		want := "kata: this program has no function " + name + "; Fluent Bit 2.2 or later is needed\n"
		if r.code != 1 || !strings.HasPrefix(r.log, want) {
			t.Errorf("%s: exit code %d: %s", mode, r.code, r.log)
		}
	}
}

// A daemon is not the process that loaded the library: instances do not start, and nothing
// calls the Go runtime, which would hang. The reason is in the log and on standard error,
// which the daemon itself has closed.
func TestDaemon(t *testing.T) {
	const why = "kata does not run in daemon mode (-d, Daemon On): it would hang. " +
		"Start Fluent Bit in the foreground and let systemd or a container run it"
	for mode, last := range map[string]string{
		"filter": "[error] Failed initialize filter kata.0",
		"output": "[error] [go proxy]: plugin 'kata' failed to initialize",
		"input":  "[error] [go proxy]: plugin 'kata' failed to initialize",
	} {
		r := run(t, current, "--fork", release[mode], contract)
		r.logged(t, "[error] "+why, why, last)
		if r.code != 1 {
			t.Errorf("%s: exit code %d", mode, r.code)
		}
	}
	// A daemon that reloads its configuration registers the plugin again, also without an
	// instance: that would enter Go, too.
	for _, mode := range []string{"output", "input"} {
		r := run(t, current, "--fork", "--describe", "--reinit", "1", release[mode], contract)
		r.logged(t, "[error] "+why, why)
		if r.code != 1 {
			t.Errorf("registering the %s: exit code %d", mode, r.code)
		}
	}
}

// A panic in Go leaves the chunk as it is. All panics are counted, and only one line is
// logged, without data of the record.
func TestPanic(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		for text, cause := range map[string]string{
			"katatest:panic": "panic of type string at fluentbit.failOnDemand (testing_on.go:",
			"katatest:nil":   "runtime error: invalid memory address or nil pointer dereference at fluentbit.failOnDemand (testing_on.go:",
		} {
			path := chunk(t, message("info"), text+" secret")
			unchanged(t, standIn, breaking["filter"], path)

			for _, mode := range []string{"filter", "output"} {
				r := run(t, standIn, "-q", "--log-level", "warn", "--metrics", "--threads", "4", "--repeat", "5", breaking[mode], path)
				if r.code != 0 || strings.Contains(r.log, "secret") {
					t.Errorf("exit code %d: %s", r.code, r.log)
				}
				if strings.Count(r.log, "[") != 2 ||
					!strings.HasPrefix(r.log, "[error] ["+mode+":kata:kata.0] internal error, the records go on as they came (1 so far): "+cause) ||
					!strings.Contains(r.log, `fluentbit_kata_panics_total{name="kata.0"} 20`+"\n") {
					t.Errorf("%s: logged\n%s", text, r.log)
				}
				if mode == "output" && (len(r.lines) != 40 || r.lines[0]["kata_level"] != nil) {
					t.Errorf("%d lines, want the 2 records as they came, 20 times: %v", len(r.lines), r.lines[0])
				}
			}
		}
	})
}

func TestNoMemory(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		r := unchanged(t, standIn, breaking["filter"], chunk(t, message("info"), message("info")+" katatest:memory"))
		if r.log != "" {
			t.Errorf("logged %s", r.log)
		}
		// The next chunk is parsed again.
		if good(t, standIn, breaking["filter"], chunk(t, message("info"))).events[0].Record["kata_level"] != "info" {
			t.Error("not parsed")
		}
	})
}

func TestLogLevel(t *testing.T) {
	debug := func(mode string, args ...string) int {
		r := run(t, current, append(args, release[mode], chunk(t, message("info")))...)
		return strings.Count(r.log, "[debug] [")
	}
	for _, mode := range []string{"filter", "output"} {
		if n := debug(mode, "--log-level", "debug"); n == 0 {
			t.Errorf("%s: no debug line", mode)
		}
		if n := debug(mode, "--log-level", "debug", "-p", "log_level=info"); n != 0 {
			t.Errorf("%s: %d debug lines of an instance at info", mode, n)
		}
		if n := debug(mode, "-p", "Log_Level=debug", "-p", "alias=x"); n == 0 {
			t.Errorf("%s: no debug line of an instance at debug", mode)
		}
	}
	if r := run(t, current, "-p", "log_level=off", "-p", "nested=x", release["filter"], contract); strings.Contains(r.log, "[filter:") {
		t.Errorf("logged at level off: %s", r.log)
	}
}
