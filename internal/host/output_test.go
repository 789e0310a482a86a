package host

import (
	"maps"
	"os"
	"os/exec"
	"reflect"
	"strings"
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
