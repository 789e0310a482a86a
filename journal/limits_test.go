package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestNoAllocation: in steady state nothing is allocated for an entry, with fields that are
// compressed and fields that lie across two blocks, over several files, with matches.
func TestNoAllocation(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		w := newWriter(flagKeyed|flagCompact|flagZSTD, dataZSTD, byte(i))
		sample(w, uint64(i), 3000)
		write(t, filepath.Join(dir, fmt.Sprint(i, ".journal")), w.bytes(stateArchived))
	}
	for _, match := range []bool{false, true} {
		r := open(t, Options{CacheSize: 1 << 20, VerifyHashes: true}, dir)
		if match {
			r.Match("SYSLOG_IDENTIFIER", "kata")
			r.Match("SYSLOG_IDENTIFIER", "kubelet")
			r.Match("_HOSTNAME", "node")
		}
		var cursor []byte
		n := 0
		next := func() {
			if !r.Next() {
				r.SeekHead()
				r.Next()
			}
			e := r.Entry()
			for _, f := range e.Fields() {
				n += len(f.Value)
			}
			e.Field("MESSAGE")
			cursor = e.AppendCursor(cursor[:0])
		}
		for range 20000 { // lists, blocks and decoders are made
			next()
		}
		if a := testing.AllocsPerRun(20000, next); a != 0 {
			t.Errorf("match %v: %v allocations for each entry", match, a)
		}
		whole(t, r)
	}
}

// TestFieldLimit cuts fields that are too long, compressed or not, and keeps what memory an
// entry takes below its limit.
func TestFieldLimit(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 40000) // 640 kB
	for i, form := range forms {
		w := newWriter(form.flags, form.compress, byte(i))
		w.add(start, 1, ID{1}, field("SHORT", "x"), field("LONG", long), field("FITS", long[:999]), field("LAST", "y"))
		w.add(start+1, 2, ID{1}, field("LONG", long[1:]), field("A", long[2:]), field("B", long[3:]), field("C", long[4:]))
		path := filepath.Join(t.TempDir(), "x.journal")
		write(t, path, w.bytes(stateArchived))

		r := open(t, Options{MaxField: 1000 + len("FITS")}, path)
		r.Next()
		got := map[string]Field{}
		for _, f := range r.Entry().Fields() {
			got[string(f.Name)] = f
		}
		if f := got["LONG"]; string(f.Value) != long[:999] || !f.Truncated {
			t.Errorf("%s: %d bytes, cut %v", form.name, len(f.Value), f.Truncated)
		}
		if f := got["FITS"]; string(f.Value) != long[:999] || f.Truncated {
			t.Errorf("%s: %d bytes of 999, cut %v", form.name, len(f.Value), f.Truncated)
		}
		if string(got["SHORT"].Value) != "x" || string(got["LAST"].Value) != "y" || len(got) != 5 {
			t.Errorf("%s: other fields: %v", form.name, got)
		}
		if s := r.Stats(); s.TruncatedFields != 1 || s.DamagedFiles != 0 {
			t.Errorf("%s: %+v", form.name, s)
		}

		r = open(t, Options{MaxEntry: 700000}, path)
		r.Next()
		if f := r.Entry().Fields()[1]; string(f.Value) != long || f.Truncated {
			t.Errorf("%s: %d bytes, cut %v", form.name, len(f.Value), f.Truncated)
		}
		r.Next()
		fields := r.Entry().Fields()
		if len(fields) != 5 || r.Stats().TruncatedFields < 2 {
			t.Errorf("%s: %d fields, %+v", form.name, len(fields), r.Stats())
		}
		for k, f := range fields[:4] {
			if want := []string{"LONG", "A", "B", "C"}[k]; string(f.Name) != want || !strings.HasPrefix(long[k+1:], string(f.Value)) || f.Truncated == (k == 0) {
				t.Errorf("%s: field %s of %d bytes, cut %v", form.name, f.Name, len(f.Value), f.Truncated)
			}
		}
	}
}

// TestLargeEntry reads an entry of 64 MiB, with memory for it and without.
func TestLargeEntry(t *testing.T) {
	if testing.Short() {
		t.Skip("64 MiB")
	}
	w := newWriter(flagKeyed, 0, 1)
	large := bytes.Repeat([]byte("0123456789abcdef"), 4<<20)
	w.add(start, 1, ID{1}, append([]byte("LARGE="), large...), message(1))
	w.add(start+1, 2, ID{1}, message(2))
	path := filepath.Join(t.TempDir(), "x.journal")
	write(t, path, w.bytes(stateArchived))
	w = nil
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := open(t, Options{}, path)
	r.Next()
	f := r.Entry().Fields()[0]
	if !f.Truncated || len(f.Value) != 1<<20-len("LARGE=") {
		t.Errorf("%d bytes, cut %v", len(f.Value), f.Truncated)
	}
	if m, ok := r.Entry().Field("MESSAGE"); !ok || string(m) != "1" {
		t.Errorf("MESSAGE=%s", m)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
	wantMessages(t, messages(t, r, 1), []string{"2"})

	r = open(t, Options{MaxField: 65 << 20, MaxEntry: 65 << 20}, path)
	r.Next()
	if f := r.Entry().Fields()[0]; f.Truncated || !bytes.Equal(f.Value, large) {
		t.Errorf("%d bytes, cut %v", len(f.Value), f.Truncated)
	}
	wantMessages(t, messages(t, r, 1), []string{"2"})
	if cap(r.cache.arena.buf) > maxArena {
		t.Errorf("%d bytes are kept", cap(r.cache.arena.buf))
	}
}

// TestManyItems reads an entry with more fields than are given, and one whose fields lie in more
// blocks than the cache has.
func TestManyItems(t *testing.T) {
	w := newWriter(0, 0, 1)
	var all, spread [][]byte
	for i := range maxItems + 10 {
		all = append(all, field("F", fmt.Sprint(i)))
	}
	w.add(start, 1, ID{1}, all...)
	filler := strings.Repeat("x", blockSize)
	for i := range 100 {
		f := field("SPREAD", fmt.Sprint(i))
		spread = append(spread, f)
		w.add(start+1, uint64(2+i), ID{1}, f, field("FILLER", fmt.Sprint(i)+filler))
	}
	w.add(start+2, 200, ID{1}, spread...)
	path := filepath.Join(t.TempDir(), "x.journal")
	write(t, path, w.bytes(stateArchived))
	r := open(t, Options{CacheSize: 1}, path)
	r.Next()
	if n := len(r.Entry().Fields()); n != maxItems || r.Stats().TruncatedFields != 11 {
		t.Errorf("%d fields, %+v", n, r.Stats())
	}
	r.SeekTail()
	r.Previous()
	fields := r.Entry().Fields()
	if len(fields) != 101 {
		t.Fatalf("%d fields", len(fields))
	}
	for i, f := range fields[:100] {
		if string(f.Value) != fmt.Sprint(i) {
			t.Errorf("field %d is %s", i, f.Value)
		}
	}
}

// TestManySmallFiles reads a folder of many files with few descriptors and bounded memory.
func TestManySmallFiles(t *testing.T) {
	files := 1500
	if testing.Short() {
		files = 100
	}
	dir := t.TempDir()
	for i := range files {
		w := newWriter(flagKeyed|flagCompact, 0, 1)
		w.id[2], w.id[3], w.seq[2], w.seq[3] = byte(i), byte(i>>8), byte(i), byte(i>>8)
		for k := range 3 {
			w.add(start+uint64(k*files+i), uint64(k), ID{byte(i), byte(i >> 8)}, message(k*files+i))
		}
		write(t, filepath.Join(dir, fmt.Sprint(i, ".journal")), w.bytes(byte(i%3)))
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := open(t, Options{}, dir)
	n := 0
	for r.Next() {
		if m, _ := r.Entry().Field("MESSAGE"); string(m) != fmt.Sprint(n) {
			t.Fatalf("entry %d is %s", n, m)
		}
		n++
	}
	if n != 3*files {
		t.Errorf("%d entries, want %d", n, 3*files)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 10<<20+int64(files)*2000 {
		t.Errorf("%d bytes are in use", used)
	}
	if len(r.opened) > 64 {
		t.Errorf("%d files are open", len(r.opened))
	}
	whole(t, r)
	// One that changes is found.
	w := newWriter(flagKeyed|flagCompact, 0, 2)
	w.add(start+uint64(3*files), 1, ID{0xff, 0xff}, message(n))
	write(t, filepath.Join(dir, "new.journal"), w.bytes(stateOnline))
	wantMessages(t, messages(t, r, 1), numbers(n, n+1))
}

// The fixtures are files of the test's writer with the two forms of compression that the installed
// journald may not write. UPDATE_FIXTURES=1 writes them anew.
func TestFixtures(t *testing.T) {
	for i, form := range forms {
		if form.compress != dataLZ4 && form.compress != dataXZ {
			continue
		}
		path := filepath.Join("..", "testdata", "journal", form.name)
		if os.Getenv("UPDATE_FIXTURES") != "" {
			w := newWriter(form.flags, form.compress, byte(i))
			w.threshold = 80
			sample(w, uint64(i), 40)
			write(t, path+".journal", w.bytes(stateArchived))
			write(t, path+".export", journalctl(t, "-o", "export", "--file", path+".journal"))
		}
		want, err := os.ReadFile(path + ".export")
		if err != nil {
			t.Fatal(err)
		}
		r := open(t, Options{VerifyHashes: true}, path+".journal")
		same(t, form.name, export(r), want)
		whole(t, r)
		b, err := os.ReadFile(path + ".journal")
		if err != nil {
			t.Fatal(err)
		}
		compressed := 0
		for _, o := range objectsOf(b) {
			if o.kind == typeData && b[o.at+1] == form.compress {
				compressed++
			}
		}
		if compressed == 0 {
			t.Errorf("%s: nothing is compressed", form.name)
		}
	}
}
