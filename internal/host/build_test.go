// Package host tests the shared libraries from outside, as Fluent Bit uses them: a C program
// in src, the stand-in for Fluent Bit, loads the libraries that go build makes.
package host

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What TestMain builds, in a directory of its own.
var (
	release  map[string]string // the filter, the output and the input that are delivered
	breaking map[string]string // the same with -tags katatest, which fail on demand

	current string // a stand-in with the layouts of Fluent Bit 5.1
	oldest  string // one with those of 2.2
	lacking string // one without a function that the library needs
	unknown string // one with a layout that the library does not know
	strange string // another one
	without string // one without counters
	noGauge string // one without gauges
	asan    string // current with AddressSanitizer; "" if the compiler has none

	asanMissing error
)

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kata-stand-in")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)

	release, breaking = named(dir), named(filepath.Join(dir, "katatest"))
	current, oldest = filepath.Join(dir, "host"), filepath.Join(dir, "host22")
	unknown, strange = filepath.Join(dir, "hostunknown"), filepath.Join(dir, "hoststrange")
	without, noGauge = filepath.Join(dir, "hostwithout"), filepath.Join(dir, "hostnogauge")
	lacking, asan = filepath.Join(dir, "hostlacking"), filepath.Join(dir, "hostasan")
	for _, err := range []error{
		libraries(release, "-trimpath", "-ldflags=-s -w -buildid="),
		libraries(breaking, "-tags=katatest"),
		program(current),
		program(oldest, "-DBEFORE_5_0_3"),
		program(lacking, "-Dflb_filter_name=not_flb_filter_name", "-Dflb_output_name=not_flb_output_name", "-Dflb_input_name=not_flb_input_name"),
		program(unknown, "-DOTHER_LAYOUT=1"),
		program(strange, "-DOTHER_LAYOUT=2"),
		program(without, "-Dcmt_counter_set=not_cmt_counter_set", "-Dcmt_encode_text_create=not_cmt_encode_text_create"),
		program(noGauge, "-Dcmt_gauge_set=not_cmt_gauge_set"),
	} {
		if err != nil {
			return fail(err)
		}
	}
	if asanMissing = program(asan, "-fsanitize=address", "-fno-omit-frame-pointer"); asanMissing != nil {
		asan = ""
	}
	return m.Run()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// named returns the paths of the libraries in a directory, by mode: the stand-in knows a filter
// by the name of its library.
func named(dir string) map[string]string {
	return map[string]string{
		"filter": filepath.Join(dir, "flb-filter_kata.so"),
		"output": filepath.Join(dir, "kata.so"),
		"input":  filepath.Join(dir, "in_kata.so"),
	}
}

// libraries builds the libraries.
func libraries(paths map[string]string, flags ...string) error {
	for mode, path := range paths {
		args := append([]string{"build", "-buildmode=c-shared", "-o", path}, flags...)
		cmd := exec.Command("go", append(args, "../../plugin/"+mode)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1") // also when the tests themselves are built without
		if err := compile(cmd); err != nil {
			return err
		}
	}
	return nil
}

// program builds a stand-in.
func program(path string, flags ...string) error {
	sources, err := filepath.Glob("src/*.c")
	if err != nil {
		return err
	}
	args := append([]string{"-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-rdynamic", "-o", path}, flags...)
	return compile(exec.Command(compiler(), append(append(args, sources...), "-ldl", "-lpthread", "-lm")...))
}

// compiler returns the C compiler's name.
func compiler() string { return cmp.Or(os.Getenv("CC"), "cc") }

// compile runs a compiler. Any output, such as a warning, is an error.
func compile(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		return fmt.Errorf("%v: %v\n%s", cmd.Args, err, out)
	}
	return nil
}
