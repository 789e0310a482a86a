package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// journalctl returns what journalctl prints for the arguments. Without the program the test is
// skipped.
func journalctl(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := tryJournalctl(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryJournalctl(t testing.TB, args ...string) ([]byte, error) {
	t.Helper()
	program, err := exec.LookPath("journalctl")
	if err != nil {
		t.Skip("journalctl is not installed; Debian has it in the package systemd")
	}
	cmd := exec.Command(program, append([]string{"-q", "--no-pager"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%v: %w\n%s", cmd, err, &stderr)
	}
	return withoutSeqnums(out), nil
}

// withoutSeqnums removes the two lines that journalctl prints from version 254 on.
func withoutSeqnums(b []byte) []byte {
	if !bytes.Contains(b, []byte("\n__SEQNUM=")) {
		return b
	}
	var out []byte
	for line := range bytes.Lines(b) {
		if !bytes.HasPrefix(line, []byte("__SEQNUM")) {
			out = append(out, line...)
		}
	}
	return out
}

// findRemote returns systemd-journal-remote, which makes a journal of export text.
func findRemote(t testing.TB) string {
	t.Helper()
	for _, path := range []string{"/usr/lib/systemd/systemd-journal-remote", "/lib/systemd/systemd-journal-remote"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Skip("systemd-journal-remote is not installed; Debian has it in the package of that name")
	return ""
}

// remote makes a journal of export text. env is such as SYSTEMD_JOURNAL_COMPACT=0.
func remote(t testing.TB, path string, export []byte, env ...string) {
	t.Helper()
	cmd := exec.Command(findRemote(t), "-o", path, "-")
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = bytes.NewReader(export)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

// exportText makes n entries of one boot in the Journal Export Format, like those of a node with
// Kata Containers.
func exportText(seed uint64, n int, boot ID, realtime, monotonic uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 2))
	var b []byte
	text := func(name, format string, args ...any) {
		b = fmt.Appendf(b, name+"="+format+"\n", args...)
	}
	binary := func(name, value string) {
		b = append(b, name+"\n"...)
		b = le.AppendUint64(b, uint64(len(value)))
		b = append(b, value+"\n"...)
	}
	for i := range n {
		realtime += uint64(rng.IntN(3000))
		monotonic += uint64(rng.IntN(3000))
		text("__REALTIME_TIMESTAMP", "%d", realtime)
		text("__MONOTONIC_TIMESTAMP", "%d", monotonic)
		text("_BOOT_ID", "%v", boot)
		text("_TRANSPORT", "stdout")
		text("PRIORITY", "%d", rng.IntN(8))
		text("SYSLOG_FACILITY", "3")
		text("SYSLOG_IDENTIFIER", "%s", []string{"kata", "containerd", "kubelet", "sshd"}[rng.IntN(4)])
		text("_PID", "%d", 1+rng.IntN(200))
		text("_UID", "0")
		text("_GID", "0")
		text("_COMM", "containerd-shim")
		text("_EXE", "/usr/bin/containerd-shim-kata-v2")
		text("_CMDLINE", "/usr/bin/containerd-shim-kata-v2 -namespace k8s.io -id %064x", rng.IntN(50))
		text("_CAP_EFFECTIVE", "1ffffffffff")
		text("_SYSTEMD_CGROUP", "/system.slice/containerd.service")
		text("_SYSTEMD_UNIT", "containerd.service")
		text("_SYSTEMD_SLICE", "system.slice")
		text("_SYSTEMD_INVOCATION_ID", "%032x", 7)
		text("_MACHINE_ID", "%032x", seed)
		text("_HOSTNAME", "node-%d", seed)
		text("_STREAM_ID", "%032x", rng.IntN(50))
		binary("_SELINUX_CONTEXT", "unconfined\n")
		switch {
		case i%50 == 7:
			text("MESSAGE", "%s", strings.Repeat(fmt.Sprintf("a long line %d, ", i), 200))
		case i%50 == 9:
			binary("MESSAGE", "binary \x00\x01\xff\n"+fmt.Sprint(i))
		default:
			text("MESSAGE", `time="2023-11-14T22:13:20.%09dZ" level=info msg="message %d" name=containerd-shim-v2 pid=%d sandbox=%064x source=virtcontainers`, i, i, i%200, i%50)
		}
		text("_SOURCE_REALTIME_TIMESTAMP", "%d", realtime-5)
		b = append(b, '\n')
	}
	return b
}

func open(t testing.TB, options Options, paths ...string) *Reader {
	t.Helper()
	r, err := Open(paths, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// export returns the entries that follow in the export format.
func export(r *Reader) (b []byte) {
	for r.Next() {
		b = r.Entry().AppendExport(b)
	}
	return b
}

// same compares exports and shows where they differ.
func same(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	show := func(b []byte) []byte { return b[max(0, min(i-200, len(b))):min(i+200, len(b))] }
	t.Fatalf("%s: %d bytes with %d entries, want %d with %d; they differ at %d:\n%q\nwant\n%q", what, len(got), entries(got), len(want), entries(want), i, show(got), show(want))
}

func entries(export []byte) int { return bytes.Count(export, []byte("__CURSOR=")) }

// whole fails if anything was found to be damaged.
func whole(t testing.TB, r *Reader) {
	t.Helper()
	s := r.Stats()
	s.Entries, s.Duplicates = 0, 0
	if s != (Stats{}) {
		t.Fatalf("damage in whole files: %+v", s)
	}
}

// TestRemote compares with journalctl for journals of systemd-journal-remote, compact and regular,
// with keyed and unkeyed hashes.
func TestRemote(t *testing.T) {
	t.Parallel()
	for _, env := range [][]string{
		nil,
		{"SYSTEMD_JOURNAL_COMPACT=0"},
		{"SYSTEMD_JOURNAL_KEYED_HASH=0"},
		{"SYSTEMD_JOURNAL_COMPACT=0", "SYSTEMD_JOURNAL_KEYED_HASH=0"},
	} {
		t.Run(strings.Join(env, ","), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "remote.journal")
			remote(t, path, exportText(3, 1200, ID{1}, 1700000000000000, 5000), env...)
			compareAll(t, path)
		})
	}
}

// compareAll compares everything that can be asked with journalctl: order, matches, seeks.
func compareAll(t *testing.T, paths ...string) {
	t.Helper()
	var source []string
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil {
			t.Fatal(err)
		} else if info.IsDir() {
			source = append(source, "-D", path)
		} else {
			source = append(source, "--file", path)
		}
	}
	ctl := func(args ...string) []byte {
		t.Helper()
		return journalctl(t, append(append([]string{"-o", "export"}, source...), args...)...)
	}
	all := ctl()
	r := open(t, Options{VerifyHashes: true}, paths...)
	same(t, "all", export(r), all)
	if entries(all) == 0 {
		t.Fatal("no entries")
	}
	// The same again, backwards.
	var reversed []byte
	r.SeekTail()
	for r.Previous() {
		reversed = r.Entry().AppendExport(reversed)
	}
	same(t, "backwards", reversed, ctl("-r"))

	// Matches.
	for _, match := range [][]string{
		{"SYSLOG_IDENTIFIER=kata"},
		{"SYSLOG_IDENTIFIER=kata", "SYSLOG_IDENTIFIER=containerd"},
		{"SYSLOG_IDENTIFIER=kata", "PRIORITY=3"},
		{"SYSLOG_IDENTIFIER=kata", "PRIORITY=3", "PRIORITY=4", "+", "SYSLOG_IDENTIFIER=kubelet", "PRIORITY=1"},
		{"_HOSTNAME=nowhere"},
		{"SYSLOG_IDENTIFIER=kata", "_HOSTNAME=nowhere"},
		{"_HOSTNAME=nowhere", "+", "PRIORITY=0"},
	} {
		r := open(t, Options{}, paths...)
		for _, m := range match {
			if m == "+" {
				r.Or()
				continue
			}
			name, value, _ := strings.Cut(m, "=")
			r.Match(name, value)
		}
		want, err := tryJournalctl(t, append(append([]string{"-o", "export"}, source...), match...)...)
		if err != nil && len(want) != 0 { // it fails without entries
			t.Fatal(err)
		}
		same(t, strings.Join(match, " "), export(r), want)
		var back []byte
		r.SeekTail()
		for r.Previous() {
			back = r.Entry().AppendExport(back)
		}
		want, _ = tryJournalctl(t, append(append([]string{"-r", "-o", "export"}, source...), match...)...)
		same(t, "backwards "+strings.Join(match, " "), back, want)
		whole(t, r)
	}

	// Seeks: to each of some entries.
	type place struct {
		cursor             string
		realtime, monotone uint64
		boot               ID
	}
	var places []place
	r.SeekHead()
	for i := 0; r.Next(); i++ {
		if e := r.Entry(); i%97 == 0 {
			places = append(places, place{e.Cursor(), e.Realtime, e.Monotonic, e.BootID})
		}
	}
	for _, p := range places[:min(len(places), 3)] {
		seek := func(cursor string, after bool) []byte {
			t.Helper()
			var err error
			if after {
				err = r.SeekAfterCursor(cursor)
			} else {
				err = r.SeekCursor(cursor)
			}
			if err != nil {
				t.Fatal(err)
			}
			return export(r)
		}
		same(t, "cursor", seek(p.cursor, false), ctl("--cursor="+p.cursor))
		same(t, "after cursor", seek(p.cursor, true), ctl("--after-cursor="+p.cursor))
		// Half of what a cursor has.
		short := strings.Join(strings.Split(p.cursor, ";")[2:], ";")
		same(t, "cursor without sequence number", seek(short, false), ctl("--cursor="+short))
		seconds := p.realtime/1000000 + 1
		r.SeekRealtime(seconds * 1000000)
		want, _ := tryJournalctl(t, append(append([]string{"-o", "export"}, source...), fmt.Sprintf("--since=@%d", seconds))...)
		same(t, "since", export(r), want)
		// The entry itself, and the ones around it.
		if err := r.SeekCursor(p.cursor); err != nil || !r.Next() || r.Entry().Cursor() != p.cursor {
			t.Fatalf("the entry at cursor %s is not found", p.cursor)
		}
		if r.Previous() {
			before := r.Entry().Cursor()
			if !r.Next() || r.Entry().Cursor() != p.cursor {
				t.Fatalf("Next after Previous does not give the same entry")
			}
			if !r.Previous() || r.Entry().Cursor() != before {
				t.Fatalf("Previous after Next does not give the same entry")
			}
		}
	}
	whole(t, r)
}

// TestForms compares with journalctl for files of the test's writer.
func TestForms(t *testing.T) {
	t.Parallel()
	for i, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			w := newWriter(form.flags, form.compress, byte(i))
			sample(w, uint64(i), 400)
			path := filepath.Join(t.TempDir(), "x.journal")
			write(t, path, w.bytes(stateArchived))
			compareAll(t, path)
			if out, err := tryJournalctl(t, "--verify", "--file", path); err != nil {
				t.Errorf("journalctl --verify: %v\n%s", err, out)
			}
		})
	}
}
