//go:build e2e

package e2e

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// TestRefused starts Fluent Bit with options that are not valid: it does not run, and logs the
// reason.
func TestRefused(t *testing.T) {
	t.Parallel()
	const notBool = `"banana" is not a boolean (on, off, true, false, yes, no)`
	for _, c := range []struct{ name, options, says string }{
		{"misspelt", "Min_Lvl error", "unknown configuration property 'min_lvl'"},
		{"bad value", "Reserve_Data banana", "[filter:kata:kata.0] reserve_data: " + notBool},
		{"alias", "Alias sandbox\n    Nested banana", "[filter:kata:sandbox] nested: "},
		{"relative path", "Sandbox_Metadata_Roots run", `[filter:kata:kata.0] sandbox_metadata_roots: "run" is not an absolute path`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refused(t, start(t, configure(t, "fluent-bit.conf", classicService+`
[INPUT]
    Name  dummy
`+classicFilter+"    "+c.options+`

[OUTPUT]
    Name   null
    Match  *
`, nil), "-c", "fluent-bit.conf"), c.says)
		})
	}
	t.Run("output", func(t *testing.T) {
		t.Parallel()
		refused(t, start(t, t.TempDir(), "-e", outputLibrary, "-i", "dummy", "-o", "kata", "-p", "reserve_data=banana"),
			"[output:kata:kata.0] reserve_data: "+notBool)
	})
	t.Run("input", func(t *testing.T) {
		t.Parallel()
		p := start(t, t.TempDir(), "-e", inputLibrary, "-i", "kata", "-p", "reserve_data=banana", "-p", "systemd_filter=x", "-o", "null")
		refused(t, p, "[input:kata:kata.0] reserve_data: "+notBool)
		if !strings.Contains(p.logText(), `[input:kata:kata.0] systemd_filter: "x" is neither FIELD=VALUE nor kata nor all`) {
			t.Error("not all options that are wrong are in the log")
		}
	})
}

func refused(t *testing.T, p *process, says string) {
	t.Helper()
	if p.wait(t) == 0 {
		t.Error("Fluent Bit ended without an error")
	}
	if !strings.Contains(p.logText(), says) {
		t.Errorf("the log does not say %s", says)
	}
}

// isVersion reports whether Fluent Bit's version starts with a text.
func isVersion(t *testing.T, start string) bool {
	t.Helper()
	out, err := exec.Command(fluentBit, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(out), "Fluent Bit "+start)
}

// version returns the version in the file VERSION.
func version(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(string(read(t, "VERSION")))
}

// TestHelp compares Fluent Bit's help with the filter's options, and checks its list of plugins,
// which is all the help that it has for an output of the proxy.
func TestHelp(t *testing.T) {
	t.Parallel()
	help := func(args ...string) string {
		p := start(t, t.TempDir(), append(args, "-h")...)
		if code := p.wait(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		lines, _ := p.stdout.now()
		return strings.Join(strings.Fields(strings.Join(lines, " ")), " ")
	}
	filter := help("-e", filterLibrary, "-F", "kata")
	output := help("-e", outputLibrary, "-o", "kata") // without options before 5.1.1
	input := help("-e", inputLibrary, "-i", "kata")   // the same
	for _, o := range options.Table {
		// Fluent Bit wraps long lines, also within a word.
		has := func(text string) bool {
			return strings.Contains(text, o.Name+" ") && strings.Contains(text, o.Help[:20])
		}
		if has(filter) != o.Of(options.FilterPlugin) {
			t.Errorf("%s is an option of the filter: %v, but in\n%s", o.Name, !has(filter), filter)
		}
		if strings.Contains(output, "preserve_key") && has(output) != o.Of(options.OutputPlugin) {
			t.Errorf("%s is an option of the output: %v, but in\n%s", o.Name, !has(output), output)
		}
		if strings.Contains(input, "preserve_key") && has(input) != o.Of(options.InputPlugin) {
			t.Errorf("%s is an option of the input: %v, but in\n%s", o.Name, !has(input), input)
		}
	}
	if want := "Parse the log records of Kata Containers (version " + version(t) + ")"; !strings.Contains(filter, want) {
		t.Errorf("no %q in\n%s", want, filter)
	}
	inputs := help("-e", inputLibrary)
	if want := "kata Read the log records of Kata Containers from the journal and parse them (version " + version(t) + ")"; !strings.Contains(inputs, want) {
		t.Errorf("no %q in\n%s", want, inputs)
	}
	plugins := help("-e", outputLibrary)
	if want := "kata Parse the log records of Kata Containers and deliver them to Elasticsearch, OpenSearch, a file or standard output (version " + version(t) + ")"; !strings.Contains(plugins, want) {
		t.Errorf("no %q in\n%s", want, plugins)
	}
}

// TestDaemon runs Fluent Bit as a daemon, in which a Go library would hang: all libraries refuse
// to start, with the reason in the log and on standard error.
func TestDaemon(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
	}{
		{"filter", []string{"-e", filterLibrary, "-i", "dummy", "-F", "kata", "-m", "*", "-o", "null"}},
		{"output", []string{"-e", outputLibrary, "-i", "dummy", "-o", "kata", "-m", "*"}},
		{"input", []string{"-e", inputLibrary, "-i", "kata", "-o", "null", "-m", "*"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			log := filepath.Join(t.TempDir(), "fluent-bit.log")
			cmd := exec.Command(fluentBit, append([]string{"-d", "-l", log}, c.args...)...)
			// The daemon is not a child of this process. It inherits a pipe, which is closed when it
			// ends.
			alive, inherited, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer alive.Close()
			cmd.ExtraFiles = []*os.File{inherited}
			// Standard error is not closed before the daemon ends or closes it, either.
			cmd.WaitDelay = timeout
			out, err := cmd.CombinedOutput()
			inherited.Close()
			if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
				t.Fatalf("%v\n%s", err, out)
			}
			if err := alive.SetReadDeadline(time.Now().Add(timeout)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(alive); err != nil {
				t.Errorf("the daemon has not ended: %v", err)
				if pid := regexp.MustCompile(`PID=(\d+)`).FindSubmatch(out); pid != nil {
					n, _ := strconv.Atoi(string(pid[1]))
					_ = syscall.Kill(n, syscall.SIGKILL)
				}
			}
			said, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			for where, text := range map[string][]byte{"the log": said, "standard error": out} {
				if !strings.Contains(string(text), "kata does not run in daemon mode (-d, Daemon On)") {
					t.Errorf("%s has nothing about daemon mode:\n%s\n%s", where, out, said)
				}
			}
		})
	}
}
