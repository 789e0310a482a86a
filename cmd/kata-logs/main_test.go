package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// binary is the program, built for these tests.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "kata-logs-test-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "kata-logs")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
	status := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(status)
}

// result is what a run of the program gave.
type result struct {
	stdout, stderr string
	status         int
}

func command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "NO_COLOR=", "PAGER=cat", "TERM=xterm")
	return cmd
}

func runWith(t *testing.T, stdin string, args ...string) (r result) {
	t.Helper()
	cmd := command(args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// line returns a line of a shim's log at a time in nanoseconds since 2024-05-06T07:00:00Z.
func line(nano int64, msg string) string {
	return fmt.Sprintf("time=\"2024-05-06T07:%02d:%02d.%09dZ\" level=info msg=%q name=containerd-shim-v2 pid=4242 sandbox=55bb source=virtcontainers subsystem=sandbox\n",
		nano/1e9/60, nano/1e9%60, nano%1e9, msg)
}

// TestExitStatus has each exit status with its reasons, and what standard error says.
func TestExitStatus(t *testing.T) {
	good := write(t, "good.log", line(1, "x"))
	damaged := write(t, "damaged.log", line(1, "x")+`time="2024-05-06T07:08:09.1Z" level=info msg="open name=kata-runtime`+"\n")
	binaryFile := write(t, "binary", "\x7fELF\x00\x00")
	folder := t.TempDir()
	for name, text := range map[string]string{"a.log": line(2, "y"), "b.bin": "\x7fELF\x00\x00"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(line(3, "z")))
	_ = z.Flush() // the end is missing
	truncated := write(t, "x.gz", packed.String())
	xz := write(t, "x.xz", "\xfd7zXZ\x00abc")
	emptyJournal := t.TempDir()
	for _, test := range []struct {
		args   []string
		status int
		stderr string // a part of it; empty for nothing
		stdout string // a part of it
	}{
		{[]string{good}, statusDone, "", "x name="},
		{[]string{write(t, "empty", "")}, statusDone, "", ""},
		{[]string{"check", good}, statusDone, "", ""},
		{[]string{"check", damaged}, statusDamaged, "", ":2: unterminated_quote: "},
		{[]string{"--check-only", damaged}, statusDamaged, "", ":2: unterminated_quote: "},
		{[]string{"--check-only", "--error-if-no-records", "--ignore-missing-fields", "--debug", good}, statusDone, "", ""},
		{[]string{"--check-only", "--error-if-no-records", write(t, "none", "")}, statusDamaged, "has no records", ""},
		{[]string{"--check-only", "--error-if-file-empty", good, write(t, "none", "")}, statusDamaged, "has no records", ""},
		{[]string{"check", write(t, "log", line(1, "x")+"broken \"line\n")}, statusDamaged, "", `:2: not_record: broken "line`},
		{[]string{"check", write(t, "notes", "some text\nmore\n")}, statusDone, "", ""},
		{[]string{"--check-only", write(t, "notes", "some text\n")}, statusDamaged, "", ":1: not_record: some text"},
		{[]string{"check", "-q", damaged}, statusDamaged, "", ""},
		{[]string{"check", "--strict", write(t, "text", "no record\n")}, statusDamaged, "", ":1: not_record: no record"},
		{[]string{"check", good, "/nonexistent"}, statusUnread, `cannot read "/nonexistent": no such file or directory`, ""},
		{[]string{damaged, "/nonexistent", good}, statusUnread, "no such file", "x name="},
		{[]string{binaryFile, good}, statusUnread, "it is a binary file", "x name="},
		{[]string{folder}, statusDone, "it is a binary file", "y name="},
		{[]string{truncated}, statusUnread, "unexpected EOF", "z name="},
		{[]string{"--no-sort", truncated}, statusUnread, "unexpected EOF", "z name="},
		{[]string{"stats", truncated}, statusUnread, "unexpected EOF", "virtcontainers"},
		{[]string{xz}, statusUnread, "its header is damaged", ""},
		{[]string{"--journal=" + emptyJournal}, statusUnread, "the journal has no entries", ""},
		{[]string{"--journal=/nonexistent.journal"}, statusUnread, "no such file", ""},
		{[]string{"--nonsense"}, statusUsage, "unknown flag", ""},
		{[]string{"-o", "nonsense", good}, statusUsage, `no format "nonsense"`, ""},
		{[]string{"stats", "-o", "csv", good}, statusUsage, `stats has no format "csv"`, ""},
		{[]string{"--level", "loud", good}, statusUsage, "is not one of", ""},
		{[]string{"--since", "soon", good}, statusUsage, "is not a time", ""},
		{[]string{"--since", "today", "--until", "yesterday", good}, statusUsage, "--until is before --since", ""},
		{[]string{"--guest", "--host", good}, statusUsage, "exclude each other", ""},
		{[]string{"--grep", "(", good}, statusUsage, "--grep", ""},
		{[]string{"--color", "red", good}, statusUsage, "--color", ""},
		{[]string{"-O", "nonsense=1", good}, statusUsage, "no option", ""},
		{[]string{"-O", "max_depth=x", good}, statusUsage, "max_depth", ""},
		{[]string{"-O", "nest_under=x", good}, statusUsage, "nest_under", ""},
		{[]string{"--input-zone", "Nowhere/Else", good}, statusUsage, "--input-zone", ""},
		{[]string{"--pod", "[", good}, statusUsage, "--pod", ""},
		{[]string{"--spool", "0", "-"}, statusUsage, "--spool", ""},
		{[]string{"-", "-"}, statusUsage, "twice", ""},
		{[]string{"timeline"}, statusUsage, "timeline needs", ""},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			r := runWith(t, "", test.args...)
			if r.status != test.status || !strings.Contains(r.stderr, test.stderr) || test.stderr == "" && r.stderr != "" || !strings.Contains(r.stdout, test.stdout) {
				t.Errorf("status %d, want %d\nstdout %q\nstderr %q", r.status, test.status, r.stdout, r.stderr)
			}
			if strings.Count(r.stderr, "\n") > 1 {
				t.Errorf("more than one sentence: %q", r.stderr)
			}
		})
	}
	if os.Geteuid() != 0 { // root may read all
		secret := write(t, "secret", line(1, "x"))
		if err := os.Chmod(secret, 0); err != nil {
			t.Fatal(err)
		}
		if r := runWith(t, "", secret); r.status != statusUnread || !strings.Contains(r.stderr, "permission denied") {
			t.Errorf("%+v", r)
		}
	}
}

// TestBrokenPipe checks that the program ends quietly when nobody reads what it writes.
func TestBrokenPipe(t *testing.T) {
	log := write(t, "log", strings.Repeat(line(1, "x"), 20000))
	for _, format := range []string{"text", "json"} {
		cmd := command("-o", format, log)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		_ = out.Close()
		err = cmd.Wait()
		var exit *exec.ExitError
		signaled := errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGPIPE
		if err != nil && !signaled || stderr.Len() > 0 {
			t.Errorf("%s: %v, %q", format, err, stderr.String())
		}
	}
}
