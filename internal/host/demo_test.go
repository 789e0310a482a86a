package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// marked matches the lines that the demo marks, and what it marks them with.
var marked = regexp.MustCompile(`(?m)^(\x1b\[1;32m)?\+ +(.*?),?(\x1b\[0m)?\r?$`)

// The demo marks what the filter set and nothing else, logs nothing, and has
// colours on a terminal only, unless NO_COLOR says otherwise.
func TestDemo(t *testing.T) {
	for _, c := range []struct {
		name              string
		terminal, colours bool
		environment       []string
	}{
		{name: "pipe", environment: []string{"TERM=xterm"}},
		{name: "terminal", terminal: true, colours: true, environment: []string{"TERM=xterm"}},
		{name: "NO_COLOR", terminal: true, environment: []string{"TERM=xterm", "NO_COLOR=1"}},
		{name: "dumb terminal", terminal: true, environment: []string{"TERM=dumb"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := demo(t, c.terminal, c.environment)
			var fields []string
			for _, m := range marked.FindAllStringSubmatch(out, -1) {
				if (m[1] != "") != c.colours || (m[3] != "") != c.colours {
					t.Errorf("colours are not %v: %q", c.colours, m[0])
				}
				fields = append(fields, m[2])
			}
			if !c.colours && strings.Contains(out, "\x1b") {
				t.Error("there are terminal codes")
			}
			want := []string{
				`time 1582281087.810781647`,
				`"kata_level":"info"`,
				`"kata_msg":"release sandbox"`,
				`"kata_arch":"amd64"`,
				`"kata_command":"state"`,
				`"kata_container":"7cdd31660d8705facdadeb8598d2c0bd008e8142c54e3b3069abd392c8d58997"`,
				`"kata_name":"kata-runtime"`,
				`"kata_pid":14314`,
				`"kata_sandbox":"1c3e77cad66aa2b6d8cc846f818370f79cb0104c0b840f67d0f502fd6562b68c"`,
				`"kata_source":"virtcontainers"`,
				`"kata_subsystem":"sandbox"}`,
			}
			if !slices.Equal(fields, want) {
				t.Errorf("marked are\n%s\nin\n%s", strings.Join(fields, "\n"), out)
			}
			if !strings.HasPrefix(out, "Before the filter") {
				t.Errorf("something comes before the record: %.200q", out)
			}
		})
	}
}

// demo returns what build/demo writes to standard output and error.
func demo(t *testing.T, terminal bool, environment []string) string {
	t.Helper()
	if err := dependOnSources(); err != nil {
		t.Fatal(err)
	}
	read(t, "../../build/demo") // the result depends on it
	cmd := exec.Command("build/demo", current, filepath.Dir(release["filter"]))
	cmd.Dir = "../.."
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "NO_COLOR=") })
	cmd.Env = append(cmd.Env, environment...)
	var out bytes.Buffer
	if !terminal {
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
		return out.String()
	}
	master, slave := pseudoTerminal(t)
	cmd.Stdout, cmd.Stderr = slave, slave
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	// EIO: nothing has the other side open any more.
	if _, err := io.Copy(&out, master); err != nil && !errors.Is(err, syscall.EIO) {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	return out.String()
}

func pseudoTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}
