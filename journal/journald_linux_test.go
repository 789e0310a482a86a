package journal

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
)

// journaldScript runs journald with directories of the test in place of the system's: $1 has etc,
// run and var, $2 is the program. It has a mount namespace of its own. With $3 the files are
// sealed.
const journaldScript = `
mkdir -p /var/log/journal &&
mount --bind "$1/etc" /etc &&
mount -t tmpfs tmpfs /run &&
mkdir -p /run/systemd/journal &&
mount --bind "$1/run" /run/systemd/journal &&
mount --bind "$1/var" /var/log/journal || exit 77
touch /run/systemd/journal/flushed
if [ -n "$3" ]; then
	journalctl --setup-keys --interval=1s >"$1/key" 2>&1 || exit 78
fi
exec "$2"
`

// startJournald starts a journald that only gets what the test sends, and returns its process. The
// test is skipped if it cannot be started.
func startJournald(t *testing.T, dir, config string, sealed bool) *os.Process {
	t.Helper()
	program := ""
	for _, path := range []string{"/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald"} {
		if _, err := os.Stat(path); err == nil {
			program = path
		}
	}
	if program == "" {
		t.Skip("systemd-journald is not installed; Debian has it in the package systemd")
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can start a systemd-journald with mounts of its own")
	}
	const machine = "7c1b2a9e0d3f4b5c8e6f708192a3b4c5"
	for _, d := range []string{"etc/systemd", "run", "var/" + machine} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "etc/machine-id"), []byte(machine+"\n"))
	write(t, filepath.Join(dir, "etc/systemd/journald.conf"), []byte("[Journal]\nStorage=persistent\nRateLimitBurst=0\nReadKMsg=no\nAudit=\nForwardToSyslog=no\nForwardToWall=no\n"+config))
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = notify.Close() }()
	args := []string{"-c", journaldScript, "sh", dir, program}
	if sealed {
		args = append(args, "sealed")
	}
	cmd := exec.Command("/bin/sh", args...)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(dir, "notify"))
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Unshareflags: syscall.CLONE_NEWNS,
		Pdeathsig:    syscall.SIGKILL, // of the thread that starts it
	}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(ended)
		}
	}()
	if err := <-started; errors.Is(err, fs.ErrPermission) {
		t.Skip("no mount namespace for systemd-journald: ", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
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
	if err := notify.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ready:
		if err != nil {
			t.Fatal("systemd-journald does not get ready: ", err)
		}
	case <-ended:
		switch cmd.ProcessState.ExitCode() {
		case 77:
			t.Skip("no mounts for systemd-journald: ", output.String())
		case 78:
			key, _ := os.ReadFile(filepath.Join(dir, "key"))
			t.Skip("no keys for sealing: ", string(key))
		}
		t.Fatalf("systemd-journald: %v\n%s", cmd.ProcessState, output.String())
	}
	return cmd.Process
}

// TestJournald follows a journald that rotates and vacuums, with sealed files and without, and then
// compares what is left with journalctl.
func TestJournald(t *testing.T) {
	t.Parallel()
	for _, sealed := range []bool{false, true} {
		t.Run(fmt.Sprint("sealed ", sealed), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			journald := startJournald(t, dir, "SystemMaxFiles=4\nLineMax=4K\nSystemMaxFileSize=1M\n", sealed)
			conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: filepath.Join(dir, "run/socket"), Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			r := open(t, Options{VerifyHashes: true, Damaged: func(path string, err error) { t.Errorf("%s: %v", path, err) }}, filepath.Join(dir, "var"))
			r.Match("SYSLOG_IDENTIFIER", "kata")
			long := strings.Repeat("a long text ", 100)
			for i := range 600 {
				identifier := []string{"kata", "other"}[i%5/4]
				text := fmt.Sprintf("SYSLOG_IDENTIFIER=%s\nPRIORITY=%d\nMESSAGE=%d\nBINARY\n\x03\x00\x00\x00\x00\x00\x00\x00a\x00b\n", identifier, i%8, i)
				if i%10 == 0 {
					text += "LONG=" + long + fmt.Sprint(i) + "\n"
				}
				if _, err := conn.Write([]byte(text)); err != nil {
					t.Fatal(err)
				}
				if i%100 == 50 {
					if err := journald.Signal(syscall.SIGUSR2); err != nil { // rotate
						t.Fatal(err)
					}
				}
				if identifier != "kata" {
					continue
				}
				// Behind by up to 40 entries, so that journald rotates and deletes under the Reader.
				if i%50 == 0 || i > 595 {
					for m := ""; m != fmt.Sprint(i); {
						before := m
						m = messages(t, r, 1)[0]
						if before >= m && len(before) == len(m) {
							t.Fatalf("message %s after %s", m, before)
						}
						value, _ := r.Entry().Field("BINARY")
						if string(value) != "a\x00b" {
							t.Fatalf("BINARY=%q", value)
						}
						if m[len(m)-1] == '0' {
							if value, _ := r.Entry().Field("LONG"); string(value) != long+m {
								t.Fatalf("LONG=%.40s...%d", value, len(value))
							}
						}
					}
				}
			}
			if s := r.Stats(); s.Entries != 480 {
				t.Errorf("%+v", s)
			}
			whole(t, r)
			if err := journald.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			for { // until it has ended
				if err := journald.Signal(syscall.Signal(0)); err != nil {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			files, err := filepath.Glob(filepath.Join(dir, "var", "*", "*.journal"))
			if err != nil {
				t.Fatal(err)
			}
			if len(files) < 3 || len(files) > 4 {
				t.Errorf("%d files are left", len(files))
			}
			if sealed {
				b, err := os.ReadFile(files[0])
				if err != nil {
					t.Fatal(err)
				}
				tags := 0
				for _, o := range objectsOf(b) {
					if o.kind == typeTag {
						tags++
					}
				}
				if b[8]&1 == 0 || tags < 2 {
					t.Errorf("%s is not sealed: %d tags", files[0], tags)
				}
			}
			compareAll(t, filepath.Join(dir, "var"))
		})
	}
}
