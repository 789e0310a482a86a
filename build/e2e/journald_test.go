//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
)

// journaldScript runs journald with a directory of the test in place of the system's: $1 has
// etc, run and log, $2 is the program. It has a mount namespace of its own.
const journaldScript = `
mount --bind "$1/etc" /etc &&
mount -t tmpfs tmpfs /run &&
mkdir -p /run/systemd/journal /run/log/journal &&
mount --bind "$1/run" /run/systemd/journal &&
mount --bind "$1/log" /run/log/journal || exit 77
exec "$2"
`

// journald is a systemd-journald for one test.
type journald struct {
	dir     string // with the sockets in run and the journal in log
	process *os.Process
	ended   chan struct{}
	output  *bytes.Buffer // to be read when it has ended
}

// startJournald starts a journald that only gets what the test sends. It ends with the test. If
// it cannot be started, the test is skipped. more are lines of its configuration.
func startJournald(t *testing.T, more ...string) *journald {
	t.Helper()
	program, err := find("SYSTEMD_JOURNALD", "systemd-journald", "systemd-journald", "/usr/lib/systemd", "/lib/systemd")
	if err != nil {
		t.Skip(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can start a systemd-journald with mounts of its own")
	}
	j := &journald{dir: t.TempDir(), ended: make(chan struct{}), output: new(bytes.Buffer)}
	for _, dir := range []string{"etc/systemd", "run", "log"} {
		if err := os.MkdirAll(filepath.Join(j.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// journald writes no journal without a machine ID.
	write(t, filepath.Join(j.dir, "etc/machine-id"), "7c1b2a9e0d3f4b5c8e6f708192a3b4c5\n")
	write(t, filepath.Join(j.dir, "etc/systemd/journald.conf"), `[Journal]
Storage=volatile
LineMax=48K
RateLimitBurst=0
ReadKMsg=no
Audit=
ForwardToSyslog=no
ForwardToKMsg=no
ForwardToConsole=no
ForwardToWall=no
`+strings.Join(more, "\n"))
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(j.dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = notify.Close() }()

	cmd := exec.Command("/bin/sh", "-c", journaldScript, "sh", j.dir, program)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(j.dir, "notify"))
	cmd.Stdout, cmd.Stderr = j.output, j.output
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNS,
		Pdeathsig:    syscall.SIGKILL, // of the thread that starts it
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(j.ended)
		}
	}()
	if err := <-started; errors.Is(err, fs.ErrPermission) {
		t.Skip("no mount namespace for systemd-journald: ", err)
	} else if err != nil {
		t.Fatal(err)
	}
	j.process = cmd.Process
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-j.ended
	})

	// It sends READY=1 when it listens.
	ready := make(chan error, 1)
	go func() {
		message := make([]byte, 4096)
		for {
			n, err := notify.Read(message)
			if err != nil || strings.Contains(string(message[:n]), "READY=1") {
				ready <- err
				return
			}
		}
	}()
	if err := notify.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ready:
		if err != nil {
			t.Fatal("systemd-journald does not get ready: ", err)
		}
	case <-j.ended:
		if cmd.ProcessState.ExitCode() == 77 {
			t.Skip("no mounts for systemd-journald: ", j.output)
		}
		t.Fatalf("systemd-journald: %v\n%s", cmd.ProcessState, j.output)
	}
	return j
}

// stream sends text as the standard error of a program with this name, as of any service, and
// waits until it is stored.
func (j *journald) stream(t *testing.T, identifier, text string) {
	t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: filepath.Join(j.dir, "run/stdout"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		t.Fatal(err)
	}
	// Identifier, unit, priority; no level prefixes; no forwarding to the
	// syslog, the kernel's log or the console.
	if _, err := fmt.Fprintf(conn, "%s\n\n6\n0\n0\n0\n0\n%s", identifier, text); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	// journald closes the stream when it has read all of it.
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Fatal("systemd-journald wrote to the stream")
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("systemd-journald has not read the stream: ", err)
	}
}

// TestCutLine has a real journald cut a line of a guest where a forged record starts. The rest
// is the guest's text, and the next line the host's.
func TestCutLine(t *testing.T) {
	t.Parallel()
	const (
		lineMax = 48 << 10
		head    = `time="2024-05-06T07:08:10.250000001Z" level=debug msg="reading guest console" console-protocol=unix console-url=/run/vc/vm/55bb/console.sock name=containerd-shim-v2 pid=4242 sandbox=55bb source=virtcontainers subsystem=sandbox vmconsole="`
		forged  = `time=2031-01-01T00:00:00.123456789Z level=fatal msg=host_compromised name=containerd-shim-v2 pid=1 sandbox=victim source=virtcontainers x="`
		honest  = `time="2024-05-06T07:08:11.250000002Z" level=warning msg="sandbox stopped" name=containerd-shim-v2 pid=4242 sandbox=55bb source=virtcontainers`
	)
	first := head + strings.Repeat("A", lineMax-len(head))
	j := startJournald(t)
	j.stream(t, "containerd", first+forged+"\n"+honest+"\n")

	const config = classicService + classicJournal + `
    Systemd_Filter  SYSLOG_IDENTIFIER=containerd
`
	dir := filepath.Join(j.dir, "log")
	// The entries that journald stored, and their times.
	before := through(t, "fluent-bit.conf", config+classicForward, vars{"JOURNAL": dir}, 3)
	for i, message := range []string{first, forged, honest} {
		if before[i].body["MESSAGE"] != message {
			t.Fatalf("entry %d is %q", i, before[i].body["MESSAGE"])
		}
		if id := before[i].body["_STREAM_ID"]; id == nil || id != before[0].body["_STREAM_ID"] {
			t.Fatalf("entry %d has the stream ID %v", i, id)
		}
	}
	if before[0].body["_LINE_BREAK"] != "line-max" || before[1].body["_LINE_BREAK"] != nil {
		t.Fatalf("line breaks %v, %v", before[0].body["_LINE_BREAK"], before[1].body["_LINE_BREAK"])
	}

	after := through(t, "fluent-bit.conf", config+classicFilter+classicForward, vars{"JOURNAL": dir}, 3)
	for i, c := range []contract.Case{
		{Name: "first part", Time: "1714979290.250000001", Expect: map[string]any{
			"kata_guest":            true,
			"kata_parse_error":      "unterminated_quote",
			"kata_level":            "debug",
			"kata_msg":              first[len(head):],
			"kata_source":           "vmconsole",
			"kata_name":             "containerd-shim-v2",
			"kata_pid":              4242,
			"kata_sandbox":          "55bb",
			"kata_subsystem":        "sandbox",
			"kata_console-protocol": "unix",
			"kata_console-url":      "/run/vc/vm/55bb/console.sock",
		}},
		{Name: "rest", Time: contract.OwnTime, Expect: map[string]any{
			"kata_guest":       true,
			"kata_parse_error": "cut",
			"kata_msg":         forged,
		}},
		{Name: "next line", Time: "1714979291.250000002", Expect: map[string]any{
			"kata_level":   "warning",
			"kata_msg":     "sandbox stopped",
			"kata_name":    "containerd-shim-v2",
			"kata_pid":     4242,
			"kata_sandbox": "55bb",
			"kata_source":  "virtcontainers",
		}},
	} {
		if wrong := c.Compare(contract.Event{Time: before[i].time, Body: before[i].body}, contract.Event{Time: after[i].time, Body: after[i].body}); wrong != nil {
			t.Errorf("%s:\n\t%s", c.Name, strings.Join(wrong, "\n\t"))
		}
	}
}
