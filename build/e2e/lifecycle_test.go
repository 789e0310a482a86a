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
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The start of every configuration in this file. It reads the lines of kata.log as they are
// written, and stores its position for the next run.
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

// arrival is a record that was received: the number in its text, and whether the filter has
// parsed it.
type arrival struct {
	number int
	parsed bool
}

var numberInText = regexp.MustCompile(`pid=(\d+)`)

// gather receives the lines of JSON of Fluent Bit's tcp output until the test ends.
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

// reached reports whether a record with at least this number was received.
func reached(number int) func([]arrival) bool {
	checked := 0
	return func(all []arrival) bool {
		for ; checked < len(all); checked++ {
			if all[checked].number >= number {
				return true
			}
		}
		return false
	}
}

// missing returns how many of the records 1 to n were not received, and how many were received
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

// load writes lines with the numbers from 1 on until it is stopped, a hundred twenty times a
// second, whatever Fluent Bit does meanwhile.
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

// appendLine appends a line of 128 bytes. If Fluent Bit ends when a line is half written, its
// tail input loses the first half, with and without a filter. These lines never cross a page
// of the file, so that they are written at once.
func appendLine(b []byte, n int) []byte {
	line := fmt.Sprintf("time=2024-05-06T07:08:09.%09dZ level=%s msg=\"release sandbox\" name=kata-runtime pid=%[1]d source=virtcontainers",
		n, [...]string{"info", "error"}[n%2])
	return fmt.Appendf(b, "%-127s\n", line)
}

// TestManyReloads reloads Fluent Bit 200 times under load, with the filter and without it: the
// filter loses no record that Fluent Bit itself does not lose, and leaks no memory when an
// instance ends.
//
// Leaks are measured in Go's heap, whose size a library for tests prints when an instance has
// ended and the garbage collector has run. The resident memory of the process cannot show them:
// on a busy machine it varies by several MiB, with the backlog, the allocator's arenas and the
// number of threads. Its limit is above that, and far below the sum of a leak with every chunk;
// valgrind finds smaller leaks in C in the tests of internal/host.
func TestManyReloads(t *testing.T) {
	t.Parallel()
	const (
		// About 50 kB were measured, on a busy machine and on an idle one: caches of the Go
		// runtime, which stop growing later. Each leaked instance would be over 100 kB.
		heapBound = 512 << 10
		// 6 MiB were measured on a busy machine.
		residentBound = 32 << 20
	)
	telling := filepath.Join(t.TempDir(), "flb-filter_kata.so")
	if err := goBuild(telling, "-tags=katatest", "./plugin/filter"); err != nil {
		t.Fatal(err)
	}
	var bare, with reloaded
	t.Run("200", func(t *testing.T) {
		t.Run("without", func(t *testing.T) {
			t.Parallel()
			bare = reloadOften(t, telling, "")
		})
		t.Run("with", func(t *testing.T) {
			t.Parallel()
			with = reloadOften(t, telling, classicFilter)
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
	if len(with.heap) != reloads+1 {
		t.Fatalf("%d instances have told what is left in Go's heap, want %d", len(with.heap), reloads+1)
	}
	early, late := with.heap[settled-1], with.heap[reloads-1]
	t.Logf("Go's heap: %d bytes after reload %d, %d bytes after reload %d", early, settled, late, reloads)
	if late > early+heapBound {
		t.Errorf("%d bytes more in Go's heap after %d reloads than after %d", late-early, reloads, settled)
	}
	if grown := (with.late - with.early) << 10; grown > residentBound {
		t.Errorf("%d bytes more of resident memory after %d reloads than after %d", grown, reloads, settled)
	}
}

const (
	reloads = 200
	settled = 20 // reloads after which all that is made once is there
)

type reloaded struct {
	written, all, parsed, lost, twice int
	early, late                       int   // resident memory in kB once settled, and at the end
	heap                              []int // bytes in use in Go's heap after each instance
}

func (r reloaded) String() string {
	return fmt.Sprintf("%d records written, %d lost, %d came twice; %d kB after reload %d, %d kB after reload %d",
		r.written, r.lost, r.twice, r.early, settled, r.late, reloads)
}

func reloadOften(t *testing.T, library, filter string) (r reloaded) {
	port, come := gather(t)
	dir := configure(t, "fluent-bit.conf", lifecycleHead+filter+lifecycleTail, vars{"PORT": port})
	write(t, filepath.Join(dir, "plugins.conf"), "[PLUGINS]\n    Path "+library+"\n")
	written, stop := load(t, filepath.Join(dir, "kata.log"))
	p := startWith(t, dir, []string{"KATATEST_HEAP=1"}, "-c", "fluent-bit.conf")
	come.wait(t, p, reached(1))
	for n := 1; n <= reloads; n++ {
		reload(t, p, n)
		// What is written from now on is processed by the new pipeline.
		come.wait(t, p, reached(written()+1))
		switch n {
		case settled:
			r.early = resident(t, p)
		case reloads:
			r.late = resident(t, p)
		}
	}
	r.written = stop()
	come.wait(t, p, reached(r.written))
	p.stop(t)
	for _, m := range heapInLog.FindAllStringSubmatch(p.logText(), -1) {
		n, _ := strconv.Atoi(m[1])
		r.heap = append(r.heap, n)
	}
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

var heapInLog = regexp.MustCompile(`(?m)^heap in use: (\d+)$`)

// reload has Fluent Bit reload for the nth time. Until that is done it refuses another reload,
// and may stop working after one; from 4.2 on it logs the end of a reload.
func reload(t *testing.T, p *process, n int) {
	t.Helper()
	said := func(log []string, what string) bool {
		return strings.Count(strings.Join(log, "\n"), "[reload] "+what) == n
	}
	signal(t, p, syscall.SIGHUP)
	p.log.wait(t, p, func(log []string) bool { return said(log, "start everything") })
	if logsReload() {
		p.log.wait(t, p, func(log []string) bool { return said(log, "successful reload done.") })
	} else {
		time.Sleep(200 * time.Millisecond)
	}
}

// logsReload reports whether this Fluent Bit logs the end of a reload.
var logsReload = sync.OnceValue(func() bool {
	out, err := exec.Command(fluentBit, "--version").Output()
	var major, minor int
	if _, scan := fmt.Sscanf(string(out), "Fluent Bit v%d.%d", &major, &minor); err != nil || scan != nil {
		panic(fmt.Sprintf("%v, %v: %s", err, scan, out))
	}
	return major > 4 || major == 4 && minor >= 2
})

// resident returns the resident memory of a process that is not shared, in kB.
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

// TestTerm stops Fluent Bit with SIGTERM under load, three times: it exits, and after the next
// start no record is missing.
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

// TestKill kills Fluent Bit three times while it reads a journal. With its buffer and its cursor
// in files no record is lost, though some are received twice.
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
	late := time.After(timeout)
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

// TestManyInstances has instances with different options at the same time: as processors, two in
// a row and in two inputs' threads, and as filters.
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

// TestOtherGoPlugin has a second library with a Go runtime in the process, the output kata or
// another project's, and a nil pointer after a reload, which installs Fluent Bit's own signal
// handlers again. Go does not support two runtimes in a process; it works as long as each
// forwards the signals that are not its own, which current versions do.
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
			// A chunk that makes the library panic is passed on as it is, and the process continues.
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

// TestOutputReloads: Fluent Bit 5.1.1 loses the workers of an output like this one at a reload, and
// they use what has been freed, at the latest a second and a half later.
func TestOutputReloads(t *testing.T) {
	t.Parallel()
	dir := configure(t, "fluent-bit.yaml", `
service:
  flush: 0.1
  hot_reload: on
plugins:
  - ${OUTPUT}
pipeline:
  inputs:
    - {name: dummy, dummy: '{"SYSLOG_IDENTIFIER":"kata","MESSAGE":"level=info msg=x"}', rate: 50}
  outputs:
    - {name: kata, match: "*"}
`, vars{"OUTPUT": outputLibrary})
	p := start(t, dir, "-c", "fluent-bit.yaml")
	for i := range 4 {
		before, _ := p.stdout.now()
		p.stdout.wait(t, p, func(lines []string) bool { return len(lines) > len(before)+10 })
		reload(t, p, i+1)
		time.Sleep(2 * time.Second)
	}
	p.stop(t)
}
