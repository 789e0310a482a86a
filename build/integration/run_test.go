//go:build integration

package integration

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/build/integration/faults"
	"github.com/kata-logs/fluent-bit-kata/build/integration/servers"
)

// The values of storage.type. The stand-in has neither.
const (
	memory     = "memory"
	filesystem = "filesystem"
)

// timeout limits every wait but that of settle.
const timeout = time.Minute

// run is one run of a case.
type run struct {
	*testing.T
	server  *servers.Server
	output  output
	storage string
	kind    recordKind
	count   int

	dir       string
	index     string // for records; dead- and the same for the dead letter
	proxy     *faults.Proxy
	proxies   []*faults.Proxy // all of them
	url       string          // that the output delivers to
	other     string          // the address of a second server
	wrong     bool            // it has a wrong password
	user      string          // of the output, and rolePassword its password; the server's own if it is empty
	seldom    bool            // Fluent Bit's retries come seldom
	more      []pair          // options of the output kata, which replace those that are there
	process   *process
	processes []*process
	began     time.Time
	pace      time.Duration // of the last stop
	refused   bool          // the output did not start, as it should
	settled   bool
}

// result is what a run has measured.
type result struct {
	sent, stored, distinct, dead int // records, documents, different records, dead letters
	lost, doubled                int
	problems                     int // lines of level warn and error
	bulks                        int
	bytes, failed                int64 // failed: of requests that failed by plan, and had to be sent again
	cpu, took, stop              time.Duration
	memory                       int64 // bytes; the largest process
	settled                      bool
}

func (res result) String() string {
	end := ""
	if !res.settled {
		end = ", not settled"
	}
	return fmt.Sprintf("%d sent, %d stored, %d distinct, %d dead letters, %d lost, %d doubled, %d log lines; %d bulk requests, %.1f MB, CPU %.2f s, %d MB, took %.1f s%s",
		res.sent, res.stored, res.distinct, res.dead, res.lost, res.doubled, res.problems, res.bulks, float64(res.bytes)/1e6,
		res.cpu.Seconds(), res.memory>>20, res.took.Seconds(), end)
}

// records is how many records a case has unless it says otherwise: 15 bulk requests of Fluent
// Bit, whose chunks have 2 MB, and 27 of the stand-in.
const records = 20000

// burst is how many records come at once in the case of that name.
const burst = 60000

var notInIndex = regexp.MustCompile(`[^a-z0-9]+`)

// newRun prepares a run: a directory, an index's name and a proxy.
func newRun(t *testing.T, s *servers.Server, c *testCase, o output, storage string) *run {
	t.Helper()
	r := &run{T: t, server: s, output: o, storage: storage, kind: c.kind, count: c.count, seldom: c.seldom, dir: t.TempDir(), settled: true}
	if r.kind == "" {
		r.kind = numbered
	}
	if r.count == 0 {
		r.count = records
	}
	r.index = strings.Trim(notInIndex.ReplaceAllString(strings.ToLower("kata-"+c.name+"-"+o.name+"-"+storage), "-"), "-")
	r.proxy = r.newProxy(nil)
	r.url = "http://" + r.proxy.Addr()
	// What has to be made is no part of the time that is measured.
	if fluentBit != "" {
		journal(t, r.kind, r.count)
	} else {
		chunks(t, r.kind, r.count)
	}
	r.dropIndexes()
	t.Cleanup(r.dropIndexes)
	r.began = time.Now()
	return r
}

// newProxy starts a proxy in front of the server, with TLS if there is a certificate.
func (r *run) newProxy(certificate *tls.Certificate) *faults.Proxy {
	r.Helper()
	p, err := faults.Start(r.server.URL, certificate)
	if err != nil {
		r.Fatal(err)
	}
	if r.server.Password == "" {
		p.RequirePassword(login(r.server))
	}
	r.Cleanup(p.Close)
	r.proxies = append(r.proxies, p)
	return p
}

// dropIndexes deletes the run's indexes, so that the server has few.
func (r *run) dropIndexes() {
	for _, index := range []string{r.index, r.dead()} {
		_ = r.server.Do(http.MethodDelete, "/"+index+"?ignore_unavailable=true", nil, nil)
	}
}

// dead returns the index of the dead letter.
func (r *run) dead() string { return "dead-" + r.index }

// credentials returns the user and password that the output has in its configuration.
func (r *run) credentials() (user, password string) {
	if r.user != "" {
		return r.user, rolePassword
	}
	user, password = login(r.server)
	if r.wrong {
		password = "wrong"
	}
	return user, password
}

// login returns the user and password that are asked for: by Elasticsearch itself, and for
// OpenSearch by the proxy.
func login(s *servers.Server) (user, password string) {
	if s.Password != "" {
		return s.User, s.Password
	}
	return "kata", "kata-integration"
}

// create creates the run's index.
func (r *run) create(body any) {
	r.Helper()
	if err := r.server.Do(http.MethodPut, "/"+r.index, body, nil); err != nil {
		r.Fatal(err)
	}
}

// wait waits until the condition holds.
func (r *run) wait(what string, condition func() bool) {
	r.Helper()
	for end := time.Now().Add(timeout); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			r.Fatalf("not after %s: %s", timeout, what)
		}
		if r.process != nil && r.process.hasEnded() && !condition() {
			r.Fatalf("the process has ended before: %s", what)
		}
	}
}

// bulk waits for a number of bulk requests since the run's start.
func (r *run) bulk(n int) {
	r.Helper()
	r.wait(fmt.Sprintf("%d bulk requests", n), func() bool { return r.proxy.Bulks() >= n })
}

// seen returns how many documents the server has.
func (r *run) seen() int {
	all := 0
	for _, index := range []string{r.index, r.dead()} {
		n, err := r.server.Count(index)
		if err != nil {
			return 0 // the server is down
		}
		all += n
	}
	return all
}

const (
	quiet    = time.Second     // without a request, after which nothing is expected that is there already
	idle     = 8 * time.Second // without a request, after which nothing is expected
	patience = time.Minute     // after which a run that still retries is stopped
)

// settle waits until all records have come and no more are being sent, or nothing is sent any
// more, or the process has ended.
func (r *run) settle() {
	r.Helper()
	requests, last := r.proxy.Requests(), time.Now()
	idle := idle
	if r.seldom {
		idle += 35 * time.Second // scheduler.cap, and some
	}
	for end := time.Now().Add(patience + 3*time.Millisecond*time.Duration(max(0, r.count-records))); ; time.Sleep(200 * time.Millisecond) {
		if n := r.proxy.Requests(); n != requests || r.proxy.Active() > 0 {
			requests, last = n, time.Now()
		}
		switch since := time.Since(last); {
		case r.process.hasEnded(), since > idle, since > quiet && r.seen() >= r.count:
			return
		case time.Now().After(end):
			r.settled = false
			return
		}
	}
}

// stop stops the process.
func (r *run) stop() {
	r.Helper()
	r.pace = r.process.stop(r)
}

// deliver starts the process, waits until all is delivered, and stops it.
func (r *run) deliver() {
	r.Helper()
	r.start()
	r.settle()
	r.stop()
}

// reload has Fluent Bit reload its configuration.
func (r *run) reload() {
	r.Helper()
	if err := r.process.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		r.Fatal(err)
	}
}

// result measures what the run has done, after its end.
func (r *run) result() result {
	r.Helper()
	res := result{sent: r.count, took: time.Since(r.began), stop: r.pace, settled: r.settled}
	for _, p := range r.proxies {
		res.bulks, res.bytes, res.failed = res.bulks+p.Bulks(), res.bytes+p.Bytes(), res.failed+p.Failed()
	}
	for _, p := range r.processes {
		state := p.cmd.ProcessState
		if state == nil {
			r.Fatal("a process has not ended")
		}
		res.cpu += state.UserTime() + state.SystemTime()
		res.memory = max(res.memory, p.peak)
		res.problems += len(p.problems())
	}
	times := make([]int, r.count+1)
	unknown := 0
	read := func(index string, fields []string, number *int) {
		if err := r.server.Documents(index, fields, func(source []byte) {
			*number++
			if n := sequenceOf(source); n > 0 && n <= r.count {
				times[n]++
			} else {
				unknown++
			}
		}); err != nil {
			r.Fatal(err)
		}
	}
	read(r.index, []string{"SEQUENCE"}, &res.stored)
	for _, n := range times {
		if n > 0 {
			res.distinct++
		}
	}
	read(r.dead(), nil, &res.dead)
	if r.kind == identical {
		// They cannot be told apart, only counted.
		res.distinct = min(res.stored, r.count)
		res.lost, res.doubled = max(0, r.count-res.stored-res.dead), max(0, res.stored+res.dead-r.count)
		return res
	}
	for _, n := range times[1:] {
		if n == 0 {
			res.lost++
		} else {
			res.doubled += n - 1
		}
	}
	if unknown > 0 {
		r.Errorf("%d documents that are none of the records", unknown)
	}
	return res
}
