package host

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// result is the result of one run of a stand-in.
type result struct {
	code   int
	memory int64 // the largest resident size, in bytes
	events []line
	lines  []map[string]any // the same, undecoded
	log    string           // standard error
}

// line is an event as the stand-in prints it.
type line struct {
	Name   string
	Time   string
	Record map[string]any
}

// dependOnSources makes cached test results depend on the sources of what is built: go test
// takes a result from its cache if no file has changed that a test has opened or statted.
var dependOnSources = sync.OnceValue(func() error {
	return filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		switch filepath.Ext(path) {
		case ".go", ".c", ".h", ".s", ".mod", ".tbd":
			_, err = os.Stat(path)
		}
		return err
	})
})

// run runs a stand-in, and fails the test if it does not end.
func run(t *testing.T, standIn string, args ...string) result {
	t.Helper()
	if err := dependOnSources(); err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	cmd := exec.Command(standIn, args...)
	cmd.Stdout, cmd.Stderr = &out, &log
	cmd.WaitDelay = time.Second
	stuck := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	err := cmd.Run()
	if !stuck.Stop() {
		t.Fatalf("%v: did not end\n%s", args, log.Bytes())
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	r := result{code: cmd.ProcessState.ExitCode(), memory: usage.Maxrss << 10, log: log.String()}
	for text := range bytes.Lines(out.Bytes()) {
		var l line
		var m map[string]any
		decode(t, text, &l)
		decode(t, text, &m)
		r.events, r.lines = append(r.events, l), append(r.lines, m)
	}
	return r
}

// decode decodes JSON with numbers as json.Number.
func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v: %.300s", err, text)
	}
}

// good runs a stand-in, and fails the test unless the exit code is 0 and nothing at level warn
// or above is logged.
func good(t *testing.T, standIn string, args ...string) result {
	t.Helper()
	r := run(t, standIn, append([]string{"--log-level", "warn"}, args...)...)
	if r.code != 0 || r.log != "" {
		t.Fatalf("%v: exit code %d, logged:\n%s", args, r.code, r.log)
	}
	return r
}

// logged fails unless the log is exactly these lines.
func (r result) logged(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Split(strings.TrimSuffix(r.log, "\n"), "\n"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("logged\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// everyStandIn runs f with the stand-ins for the newest and oldest versions, and with the one
// with AddressSanitizer.
func everyStandIn(t *testing.T, f func(t *testing.T, standIn string)) {
	t.Helper()
	for name, standIn := range map[string]string{"current": current, "oldest": oldest, "asan": asan} {
		t.Run(name, func(t *testing.T) {
			if standIn == "" {
				t.Skip("the C compiler has no AddressSanitizer: ", asanMissing)
			}
			f(t, standIn)
		})
	}
}

const contract = "../../testdata/contract/cases.msgpack"

// chunk writes a file with one event for each message, one second apart.
func chunk(t *testing.T, messages ...string) string {
	t.Helper()
	var b []byte
	for i, m := range messages {
		b = append(b, 0x92, 0x92, 0xd7, 0x00)
		b = binary.BigEndian.AppendUint32(b, 1582281087+uint32(i))
		b = binary.BigEndian.AppendUint32(b, 810781647)
		b = append(b, "\x80\x82\xb1SYSLOG_IDENTIFIER\xa4kata\xa7MESSAGE\xdb"...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(m)))
		b = append(b, m...)
	}
	return file(t, b)
}

// file writes a file and returns its path.
func file(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "chunk")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
