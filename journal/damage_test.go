package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// object is where an object of a whole file is.
type object struct {
	at, size uint64
	kind     byte
}

func objectsOf(b []byte) (list []object) {
	end := binary.LittleEndian.Uint64(b[136:])
	for at := binary.LittleEndian.Uint64(b[88:]); at <= end; {
		o := object{at, objectSize(b[at:]), b[at]}
		list = append(list, o)
		at += (o.size + 7) &^ 7
	}
	return list
}

// splitExport returns the entries of an export text.
func splitExport(b []byte) (list []string) {
	for _, e := range strings.Split(string(b), "__CURSOR=")[1:] {
		list = append(list, "__CURSOR="+e)
	}
	return list
}

// readAll reads a file in every way, and fails if that takes too many reads. It returns the
// entries that are not marked as damaged, all entries, and what was counted till then. Of a file
// with damage anywhere not as many entries need to be found backwards as forwards.
func readAll(t testing.TB, path string, match, anything bool) (whole []string, all []byte, s Stats) {
	t.Helper()
	var reports int
	options := Options{VerifyHashes: true, MaxField: 1 << 16, MaxEntry: 1 << 16, Damaged: func(string, error) { reports++ }}
	r, err := Open([]string{path}, options)
	if err != nil {
		return nil, nil, Stats{}
	}
	defer r.Close()
	if match {
		r.Match("SYSLOG_IDENTIFIER", "kata")
	}
	n := 0
	for r.Next() {
		e := r.Entry()
		text := e.AppendExport(nil)
		all = append(all, text...)
		if !e.Damaged {
			whole = append(whole, string(text))
		}
		n++
	}
	s = r.Stats()
	r.SeekTail()
	back := 0
	for r.Previous() {
		r.Entry().Fields()
		back++
	}
	if back != n && !anything {
		t.Errorf("%d entries backwards, %d forwards", back, n)
	}
	r.Boots()
	r.SeekRealtime(1700000000100000)
	r.Next()
	_ = r.SeekCursor("s=" + ID{0x5e, 1}.String() + ";i=10;b=" + ID{0xb0, 1, 1}.String() + ";m=9999;t=60a24181e43e7;x=1")
	r.Next()
	if r.cache.reads > maxReads {
		t.Errorf("%d reads", r.cache.reads)
	}
	if s := r.Stats(); (s.DamagedFiles > 0) != (reports > 0) || reports > 1 {
		t.Errorf("%d damaged files, reported %d times", s.DamagedFiles, reports)
	}
	return whole, all, s
}

// maxReads bounds what is read of a file of the tests.
const maxReads = 5000

// TestTruncated cuts files at the start, the end and within every object. All entries that are
// there must be given, and no others.
func TestTruncated(t *testing.T) {
	t.Parallel()
	for i, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			w := newWriter(form.flags, form.compress, 1)
			sample(w, 1, 120)
			b := w.bytes(byte(i % 3))
			path := filepath.Join(t.TempDir(), "x.journal")
			write(t, path, b)
			want := splitExport(export(open(t, Options{}, path)))
			if len(want) != 120 {
				t.Fatalf("%d entries", len(want))
			}
			objects := objectsOf(b)
			cuts := []int{0, 1, 7, 100, minHeader - 1, minHeader, writerHeader - 1, writerHeader, len(b) - 1}
			for _, o := range objects[1:] {
				cuts = append(cuts, int(o.at), int(o.at)+8, int(o.at+o.size)-1)
			}
			for k, cut := range cuts {
				if k%7 != i && k > 60 { // all forms together have all kinds of places
					continue
				}
				write(t, path, b[:cut])
				var expect, kata []string
				n := 0
				for _, o := range objects {
					if o.kind == typeEntry {
						if int(o.at+o.size) <= cut {
							expect = append(expect, want[n])
							if strings.Contains(want[n], "\nSYSLOG_IDENTIFIER=kata\n") {
								kata = append(kata, want[n])
							}
						}
						n++
					}
				}
				got, _, stats := readAll(t, path, false, false)
				if strings.Join(got, "") != strings.Join(expect, "") {
					t.Fatalf("cut at %d of %d: %d entries, want %d", cut, len(b), len(got), len(expect))
				}
				if cut >= minHeader && stats.DamagedFiles != 1 {
					t.Fatalf("cut at %d of %d: not noticed", cut, len(b))
				}
				if got, _, _ := readAll(t, path, true, false); strings.Join(got, "") != strings.Join(kata, "") {
					t.Fatalf("cut at %d of %d: %d entries match, want %d", cut, len(b), len(got), len(kata))
				}
			}
		})
	}
}

// TestFlipped changes bytes. What is given and not marked must be as it was, and damage of one
// object must not hide others.
func TestFlipped(t *testing.T) {
	t.Parallel()
	for i, form := range forms {
		t.Run(form.name, func(t *testing.T) {
			w := newWriter(form.flags, form.compress, 1)
			sample(w, 1, 40)
			b := w.bytes(stateArchived)
			path := filepath.Join(t.TempDir(), "x.journal")
			write(t, path, b)
			want := map[string]bool{}
			for _, e := range splitExport(export(open(t, Options{}, path))) {
				want[e] = true
			}
			rng := rand.New(rand.NewPCG(uint64(i), 3))
			for _, o := range objectsOf(b) {
				// Every byte of the heads would take long; all forms together have them.
				places := []uint64{0, 1, 8, 9, 15, 16, 24, 32, 40, 48, 56, 64, uint64(rng.IntN(int(o.size)))}
				for _, p := range places {
					if p >= o.size || rng.IntN(16) != 0 && (o.kind != typeEntryArray || rng.IntN(3) != 0) {
						continue
					}
					flip := byte(1) << rng.IntN(8)
					b[o.at+p] ^= flip
					write(t, path, b)
					got, all, stats := readAll(t, path, false, false)
					b[o.at+p] ^= flip
					where := fmt.Sprintf("object of type %d and size %d at %d, byte %d ^ %#x", o.kind, o.size, o.at, p, flip)
					if o.kind != typeEntry || p < 16 || p >= 64 { // else it has other times
						for _, e := range got {
							if !want[e] {
								t.Fatalf("%s: an entry that is not in the file:\n%s", where, e)
							}
						}
					}
					lost := len(want) - entries(all)
					switch {
					case lost < 0:
						t.Fatalf("%s: %d entries too many", where, -lost)
					case lost == 0:
					case lost == 1 && (o.kind == typeEntry || o.kind == typeEntryArray) && stats.DamagedFiles == 1:
					default:
						t.Fatalf("%s: %d entries lost (%+v)", where, lost, stats)
					}
					readAll(t, path, true, false)
				}
			}
			// The header, and anything at all.
			for range 40 {
				c := bytes.Clone(b)
				for range 1 + rng.IntN(4) {
					at := rng.IntN(len(c))
					if rng.IntN(2) == 0 {
						at = rng.IntN(writerHeader)
					}
					c[at] ^= 1 << rng.IntN(8)
				}
				write(t, path, c)
				readAll(t, path, rng.IntN(2) == 0, true)
			}
		})
	}
}

// TestDamagedOracle: what journalctl still reads of damaged files is given too.
func TestDamagedOracle(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 4))
	compared := 0
	for i := range 140 {
		form := forms[i%len(forms)]
		w := newWriter(form.flags, form.compress, 1)
		sample(w, 1, 60)
		b := w.bytes(stateArchived)
		objects := objectsOf(b)
		o := objects[rng.IntN(len(objects))]
		at := o.at + uint64(rng.IntN(int(min(o.size, 100))))
		b[at] ^= 1 << rng.IntN(8)
		path := filepath.Join(t.TempDir(), "x.journal")
		write(t, path, b)
		out, err := tryJournalctl(t, "-o", "export", "--file", path)
		if err != nil {
			continue // it refuses the file, or stops at a field
		}
		given := map[string]bool{} // lines with their entries
		for _, e := range splitExport(export(open(t, Options{}, path))) {
			cursor, _, _ := strings.Cut(e, "\n")
			for line := range strings.Lines(e) {
				given[cursor+line] = true
			}
		}
		for _, e := range splitExport(out) {
			cursor, _, _ := strings.Cut(e, "\n")
			for line := range strings.Lines(e) {
				compared++
				if !given[cursor+line] {
					t.Fatalf("object of type %d and size %d at %d, byte %d: journalctl has a line that is not given: %q of\n%s", o.kind, o.size, o.at, at-o.at, line, e)
				}
			}
		}
	}
	if compared < 10000 {
		t.Errorf("only %d lines were compared", compared)
	}
}

func TestRefused(t *testing.T) {
	w := newWriter(flagKeyed, 0, 1)
	sample(w, 1, 10)
	dir := t.TempDir()
	good := filepath.Join(dir, "good.journal")
	write(t, good, w.bytes(stateArchived))
	unknown := w.bytes(stateArchived)
	unknown[12] |= 1 << 5
	unknown[14] |= 1
	newer := filepath.Join(dir, "newer.journal")
	write(t, newer, unknown)

	_, err := Open([]string{newer}, Options{})
	if err == nil || !strings.Contains(err.Error(), "unknown incompatible flags 0x10020") || !strings.Contains(err.Error(), newer) {
		t.Errorf("unknown flags: %v", err)
	}
	write(t, filepath.Join(dir, "text.journal"), []byte(strings.Repeat("no journal\n", 100)))
	write(t, filepath.Join(dir, "empty.journal"), nil)
	for _, name := range []string{"text.journal", "empty.journal", "missing.journal"} {
		if _, err := Open([]string{filepath.Join(dir, name)}, Options{}); err == nil {
			t.Errorf("%s is opened", name)
		}
	}
	if _, err := Open(nil, Options{}); err == nil {
		t.Error("no path is opened")
	}
	reports := map[string]error{}
	r := open(t, Options{Damaged: func(path string, err error) {
		if reports[path] != nil {
			t.Errorf("%s is reported again: %v", path, err)
		}
		reports[path] = err
	}}, dir)
	if n := entries(export(r)); n != 10 {
		t.Errorf("%d entries, want 10", n)
	}
	r.SeekTail()
	r.Next()
	if reports[newer] == nil || reports[good] != nil || r.Stats().RefusedFiles != 1 {
		t.Errorf("reported: %v, %+v", reports, r.Stats())
	}
}
