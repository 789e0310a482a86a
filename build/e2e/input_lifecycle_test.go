//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// journalWriter writes journals with records that have numbers, one file after the other.
type journalWriter struct {
	dir     string
	records int // so far
	files   int
}

// write adds a file with n records of a program.
func (w *journalWriter) write(t *testing.T, identifier string, n int) {
	t.Helper()
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var export []byte
	for range n {
		w.records++
		export = appendExport(export, journalStart+int64(w.records), map[string]any{
			"_BOOT_ID":          bootID,
			"SYSLOG_IDENTIFIER": identifier,
			"MESSAGE":           strings.TrimSpace(string(appendLine(nil, w.records))),
		})
	}
	w.files++
	// Complete before it is seen.
	hidden := filepath.Join(t.TempDir(), "part.journal")
	writeJournal(t, hidden, export)
	text, err := os.ReadFile(hidden)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(w.dir, fmt.Sprintf("%d.journal", w.files))
	write(t, name+"~part", string(text))
	if err := os.Rename(name+"~part", name); err != nil {
		t.Fatal(err)
	}
}

// exactly fails the test unless each of the records 1 to n has come once.
func exactly(t *testing.T, all []arrival, n int) {
	t.Helper()
	lost, twice := missing(all, n)
	if lost > 0 || twice > 0 || len(all) != n {
		t.Errorf("%d records, %d lost, %d came again, %d in all", n, lost, twice, len(all))
	}
	for _, a := range all {
		if !a.parsed {
			t.Fatalf("record %d is not parsed", a.number)
		}
	}
}

// TestInputPause has two instances whose memory is full, since the server takes nothing; when it
// does, nothing is missing. Fluent Bit pauses and resumes the collector of the last instance in
// place of the one that is meant.
func TestInputPause(t *testing.T) {
	t.Parallel()
	const n = 1500
	for _, threaded := range []string{"on", "off"} {
		t.Run("threaded "+threaded, func(t *testing.T) {
			t.Parallel()
			to := newGate(t)
			w := journalWriter{dir: t.TempDir()}
			w.write(t, "kata", n)
			w.write(t, "containerd", n)
			section := func(identifier, threaded, more string) string {
				return `
[INPUT]
    Name            kata
    Tag             ` + identifier + `
    Path            ${JOURNAL}
    DB              ` + identifier + `.position
    Systemd_Filter  SYSLOG_IDENTIFIER=` + identifier + `
    Threaded        ` + threaded + `
    Mem_Buf_Limit   100K
    Max_Batch       64K
` + more
			}
			config := inputService + section("kata", threaded, "") + section("containerd", "on", "    Alias  second\n") + lifecycleTail
			p := start(t, configure(t, "fluent-bit.conf", config, vars{"JOURNAL": w.dir, "PORT": to.port}), "-c", "fluent-bit.conf")
			// One may be stopped by the other's pause before its own memory is full.
			p.log.wait(t, p, func(log []string) bool {
				return strings.Contains(strings.Join(log, "\n"), " paused (mem buf overlimit")
			})
			time.Sleep(3 * time.Second) // in which the collectors would be called
			to.open(t)
			waitForAll(t, p, to.come, 2*n)
			p.stop(t)
			all, _ := to.come.now()
			exactly(t, all, 2*n)
			if !strings.Contains(p.logText(), "resume") {
				t.Error("no instance was resumed")
			}
		})
	}
}

// TestInputReload has Fluent Bit reload its configuration while records arrive: none is lost, and
// none comes again.
func TestInputReload(t *testing.T) {
	t.Parallel()
	for _, storage := range []string{"memory", "filesystem"} {
		t.Run(storage, func(t *testing.T) {
			t.Parallel()
			port, come := gather(t)
			dir := configure(t, "fluent-bit.conf", inputService+`
[INPUT]
    Name          kata
    Tag           kata
    Path          journal
    DB            position
    storage.type  `+storage+lifecycleTail, vars{"PORT": port})
			w := journalWriter{dir: filepath.Join(dir, "journal")}
			w.write(t, "kata", 300)
			p := start(t, dir, "-c", "fluent-bit.conf")
			come.wait(t, p, reached(w.records))
			for i := range 5 {
				w.write(t, "kata", 300) // in the pipeline during the reload
				time.Sleep(time.Duration(i) * 250 * time.Millisecond)
				reload(t, p, i+1)
				w.write(t, "kata", 300)
			}
			waitForAll(t, p, come, w.records)
			p.stop(t)
			all, _ := come.now()
			exactly(t, all, w.records)
		})
	}
}

// TestInputTerm stops Fluent Bit in each of its states: it ends in time, and the next one goes on
// where it was.
func TestInputTerm(t *testing.T) {
	t.Parallel()
	const n = 3000
	for _, c := range []struct {
		name    string
		more    string // of the instance
		server  bool   // that takes records from the start
		storage string
		until   func(t *testing.T, p *process, dir string, come *stream[arrival])
	}{
		{"at once", "", true, "memory", func(t *testing.T, p *process, _ string, _ *stream[arrival]) {
			p.log.wait(t, p, func(log []string) bool { return strings.Contains(strings.Join(log, "\n"), "] version ") })
		}},
		{"reading", "Max_Batch  64k", true, "memory", func(t *testing.T, p *process, _ string, come *stream[arrival]) {
			come.wait(t, p, reached(1))
		}},
		{"idle", "", true, "memory", func(t *testing.T, p *process, dir string, come *stream[arrival]) {
			come.wait(t, p, reached(n))
			waitFor(t, p, func() bool { return position(t, filepath.Join(dir, "position")) == n })
		}},
		{"without a thread", "Threaded off\n    Max_Batch  64k", true, "memory", func(t *testing.T, p *process, _ string, come *stream[arrival]) {
			come.wait(t, p, reached(1))
		}},
		{"paused", "Max_Batch  64k\n    storage.pause_on_chunks_overlimit on", false, "filesystem", func(t *testing.T, p *process, _ string, _ *stream[arrival]) {
			p.log.wait(t, p, func(log []string) bool { return strings.Contains(strings.Join(log, "\n"), "kata.0 paused") })
		}},
		{"server is away", "", false, "filesystem", func(t *testing.T, p *process, dir string, _ *stream[arrival]) {
			waitFor(t, p, func() bool { return position(t, filepath.Join(dir, "position")) > 0 })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			to := newGate(t)
			if c.server {
				to.open(t)
			}
			service := inputService + "    Grace  5\n"
			if c.name == "paused" {
				service += "    storage.max_chunks_up  1\n"
			}
			dir := configure(t, "fluent-bit.conf", service+`
[INPUT]
    Name          kata
    Tag           kata
    Path          journal
    DB            position
    storage.type  `+c.storage+`
    `+c.more+"\n"+lifecycleTail, vars{"PORT": to.port})
			w := journalWriter{dir: filepath.Join(dir, "journal")}
			if c.name == "paused" { // more than two chunks
				for range 5 {
					w.write(t, "kata", n)
				}
			} else {
				w.write(t, "kata", n)
			}
			p := start(t, dir, "-c", "fluent-bit.conf")
			c.until(t, p, dir, to.come)
			signalled := time.Now()
			if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			p.wait(t)
			t.Logf("ended after %v", time.Since(signalled).Round(time.Millisecond))
			if took := time.Since(signalled); took > 7*time.Second+slack {
				t.Errorf("it took %v to end", took)
			}
			if !strings.Contains(p.logText(), "[input:kata:kata.0] in all: journal_entries=") {
				t.Error("the instance has not ended")
			}
			if !c.server {
				to.open(t)
			}
			large(t, dir)
			p = start(t, dir, "-c", "fluent-bit.conf")
			p.log.wait(t, p, func(log []string) bool { return strings.Contains(strings.Join(log, "\n"), "] version ") })
			waitForAll(t, p, to.come, w.records)
			p.stop(t)
			all, _ := to.come.now()
			exactly(t, all, w.records)
		})
	}
}

// slack is how much longer than in its configuration a Fluent Bit may take on a machine that is
// busy.
const slack = 10 * time.Second

// TestInputInstances has several instances with different filters, options and tags.
func TestInputInstances(t *testing.T) {
	t.Parallel()
	cases := contractCases(t)
	events := through(t, "fluent-bit.yaml", `
service:
  flush: 0.1
plugins:
  - ${INPUT}
pipeline:
  inputs:
    - name: kata
      tag: all
      path: ${JOURNAL}
      systemd_filter: all
    - name: kata
      tag: nested
      path: ${JOURNAL}
      systemd_filter: all
      prefix: vm_
      nest_under: kata
    - name: kata
      tag: chosen
      path: ${JOURNAL}
      systemd_filter: _CASE=seed,_CASE=runtime-rs-native
      threaded: off
`+yamlForward, vars{"JOURNAL": casesJournal(t, cases)}, 2*len(cases)+2)
	byTag := map[string][]event{}
	for _, e := range events {
		byTag[e.tag] = append(byTag[e.tag], e)
	}
	check(t, cases, byTag["all"])
	check(t, mapCases(cases, func(c *contractCase) {
		expect := map[string]any{}
		for key, value := range c.Expect {
			expect["vm_"+strings.TrimPrefix(key, "kata_")] = value
		}
		if c.Expect = nil; len(expect) > 0 {
			c.Expect = map[string]any{"kata": expect}
		}
	}), byTag["nested"])
	var chosen []contractCase
	for _, c := range cases {
		if name := c.Record["_CASE"]; name == "seed" || name == "runtime-rs-native" {
			chosen = append(chosen, c)
		}
	}
	check(t, chosen, byTag["chosen"])
}

// TestInputDefaultFilter reads the entries of Kata's own programs and of the container runtimes.
func TestInputDefaultFilter(t *testing.T) {
	t.Parallel()
	port, come := gather(t)
	w := journalWriter{dir: t.TempDir()}
	chosen := []string{"kata", "kata-runtime", "kata-proxy", "kata-shim", "kata-netmon", "kata-monitor", "containerd", "crio", "cri-o"}
	for _, identifier := range chosen {
		w.write(t, identifier, 1)
	}
	for _, identifier := range []string{"kubelet", "kata2", "Kata"} {
		w.write(t, identifier, 1)
	}
	w.write(t, "kata", 1)
	p := start(t, configure(t, "fluent-bit.conf", inputService+"[INPUT]\n    Name  kata\n    Path  "+w.dir+"\n"+lifecycleTail, vars{"PORT": port}), "-c", "fluent-bit.conf")
	come.wait(t, p, count[arrival](len(chosen)+1))
	p.stop(t)
	all, _ := come.now()
	for i, a := range all {
		want := i + 1
		if i == len(chosen) {
			want = w.records
		}
		if a.number != want {
			t.Errorf("record %d, want %d", a.number, want)
		}
	}
	if len(all) != len(chosen)+1 {
		t.Errorf("%d records, want %d", len(all), len(chosen)+1)
	}
}

// TestInputFromTail starts with what comes after the start, and the next time at the position.
func TestInputFromTail(t *testing.T) {
	t.Parallel()
	port, come := gather(t)
	dir := configure(t, "fluent-bit.conf", inputService+`
[INPUT]
    Name            kata
    Path            journal
    DB              position
    Read_From_Tail  on
`+lifecycleTail, vars{"PORT": port})
	w := journalWriter{dir: filepath.Join(dir, "journal")}
	w.write(t, "kata", 100)
	p := start(t, dir, "-c", "fluent-bit.conf")
	p.log.wait(t, p, func(log []string) bool { return strings.Contains(strings.Join(log, "\n"), "] version ") })
	w.write(t, "kata", 100)
	come.wait(t, p, reached(200))
	p.stop(t)
	w.write(t, "kata", 100)
	p = start(t, dir, "-c", "fluent-bit.conf")
	come.wait(t, p, reached(300))
	p.stop(t)
	all, _ := come.now()
	if lost, twice := missing(all, 300); lost != 100 || twice != 0 || all[0].number != 101 {
		t.Errorf("%d lost, want the first 100; %d came again", lost, twice)
	}
}

// TestInputBadDB does not start with a file that is not the input's own, or that cannot be
// written.
func TestInputBadDB(t *testing.T) {
	t.Parallel()
	dir := casesJournal(t, contractCases(t))
	// A database of the systemd input.
	at := configure(t, "systemd.conf", classicService+classicJournal+"    DB  systemd.db\n[OUTPUT]\n    Name  stdout\n    Match *\n", vars{"JOURNAL": dir})
	p := start(t, at, "-c", "systemd.conf")
	p.stdout.wait(t, p, count[string](1))
	p.stop(t)
	write(t, filepath.Join(at, "other"), "a=1\n")
	if err := os.Mkdir(filepath.Join(at, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for db, says := range map[string]string{
		"systemd.db":    "db: systemd.db is a database of Fluent Bit's systemd input; the input kata needs a file of its own",
		"other":         "db: other is not a file of the input kata",
		"folder":        "db: folder is not a regular file",
		"none/position": "no such file or directory",
		"/proc/kata":    "db: ",
	} {
		t.Run(db, func(t *testing.T) {
			before, _ := os.ReadFile(filepath.Join(at, db))
			write(t, filepath.Join(at, "fluent-bit.conf"), strings.NewReplacer("${JOURNAL}", dir).Replace(inputService+inputKata)+"    DB  "+db+"\n[OUTPUT]\n    Name  stdout\n    Match  *\n")
			p := start(t, at, "-c", "fluent-bit.conf")
			if isVersion(t, "v5.1.") {
				refused(t, p, says)
			} else { // older ones go on without the input
				p.log.wait(t, p, func(log []string) bool { return strings.Contains(strings.Join(log, "\n"), says) })
				p.stop(t)
			}
			if after, _ := os.ReadFile(filepath.Join(at, db)); string(after) != string(before) {
				t.Error("the file has changed")
			}
		})
	}
}
