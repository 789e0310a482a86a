package fluentbit

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is the resource usage of one run of a process.
type usage struct {
	cpu     time.Duration // user and system
	reading time.Duration // while threads of inputs were busy, if there are any
	peak    int64         // of memory, in bytes
	threads int
	samples []sample // memory while it ran
}

// timeout is how long one run may take.
const timeout = 10 * time.Minute

// job is one run of Fluent Bit.
type job struct {
	program string
	library string // loaded, if there is one, from the directory
	file    string // the configuration's name, with .conf or .yaml
	config  string
	records int           // that its outputs get before it is stopped
	every   time.Duration // how often it is asked for that number, which costs it time; 0 for 10 ms
	drive   func() error  // run beside it; may be nil
	passed  chan int      // gets the numbers of processed records, then is closed; may be nil
}

// run runs Fluent Bit until its outputs have got all records.
func (b *Bench) run(j job) (u usage, err error) {
	port, err := freePort()
	if err != nil {
		return u, err
	}
	path := filepath.Join(b.dir, j.file)
	config := strings.NewReplacer("${HTTP}", port, "${DIR}", b.dir).Replace(j.config)
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		return u, err
	}
	var args []string
	if j.library != "" {
		args = append(args, "-e", filepath.Join(b.dir, j.library))
	}
	cmd := exec.Command(j.program, append(args, "-c", path)...)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return u, err
	}
	failed := make(chan error, 1)
	if j.drive != nil {
		go func() {
			if err := j.drive(); err != nil {
				failed <- err
			}
		}()
	}
	err = u.watch(j, cmd.Process.Pid, "http://127.0.0.1:"+port+"/api/v1/metrics", failed)
	if j.passed != nil {
		close(j.passed)
	}
	if err == nil {
		u.peak = status(cmd.Process.Pid, "VmHWM")
		u.threads = int(status(cmd.Process.Pid, "Threads"))
		err = cmd.Process.Signal(syscall.SIGTERM)
	} else {
		_ = cmd.Process.Kill()
	}
	if werr := cmd.Wait(); werr != nil || err != nil {
		return u, fmt.Errorf("%v, %v\n%s", err, werr, log.String())
	}
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return u, nil
}

// watch waits until the outputs have got all records.
func (u *usage) watch(j job, pid int, url string, failed <-chan error) error {
	var busy meter
	for start := time.Now(); time.Since(start) < timeout; time.Sleep(cmp.Or(j.every, 10*time.Millisecond)) {
		busy.update(pid)
		select {
		case err := <-failed:
			return err
		default:
		}
		if err := syscall.Kill(pid, 0); err != nil || state(pid) == "Z" {
			return fmt.Errorf("Fluent Bit has ended by itself")
		}
		out := counts(url)
		u.samples = append(u.samples, sample{float64(out), status(pid, "VmRSS")})
		if j.passed != nil {
			select {
			case <-j.passed: // only the latest number counts
			default:
			}
			j.passed <- out
		}
		if out >= j.records {
			u.reading = busy.last.Sub(busy.first)
			return nil
		}
	}
	return fmt.Errorf("not all records came in %s", timeout)
}

// counts asks Fluent Bit for the number of records that its outputs got, which it updates once
// a second.
func counts(url string) (out int) {
	resp, err := http.Get(url)
	if err != nil {
		return 0 // not yet
	}
	defer func() { _ = resp.Body.Close() }()
	var metrics struct {
		Output map[string]struct {
			Records int `json:"proc_records"`
		}
	}
	if json.NewDecoder(resp.Body).Decode(&metrics) != nil {
		return 0
	}
	for _, m := range metrics.Output {
		out += m.Records
	}
	return out
}

// meter finds out when the threads of inputs had work to do, from their processor time.
type meter struct {
	first, last time.Time
	updated     time.Time
	used        time.Duration
}

func (m *meter) update(pid int) {
	var used time.Duration
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	for _, task := range tasks {
		if name, _ := os.ReadFile(task + "/comm"); !strings.HasPrefix(string(name), "flb-in") {
			continue
		}
		text, _ := os.ReadFile(task + "/schedstat")
		word, _, _ := strings.Cut(string(text), " ")
		ns, _ := strconv.ParseInt(word, 10, 64)
		used += time.Duration(ns)
	}
	now := time.Now()
	if used-m.used > now.Sub(m.updated)/5 && !m.updated.IsZero() { // more than an idle one uses
		if m.first.IsZero() {
			m.first = m.updated
		}
		m.last = now
	}
	m.updated, m.used = now, used
}

// status returns a number from /proc/PID/status, in bytes if it is in kB there.
func status(pid int, name string) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == name+":" {
			n, _ := strconv.ParseInt(words[1], 10, 64)
			if len(words) > 2 {
				n *= 1024
			}
			return n
		}
	}
	return 0
}

// state returns the state of a process as one letter.
func state(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	word, _, _ := strings.Cut(rest, " ")
	return word
}

// freePort returns a port of loopback that is free, until another program takes it.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}
