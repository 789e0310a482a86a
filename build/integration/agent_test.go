//go:build integration

package integration

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// pair is an option of an output.
type pair struct{ key, value string }

// An output delivers the records of a case.
type output struct {
	name    string
	ours    bool                // the output kata, whose results are checked
	input   bool                // behind the input kata instead of the systemd input
	options func(r *run) []pair // name and match are not among them
}

// grace is Fluent Bit's Grace, in seconds: how long it goes on after SIGTERM.
const grace = 5

// process is a run of Fluent Bit or of the stand-in.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended and its log was read
	mu    sync.Mutex
	log   []string // lines of standard error
	peak  int64    // the largest resident memory, in bytes; read it after the end
}

// start starts Fluent Bit or the stand-in with the records and options of a case. What the
// former has stored stays from one start to the next; the latter always starts from the first
// record.
func (r *run) start() *process {
	r.Helper()
	var cmd *exec.Cmd
	if fluentBit != "" {
		libraries := []string{filterLibrary, outputLibrary}
		if r.output.input {
			libraries = []string{inputLibrary, outputLibrary}
		}
		r.write("plugins.conf", "[PLUGINS]\n    Path "+strings.Join(libraries, "\n    Path ")+"\n")
		r.write("fluent-bit.conf", r.configuration())
		cmd = exec.Command(fluentBit, "-c", "fluent-bit.conf")
	} else {
		args := []string{"-q", "--retry", "1000"}
		for _, p := range r.output.options(r) {
			args = append(args, "-p", p.key+"="+p.value)
		}
		args = append(append(args, outputLibrary), chunks(r.T, r.kind, r.count)...)
		cmd = exec.Command(standIn, args...)
	}
	cmd.Dir = r.dir
	r.process = launch(r.T, cmd)
	r.processes = append(r.processes, r.process)
	return r.process
}

// launch starts Fluent Bit or the stand-in. It is killed when the test ends, and the end of its
// log is logged if the test has failed.
func launch(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // if the test is killed
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var measuring sync.WaitGroup
	measuring.Go(p.measure)
	go func() {
		for b := bufio.NewReader(stderr); ; {
			line, err := b.ReadString('\n')
			if line != "" {
				p.mu.Lock()
				p.log = append(p.log, strings.TrimSuffix(line, "\n"))
				p.mu.Unlock()
			}
			if err != nil {
				break
			}
		}
		measuring.Wait()
		_ = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			log := p.lines()
			t.Logf("%s\n%s", cmd, strings.Join(log[max(0, len(log)-60):], "\n"))
		}
	})
	return p
}

// configuration returns Fluent Bit's configuration.
func (r *run) configuration() string {
	var b strings.Builder
	section := func(name string, pairs ...pair) {
		_, _ = fmt.Fprintf(&b, "[%s]\n", name)
		for _, p := range pairs {
			_, _ = fmt.Fprintf(&b, "    %s %s\n", p.key, p.value)
		}
	}
	service := []pair{
		{"flush", "0.2"}, {"grace", fmt.Sprint(grace)}, {"plugins_file", "plugins.conf"}, {"hot_reload", "on"},
	}
	if r.seldom {
		service = append(service, pair{"scheduler.cap", "30"})
	} else {
		// Retries after one or two seconds: the default would have a test wait for minutes.
		service = append(service, pair{"scheduler.base", "1"}, pair{"scheduler.cap", "2"})
	}
	if r.storage == filesystem {
		service = append(service, pair{"storage.path", "storage"})
	}
	section("SERVICE", service...)
	input := []pair{{"name", "systemd"}, {"tag", "kata"}, {"path", journal(r.T, r.kind, r.count)}, {"db", "journal.db"}, {"storage.type", r.storage}}
	if r.output.input {
		input[0].value = "kata"
		input = append(input, pair{"systemd_filter", "all"}, pair{"max_batch", "16M"}) // in a few seconds
	}
	section("INPUT", input...)
	name := "kata"
	if !r.output.ours {
		section("FILTER", pair{"name", "kata"}, pair{"match", "*"})
		name, _, _ = strings.Cut(r.output.name, " ")
	}
	section("OUTPUT", append([]pair{{"name", name}, {"match", "*"}}, r.output.options(r)...)...)
	return b.String()
}

func (r *run) write(name, text string) string {
	r.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.Fatal(err)
	}
	return path
}

// measure keeps the largest resident memory until the process has ended. What wait returns is
// no use: it starts with the memory of the test, from which the process was forked.
func (p *process) measure() {
	for path := fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid); ; time.Sleep(100 * time.Millisecond) {
		status, err := os.ReadFile(path)
		m := highWater.FindSubmatch(status)
		if err != nil || m == nil {
			return // it has ended, even if nobody has waited for it
		}
		kB, _ := strconv.ParseInt(string(m[1]), 10, 64)
		p.peak = max(p.peak, kB<<10)
	}
}

var highWater = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// lines returns the lines of the log so far.
func (p *process) lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log[:len(p.log):len(p.log)]
}

// isProblem matches lines of level warn and error.
var isProblem = regexp.MustCompile(`\[ ?(warn|error)\] `)

// problems returns the lines of level warn and error so far, but not the one that Fluent Bit
// logs whenever it ends.
func (p *process) problems() (some []string) {
	for _, line := range p.lines() {
		if isProblem.MatchString(line) && !strings.Contains(line, "service will shutdown in max") {
			some = append(some, line)
		}
	}
	return some
}

// has reports whether the process has ended.
func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// said reports whether a line of the log matches the expression.
func (p *process) said(expression string) bool {
	re := regexp.MustCompile(expression)
	for _, line := range p.lines() {
		if re.MatchString(line) {
			return true
		}
	}
	return false
}

// stop sends SIGTERM, waits for the end and returns how long it took. A process that does not
// end is killed after half a minute.
func (p *process) stop(t testing.TB) time.Duration {
	t.Helper()
	start := time.Now()
	if !p.hasEnded() {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !p.hasEnded() {
			t.Fatal(err)
		}
	}
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	return time.Since(start)
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}
