package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// split writes entries of one machine into several files with one source of sequence numbers, as
// journald does for users and when it rotates.
func split(flags uint32, machine byte, seed uint64, n, files int) (out [][]byte) {
	for i := range files {
		w := newWriter(flags, dataZSTD*byte(flags&flagZSTD/flagZSTD), machine*16+byte(i))
		w.seq, w.machine = ID{0x5e, machine}, ID{0x3a, machine}
		w.seqnum = uint64(i * n)
		boot := ID{0xb0, machine, byte(i / 2)} // two files for each boot
		for k := range n {
			j := uint64(i*n + k)
			w.add(1700000000000000+j*1000+seed, 1000+j*900, boot,
				field("_HOSTNAME", fmt.Sprint("node-", machine)),
				field("PRIORITY", fmt.Sprint(j%8)),
				field("SYSLOG_IDENTIFIER", []string{"kata", "containerd", "kubelet"}[j%3]),
				field("MESSAGE", fmt.Sprint("entry ", j, " of ", machine)))
		}
		out = append(out, w.bytes(stateArchived))
	}
	return out
}

// TestManyFiles compares the order over files, boots and machines, in the folders that journald
// uses, with copies of files.
func TestManyFiles(t *testing.T) {
	dir := t.TempDir()
	for m := byte(1); m <= 3; m++ {
		sub := filepath.Join(dir, ID{0x3a, m}.String())
		if m == 3 {
			sub += ".kata"
		}
		if err := os.Mkdir(sub, 0o700); err != nil {
			t.Fatal(err)
		}
		for i, b := range split(forms[m].flags|flagZSTD, m, uint64(m)*333, 150, 4) {
			name := []string{"system@1.journal", "system@2.journal", "system@3.journal~", "system.journal"}[i]
			write(t, filepath.Join(sub, name), b)
			if m == 1 && i == 1 {
				write(t, filepath.Join(sub, "copy.journal"), b)
				write(t, filepath.Join(dir, "other-copy.journal"), b)
			}
			write(t, filepath.Join(sub, "ignored.txt"), b)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "other"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "other", "ignored.journal"), split(0, 9, 1, 3, 1)[0])
	compareAll(t, dir)

	r := open(t, Options{AllNamespaces: true}, dir)
	if n := entries(export(r)); n != 3*4*150 {
		t.Errorf("%d entries, want %d", n, 3*4*150)
	}
	if s := r.Stats(); s.Duplicates != 2*150 {
		t.Errorf("%d duplicates, want %d", s.Duplicates, 2*150)
	}
	whole(t, r)

	// Each file by its name, in any order.
	var files []string
	for _, pattern := range []string{"*.journal", "*/*.journal", "*/*.journal~"} {
		more, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return strings.Contains(f, "/other/") })
	args := []string{"-o", "export"}
	for _, f := range files {
		args = append(args, "--file", f)
	}
	want := journalctl(t, args...)
	for range 3 {
		same(t, "single files", export(open(t, Options{}, files...)), want)
		files = append(files[5:], files[:5]...)
	}
	// With as few descriptors and as little memory as can be.
	few := open(t, Options{MaxOpenFiles: 2, CacheSize: 1, AllNamespaces: true}, dir)
	same(t, "two descriptors", export(few), want)
	if len(few.opened) > 2 {
		t.Errorf("%d descriptors are open", len(few.opened))
	}
	whole(t, few)
}

// TestClockSetBack: no entry is lost where clocks disagree with the sequence numbers, which gives
// an order that is not transitive. (libsystemd leaves entries out then.)
func TestClockSetBack(t *testing.T) {
	w := func(machine, file byte, first uint64, times ...uint64) []byte {
		w := newWriter(flagKeyed, 0, machine*16+file)
		w.seq, w.seqnum = ID{0x5e, machine}, first
		for _, at := range times {
			w.add(1700000000000000+at, 100+w.seqnum, ID{0xb0, machine}, field("MESSAGE", fmt.Sprint(machine, file, w.seqnum)))
		}
		return w.bytes(stateArchived)
	}
	files := [][]byte{w(1, 1, 0, 100, 101, 102), w(1, 2, 3, 50, 51), w(2, 1, 0, 70, 71, 72), w(3, 1, 0, 60, 100, 110)}
	for range files {
		files = append(files[1:], files[0])
		var paths []string
		dir := t.TempDir()
		for i, b := range files {
			paths = append(paths, filepath.Join(dir, fmt.Sprint(i, ".journal")))
			write(t, paths[i], b)
		}
		r := open(t, Options{}, paths...)
		forward := map[string]bool{}
		for r.Next() {
			e := r.Entry()
			if forward[e.Cursor()] {
				t.Errorf("entry %d of %v comes twice", e.Seqnum, e.SeqnumID)
			}
			forward[e.Cursor()] = true
		}
		if len(forward) != 11 {
			t.Errorf("%d entries, want 11", len(forward))
		}
		backward := 0
		for r.SeekTail(); r.Previous(); backward++ {
			if !forward[r.Entry().Cursor()] {
				t.Error("another entry backwards")
			}
		}
		if backward != 11 {
			t.Errorf("%d entries backwards, want 11", backward)
		}
	}
}

// TestBoots compares the boots with journalctl's, and what SeekBoot finds.
func TestBoots(t *testing.T) {
	dir := t.TempDir()
	for i, b := range split(flagCompact|flagKeyed, 1, 0, 50, 6) {
		write(t, filepath.Join(dir, fmt.Sprint(i, ".journal")), b)
	}
	r := open(t, Options{}, dir)
	boots := r.Boots()
	if len(boots) != 3 {
		t.Fatalf("%d boots, want 3", len(boots))
	}
	all := export(r)
	for i, b := range boots {
		if b.ID != (ID{0xb0, 1, byte(i)}) || b.Last-b.First != 99000 {
			t.Errorf("boot %d: %+v", i, b)
		}
		if err := r.SeekBoot(b.ID); err != nil {
			t.Fatal(err)
		}
		from := bytes.Index(all, fmt.Appendf(nil, "\n_BOOT_ID=%v\n", b.ID))
		from = bytes.LastIndex(all[:from], []byte("__CURSOR"))
		same(t, "from a boot", export(r), all[from:])

		only := open(t, Options{}, dir)
		only.Match("_BOOT_ID", b.ID.String())
		got := export(only)
		same(t, "one boot", got, journalctl(t, "-o", "export", "-D", dir, "-b", b.ID.String()))
		if err := only.SeekMonotonic(b.ID, 0); err != nil {
			t.Fatal(err)
		}
		same(t, "one boot by its clock", export(only), got)
	}
	listed := journalctl(t, "-D", dir, "--list-boots")
	for i, b := range boots {
		if at := bytes.Index(listed, []byte(b.ID.String())); at < 0 || i > 0 && at < bytes.Index(listed, []byte(boots[i-1].ID.String())) {
			t.Errorf("journalctl lists other boots:\n%s", listed)
		}
	}
	if err := r.SeekBoot(ID{1}); err != ErrNoBoot {
		t.Errorf("a boot that is not there: %v", err)
	}
}

// TestMatchTree compares nested conditions with a plain evaluation of every entry.
func TestMatchTree(t *testing.T) {
	w := newWriter(flagKeyed, 0, 1)
	sample(w, 4, 300)
	path := filepath.Join(t.TempDir(), "x.journal")
	write(t, path, w.bytes(stateArchived))
	r := open(t, Options{}, path)
	// (kata AND (3 OR 4) OR containerd) AND (node)
	r.Match("SYSLOG_IDENTIFIER", "kata")
	r.Match("PRIORITY", "3")
	r.Match("PRIORITY", "4")
	r.Or()
	r.Match("SYSLOG_IDENTIFIER", "containerd")
	r.And()
	r.Match("_HOSTNAME", "node")
	if s, want := r.MatchString(), "((SYSLOG_IDENTIFIER=kata AND (PRIORITY=3 OR PRIORITY=4)) OR SYSLOG_IDENTIFIER=containerd) AND _HOSTNAME=node"; s != "("+want+")" {
		t.Errorf("conditions: %s", s)
	}
	got := export(r)
	var want []byte
	for all := open(t, Options{}, path); all.Next(); {
		e := all.Entry()
		program, _ := e.Field("SYSLOG_IDENTIFIER")
		priority, _ := e.Field("PRIORITY")
		if string(program) == "kata" && (string(priority) == "3" || string(priority) == "4") || string(program) == "containerd" {
			want = e.AppendExport(want)
		}
	}
	same(t, "conditions", got, want)
	r.ClearMatches()
	r.SeekHead()
	if n := entries(export(r)); n != 300 {
		t.Errorf("%d entries without conditions, want 300", n)
	}
	// Conditions that change on the way hold from there on.
	r.SeekHead()
	for range 10 {
		r.Next()
	}
	r.Match("PRIORITY", "3")
	n := 0
	for r.Next() {
		if p, _ := r.Entry().Field("PRIORITY"); string(p) != "3" || r.Entry().Seqnum <= 10 {
			t.Fatalf("entry %d with priority %s", r.Entry().Seqnum, p)
		}
		n++
	}
	if n == 0 {
		t.Error("no entry of priority 3")
	}
}

func TestHashes(t *testing.T) {
	// The reference values of lookup3.c and of the paper on SipHash.
	if h := jenkins64(nil); h != 0xdeadbeefdeadbeef {
		t.Errorf("jenkins of nothing: %x", h)
	}
	if h := jenkins64([]byte("Four score and seven years ago")); h != 0x17770551ce7226e6 {
		t.Errorf("jenkins: %x", h)
	}
	var key ID
	var text []byte
	for i := range 16 {
		key[i] = byte(i)
	}
	for i := range 15 {
		text = append(text, byte(i))
	}
	if h := siphash24(&key, text); h != 0xa129ca6149be45e5 {
		t.Errorf("siphash: %x", h)
	}
}

func TestCursorErrors(t *testing.T) {
	w := newWriter(0, 0, 1)
	sample(w, 1, 3)
	path := filepath.Join(t.TempDir(), "x.journal")
	write(t, path, w.bytes(stateArchived))
	r := open(t, Options{}, path)
	r.Next()
	want := r.Entry().Cursor()
	for _, cursor := range []string{"", "x", "s=1", "s=" + ID{1}.String(), "i=zz;t=1", "t=", "x=1", ";;", "t=1;", strings.Repeat("i", 1000)} {
		if err := r.SeekCursor(cursor); err == nil {
			t.Errorf("cursor %q is taken", cursor)
		}
		if e := r.Entry(); e == nil || e.Cursor() != want {
			t.Fatalf("cursor %q moved the position", cursor)
		}
	}
	if err := r.SeekCursor("t=1;n=2"); err != nil {
		t.Errorf("a cursor with an unknown part: %v", err)
	}
}
