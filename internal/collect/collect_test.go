package collect

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// lines is a Logger that keeps what it is given.
type lines []string

func (l *lines) add(level, format string, args ...any) {
	*l = append(*l, level+" "+fmt.Sprintf(format, args...))
}
func (l *lines) Infof(format string, args ...any) { l.add("info", format, args...) }
func (l *lines) Warnf(format string, args ...any) { l.add("warn", format, args...) }

// parse returns the options of an input.
func parse(t testing.TB, pairs ...string) *options.Input {
	t.Helper()
	o, err := options.Parse(options.InputPlugin, func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	})
	if err != nil {
		t.Fatal(err)
	}
	return &o.Input
}

// journals returns the path of a directory with copies of journals of testdata.
func journals(t testing.TB, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		b, err := os.ReadFile("../../testdata/journal/" + name + ".journal")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".journal"), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func collector(t testing.TB, o *options.Input, log *lines) *Collector {
	t.Helper()
	c, err := New(o, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// all reads all batches.
func all(t testing.TB, c *Collector) (batches [][]byte) {
	t.Helper()
	for {
		var b event.Buffer
		ok, err := c.Read(&b, batch)
		if err != nil {
			t.Fatal(err)
		}
		if ok != (len(b.B) > 0) {
			t.Fatalf("%v, %d bytes", ok, len(b.B))
		}
		if !ok {
			return batches
		}
		batches = append(batches, b.B)
	}
}

// messages returns the messages of events.
func messages(t testing.TB, batches ...[]byte) (all []string) {
	t.Helper()
	for _, e := range contract.Events(t, slices.Concat(batches...)) {
		all = append(all, fmt.Sprint(e.Body["MESSAGE"]))
	}
	return all
}

// exported returns the messages of an export text of testdata, of all entries or those of programs.
func exported(t testing.TB, name string, programs ...string) (all []string) {
	t.Helper()
	b, err := os.ReadFile("../../testdata/journal/" + name + ".export")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range bytes.Split(b, []byte("__CURSOR=")) {
		_, message, ok := bytes.Cut(entry, []byte("\nMESSAGE="))
		if message, _, _ = bytes.Cut(message, []byte("\n")); ok && (programs == nil || slices.ContainsFunc(programs, func(p string) bool {
			return bytes.Contains(entry, []byte("\nSYSLOG_IDENTIFIER="+p+"\n"))
		})) {
			all = append(all, string(message))
		}
	}
	if len(all) == 0 {
		t.Fatal("no entries")
	}
	return all
}

// batch is a size for which there are several batches.
const batch = 1000

const fixture = "compact-keyed-lz4"

func same(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%d messages, want %d\n%q\n%q", len(got), len(want), got, want)
	}
}

func TestRead(t *testing.T) {
	for name, want := range map[string][]string{
		"all":                    exported(t, fixture),
		"SYSLOG_IDENTIFIER=kata": exported(t, fixture, "kata"),
		"":                       exported(t, fixture, "kata", "containerd"), // by the default
		"SYSLOG_IDENTIFIER=kata,SYSLOG_IDENTIFIER=kubelet,PRIORITY=none": exported(t, fixture, "kata", "kubelet"),
	} {
		args := []string{"path", journals(t, fixture)}
		if name != "" {
			args = append(args, "systemd_filter", name)
		}
		var log lines
		c := collector(t, parse(t, args...), &log)
		same(t, messages(t, all(t, c)...), want)
		same(t, log, []string{"info no db is set: the next start does not know what was read"})
		if n := c.Numbers(nil); n[0] != uint64(len(want)) || n[len(n)-1] < 1700000000 {
			t.Errorf("numbers %v", n)
		}
	}
}

// TestNumbers: there is a number for each metric and value of its label.
func TestNumbers(t *testing.T) {
	c := collector(t, parse(t, "path", journals(t, fixture)), new(lines))
	want := 0
	for _, m := range Metrics() {
		want += max(1, len(m.Values))
	}
	if got := c.Numbers([]uint64{7}); len(got) != want+1 {
		t.Errorf("%d numbers, want %d", len(got)-1, want)
	}
	if text := transform.Describe(Metrics(), c.Numbers(nil)); !strings.HasPrefix(text, "journal_entries=0") {
		t.Error(text)
	}
}

// TestPosition: what was saved is not read again, what was not is.
func TestPosition(t *testing.T) {
	dir := journals(t, fixture, "regular-jenkins-xz")
	db := filepath.Join(t.TempDir(), "kata.db")
	o := parse(t, "path", dir, "systemd_filter", "all", "db", db)
	var log lines
	want := messages(t, all(t, collector(t, parse(t, "path", dir, "systemd_filter", "all"), new(lines)))...)
	var got []string
	for start := 0; start < len(want)+2; start++ {
		c := collector(t, o, &log)
		var b event.Buffer
		if ok, _ := c.Read(&b, batch); !ok {
			c.Close()
			break
		}
		got = append(got, messages(t, b.B)...)
		c.Done()
		if err := c.Save(); err != nil {
			t.Fatal(err)
		}
		var lost event.Buffer // read, but not saved
		_, _ = c.Read(&lost, batch)
		if err := c.Save(); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	same(t, got, want)
	same(t, log, nil)
	text, err := os.ReadFile(db)
	if err != nil || !bytes.HasPrefix(text, []byte(positionHead+"s=")) || bytes.Count(text, []byte("\n")) != 2 {
		t.Errorf("%q, %v", text, err)
	}
	// With a position read_from_tail has no effect; without one it has.
	o.ReadFromTail = true
	if err := os.WriteFile(db, text[:len(positionHead)], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(o, &log); err == nil {
		t.Error("a position without a cursor is taken")
	}
	if err := os.Remove(db); err != nil {
		t.Fatal(err)
	}
	c := collector(t, o, &log)
	if batches := all(t, c); batches != nil {
		t.Errorf("read %q from the tail", messages(t, batches...))
	}
}

// TestPositionInUse: each instance needs a file of its own, until it ends, however the file is named.
func TestPositionInUse(t *testing.T) {
	dir, journal := t.TempDir(), journals(t, fixture)
	db := filepath.Join(dir, "kata.pos")
	c := collector(t, parse(t, "path", journal, "db", db), new(lines))
	for _, name := range []string{db, dir + "/./kata.pos"} {
		if _, err := New(parse(t, "path", journal, "db", name), new(lines)); err == nil || err.Error() != "db: another input kata has "+name+"; each needs a file of its own" {
			t.Errorf("%s: %v", name, err)
		}
	}
	collector(t, parse(t, "path", journal, "db", db+"2"), new(lines))
	c.Close()
	// One that does not start does not keep it.
	if _, err := New(parse(t, "path", filepath.Join(dir, "x.journal"), "db", db), new(lines)); err == nil {
		t.Error("it starts")
	}
	collector(t, parse(t, "path", journal, "db", db), new(lines))
}

// TestNoPositionYet: a start that read nothing keeps nothing.
func TestNoPositionYet(t *testing.T) {
	db := filepath.Join(t.TempDir(), "kata.db")
	c := collector(t, parse(t, "path", filepath.Join(t.TempDir(), "none"), "db", db), new(lines))
	c.Done()
	if err := c.Save(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(db); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// TestOtherFiles: what is not a file of ours is not replaced.
func TestOtherFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "db")
	for text, want := range map[string]string{
		"SQLite format 3\x00...": "db: " + path + " is a database of Fluent Bit's systemd input; the input kata needs a file of its own",
		"root:x:0:0\n":           "db: " + path + " is not a file of the input kata",
		positionHead + "s=1":     "db: " + path + " is not a file of the input kata",
		positionHead + "s=1\n\n": "db: " + path + " is not a file of the input kata",
		positionHead + strings.Repeat("x", maxPosition) + "\n": "db: " + path + " is not a file of the input kata",
		positionHead + "what\n":                                "db: ",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := New(parse(t, "path", dir, "db", path), new(lines))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != text {
			t.Errorf("changed to %.40q, %v", b, err)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "none", "db"), "/dev/null"} {
		if _, err := New(parse(t, "path", dir, "db", path), new(lines)); err == nil || !strings.HasPrefix(err.Error(), "db: ") {
			t.Errorf("%s: %v", path, err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

// TestNoMemory: an entry for which there is no memory is read again.
func TestNoMemory(t *testing.T) {
	c := collector(t, parse(t, "path", journals(t, fixture), "systemd_filter", "all"), new(lines))
	var got []string
	for i, left := 0, 3; left > 0; i++ {
		budget := 3
		if i%2 == 0 {
			budget = 0
		}
		b := event.Buffer{Grow: func(old []byte, n int) ([]byte, bool) {
			if budget--; budget < 0 {
				return old, false
			}
			return append(make([]byte, 0, len(old)+n), old...), true
		}}
		ok, err := c.Read(&b, batch)
		if i%2 == 0 && (err == nil || ok) && len(got) < 40 {
			t.Fatalf("%v, %v", ok, err)
		}
		got = append(got, messages(t, b.B)...)
		if !ok && err == nil {
			left--
		}
	}
	same(t, got, exported(t, fixture))
}

// TestReopen goes on behind what was read, with counters that do not go back.
func TestReopen(t *testing.T) {
	o := parse(t, "path", journals(t, fixture), "systemd_filter", "all")
	c := collector(t, o, new(lines))
	var got []string
	last := uint64(0)
	for {
		var b event.Buffer
		ok, err := c.Read(&b, batch)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, messages(t, b.B)...)
		if n := c.Numbers(nil)[0]; n < last {
			t.Errorf("counted %d after %d", n, last)
		} else {
			last = n
		}
		if err := c.Reopen(); err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
	}
	same(t, got, exported(t, fixture))
}

// TestReopenSkips leaves out an entry that was not read when Reopen was called before, and one more
// each time.
func TestReopenSkips(t *testing.T) {
	want := exported(t, fixture)
	if len(want) < 6 {
		t.Fatal(len(want))
	}
	var log lines
	c := collector(t, parse(t, "path", journals(t, fixture), "systemd_filter", "all"), &log)
	var b event.Buffer
	if ok, err := c.Read(&b, 1); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for range 3 { // the second time leaves one out, the third two
		if err := c.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := c.Read(&b, len(b.B)+1); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := c.Reopen(); err != nil { // after an entry was read: none
		t.Fatal(err)
	}
	same(t, slices.Concat(messages(t, b.B), messages(t, all(t, c)...)), slices.Concat(want[:1], want[3:]))
	same(t, log, []string{"info no db is set: the next start does not know what was read", "warn 1 entries that cannot be read were left out", "warn 2 entries that cannot be read were left out"})
}

// TestReopenAtStart goes on behind the position of an earlier start where nothing was read since.
func TestReopenAtStart(t *testing.T) {
	o := parse(t, "path", journals(t, fixture), "systemd_filter", "all", "db", filepath.Join(t.TempDir(), "kata.db"))
	first := collector(t, o, new(lines))
	var b event.Buffer
	if ok, err := first.Read(&b, batch); !ok || err != nil {
		t.Fatal(ok, err)
	}
	first.Done()
	if err := first.Save(); err != nil {
		t.Fatal(err)
	}
	first.Close()
	c := collector(t, o, new(lines))
	if err := c.Reopen(); err != nil {
		t.Fatal(err)
	}
	same(t, slices.Concat(messages(t, b.B), messages(t, all(t, c)...)), exported(t, fixture))
}

// TestDamage: a damaged file is named, and what is whole of it is read.
func TestDamage(t *testing.T) {
	dir := journals(t, fixture, "regular-jenkins-xz")
	path := filepath.Join(dir, fixture+".journal")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b[:len(b)*3/4], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "text.journal"), []byte("no journal"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log lines
	c := collector(t, parse(t, "path", dir, "systemd_filter", "all"), &log)
	got := messages(t, all(t, c)...)
	if len(got) < 40 {
		t.Errorf("%d messages", len(got))
	}
	text := strings.Join(log, "\n")
	if !strings.Contains(text, "warn "+path+": ") {
		t.Error(text)
	}
	if n := c.Numbers(nil); n[1] == 0 {
		t.Errorf("numbers %v", n)
	}
}

// TestManyDamagedFiles: the log does not grow with them.
func TestManyDamagedFiles(t *testing.T) {
	dir := t.TempDir()
	for i := range 200 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i, ".journal")), bytes.Repeat([]byte("no journal"), 100), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log lines
	c := collector(t, parse(t, "path", dir), &log)
	all(t, c)
	if len(log) > 20 {
		t.Errorf("%d lines", len(log))
	}
}

// TestNothingThere says so, since that is what a user who forgot a mount gets.
func TestNothingThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	var log lines
	c := collector(t, parse(t, "path", path), &log)
	if all(t, c) != nil {
		t.Error("read something")
	}
	if len(log) != 2 || !strings.HasPrefix(log[1], "warn path: none of [\""+path+"\"] exists yet; ") {
		t.Errorf("%q", log)
	}
	if _, err := New(parse(t, "path", "/etc/passwd"), &log); err == nil {
		t.Error("/etc/passwd is taken for a journal")
	}
}
