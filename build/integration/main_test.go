//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/build/integration/servers"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
)

// root is the root of the module, from the directory of this package.
const root = "../.."

var (
	serverNames = flag.String("servers", "", "comma-separated names of the servers to run; all if empty")
	write       = flag.Bool("write", false, "tests write their tables into docs/delivery.md")
	compare     = flag.Bool("compare", false, "TestDelivery has Fluent Bit's output es deliver, too")
	soak        = flag.Duration("soak", 0, "how long TestSoak runs; not at all if 0")
)

// What TestMain has found and built.
var (
	fluentBit     string // the program, or empty for the stand-in
	standIn       string // the program
	filterLibrary string
	outputLibrary string
	inputLibrary  string
	scratch       string // a directory for records, which tests share
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := prepareAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		code = 1
	}
	os.Exit(code)
}

func prepareAndRun(m *testing.M) (code int, err error) {
	if fluentBit = os.Getenv("FLUENT_BIT"); fluentBit != "" {
		if !filepath.IsAbs(fluentBit) && strings.Contains(fluentBit, "/") {
			fluentBit = filepath.Join(root, fluentBit) // make runs there
		}
		if fluentBit, err = exec.LookPath(fluentBit); err != nil {
			return 1, fmt.Errorf("FLUENT_BIT: %w", err)
		}
		if fluentBit, err = filepath.Abs(fluentBit); err != nil {
			return 1, err
		}
	}
	if scratch, err = os.MkdirTemp("", "kata-integration-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(scratch)
	filterLibrary, outputLibrary = filepath.Join(scratch, "flb-filter_kata.so"), filepath.Join(scratch, "kata.so")
	inputLibrary = filepath.Join(scratch, "in_kata.so")
	standIn = filepath.Join(scratch, "host")
	if err := errors.Join(
		build(filterLibrary, "./plugin/filter"),
		build(outputLibrary, "./plugin/output"),
		build(inputLibrary, "./plugin/input"),
		loud(exec.Command("make", "-s", "-C", root, "build/out/host")),
		loud(exec.Command("cp", filepath.Join(root, "build/out/host"), standIn)),
	); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// build builds a library as make build does.
func build(path, pkg string) error {
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", path, pkg)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	return loud(cmd)
}

func loud(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return nil
}

// eachServer runs f with each of the servers, one after the other.
func eachServer(t *testing.T, f func(t *testing.T, s *servers.Server)) {
	t.Helper()
	archives, err := servers.Archives()
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, a := range archives {
		if *serverNames != "" && !strings.Contains(","+*serverNames+",", ","+a.Name+",") {
			continue
		}
		ran++
		t.Run(a.Name, func(t *testing.T) {
			s, err := servers.New(context.Background(), a)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			if err := s.Start(context.Background(), nil); err != nil {
				t.Fatal(err)
			}
			if err := warm(s); err != nil {
				t.Fatal(err)
			}
			first := &testCase{name: "first", play: (*run).deliver}
			first.run(t, s, kata, filesystem) // a server that has just started is slow
			f(t, s)
		})
	}
	if ran == 0 {
		t.Fatalf("there is no server %s", *serverNames)
	}
}

// warm has a server compile what stores documents, so that the first cases are not much slower
// than the others.
func warm(s *servers.Server) error {
	body := []byte{}
	each(mixed, 2000, func(r gen.Record) {
		document := map[string]string{}
		for _, f := range r.Fields {
			document[f.Key] = f.Value
		}
		line, _ := json.Marshal(document) // strings can always be written
		body = append(append(append(body, "{\"create\":{}}\n"...), line...), '\n')
	})
	for range 10 {
		if err := s.Do(http.MethodPost, "/warm/_bulk", string(body), nil); err != nil {
			return err
		}
	}
	return s.Do(http.MethodDelete, "/warm", nil, nil)
}
