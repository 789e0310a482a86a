package host

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The output prints the events that the filter returns.
func TestOutputAgreesWithFilter(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		filter := good(t, standIn, release["filter"], contract)
		output := good(t, standIn, release["output"], contract)
		if len(filter.lines) == 0 || len(filter.lines) != len(output.lines) {
			t.Fatalf("%d events, %d lines", len(filter.lines), len(output.lines))
		}
		for i, got := range output.lines {
			date := got["date"]
			delete(got, "date")
			if f := filter.events[i]; date.(interface{ String() string }).String() != f.Time || !maps.EqualFunc(got, f.Record, func(a, b any) bool { return reflect.DeepEqual(a, b) }) {
				t.Errorf("line %d: %v\n%v\nwant %s\n%v", i, date, got, f.Time, f.Record)
			}
		}
	})
}

func TestOutputInstances(t *testing.T) {
	long := " long=" + strings.Repeat("x", 50<<10) // more than a pipe takes at once
	everyStandIn(t, func(t *testing.T, standIn string) {
		r := good(t, standIn, "--threads", "4", "--repeat", "5", "--reinit", "1",
			"-p", "prefix=a_", "--next", "-p", "Prefix=b_", release["output"], chunk(t, message("info")+long, message("error")+long))
		count := map[any]int{}
		for _, l := range r.lines { // none is interleaved with another, or it would not be JSON
			count[l["a_level"]]++
			count[l["b_level"]]++
		}
		if want := map[any]int{"info": 80, "error": 80, nil: 160}; !reflect.DeepEqual(count, want) {
			t.Errorf("levels %v, want %v", count, want)
		}
	})
}

// A chunk that cannot be written is to be retried by Fluent Bit; only one line is logged.
func TestOutputCannotWrite(t *testing.T) {
	f := func(name, cause string, stdout *os.File) {
		t.Run(name, func(t *testing.T) {
			defer stdout.Close()
			var log strings.Builder
			cmd := exec.Command(current, "--log-level", "warn", "--repeat", "5", release["output"], contract)
			cmd.Stdout, cmd.Stderr = stdout, &log
			if err := cmd.Run(); err == nil {
				t.Error("the stand-in got no error")
			}
			retry := "host: flush answered 2"
			result{log: log.String()}.logged(t, "[ warn] [output:kata:kata.0] cannot write to standard output: "+cause,
				retry, retry, retry, retry, retry)
		})
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	f("nobody reads", "broken pipe", writer)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no device that is always full: ", err)
	}
	f("full", "no space left on device", full)
}

// A misspelt option of the output is refused where Fluent Bit reads its config map, and
// otherwise there is a warning at the start.
func TestOutputMisspelt(t *testing.T) {
	args := []string{"--log-level", "warn", "-p", "bulk_sise=1M", release["output"], contract}
	if r := run(t, current, args...); r.code == 0 || !strings.Contains(r.log, "unknown configuration property 'bulk_sise'") {
		t.Errorf("exit code %d, %s", r.code, r.log)
	}
	r := run(t, oldest, args...)
	if r.code != 0 {
		t.Errorf("exit code %d", r.code)
	}
	r.logged(t, "[ warn] [output:kata:kata.0] there is no option bulk_sise, so that it has no effect; is bulk_size meant?")
}

// tune sets workers and retry_limit of the instance.
func TestOutputTune(t *testing.T) {
	t.Setenv("SHOW_SET", "1") // to the stand-in
	f := func(want string, args ...string) {
		t.Helper()
		r := run(t, current, append(slices.Clone(args), release["output"], contract)...)
		if got := strings.Contains(r.log, "host: kata.0 has set"); got != (want != "") || !strings.Contains(r.log, want) {
			t.Errorf("%q: want %q, logged %s", args, want, r.log)
		}
	}
	f("has set workers=1 retry_limit=no_limits\n")
	f("has set workers=2 retry_limit=no_limits\n", "-p", "url=http://127.0.0.1:1", "-p", "setup=off")
	f("", "-p", "tune=off")
}

// The option file: JSON lines as on standard output, in a file that is opened again when it is
// moved away.
func TestOutputFile(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		path := t.TempDir() + "/out.jsonl"
		r := good(t, standIn, "-p", "file="+path, release["output"], contract)
		if len(r.lines) != 0 {
			t.Errorf("%d lines on standard output", len(r.lines))
		}
		want := good(t, standIn, release["output"], contract)
		if got := read(t, path); bytes.Count(got, []byte("\n")) != len(want.lines) || len(want.lines) == 0 {
			t.Errorf("%d lines, want %d", bytes.Count(got, []byte("\n")), len(want.lines))
		}
	})
	r := run(t, current, "-p", "file=/none/at/all", release["output"], contract)
	if r.code == 0 || !strings.Contains(r.log, "[error] [output:kata:kata.0] file: open /none/at/all") {
		t.Errorf("exit code %d, %s", r.code, r.log)
	}
}

// parse off delivers the records as they come.
func TestOutputParseOff(t *testing.T) {
	r := good(t, current, "-p", "parse=off", release["output"], chunk(t, message("info")))
	if len(r.lines) != 1 || r.lines[0]["MESSAGE"] == nil || r.lines[0]["kata_msg"] != nil {
		t.Errorf("%v", r.lines)
	}
}

// The output delivers to a server: the library with its goroutines, in a C program. A chunk of one
// record that is passed again and again is stored as often as it is passed: it was delivered
// each time. Of one with records of two times it is known that they are read again: they are stored
// once. Another process stores nothing more.
func TestOutputServer(t *testing.T) {
	everyStandIn(t, func(t *testing.T, standIn string) {
		var mu sync.Mutex
		stored := map[string]bool{}
		var paths []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			paths = append(paths, r.Method+" "+r.URL.Path)
			if r.URL.Path != "/_bulk" {
				if r.Method == http.MethodGet {
					w.WriteHeader(http.StatusNotFound)
				}
				return
			}
			body, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			var items []string
			for lines, i := bufio.NewScanner(body), 0; lines.Scan(); i++ {
				if i%2 == 1 {
					continue
				}
				status := 201
				if stored[lines.Text()] {
					status = 409
				}
				stored[lines.Text()] = true
				items = append(items, fmt.Sprintf(`{"create":{"status":%d}}`, status))
			}
			_, _ = fmt.Fprintf(w, `{"took":1,"errors":false,"items":[%s]}`, strings.Join(items, ","))
		}))
		defer server.Close()
		args := []string{"--threads", "2", "--repeat", "10", "-p", "url=" + server.URL, release["output"], chunk(t, message("info"))}
		good(t, standIn, append(slices.Clone(args[:len(args)-1]), chunk(t, message("debug"), message("warning")))...)
		if len(stored) != 2 {
			t.Errorf("%d stored, want 2", len(stored))
		}
		clear(stored)
		good(t, standIn, args...)
		if len(stored) != 20 {
			t.Errorf("%d stored, want 20", len(stored))
		}
		if !slices.Contains(paths, "PUT /_index_template/fluent-bit-kata") {
			t.Errorf("no template: %q", paths)
		}
		r := run(t, standIn, append([]string{"--metrics"}, args...)...)
		if len(stored) != 20 {
			t.Errorf("%d stored after another process", len(stored))
		}
		if m := r.shown(t, "kata.0"); m[`delivered_totaloutcome="duplicate"`] != "20" || m[`requests_totalstatus="200"`] == "0" || m["last_success_timestamp_seconds"] == "0" {
			t.Errorf("metrics %v", m)
		}
	})
}

// While no server can be reached a chunk is to be retried, and the end of the instance does
// not wait.
func TestOutputNoServer(t *testing.T) {
	r := run(t, current, "--log-level", "warn", "-p", "url=http://127.0.0.1:1", release["output"], contract)
	if r.code == 0 || !strings.Contains(r.log, "host: flush answered 2") || !strings.Contains(r.log, "[ warn] [output:kata:kata.0] http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused; ") {
		t.Errorf("exit code %d, %s", r.code, r.log)
	}
	for url, want := range map[string]string{
		"http://u:secret@h:1": "url: an address has a user or password in it; use http_user and http_passwd",
		"h":                   `url: "h" is not http://HOST:PORT or https://HOST:PORT`,
	} {
		r := run(t, current, "-p", "url="+url, release["output"], contract)
		if r.code == 0 || !strings.Contains(r.log, "[error] [output:kata:kata.0] "+want+"\n") || strings.Contains(r.log, "secret") {
			t.Errorf("exit code %d, %s", r.code, r.log)
		}
	}
}
