package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// update writes a file as a process that appends to it does: what is new first, then what refers to
// it, the header last.
func (w *writer) update(t testing.TB, path string, state byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	b := w.bytes(state)
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	old := min(info.Size(), int64(len(b)))
	for _, part := range [][2]int64{{old, int64(len(b))}, {min(old, writerHeader), old}, {0, writerHeader}} {
		if _, err := f.WriteAt(b[part[0]:part[1]], part[0]); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(int64(len(b))); err != nil { // reports the change
		t.Fatal(err)
	}
}

// deadline is far more than any step of these tests needs.
func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// messages follows until n entries have come and returns their messages.
func messages(t testing.TB, r *Reader, n int) (list []string) {
	t.Helper()
	ctx := deadline(t)
	for range n {
		if !r.Follow(ctx) {
			t.Fatalf("no more after %q: %v, %+v", list, ctx.Err(), r.Stats())
		}
		m, _ := r.Entry().Field("MESSAGE")
		list = append(list, string(m))
	}
	return list
}

func message(i int) []byte { return field("MESSAGE", fmt.Sprint(i)) }

func numbers(from, to int) (list []string) {
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprint(i))
	}
	return list
}

func wantMessages(t testing.TB, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

const (
	start       = 1700000000000000
	stateOnline = 1
)

// TestFollow appends to a file, archives it, starts a new one and deletes the old one, in a
// directory that does not exist at first, with and without matches.
func TestFollow(t *testing.T) {
	for _, match := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "journal")
		r := open(t, Options{}, dir)
		if match {
			r.Match("_HOSTNAME", "node")
		}
		if r.Next() {
			t.Fatal("an entry of nothing")
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		sub := filepath.Join(dir, ID{1}.String())
		if err := os.Mkdir(sub, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(sub, "system.journal")
		n, seqnum := 0, uint64(0)
		for file := range 3 {
			w := newWriter(flagKeyed|flagCompact, 0, byte(file))
			w.seq, w.seqnum = ID{1}, seqnum
			w.update(t, path, stateOnline)
			if r.Next() {
				t.Fatal("an entry of an empty file")
			}
			for range 20 {
				from := n
				for range 1 + n%3 {
					w.add(start+uint64(n), uint64(n), ID{2}, message(n), field("_HOSTNAME", "node"))
					w.add(start+uint64(n), uint64(n), ID{2}, message(-1), field("_HOSTNAME", "other"))
					n++
				}
				w.update(t, path, stateOnline)
				var got []string
				for len(got) < n-from {
					m := messages(t, r, 1)[0]
					if m != "-1" {
						got = append(got, m)
					} else if match {
						t.Fatal("an entry that does not match")
					}
				}
				wantMessages(t, got, numbers(from, n))
			}
			for !match && r.Next() {
			}
			// Entries that are written just before the file is archived are not lost.
			w.add(start+uint64(n), uint64(n), ID{2}, message(n), field("_HOSTNAME", "node"))
			w.update(t, path, stateArchived)
			if err := os.Rename(path, filepath.Join(sub, fmt.Sprintf("system@%d.journal", file))); err != nil {
				t.Fatal(err)
			}
			n++
			seqnum = w.seqnum
			wantMessages(t, messages(t, r, 1), numbers(n-1, n))
			if file == 1 {
				if err := os.Remove(filepath.Join(sub, "system@0.journal")); err != nil {
					t.Fatal(err)
				}
			}
		}
		if r.Next() {
			t.Fatal("an entry too many")
		}
		whole(t, r)
	}
}

// TestWait ends with its context, and finds what is there already.
func TestWait(t *testing.T) {
	dir := t.TempDir()
	r := open(t, Options{PollInterval: time.Hour}, dir)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- r.Wait(ctx) }()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("Wait: %v", err)
	}
	if r.Follow(ctx) {
		t.Fatal("Follow with a context that is done")
	}
	w := newWriter(0, 0, 1)
	w.add(start, 1, ID{1}, message(0))
	w.update(t, filepath.Join(dir, "x.journal"), stateOnline)
	wantMessages(t, messages(t, r, 1), numbers(0, 1))
	go func() { ended <- r.Wait(deadline(t)) }()
	w.add(start, 2, ID{1}, message(1))
	w.update(t, filepath.Join(dir, "x.journal"), stateOnline)
	if err := <-ended; err != nil {
		t.Fatalf("Wait: %v", err)
	}
	for range 2 {
		if err := r.Wait(deadline(t)); err != nil {
			t.Fatalf("Wait with an entry ahead: %v", err)
		}
	}
	wantMessages(t, messages(t, r, 1), numbers(1, 2))
	r.Close()
	if r.Next() || r.Follow(deadline(t)) || r.Wait(deadline(t)) == nil || r.Entry() != nil {
		t.Error("a closed Reader goes on")
	}
}

// TestPoll finds changes that the kernel does not report.
func TestPoll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.journal")
	w := newWriter(0, 0, 1)
	w.update(t, path, stateOnline)
	r := open(t, Options{PollInterval: 10 * time.Millisecond}, path)
	r.watchAll()
	r.watch.close()
	for i := range 5 {
		go func() {
			time.Sleep(5 * time.Millisecond)
			w.add(start, uint64(i), ID{1}, message(i))
			w.update(t, path, stateOnline)
		}()
		wantMessages(t, messages(t, r, 1), numbers(i, i+1))
	}
}

// TestTail gives what comes after a seek to the end, in files that are there and in new ones.
func TestTail(t *testing.T) {
	dir := t.TempDir()
	old, live := newWriter(0, 0, 1), newWriter(flagKeyed, 0, 2)
	for i := range 5 {
		old.add(start+uint64(i), uint64(i), ID{1}, message(-1))
	}
	old.update(t, filepath.Join(dir, "old.journal"), stateArchived)
	live.update(t, filepath.Join(dir, "live.journal"), stateOnline)
	r := open(t, Options{}, dir)
	r.SeekTail()
	if r.Next() {
		t.Fatal("an entry behind the end")
	}
	live.add(start-1000, 3, ID{2}, message(0)) // by a clock that is behind
	live.update(t, filepath.Join(dir, "live.journal"), stateOnline)
	wantMessages(t, messages(t, r, 1), numbers(0, 1))
	r.SeekTail()
	for range 2 {
		if !r.Previous() {
			t.Fatal("nothing before the end")
		}
	}
	r.SeekTail()
	fresh := newWriter(flagKeyed, 0, 3)
	fresh.add(start-5000, 3, ID{3}, message(1))
	fresh.update(t, filepath.Join(dir, "new.journal"), stateOnline)
	wantMessages(t, messages(t, r, 1), numbers(1, 2))
}

// TestClockBehind: what is added to any file is given, even if it is older than what was given of
// others. (libsystemd leaves it out.)
func TestClockBehind(t *testing.T) {
	dir := t.TempDir()
	a, b := newWriter(0, 0, 1), newWriter(0, 0, 2)
	r := open(t, Options{}, dir)
	for i := 0; i < 20; i += 2 {
		a.add(start+uint64(i), uint64(i), ID{1}, message(i))
		a.update(t, filepath.Join(dir, "a.journal"), stateOnline)
		wantMessages(t, messages(t, r, 1), numbers(i, i+1))
		b.add(start-1000000+uint64(i), uint64(i), ID{2}, message(i+1))
		b.update(t, filepath.Join(dir, "b.journal"), stateOnline)
		wantMessages(t, messages(t, r, 1), numbers(i+1, i+2))
	}
}

// TestFlush: journald copies the entries of one file to another with a new source of sequence
// numbers, in steps. None comes twice, and none is lost.
func TestFlush(t *testing.T) {
	dir := t.TempDir()
	runtime, system := newWriter(flagKeyed, 0, 1), newWriter(flagKeyed, 0, 2)
	r := open(t, Options{}, dir)
	add := func(w *writer, i int) { w.add(start+uint64(i), 100+uint64(i), ID{1}, message(i)) }
	for i := range 50 {
		add(runtime, i)
	}
	runtime.update(t, filepath.Join(dir, "runtime.journal"), stateOnline)
	wantMessages(t, messages(t, r, 50), numbers(0, 50))
	for i := range 50 {
		add(system, i)
		if i%20 == 0 {
			system.update(t, filepath.Join(dir, "system.journal"), stateOnline)
			if r.Next() {
				t.Fatal("a copied entry is given again")
			}
		}
	}
	if err := os.Remove(filepath.Join(dir, "runtime.journal")); err != nil {
		t.Fatal(err)
	}
	for i := 50; i < 60; i++ {
		add(system, i)
		system.update(t, filepath.Join(dir, "system.journal"), stateOnline)
		wantMessages(t, messages(t, r, 1), numbers(i, i+1))
	}
	if r.Next() {
		t.Fatal("an entry too many")
	}
}

// TestDeleted reads files that are deleted meanwhile: those that are open to their ends.
func TestDeleted(t *testing.T) {
	dir := t.TempDir()
	for i := range 4 {
		w := newWriter(0, 0, byte(i))
		for k := range 300 {
			w.add(start+uint64(k), uint64(k), ID{byte(i)}, message(k), field("FILLER", fmt.Sprintf("%0300d", k)))
		}
		w.update(t, filepath.Join(dir, fmt.Sprint(i, ".journal")), stateArchived)
	}
	r := open(t, Options{MaxOpenFiles: 2, CacheSize: 1}, dir)
	if !r.Next() {
		t.Fatal("no entry")
	}
	for i := range 4 {
		if err := os.Remove(filepath.Join(dir, fmt.Sprint(i, ".journal"))); err != nil {
			t.Fatal(err)
		}
	}
	n := 1
	for r.Next() {
		n++
	}
	if s := r.Stats(); n < 600 || n >= 1200 || s.VanishedFiles == 0 || s.VanishedFiles > 2 || s.DamagedFiles != 0 {
		t.Errorf("%d entries, %+v", n, s)
	}
}

// TestCutWhileRead truncates a file under the Reader.
func TestCutWhileRead(t *testing.T) {
	for _, size := range []int64{0, 100, 3000, 5000, 20000, 40000} {
		w := newWriter(0, 0, 1)
		sample(w, 1, 300)
		path := filepath.Join(t.TempDir(), "x.journal")
		write(t, path, w.bytes(stateOnline))
		r := open(t, Options{CacheSize: 1}, path)
		for range 100 {
			if !r.Next() {
				t.Fatal("no entry")
			}
		}
		e := r.Entry()
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		e.Fields()
		for n := 0; r.Next(); n++ {
			if r.Entry().Fields(); n > 200 {
				t.Fatal("too many entries")
			}
		}
		for n := 0; r.Previous(); n++ {
			if r.Entry().Fields(); n > 300 {
				t.Fatal("too many entries")
			}
		}
		r.SeekTail()
		r.Previous()
		if r.Stats().DamagedFiles != 1 {
			t.Errorf("cut to %d: %+v", size, r.Stats())
		}
	}
}

// TestReplaced: another file takes the name of one that is read.
func TestReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.journal")
	for i := range 3 {
		w := newWriter(0, 0, byte(i))
		w.add(start+uint64(i), 1, ID{byte(i)}, message(i))
		w.update(t, filepath.Join(dir, fmt.Sprint(i)), stateOnline)
	}
	if err := os.Rename(filepath.Join(dir, "0"), path); err != nil {
		t.Fatal(err)
	}
	r := open(t, Options{}, dir)
	wantMessages(t, messages(t, r, 1), numbers(0, 1))
	for i := 1; i < 3; i++ {
		if err := os.Rename(filepath.Join(dir, fmt.Sprint(i)), path); err != nil {
			t.Fatal(err)
		}
		wantMessages(t, messages(t, r, 1), numbers(i, i+1))
	}
	whole(t, r)
}

// TestRemoteRace reads while systemd-journal-remote writes.
func TestRemoteRace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "remote.journal")
	cmd := exec.Command(findRemote(t), "-o", path, "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	const n = 3000
	wrote := make(chan error, 1)
	go func() {
		text := exportText(5, n, ID{1}, start, 1000)
		for len(text) > 0 {
			k := min(len(text), 20000)
			if _, err := in.Write(text[:k]); err != nil {
				wrote <- err
				return
			}
			text = text[k:]
		}
		wrote <- in.Close()
	}()
	r := open(t, Options{VerifyHashes: true, PollInterval: 50 * time.Millisecond}, dir)
	matching := open(t, Options{PollInterval: 50 * time.Millisecond}, dir)
	matching.Match("SYSLOG_IDENTIFIER", "kata")
	var got, gotKata []byte
	ctx := deadline(t)
	for entries(got) < n {
		if !r.Follow(ctx) {
			t.Fatal(ctx.Err(), stderr.String())
		}
		got = r.Entry().AppendExport(got)
		if matching.Next() {
			gotKata = matching.Entry().AppendExport(gotKata)
		}
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err, stderr.String())
	}
	same(t, "while it is written", got, journalctl(t, "-o", "export", "--file", path))
	gotKata = append(gotKata, export(matching)...)
	same(t, "matches while it is written", gotKata, journalctl(t, "-o", "export", "--file", path, "SYSLOG_IDENTIFIER=kata"))
	whole(t, r)
	whole(t, matching)
	_, _ = io.Copy(io.Discard, &stderr)
}

// TestRenamedWhileClosed: a file whose descriptor was closed is found under the name that it has
// when it is needed again.
func TestRenamedWhileClosed(t *testing.T) {
	dir := t.TempDir()
	for i := range 5 {
		w := newWriter(0, 0, byte(i))
		for k := range 10 {
			w.add(start+uint64(k), uint64(k), ID{byte(i)}, message(k))
		}
		w.update(t, filepath.Join(dir, fmt.Sprint(i, ".journal")), stateOnline)
	}
	r := open(t, Options{MaxOpenFiles: 2, CacheSize: 1}, dir)
	n := 0
	for round := 0; r.Next(); round++ {
		n++
		if round%7 != 0 || round > 28 {
			continue
		}
		for i := range 5 { // and another file takes the old name
			old, name := fmt.Sprint(i, ".journal"), fmt.Sprintf("%d@%d.journal", i, round)
			if round > 0 {
				old = fmt.Sprintf("%d@%d.journal", i, round-7)
			}
			if err := os.Rename(filepath.Join(dir, old), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			w := newWriter(0, 0, byte(100+10*round+i))
			w.add(start+uint64(1000+round), 1, ID{byte(100 + i), byte(round)}, message(-1))
			w.update(t, filepath.Join(dir, old), stateOnline)
		}
	}
	if n != 5*10+5*5 {
		t.Errorf("%d entries, want %d", n, 5*10+5*5)
	}
	whole(t, r)
}

// TestDescriptors reads more files than the process may have descriptors.
func TestDescriptors(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i := range 60 {
		w := newWriter(0, 0, byte(i))
		w.add(start+uint64(i), 1, ID{byte(i)}, message(i))
		w.add(start+uint64(60+i), 2, ID{byte(i)}, message(60+i))
		w.update(t, filepath.Join(dir, fmt.Sprint(i, ".journal")), stateArchived)
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	few := limit
	few.Cur = uint64(len(open) + 15)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
	}()
	r, err := Open([]string{dir}, Options{MaxOpenFiles: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	wantMessages(t, messages(t, r, 120), numbers(0, 120))
	whole(t, r)
}

// TestHalfWritten looks at a file whose writer has put in a field, but not yet the entry that has
// it, nor the entry into the list of the field.
func TestHalfWritten(t *testing.T) {
	w := newWriter(flagKeyed, 0, 1)
	path := filepath.Join(t.TempDir(), "x.journal")
	w.addData(field("NAME", "value"))
	w.update(t, path, stateOnline)
	r := open(t, Options{}, path)
	r.Match("NAME", "value")
	r.Match("OTHER", "value")
	r.Or()
	r.Match("NAME", "value")
	if r.Next() || r.Previous() {
		t.Fatal("an entry of nothing")
	}
	for i := range 12 {
		w.add(start, uint64(i), ID{1}, message(i), field("NAME", "value"))
		b := w.bytes(stateOnline)
		data := w.data["NAME=value"]
		list := bytes.Clone(b[data+40 : data+64])
		if i == 0 {
			copy(b[data+40:], make([]byte, 24))
		} else {
			le.PutUint64(b[data+56:], uint64(i)) // one less
		}
		write(t, path, b)
		wantMessages(t, messages(t, r, 1), numbers(i, i+1))
		if r.Next() {
			t.Fatal("an entry comes again")
		}
		copy(b[data+40:], list) // the header does not change
		write(t, path, b)
		if r.Next() {
			t.Fatal("an entry comes again")
		}
	}
	for i := 11; r.Previous(); i-- {
		if m, _ := r.Entry().Field("MESSAGE"); string(m) != fmt.Sprint(i-1) {
			t.Fatalf("%s before %d", m, i)
		}
	}
	whole(t, r)
}

// TestListsApart: of two lists of a match one is read before, and one after an entry is put into
// both. The entry that only the other one has must not hide it.
func TestListsApart(t *testing.T) {
	w := newWriter(flagKeyed|flagCompact, 0, 1)
	path := filepath.Join(t.TempDir(), "x.journal")
	for i := range 3 {
		w.add(start, uint64(i), ID{1}, message(i), field("NAME", []string{"a", "a", "b"}[i]))
	}
	b := w.bytes(stateOnline)
	early := bytes.Clone(b)
	le.PutUint64(early[152:], 2)                 // the header counts two entries
	le.PutUint64(early[w.data["NAME=a"]+56:], 1) // one list has one of them
	write(t, path, early)                        // and the other list has the third already
	r := open(t, Options{}, path)
	r.Match("NAME", "a")
	r.Match("NAME", "b")
	wantMessages(t, messages(t, r, 2), numbers(0, 2))
	if r.Next() {
		t.Fatal("an entry that is not counted")
	}
	write(t, path, b)
	wantMessages(t, messages(t, r, 1), numbers(2, 3))
	whole(t, r)
}
