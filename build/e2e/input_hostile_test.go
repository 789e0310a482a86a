//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestInputJournald follows a journald that writes, rotates and deletes its files.
func TestInputJournald(t *testing.T) {
	t.Parallel()
	const (
		n    = 1200
		part = 100
	)
	j := startJournald(t, "RuntimeMaxFiles=4", "RuntimeMaxFileSize=1M")
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: filepath.Join(j.dir, "run/socket"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	port, come := gather(t)
	dir := configure(t, "fluent-bit.conf", inputService+"[INPUT]\n    Name  kata\n    Path  ${JOURNAL}\n    DB    position\n"+lifecycleTail,
		vars{"PORT": port, "JOURNAL": filepath.Join(j.dir, "log")})
	p := start(t, dir, "-c", "fluent-bit.conf")
	for i := 1; i <= n; i++ {
		text := "SYSLOG_IDENTIFIER=kata\nMESSAGE=" + string(bytes.TrimSpace(appendLine(nil, i))) + "\nLONG=" + strings.Repeat("x", 1000) + "\n"
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if i%part == part/2 {
			if err := j.process.Signal(syscall.SIGUSR2); err != nil { // rotate
				t.Fatal(err)
			}
		}
		if i == n/2 { // what comes meanwhile is read by the next one
			p.stop(t)
			p = nil
		}
		if i%part == 0 {
			if p == nil {
				p = start(t, dir, "-c", "fluent-bit.conf")
			}
			come.wait(t, p, reached(i))
		}
	}
	p.stop(t)
	all, _ := come.now()
	exactly(t, all, n)
	files, err := filepath.Glob(filepath.Join(j.dir, "log/*/*.journal"))
	if err != nil || len(files) > 5 {
		t.Errorf("%d files: journald has deleted none; %v", len(files), err)
	}
}

// TestInputHostile reads a directory with damaged, hostile and odd files beside whole ones: all
// records of the whole ones come, the log says what is wrong, and memory is bounded.
func TestInputHostile(t *testing.T) {
	t.Parallel()
	const n = 2000 // in each whole file
	port, come := gather(t)
	dir := configure(t, "fluent-bit.conf", inputService+"[INPUT]\n    Name  kata\n    Path  journal\n    DB    position\n"+lifecycleTail, vars{"PORT": port})
	w := journalWriter{dir: filepath.Join(dir, "journal")}
	w.write(t, "kata", n)
	w.write(t, "kata", n)
	at := func(name string) string { return filepath.Join(w.dir, name) }
	// The damaged ones are copies of another file, whose records have numbers behind the others.
	other := journalWriter{dir: t.TempDir(), records: 2 * n}
	other.write(t, "kata", n)
	text, err := os.ReadFile(filepath.Join(other.dir, "1.journal"))
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(7, 7))
	used := bytes.LastIndexFunc(text, func(r rune) bool { return r != 0 }) // journald makes files larger than their content
	for i := range 40 {
		b := bytes.Clone(text[:used+1])
		switch i % 4 {
		case 0:
			for range 1 + rnd.IntN(300) {
				b[rnd.IntN(len(b))] = byte(rnd.Uint32())
			}
		case 1:
			b = b[:rnd.IntN(len(b))]
		case 2: // the header only, in which no size may be believed
			for range 1 + rnd.IntN(8) {
				b[16+rnd.IntN(250)] = byte(rnd.Uint32())
			}
		case 3:
			copy(b[rnd.IntN(len(b)-4096):], make([]byte, 4096))
		}
		// Another file ID, so that it is not the same file.
		copy(b[min(24, len(b)):min(40, len(b))], fmt.Sprintf("damaged file %03d", i))
		write(t, at(fmt.Sprintf("damaged-%d.journal", i)), string(b))
	}
	random := make([]byte, 1<<20)
	for i := range random {
		random[i] = byte(rnd.Uint32())
	}
	write(t, at("random.journal"), string(random))
	write(t, at("magic.journal"), "LPKSHHRH"+string(random))
	write(t, at("empty.journal"), "")
	write(t, at("text.journal"), "not a journal\n")
	for _, err := range []error{
		os.Mkdir(at("directory.journal"), 0o755),
		os.Symlink("loop.journal", at("loop.journal")),
		os.Symlink("nowhere", at("dangling.journal")),
		os.Symlink("/dev/zero", at("zero.journal")),
		syscall.Mkfifo(at("fifo.journal"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	p := start(t, dir, "-c", "fluent-bit.conf")
	waitFor(t, p, func() bool {
		all, _ := come.now()
		return countWhole(all, 2*n) == 2*n
	})
	if kB := resident(t, p); kB > 400<<10 {
		t.Errorf("%d kB of resident memory", kB)
	}
	p.stop(t)
	all, _ := come.now()
	if got := countWhole(all, 2*n); got != 2*n {
		t.Errorf("%d records of the whole files came, want %d", got, 2*n)
	}
	if log := p.logText(); !strings.Contains(log, "[ warn] [input:kata:kata.0] ") || !strings.Contains(log, ".journal: ") {
		t.Error("the log does not say that there are damaged files")
	}
}

// countWhole returns how many records came of those with the numbers 1 to n.
func countWhole(all []arrival, n int) (k int) {
	for _, a := range all {
		if a.number <= n {
			k++
		}
	}
	return k
}

// TestInputVanish deletes files while they are read, and all of them at the end: what is left
// comes, and what comes later.
func TestInputVanish(t *testing.T) {
	t.Parallel()
	const n = 500
	port, come := gather(t)
	dir := configure(t, "fluent-bit.conf", inputService+"[INPUT]\n    Name  kata\n    Path  journal\n    Max_Batch  64K\n"+lifecycleTail, vars{"PORT": port})
	w := journalWriter{dir: filepath.Join(dir, "journal")}
	for range 4 {
		w.write(t, "kata", n)
	}
	p := start(t, dir, "-c", "fluent-bit.conf")
	come.wait(t, p, reached(1))
	if err := os.Remove(filepath.Join(w.dir, "2.journal")); err != nil {
		t.Fatal(err)
	}
	come.wait(t, p, reached(4*n))
	if err := os.RemoveAll(w.dir); err != nil {
		t.Fatal(err)
	}
	w.write(t, "kata", n) // in a new directory of the same name
	come.wait(t, p, reached(5*n))
	p.stop(t)
	all, _ := come.now()
	for i, file := range []bool{true, false, true, true, true} {
		times := map[int]int{}
		for _, a := range all {
			if a.number > i*n && a.number <= (i+1)*n {
				times[a.number]++
			}
		}
		if file && len(times) != n {
			t.Errorf("%d records of file %d, want %d", len(times), i+1, n)
		}
		for number, k := range times {
			if k > 1 {
				t.Errorf("record %d came %d times", number, k)
			}
		}
	}
}

// TestInputManyFiles has 100,000 files in the journal's directory, of which few are journals.
func TestInputManyFiles(t *testing.T) {
	t.Parallel()
	port, come := gather(t)
	dir := configure(t, "fluent-bit.conf", inputService+"[INPUT]\n    Name  kata\n    Path  journal\n    DB    position\n"+lifecycleTail, vars{"PORT": port})
	w := journalWriter{dir: filepath.Join(dir, "journal")}
	w.write(t, "kata", 100)
	for i := range 100000 {
		f, err := os.Create(filepath.Join(w.dir, fmt.Sprintf("many-%d.journal", i)))
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	p := start(t, dir, "-c", "fluent-bit.conf")
	come.wait(t, p, reached(100))
	w.write(t, "kata", 100)
	come.wait(t, p, reached(200))
	if kB := resident(t, p); kB > 400<<10 {
		t.Errorf("%d kB of resident memory", kB)
	}
	p.stop(t)
	all, _ := come.now()
	exactly(t, all, 200)
	if n := logCount(p, "many-"); n > 30 {
		t.Errorf("%d lines about empty files", n)
	}
}

// TestInputLarge has entries with a field of 64 MiB: its start comes, and the log says so; the
// other entries come whole.
func TestInputLarge(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	line := string(bytes.TrimSpace(appendLine(nil, 1)))
	var export []byte
	for i, message := range []string{line, line + " x=" + strings.Repeat("x", size-len(line)-3), line} {
		export = appendExport(export, journalStart+int64(i), map[string]any{"_BOOT_ID": bootID, "SYSLOG_IDENTIFIER": "kata", "MESSAGE": message})
	}
	to := listen(t)
	dir := configure(t, "fluent-bit.conf", inputService+inputKata+classicForward, vars{"PORT": to.port, "JOURNAL": journal(t, export)})
	p := start(t, dir, "-c", "fluent-bit.conf")
	to.events.wait(t, p, count[event](3))
	if kB := resident(t, p); kB > 500<<10 {
		t.Errorf("%d kB of resident memory", kB)
	}
	p.stop(t)
	events := to.close()
	if len(events) != 3 {
		t.Fatalf("%d events, want 3", len(events))
	}
	for i, e := range events {
		message, _ := e.body["MESSAGE"].(string)
		want := len(line)
		if i == 1 {
			want = 8 << 20
		}
		if len(message) != want && len(message) != want-len("MESSAGE=") || !strings.HasPrefix(message, line) || e.body["kata_level"] != "error" {
			t.Errorf("event %d: %d bytes of MESSAGE, want %d, kata_level %v", i, len(message), want, e.body["kata_level"])
		}
	}
	if !strings.Contains(p.logText(), "[ warn] [input:kata:kata.0] 1 fields are longer than 8M, or their entries than 16M, and were cut") {
		t.Error("the log does not say that a field was cut")
	}
}

// TestInputAndOutput has the libraries of the input and the output, and the filter's, in one
// process: three Go runtimes, which Go does not support and which works as TestOtherGoPlugin says.
func TestInputAndOutput(t *testing.T) {
	t.Parallel()
	cases := contractCases(t)
	for _, more := range []string{"", `
  filters:
    - {name: kata, match: "*", prefix: again_, min_level: trace}
`} {
		dir := configure(t, "fluent-bit.yaml", `
service:
  flush: 0.1
  hot_reload: on
plugins:
  - ${INPUT}
  - ${OUTPUT}
  - ${FILTER}
pipeline:
  inputs:
    - name: kata
      path: ${JOURNAL}
      systemd_filter: all
`+more+`
  outputs:
    - {name: kata, match: "*", parse: off}
`, vars{"JOURNAL": casesJournal(t, cases), "OUTPUT": outputLibrary})
		p := start(t, dir, "-c", "fluent-bit.yaml")
		enough := func(times int) func([]string) bool {
			return func(lines []string) bool { return len(records(lines)) >= times*len(cases) }
		}
		p.stdout.wait(t, p, enough(1))
		reload(t, p, 1)
		p.stdout.wait(t, p, enough(2)) // there is no position
		p.stop(t)
		lines, _ := p.stdout.now()
		list := records(lines)
		if len(list) != 2*len(cases) {
			t.Fatalf("%d records, want %d", len(list), 2*len(cases))
		}
		if more != "" {
			continue
		}
		for i, e := range jsonEvents(t, list, "date") {
			c := cases[i%len(cases)]
			if e.body["kata_msg"] == nil && c.Expect["kata_msg"] != nil {
				t.Errorf("%s is not parsed: %v", c.Name, e.body)
			}
		}
	}
}
