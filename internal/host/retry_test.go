package host

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// With --retry the stand-in passes a chunk again until it is delivered, then the next one, and
// after SIGTERM it ends.
func TestRetry(t *testing.T) {
	two := []string{release["output"], chunk(t, message("info")), chunk(t, message("error"))}
	r := good(t, current, append([]string{"--retry", "3"}, two...)...)
	if len(r.lines) != 2 || r.lines[0]["kata_level"] != "info" || r.lines[1]["kata_level"] != "error" {
		t.Fatalf("%v", r.lines)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no device that is always full: ", err)
	}
	defer full.Close()
	for retries, terminate := range map[string]bool{"1": false, "1000": true} {
		cmd := exec.Command(current, append([]string{"--log-level", "warn", "--retry", retries}, two...)...)
		cmd.Stdout = full
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// The first line is there after the first try.
		log := bufio.NewReader(stderr)
		if _, err := log.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if terminate {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		rest, _ := io.ReadAll(log)
		_ = cmd.Wait()
		want := 2 // chunks
		if terminate {
			want = 1
		}
		if n := strings.Count(string(rest), "host: flush answered 2"); n != want || cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("--retry %s: %d chunks not delivered, want %d; exit code %d\n%s", retries, n, want, cmd.ProcessState.ExitCode(), rest)
		}
	}
}
