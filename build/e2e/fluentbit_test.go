//go:build e2e

package e2e

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is one run of Fluent Bit.
type process struct {
	cmd    *exec.Cmd
	stdout *stream[string] // lines
	pipe   io.Closer       // that stdout is read from
	log    *stream[string] // lines of stderr
	ended  chan struct{}   // closed when it has ended and all its output was read
	err    error           // of cmd.Wait
}

// start starts Fluent Bit in dir. It is killed at the end of the test, and its log is printed if
// the test has failed.
func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	return startWith(t, dir, nil, args...)
}

// startWith is start with additional environment variables.
func startWith(t *testing.T, dir string, env []string, args ...string) *process {
	t.Helper()
	return startCommand(t, dir, env, exec.Command(fluentBit, args...))
}

// startCommand is startWith for a command that becomes Fluent Bit.
func startCommand(t *testing.T, dir string, env []string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{
		cmd:    cmd,
		stdout: newStream[string](),
		log:    newStream[string](),
		ended:  make(chan struct{}),
	}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), env...)
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.pipe = stdout
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	readers.Go(func() { readLines(stdout, p.stdout) })
	readers.Go(func() { readLines(stderr, p.log) })
	go func() {
		readers.Wait()
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("%s\n%s", p.cmd, p.logText())
		}
	})
	return p
}

func readLines(r io.Reader, to *stream[string]) {
	for b := bufio.NewReader(r); ; {
		line, err := b.ReadString('\n')
		if line != "" {
			to.add(strings.TrimSuffix(line, "\n"))
		}
		if err != nil {
			return
		}
	}
}

func (p *process) logText() string {
	lines, _ := p.log.now()
	return strings.Join(lines, "\n")
}

// wait waits for the end of the process and returns its exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(timeout):
		t.Fatalf("Fluent Bit has not ended after %s", timeout)
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop stops Fluent Bit with SIGTERM, as systemd and Kubernetes do: it delivers what it has and
// exits.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(t); code != 0 {
		t.Fatalf("Fluent Bit ended with %d: %v", code, p.err)
	}
}

// vars has the values of ${NAME} in a configuration. Fluent Bit itself does not replace these in
// the paths of plugins.
type vars map[string]string

// configure writes a configuration to a temporary directory, which it returns, beside a
// plugins.conf with the filter and the output, and an input.conf with the input.
func configure(t *testing.T, name, text string, v vars) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write(t, filepath.Join(dir, "plugins.conf"), "[PLUGINS]\n    Path "+filterLibrary+"\n    Path "+outputLibrary+"\n")
	write(t, filepath.Join(dir, "input.conf"), "[PLUGINS]\n    Path "+inputLibrary+"\n")
	write(t, filepath.Join(dir, name), os.Expand(text, func(key string) string {
		switch key {
		case "FILTER":
			return filterLibrary
		case "INPUT":
			return inputLibrary
		}
		value, ok := v[key]
		if !ok {
			t.Fatalf("%s refers to ${%s}", name, key)
		}
		return value
	}))
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// through runs a configuration until its forward output has sent n events, and returns them.
func through(t *testing.T, name, text string, v vars, n int) []event {
	t.Helper()
	return collect(t, n, func(port string) *process {
		v["PORT"] = port
		return start(t, configure(t, name, text, v), "-c", name)
	})
}

// collect returns the n events that a Fluent Bit forwards to the port until it has been stopped.
// It fails the test if there are more.
func collect(t *testing.T, n int, start func(port string) *process) []event {
	t.Helper()
	to := listen(t)
	p := start(to.port)
	to.events.wait(t, p, count[event](n))
	p.stop(t)
	events := to.close()
	if len(events) != n {
		t.Fatalf("%d events, want %d", len(events), n)
	}
	return events
}

// printed returns the n records that p prints as lines of JSON until it has been stopped. It
// fails the test if there are more.
func printed(t *testing.T, p *process, n int) []string {
	t.Helper()
	p.stdout.wait(t, p, func(lines []string) bool { return len(records(lines)) >= n })
	p.stop(t)
	lines, _ := p.stdout.now()
	list := records(lines)
	if len(list) != n {
		t.Fatalf("%d records, want %d", len(list), n)
	}
	return list
}

// records returns the lines that are records: older versions also print a banner.
func records(lines []string) (list []string) {
	for _, line := range lines {
		if strings.HasPrefix(line, "{") {
			list = append(list, line)
		}
	}
	return list
}
