//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The head of every configuration here. Lines of kata.log come as they are
// written, and their place is kept across runs.
const (
	lifecycleHead = `
[SERVICE]
    Flush         0.1
    Hot_Reload    On
    Plugins_File  plugins.conf
    storage.path  storage

[INPUT]
    Name            tail
    Tag             kata
    Path            kata.log
    DB              kata.db
    Read_From_Head  On
    Refresh_Interval  1
`
	lifecycleTail = `
[OUTPUT]
    Name    tcp
    Match   *
    Host    127.0.0.1
    Port    ${PORT}
    Format  json_lines
    Retry_Limit  no_limits
`
)

// arrival is a record that has come out: the number in its text, and whether
// the filter has parsed it.
type arrival struct {
	number int
	parsed bool
}

var numberInText = regexp.MustCompile(`pid=(\d+)`)

// gather listens for the JSON lines of Fluent Bit's tcp output until the test ends.
func gather(t *testing.T) (port string, come *stream[arrival]) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	come = newStream[arrival]()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go readArrivals(conn, come)
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, come
}

func readArrivals(conn net.Conn, come *stream[arrival]) {
	defer conn.Close()
	for b := bufio.NewReader(conn); ; {
		line, err := b.ReadBytes('\n')
		if err != nil {
			return // a line that was cut comes again, whole
		}
		if m := numberInText.FindSubmatch(line); m != nil {
			n, _ := strconv.Atoi(string(m[1]))
			come.add(arrival{n, bytes.Contains(line, fmt.Appendf(nil, `"kata_pid":%d`, n))})
		}
	}
}

// reached is whether a record with at least this number has come.
func reached(number int) func([]arrival) bool {
	looked := 0
	return func(all []arrival) bool {
		for ; looked < len(all); looked++ {
			if all[looked].number >= number {
				return true
			}
		}
		return false
	}
}

// missing is how many of the records 1 to n have not come, and how many came
// more than once.
func missing(all []arrival, n int) (lost, twice int) {
	times := make([]int, n+1)
	for _, a := range all {
		times[a.number]++
	}
	for _, k := range times[1:] {
		if k == 0 {
			lost++
		} else if k > 1 {
			twice++
		}
	}
	return lost, twice
}

// load writes lines with the numbers from 1 on until it is stopped, a hundred
// twenty times a second: steadily, whatever Fluent Bit does meanwhile.
func load(t *testing.T, path string) (written func() int, stop func() int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	counts := newStream[int]()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer f.Close()
		pace := time.NewTicker(50 * time.Millisecond)
		defer pace.Stop()
		var lines []byte
		for n := 0; ; {
			lines = lines[:0]
			for range 100 {
				n++
				lines = appendLine(lines, n)
			}
			if _, err := f.Write(lines); err != nil {
				t.Error(err)
				return
			}
			counts.add(n)
			select {
			case <-pace.C:
			case <-done:
				return
			}
		}
	}()
	written = func() int {
		all, _ := counts.now()
		if len(all) == 0 {
			return 0
		}
		return all[len(all)-1]
	}
	halt := func() {
		select {
		case <-done:
		default:
			close(done)
		}
		<-ended
	}
	t.Cleanup(halt)
	return written, func() int { halt(); return written() }
}

// appendLine appends a line of 128 bytes. Of a line that is half written when it
// ends Fluent Bit's tail input forgets the first half, with any filter or none:
// these lines never cross a page of the file, and are there or not.
func appendLine(b []byte, n int) []byte {
	line := fmt.Sprintf("time=2024-05-06T07:08:09.%09dZ level=%s msg=\"release sandbox\" name=kata-runtime pid=%[1]d source=virtcontainers",
		n, [...]string{"info", "error"}[n%2])
	return fmt.Appendf(b, "%-127s\n", line)
}

// TestManyReloads reloads Fluent Bit 200 times under load, with the filter and
// without it, and compares: the filter loses no record and grows no memory that
// Fluent Bit itself does not.
func TestManyReloads(t *testing.T) {
	t.Parallel()
	var bare, with reloaded
	t.Run("200", func(t *testing.T) {
		t.Run("without", func(t *testing.T) {
			t.Parallel()
			bare = reloadOften(t, "")
		})
		t.Run("with", func(t *testing.T) {
			t.Parallel()
			with = reloadOften(t, classicFilter)
		})
	})
	if t.Failed() {
		return
	}
	t.Logf("without the filter: %v", bare)
	t.Logf("with it:            %v", with)
	if with.lost > bare.lost {
		t.Errorf("%d records lost, %d without the filter", with.lost, bare.lost)
	}
	if with.parsed != with.all || bare.parsed != 0 {
		t.Errorf("%d of %d records parsed, and %d without the filter", with.parsed, with.all, bare.parsed)
	}
	if grown, own := with.grown(), bare.grown(); grown > max(own, 0)+2<<10 {
		t.Errorf("%d kB more after 200 reloads than after 20, %d kB without the filter", grown, own)
	}
}

type reloaded struct {
	written, all, parsed, lost, twice int
	early, late                       int // resident memory in kB after 20 and after 200 reloads
}

func (r reloaded) grown() int { return r.late - r.early }

func (r reloaded) String() string {
	return fmt.Sprintf("%d records written, %d lost, %d came twice; %d kB after reload 20, %d kB after reload 200",
		r.written, r.lost, r.twice, r.early, r.late)
}

func reloadOften(t *testing.T, filter string) (r reloaded) {
	const reloads = 200
	port, come := gather(t)
	dir := configure(t, "fluent-bit.conf", lifecycleHead+filter+lifecycleTail, vars{"PORT": port})
	write(t, filepath.Join(dir, "plugins.conf"), "[PLUGINS]\n    Path "+filterLibrary+"\n")
	written, stop := load(t, filepath.Join(dir, "kata.log"))
	p := start(t, dir, "-c", "fluent-bit.conf")
	come.wait(t, p, reached(1))
	// One number is chance: the lowest of five counts.
	var early, late []int
	for i := range reloads {
		reload(t, p, i+1)
		// What is written from now on comes through the new pipeline.
		come.wait(t, p, reached(written()+1))
		switch {
		case 15 <= i && i < 20:
			early = append(early, resident(t, p))
		case i >= reloads-5:
			late = append(late, resident(t, p))
		}
	}
	r.early, r.late = slices.Min(early), slices.Min(late)
	r.written = stop()
	come.wait(t, p, reached(r.written))
	p.stop(t)
	all, _ := come.now()
	r.all = len(all)
	for _, a := range all {
		if a.parsed {
			r.parsed++
		}
	}
	r.lost, r.twice = missing(all, r.written)
	return r
}

// reload has Fluent Bit reload for the nth time. Until that is done it refuses
// the next time, and may not go on after that; from 4.2 on it says when it is.
func reload(t *testing.T, p *process, n int) {
	t.Helper()
	said := func(log []string, what string) bool {
		return strings.Count(strings.Join(log, "\n"), "[reload] "+what) == n
	}
	signal(t, p, syscall.SIGHUP)
	p.log.wait(t, p, func(log []string) bool { return said(log, "start everything") })
	if tellsReload() {
		p.log.wait(t, p, func(log []string) bool { return said(log, "successful reload done.") })
	} else {
		time.Sleep(200 * time.Millisecond)
	}
}

// tellsReload says whether this Fluent Bit is one that tells the end of a reload.
var tellsReload = sync.OnceValue(func() bool {
	out, err := exec.Command(fluentBit, "--version").Output()
	var major, minor int
	if _, scan := fmt.Sscanf(string(out), "Fluent Bit v%d.%d", &major, &minor); err != nil || scan != nil {
		panic(fmt.Sprintf("%v, %v: %s", err, scan, out))
	}
	return major > 4 || major == 4 && minor >= 2
})

// resident is the memory of a process that is its own, in kB.
func resident(t *testing.T, p *process) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no VmRSS in\n%s", status)
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

// TestTerm ends Fluent Bit in the middle of the load, three times: it goes
// when asked to, and after the next start nothing is missing.
func TestTerm(t *testing.T) {
	t.Parallel()
	port, come := gather(t)
	dir := configure(t, "fluent-bit.conf", lifecycleHead+classicFilter+lifecycleTail, vars{"PORT": port})
	written, stop := load(t, filepath.Join(dir, "kata.log"))
	for range 3 {
		p := start(t, dir, "-c", "fluent-bit.conf")
		come.wait(t, p, reached(written()+1))
		p.stop(t)
		if !strings.Contains(p.logText(), "[filter:kata:kata.0] in all: records{parsed=") {
			t.Error("no word at the end")
		}
	}
	n := stop()
	p := start(t, dir, "-c", "fluent-bit.conf")
	come.wait(t, p, reached(n))
	p.stop(t)
	all, _ := come.now()
	lost, twice := missing(all, n)
	t.Logf("%d records written, %d lost, %d came twice", n, lost, twice)
	if lost > 0 {
		t.Errorf("%d of %d records are lost", lost, n)
	}
}

// TestKill kills Fluent Bit three times while it reads a journal. With its
// buffer and its cursor in files every record arrives, some of them twice.
func TestKill(t *testing.T) {
	t.Parallel()
	const n = 50000
	var export []byte
	for i := range n {
		export = appendExport(export, journalStart+int64(i), map[string]any{
			"_BOOT_ID":          bootID,
			"SYSLOG_IDENTIFIER": "kata",
			"MESSAGE":           strings.TrimSpace(string(appendLine(nil, i+1))),
		})
	}
	port, come := gather(t)
	dir := configure(t, "fluent-bit.conf", `
[SERVICE]
    Flush         0.1
    Plugins_File  plugins.conf
    storage.path  storage

[INPUT]
    Name          systemd
    Tag           kata
    Path          ${JOURNAL}
    DB            journal.db
    storage.type  filesystem
`+classicFilter+lifecycleTail, vars{"PORT": port, "JOURNAL": journal(t, export)})
	for kill := range 3 {
		p := start(t, dir, "-c", "fluent-bit.conf")
		come.wait(t, p, reached(1+kill*n/4))
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		p.wait(t)
		if all, _ := come.now(); len(all) >= n {
			t.Errorf("kill %d was too late: all had come", kill+1)
		}
	}
	p := start(t, dir, "-c", "fluent-bit.conf")
	late := time.After(patience)
	for {
		all, grown := come.now()
		lost, twice := missing(all, n)
		if lost == 0 {
			t.Logf("%d records, %d came twice", n, twice)
			break
		}
		select {
		case <-grown:
		case <-late:
			t.Fatalf("%d of %d records have not come", lost, n)
		}
	}
	p.stop(t)
	all, _ := come.now()
	for _, a := range all {
		if !a.parsed {
			t.Fatalf("record %d came without the filter's fields", a.number)
		}
	}
}

// TestManyInstances has instances with options of their own at work at once: as
// processors, two in a row and in two inputs' threads, and as filters.
func TestManyInstances(t *testing.T) {
	t.Parallel()
	const n = 20000
	var lines []byte
	for i := range n {
		lines = appendLine(lines, i+1)
	}
	dir := configure(t, "fluent-bit.yaml", `
service:
  flush: 0.1
plugins:
  - ${FILTER}
pipeline:
  inputs:
    - name: tail
      tag: one
      path: kata.log
      read_from_head: on
      threaded: on
      processors:
        logs:
          - {name: kata, alias: p1, prefix: p1_}
          - {name: kata, alias: p2, prefix: p2_, types: string}
    - name: tail
      tag: two
      path: kata.log
      read_from_head: on
      threaded: on
      processors:
        logs:
          - {name: kata, alias: p3, prefix: p3_, min_level: error}
  filters:
    - {name: kata, match: one, alias: f1, prefix: f1_, only_keys: "pid"}
    - {name: kata, match: two, alias: f2, prefix: "", nest_under: nest}
  outputs:
    - {name: stdout, match: "*", format: json_lines}
`, nil)
	write(t, filepath.Join(dir, "kata.log"), string(lines))
	p := start(t, dir, "-c", "fluent-bit.yaml")
	p.stdout.wait(t, p, func(lines []string) bool { return len(lines) >= n+n/2 })
	p.stop(t)
	out, _ := p.stdout.now()
	one, two := 0, 0
	for _, line := range out {
		m := numberInText.FindStringSubmatch(line)
		if m == nil {
			continue // a banner
		}
		has := func(format string) bool { return strings.Contains(line, strings.ReplaceAll(format, "N", m[1])) }
		switch {
		case has(`"p1_pid":N,`) && has(`"p2_pid":"N",`) && has(`"f1_pid":N}`) && !has(`"f1_level"`) && !has(`"nest"`) && !has(`"p3_`):
			one++
		case has(`"p3_level":"error"`) && has(`"p3_pid":N,`) && has(`"nest":{"level":"error"`) && !has(`"p1_`) && !has(`"f1_`):
			two++
		default:
			t.Fatalf("an event with other fields: %s", line)
		}
	}
	if one != n || two != n/2 {
		t.Errorf("%d and %d events, want %d and %d", one, two, n, n/2)
	}
}

// TestOtherGoPlugin has a second library with a Go runtime in the process, which
// is the output kata or somebody else's, and a nil pointer, after a reload, which
// sets Fluent Bit's own signal handlers again. Go promises nothing for two runtimes;
// it works as long as each hands on the signals that are not its own, which current
// versions do.
func TestOtherGoPlugin(t *testing.T) {
	t.Parallel()
	libraries := t.TempDir()
	at := func(name string) string { return filepath.Join(libraries, name) }
	other, filter, output := at("other.so"), at("flb-filter_kata.so"), at("kata.so")
	for _, err := range []error{
		goBuild(other, "./build/e2e/testdata/other"),
		goBuild(filter, "-tags=katatest", "./plugin/filter"),
		goBuild(output, "-tags=katatest", "./plugin/output"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const n = 2000
	var lines []byte
	for i := range n {
		lines = appendLine(lines, i+1)
	}
	for _, c := range []struct {
		name, plugin string
		order        []string
		failing      []string // which log that they failed
	}{
		{"other first", "other", []string{other, filter}, []string{"filter"}},
		{"other last", "other", []string{filter, other}, []string{"filter"}},
		{"output first", "kata", []string{output, filter}, []string{"filter", "output"}},
		{"output last", "kata", []string{filter, output}, []string{"filter", "output"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			port, come := gather(t)
			dir := configure(t, "fluent-bit.conf", lifecycleHead+classicFilter+lifecycleTail+`
[OUTPUT]
    Name   ${PLUGIN}
    Match  *
`, vars{"PORT": port, "PLUGIN": c.plugin})
			write(t, filepath.Join(dir, "plugins.conf"), "[PLUGINS]\n    Path "+strings.Join(c.order, "\n    Path ")+"\n")
			path := filepath.Join(dir, "kata.log")
			write(t, path, string(lines))
			p := start(t, dir, "-c", "fluent-bit.conf")
			come.wait(t, p, reached(n))
			reload(t, p, 1)
			// A chunk at which the library fails goes on as it came, and so does the process.
			appendFile(t, path, fmt.Sprintf("katatest:nil pid=%d\n", n+1))
			come.wait(t, p, reached(n+1))
			appendFile(t, path, string(appendLine(nil, n+2)))
			all := come.wait(t, p, reached(n+2))
			if len(all) != n+2 || !all[n-1].parsed || all[n].parsed || !all[n+1].parsed {
				t.Errorf("%d events, the last ones %v", len(all), all[len(all)-3:])
			}
			p.stop(t)
			for _, kind := range c.failing {
				if !regexp.MustCompile(`\[` + kind + `:kata:kata\.\d\] internal error, the records go on as they came \(1 so far\): runtime error: invalid memory address`).MatchString(p.logText()) {
					t.Errorf("the log does not say that there was an error in the %s", kind)
				}
			}
			counted := 0
			said, _ := p.stdout.now()
			for _, line := range said {
				var k int
				if _, err := fmt.Sscanf(line, "other: %d", &k); err == nil {
					counted += k
				}
				if strings.HasPrefix(line, `{"date":`) {
					counted++
				}
			}
			if counted != n+2 {
				t.Errorf("the other plugin had %d records, want %d", counted, n+2)
			}
		})
	}
}

func appendFile(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
