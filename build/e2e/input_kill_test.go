//go:build e2e

package e2e

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inputNumbers is a configuration whose records have numbers, for arrivals.
const inputNumbers = inputService + `
[INPUT]
    Name       kata
    Tag        kata
    Path       ${JOURNAL}
    DB         position
    Max_Batch  ${BATCH}
    Threaded   ${THREADED}
    storage.type  ${STORAGE}
`

// numbered writes a journal with n records with the numbers from 1 on, which are the sequence
// numbers of the entries, too.
func numbered(t *testing.T, n int) (dir string) {
	t.Helper()
	var export []byte
	for i := range n {
		export = appendExport(export, journalStart+int64(i), map[string]any{
			"_BOOT_ID":          bootID,
			"SYSLOG_IDENTIFIER": "kata",
			"MESSAGE":           strings.TrimSpace(string(appendLine(nil, i+1))),
		})
	}
	return journal(t, export)
}

// position returns the number of the record that the position in a file is behind, 0 if there is
// no file.
func position(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), ";i=")
	number, _, end := strings.Cut(rest, ";")
	n, err := strconv.ParseInt(number, 16, 64)
	if !ok || !end || err != nil || !strings.HasSuffix(string(text), "\n") {
		t.Fatalf("%s is not whole: %q", path, text)
	}
	return int(n)
}

// held returns how often each record is in the chunks of a storage directory.
func held(t *testing.T, dir string) map[int]int {
	t.Helper()
	times := map[int]int{}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.flb"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range numberInText.FindAllSubmatch(b, -1) {
			n, _ := strconv.Atoi(string(m[1]))
			times[n]++
		}
	}
	return times
}

// kills is how often TestInputKill kills each Fluent Bit; KATA_KILLS sets another number.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("KATA_KILLS")
	if text == "" {
		return 6
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestInputKill kills Fluent Bit at random moments while the input kata reads a journal. With
// storage.type filesystem all records behind which the position is are in files of Fluent Bit's,
// and of the others at most one batch; so none is lost, and at most one batch comes again for
// each kill. With storage.type memory those are lost that Fluent Bit held, and none else.
func TestInputKill(t *testing.T) {
	t.Parallel()
	for _, threaded := range []string{"on", "off"} {
		t.Run("threaded "+threaded, func(t *testing.T) {
			t.Parallel()
			t.Run("filesystem", func(t *testing.T) {
				t.Parallel()
				killFilesystem(t, threaded)
			})
			t.Run("delivering", func(t *testing.T) {
				t.Parallel()
				killDelivering(t, threaded)
			})
			t.Run("memory", func(t *testing.T) {
				t.Parallel()
				killMemory(t, threaded)
			})
		})
	}
}

// batchRecords is more than how many records of numbered are in a batch of 64 KiB.
const batchRecords = 330

// killLater kills Fluent Bit at a random moment after its start.
func killLater(t *testing.T, p *process) {
	t.Helper()
	p.log.wait(t, p, func(log []string) bool {
		return strings.Contains(strings.Join(log, "\n"), "[input:kata:kata.0] version ")
	})
	time.Sleep(time.Duration(rand.N(3000)) * time.Millisecond)
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.wait(t)
}

func killFilesystem(t *testing.T, threaded string) {
	n := kills(t) * 4 * 250
	to := newGate(t)
	v := vars{"JOURNAL": numbered(t, n), "BATCH": "64k", "THREADED": threaded, "STORAGE": "filesystem", "PORT": to.port}
	dir := configure(t, "fluent-bit.conf", inputNumbers+lifecycleTail, v)
	moved, repeated := 0, 0
	for kill := range kills(t) {
		before := position(t, filepath.Join(dir, "position"))
		killLater(t, start(t, dir, "-c", "fluent-bit.conf"))
		at, times := position(t, filepath.Join(dir, "position")), held(t, filepath.Join(dir, "storage"))
		if at > before {
			moved++
		}
		lost, ahead, twice := 0, 0, 0
		for i := 1; i <= n; i++ {
			if i <= at && times[i] == 0 {
				lost++
			}
			if i > at && times[i] > 0 {
				ahead++
			}
			twice += max(0, times[i]-1)
		}
		if lost > 0 || ahead > batchRecords || twice-repeated > batchRecords {
			t.Errorf("kill %d: the position is behind %d records, of which %d are not in storage; %d behind it are, and %d came again", kill+1, at, lost, ahead, twice-repeated)
		}
		repeated = twice
	}
	if moved < kills(t)/3 {
		t.Errorf("the position has moved before %d of %d kills: they test little", moved, kills(t))
	}

	// What is left comes, to a server that listens now.
	to.open(t)
	large(t, dir)
	p := start(t, dir, "-c", "fluent-bit.conf")
	waitForAll(t, p, to.come, n)
	p.stop(t)
	all, _ := to.come.now()
	lost, _ := missing(all, n)
	t.Logf("%d records, %d kills, %d after the position had moved: %d lost, %d came again", n, kills(t), moved, lost, len(all)-n)
	if lost > 0 || len(all)-n > kills(t)*batchRecords {
		t.Errorf("%d records lost, %d came again", lost, len(all)-n)
	}
	if at := position(t, filepath.Join(dir, "position")); at != n {
		t.Errorf("at the end the position is behind %d records", at)
	}
}

// killDelivering delivers meanwhile. Fluent Bit itself delivers chunks again that it has
// delivered and not deleted yet, so records that come again are not counted.
func killDelivering(t *testing.T, threaded string) {
	n := kills(t) * 4 * 250
	port, come := gather(t)
	dir := configure(t, "fluent-bit.conf", inputNumbers+lifecycleTail,
		vars{"JOURNAL": numbered(t, n), "BATCH": "64k", "THREADED": threaded, "STORAGE": "filesystem", "PORT": port})
	for range kills(t) {
		killLater(t, start(t, dir, "-c", "fluent-bit.conf"))
	}
	large(t, dir)
	p := start(t, dir, "-c", "fluent-bit.conf")
	waitForAll(t, p, come, n)
	p.stop(t)
	all, _ := come.now()
	t.Logf("%d records, %d kills: %d came again", n, kills(t), len(all)-n)
}

func killMemory(t *testing.T, threaded string) {
	const n = 2000
	to := newGate(t)
	v := vars{"JOURNAL": numbered(t, n), "BATCH": "64k", "THREADED": threaded, "STORAGE": "memory", "PORT": to.port}
	dir := configure(t, "fluent-bit.conf", inputNumbers+lifecycleTail, v)
	p := start(t, dir, "-c", "fluent-bit.conf")
	// After two batches at least.
	waitFor(t, p, func() bool { return position(t, filepath.Join(dir, "position")) > batchRecords })
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.wait(t)
	at := position(t, filepath.Join(dir, "position"))
	to.open(t)
	p = start(t, dir, "-c", "fluent-bit.conf")
	to.come.wait(t, p, reached(n))
	p.stop(t)
	all, _ := to.come.now()
	lost, twice := missing(all, n)
	t.Logf("%d records, %d lost, the position was behind %d", n, lost, at)
	if lost != at || twice > 0 || len(all) != n-at {
		t.Errorf("%d records lost, %d came again, though the position was behind %d", lost, twice, at)
	}
}

// large has the next Fluent Bit read all at once.
func large(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "fluent-bit.conf")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.Replace(string(text), "Max_Batch  64k", "Max_Batch  4M", 1))
}

// TestInputKillSlowFilter kills Fluent Bit just after the position has moved, while a filter needs
// seconds for each batch: the position moves only when the batch is in a file.
func TestInputKillSlowFilter(t *testing.T) {
	t.Parallel()
	if help, err := exec.Command(fluentBit, "--help").CombinedOutput(); err != nil || !regexp.MustCompile(`(?m)^  lua `).Match(help) {
		t.Skipf("%s is built without the filter lua: %v", fluentBit, err)
	}
	for _, server := range []string{"Off", "On"} {
		t.Run("http_server "+server, func(t *testing.T) {
			t.Parallel()
			killSlowFilter(t, server)
		})
	}
}

// killSlowFilter is TestInputKillSlowFilter with Fluent Bit's HTTP server off or on: a thread of
// that has the engine's name, and waits for events as it does, but for its timeout.
func killSlowFilter(t *testing.T, server string) {
	const n = 1500
	to := newGate(t)
	dir := configure(t, "fluent-bit.conf", strings.Replace(inputNumbers, "[SERVICE]\n", "[SERVICE]\n    HTTP_Server   "+server+"\n    HTTP_Listen   127.0.0.1\n    HTTP_Port     "+freePort(t)+"\n", 1)+"\n[FILTER]\n    Name    lua\n    Match   *\n    Script  slow.lua\n    Call    slow\n"+lifecycleTail,
		vars{"JOURNAL": numbered(t, n), "BATCH": "64k", "THREADED": "on", "STORAGE": "filesystem", "PORT": to.port})
	write(t, filepath.Join(dir, "slow.lua"), `
local n = 0
function slow(tag, time, record)
    n = n + 1
    if n % 100 == 1 then
        local start = os.clock() -- of the processor
        while os.clock() - start < 0.5 do end
    end
    return 0, 0, 0
end
`)
	for range 3 {
		p := start(t, dir, "-c", "fluent-bit.conf")
		path := filepath.Join(dir, "position")
		before := position(t, path)
		waitFor(t, p, func() bool { return position(t, path) != before })
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		p.wait(t)
		times, lost := held(t, filepath.Join(dir, "storage")), 0
		for i := 1; i <= position(t, path); i++ {
			if times[i] == 0 {
				lost++
			}
		}
		if lost > 0 {
			t.Errorf("the position is behind %d records, of which %d are not in storage", position(t, path), lost)
		}
	}
}

// waitForAll waits until each of the records 1 to n has come.
func waitForAll(t *testing.T, p *process, come *stream[arrival], n int) {
	t.Helper()
	lost := n
	defer func() {
		if lost > 0 {
			t.Errorf("%d of %d records have not come", lost, n)
		}
	}()
	waitFor(t, p, func() bool {
		all, _ := come.now()
		lost, _ = missing(all, n)
		return lost == 0
	})
}

// waitFor waits until something is so. It fails the test if that takes too long, or if the
// process ends before.
func waitFor(t *testing.T, p *process, so func() bool) {
	t.Helper()
	for late := time.Now().Add(2 * timeout); !so(); time.Sleep(20 * time.Millisecond) {
		select {
		case <-p.ended:
			if so() {
				return
			}
			t.Fatalf("Fluent Bit has ended: %v", p.err)
		default:
		}
		if time.Now().After(late) {
			t.Fatalf("not after %s", 2*timeout)
		}
	}
}

// gate is a server for Fluent Bit's output tcp that refuses connections until it is opened.
type gate struct {
	socket *os.File
	port   string
	come   *stream[arrival]
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{come: newStream[arrival]()}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	address, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	g.port = strconv.Itoa(address.(*syscall.SockaddrInet4).Port)
	g.socket = os.NewFile(uintptr(fd), "gate")
	t.Cleanup(func() { _ = g.socket.Close() })
	return g
}

// open takes connections from now on.
func (g *gate) open(t *testing.T) {
	t.Helper()
	if err := syscall.Listen(int(g.socket.Fd()), 16); err != nil {
		t.Fatal(err)
	}
	l, err := net.FileListener(g.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go readArrivals(conn, g.come)
		}
	}()
}

// logCount returns how often a text is in the log.
func logCount(p *process, text string) int { return strings.Count(p.logText(), text) }
