//go:build integration

package integration

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/build/integration/faults"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
)

// What TestSoak sends: half of it goes through the filter to an output that does not parse, half
// of it to an output that parses.
const (
	soakRate  = 2000            // records in a second
	soakTick  = time.Second / 4 // between messages
	soakEvery = time.Second     // between samples of what the process uses
)

// TestSoak has one Fluent Bit with both libraries deliver records of all programs for the time
// that the flag -soak says, to a server in this process that fails now and then: for some
// requests all the time, for all of them five seconds in a minute. No record may be lost or stored
// twice, and from the second third of the time to the last neither memory, if it is ten minutes or
// more, nor threads nor files may grow.
func TestSoak(t *testing.T) {
	if fluentBit == "" || *soak == 0 {
		t.Skip("it needs FLUENT_BIT and -soak")
	}
	store := &soakStore{}
	server := httptest.NewServer(store)
	t.Cleanup(server.Close)
	proxy, err := faults.Start(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	proxy.SetPlan(func(request int) faults.Fault {
		switch {
		case request%20 == 3:
			return faults.Reset
		case request%20 == 8:
			return faults.RejectAll
		case request%20 == 13:
			return faults.RejectSome
		case request%20 == 18:
			return faults.Cut
		}
		return faults.Pass
	})
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	dir := t.TempDir()
	output := func(name, more string) string {
		return "[OUTPUT]\n    Name kata\n    Alias " + name + "\n    Match " + name + "\n    Url http://" + proxy.Addr() + "\n    " + more + "\n"
	}
	config := "[SERVICE]\n    Flush 1\n    Grace 5\n    Plugins_File plugins.conf\n    storage.path storage\n    scheduler.base 1\n    scheduler.cap 2\n" +
		"[INPUT]\n    Name forward\n    Listen 127.0.0.1\n    Port " + port + "\n    storage.type filesystem\n" +
		"[FILTER]\n    Name kata\n    Match filtered\n" + output("filtered", "Parse off") + output("parsed", "Duplicates mark")
	for name, text := range map[string]string{
		"plugins.conf":    "[PLUGINS]\n    Path " + filterLibrary + "\n    Path " + outputLibrary + "\n",
		"fluent-bit.conf": config,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(fluentBit, "-c", "fluent-bit.conf")
	cmd.Dir = dir
	p := launch(t, cmd)
	conn := dial(t, p, address)

	var samples []usage
	begin, sent := time.Now(), 0
	records := gen.New(1, 100)
	var down bool
	for tick := begin; time.Since(begin) < *soak; tick = tick.Add(soakTick) {
		time.Sleep(time.Until(tick))
		elapsed := time.Since(begin)
		if minute := elapsed % time.Minute; (minute > 50*time.Second && minute < 55*time.Second) != down {
			down = !down
			proxy.SetDown(down)
		}
		for _, tag := range []string{"filtered", "parsed"} {
			n := int(soakRate * soakTick.Seconds() / 2)
			if _, err := conn.Write(message(tag, records, sent, n)); err != nil {
				t.Fatal(err)
			}
			sent += n
		}
		if len(samples) == 0 || elapsed >= time.Duration(len(samples))*soakEvery {
			u, err := usageOf(p.cmd.Process.Pid)
			if err != nil {
				t.Fatal(err)
			}
			samples = append(samples, u)
		}
	}
	proxy.SetDown(false)
	stored, wrong := store.numbers()
	for end := time.Now().Add(2 * time.Minute); stored < sent && time.Now().Before(end); stored, wrong = store.numbers() {
		time.Sleep(100 * time.Millisecond)
	}
	took := p.stop(t)
	third, tenths := len(samples)/3, ""
	before, last := middle(samples[third:2*third]), middle(samples[2*third:])
	for i := range 10 {
		tenths += fmt.Sprintf(" %d", middle(samples[i*len(samples)/10:(i+1)*len(samples)/10]).memory>>20)
	}
	t.Logf("%v: %d sent, %d stored, %d wrong, %d requests, %.0f MB; %d lines of level warn or error", *soak, sent,
		stored, wrong, proxy.Requests(), float64(proxy.Bytes())/1e6, len(p.problems()))
	t.Logf("medians of the second third: %s; of the last: %s; memory in tenths, MiB:%s", before, last, tenths)
	if stored != sent || wrong != 0 {
		t.Errorf("%d of %d records are stored, %d are wrong", stored, sent, wrong)
	}
	// What glibc and Go keep for later varies by some percent, and is there after some minutes.
	if *soak >= 10*time.Minute && last.memory > before.memory+before.memory/10+8<<20 {
		t.Errorf("memory grows from %d to %d MiB", before.memory>>20, last.memory>>20)
	}
	if last.threads > before.threads+2 || last.files > before.files+8 {
		t.Errorf("threads or files grow: %s, then %s", before, last)
	}
	if p.said(`panics=[1-9]`) || !p.said(`panics=0`) {
		t.Error("there were panics")
	}
	if took > 7*time.Second {
		t.Errorf("it ended %v after SIGTERM", took)
	}
}

// usage is what a process uses.
type usage struct {
	memory         int64 // resident, in bytes
	threads, files int
}

func (u usage) String() string {
	return fmt.Sprintf("%d MiB, %d threads, %d files", u.memory>>20, u.threads, u.files)
}

var inStatus = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB\n(?s:.*)^Threads:\s+(\d+)$`)

func usageOf(pid int) (u usage, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	m := inStatus.FindSubmatch(status)
	if m == nil {
		return u, fmt.Errorf("/proc/%d/status has no memory: it has ended", pid)
	}
	kB, _ := strconv.ParseInt(string(m[1]), 10, 64)
	threads, _ := strconv.Atoi(string(m[2]))
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return usage{kB << 10, threads, len(files)}, err
}

// middle returns the median of each. Samples must not be empty.
func middle(samples []usage) usage {
	of := func(value func(usage) int64) int64 {
		var values []int64
		for _, s := range samples {
			values = append(values, value(s))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return usage{
		of(func(u usage) int64 { return u.memory }),
		int(of(func(u usage) int64 { return int64(u.threads) })),
		int(of(func(u usage) int64 { return int64(u.files) })),
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// dial connects to an input of a process that is just starting.
func dial(t *testing.T, p *process, address string) net.Conn {
	t.Helper()
	for end := time.Now().Add(timeout); ; time.Sleep(50 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		if p.hasEnded() || time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// message returns a message of the forward protocol with records that are numbered from the one
// after sent on.
func message(tag string, records *gen.Generator, sent, n int) []byte {
	var entries []byte
	for i := range n {
		r := records.Record()
		r.Fields = append(r.Fields, gen.Pair{Key: "SEQUENCE", Value: strconv.Itoa(sent + i + 1)})
		entries = event.AppendTime(event.AppendArrayHeader(entries, 2), r.Sec, r.Nsec)
		entries = event.AppendMapHeader(entries, len(r.Fields))
		for _, f := range r.Fields {
			entries = event.AppendStr(event.AppendStr(entries, []byte(f.Key)), []byte(f.Value))
		}
	}
	b := event.AppendStr(event.AppendArrayHeader(nil, 2), []byte(tag))
	return append(binary.BigEndian.AppendUint32(append(b, 0xc6), uint32(len(entries))), entries...)
}

// soakStore is a server that keeps a hash of the id that each record came with first. It takes
// every template.
type soakStore struct {
	mu     sync.Mutex
	ids    []uint64 // by number of the record; 0 if it has not come
	stored int
	wrong  int // documents that are no record, or one with another id
}

// numbers returns how many records are stored, and how many documents were wrong.
func (s *soakStore) numbers() (stored, wrong int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stored, s.wrong
}

func (s *soakStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !strings.HasSuffix(r.URL.Path, "/_bulk") {
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, `{"acknowledged":true}`)
		return
	}
	var out bytes.Buffer
	out.WriteString(`{"took":1,"errors":false,"items":[`)
	lines := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
	for i := 0; i+1 < len(lines); i += 2 {
		if i > 0 {
			out.WriteByte(',')
		}
		_, _ = fmt.Fprintf(&out, `{"create":{"status":%d}}`, s.create(lines[i], lines[i+1]))
	}
	out.WriteString("]}")
	_, _ = w.Write(out.Bytes())
}

// readBody reads a request's body, compressed or not.
func readBody(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// create returns the status for a document: 409 if it is there already.
func (s *soakStore) create(action, document []byte) int {
	var a struct {
		Create struct {
			ID string `json:"_id"`
		}
	}
	n := sequenceOf(document)
	ok := json.Unmarshal(action, &a) == nil && a.Create.ID != "" && n > 0 && json.Valid(document)
	h := fnv.New64a()
	_, _ = io.WriteString(h, a.Create.ID)
	id := max(1, h.Sum64())
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok {
		s.wrong++
		return http.StatusBadRequest
	}
	if n >= len(s.ids) {
		s.ids = slices.Grow(s.ids, n+1-len(s.ids))[:n+1]
	}
	switch s.ids[n] {
	case 0:
		s.ids[n] = id
		s.stored++
		return http.StatusCreated
	case id:
		return http.StatusConflict
	}
	s.wrong++
	return http.StatusCreated
}
