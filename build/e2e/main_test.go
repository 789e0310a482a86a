//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// timeout limits every wait. It is long, since only a failing test waits for it.
const timeout = 30 * time.Second

// The programs that TestMain has found, and the libraries that it has built.
var (
	fluentBit     string // the program
	journalRemote string // the program
	filterLibrary string // flb-filter_kata.so: the filter and processor
	outputLibrary string // kata.so: the output
	inputLibrary  string // in_kata.so: the input
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	var missing [2]error
	fluentBit, missing[0] = find("FLUENT_BIT", "fluent-bit", "Fluent Bit", "/opt/fluent-bit/bin")
	journalRemote, missing[1] = find("SYSTEMD_JOURNAL_REMOTE", "systemd-journal-remote", "systemd-journal-remote",
		"/usr/lib/systemd", "/lib/systemd")
	if err := errors.Join(missing[:]...); err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "kata-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if err := build(dir); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// find returns the path of a program: the value of the variable, or else from PATH or dirs.
func find(variable, name, title string, dirs ...string) (string, error) {
	if path := os.Getenv(variable); path != "" {
		if strings.Contains(path, "/") && !filepath.IsAbs(path) {
			path = filepath.Join(root, path) // make runs there
		}
		path, err := exec.LookPath(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", variable, err)
		}
		return filepath.Abs(path)
	}
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	for _, dir := range dirs {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("these tests need %s: name it with %s=/path/to/%s, or put it on PATH", title, variable, name)
}

// build builds the libraries in dir.
func build(dir string) error {
	outputLibrary = filepath.Join(dir, "kata.so")
	filterLibrary = filepath.Join(dir, "flb-filter_kata.so")
	inputLibrary = filepath.Join(dir, "in_kata.so")
	return errors.Join(goBuild(filterLibrary, "./plugin/filter"), goBuild(outputLibrary, "./plugin/output"), goBuild(inputLibrary, "./plugin/input"))
}

// goBuild builds a shared library. args are flags and the package.
func goBuild(path string, args ...string) error {
	cmd := exec.Command("go", append([]string{"build", "-buildmode=c-shared", "-o", path}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build %s: %w\n%s", filepath.Base(path), err, out)
	}
	return nil
}

// root is the root of the module, from the directory of this package.
const root = "../.."
