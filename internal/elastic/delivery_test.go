package elastic

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/sink"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// lines returns how many records a bulk request has.
func lines(body []byte) int { return bytes.Count(body, []byte("\n")) / 2 }

// is compares the counters by the names that Metrics gives them; what is not listed is 0.
func is(t *testing.T, e *Elastic, want map[string]uint64) {
	t.Helper()
	n := e.Numbers(nil)
	for _, m := range Metrics() {
		if m.Label == "" {
			n = n[1:]
			continue
		}
		for _, v := range m.Values {
			if m.Label == "outcome" && n[0] != want[v] {
				t.Errorf("%s %s is %d, want %d", m.Name, v, n[0], want[v])
			}
			n = n[1:]
		}
	}
	if len(n) != 0 {
		t.Errorf("%d numbers too many", len(n))
	}
}

func TestDelivery(t *testing.T) {
	for _, compress := range []string{"gzip", "none"} {
		f := newFake(t)
		e, log := start(t, f.URL, "compress", compress, "bulk_records", "10", "pipeline", "p/1", "routing", "r")
		f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
			if q := r.URL.Query(); q.Get("pipeline") != "p/1" || q.Get("routing") != "r" || q.Get("filter_path") != bulkPath || r.Header.Get("User-Agent") != "fluent-bit-kata/test" {
				t.Errorf("%v %v", r.URL, r.Header)
			}
			if lines(body) > 10 {
				t.Errorf("%d records in a request", lines(body))
			}
			return false
		}
		values := numbers(0, 25)
		if err := e.Deliver(chunkOf(records(0, values...))); err != nil {
			t.Fatal(err)
		}
		if got := f.stored(t, "kata-2025.10.10"); !slices.Equal(got, values) {
			t.Errorf("%s: stored %q", compress, got)
		}
		is(t, e, map[string]uint64{"stored": 25})
		if log.String() != "" {
			t.Errorf("logged %s", log)
		}
		// After a restart the same records have the same ids.
		again, _ := start(t, f.URL, "pipeline", "p/1", "routing", "r", "bulk_records", "10")
		if err := again.Deliver(chunkOf(records(0, values...))); err != nil {
			t.Fatal(err)
		}
		is(t, again, map[string]uint64{"duplicate": 25})
		if err := e.Deliver(chunkOf(nil)); err != nil {
			t.Error(err)
		}
	}
}

// Records that were dropped are left out, and the others have their own ids.
func TestDropped(t *testing.T) {
	f := newFake(t)
	e, _ := start(t, f.URL)
	all := records(0, "a", "b", "c", "d")
	size := len(all) / 4
	c := &sink.Chunk{Received: all, Events: slices.Concat(all[size:2*size], all[3*size:]), Dropped: []int{0, 2 * size}}
	if err := e.Deliver(c); err != nil {
		t.Fatal(err)
	}
	is(t, e, map[string]uint64{"stored": 2})
	// Without a memory of them all four are sent: the ids are those of the records.
	e, _ = start(t, f.URL)
	if err := e.Deliver(&sink.Chunk{Received: all, Events: all}); err != nil {
		t.Fatal(err)
	}
	is(t, e, map[string]uint64{"stored": 2, "duplicate": 2})
	// All of them are dropped; and events that are not those of the chunk, which are not believed.
	if err := e.Deliver(&sink.Chunk{Received: all, Dropped: []int{0, size, 2 * size, 3 * size}}); err != nil {
		t.Fatal(err)
	}
	is(t, e, map[string]uint64{"stored": 2, "duplicate": 2})
	other := records(100, "e", "f")
	if err := e.Deliver(&sink.Chunk{Received: other, Events: slices.Concat(other, other)}); err != nil {
		t.Fatal(err)
	}
	if got := f.stored(t, "kata-"); !slices.Equal(got, []string{"a", "b", "c", "d", "e", "f"}) {
		t.Errorf("stored %q", got)
	}
}

// A chunk that is passed again is gone on with: only what is not done is sent.
func TestOnlyWhatIsNotDone(t *testing.T) {
	f := newFake(t)
	e, log := start(t, f.URL)
	e.budget = 100 * time.Millisecond
	var sent []int
	f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		sent = append(sent, lines(body))
		return false
	}
	var block atomic.Bool
	block.Store(true)
	f.refuse = func(index, id string, doc []byte) itemResult {
		if block.Load() && bytes.Contains(doc, []byte("7")) {
			return itemResult{429, "es_rejected_execution_exception", "secret"}
		}
		return itemResult{}
	}
	c := chunkOf(records(0, numbers(0, 100)...))
	if e.Deliver(c) == nil {
		t.Fatal("delivered in spite of a refusal")
	}
	block.Store(false)
	deliver(t, e, c)
	// The second call tries one record first, if it comes to that.
	if last := len(sent) - 1; sent[0] != 100 || sent[last] != 19 && (sent[last] != 18 || sent[last-1] != 1) || slices.Max(sent[1:]) > 19 {
		t.Errorf("requests of %d records", sent)
	}
	resent := 0
	for _, n := range sent[1:] {
		resent += n
	}
	if n := e.counters.retried.Load(); n != uint64(resent) {
		t.Errorf("%d retried in requests of %d records", n, sent)
	}
	if log.count("refuses 19 records for now, with status 429 es_rejected_execution_exception") != 1 || log.count("secret") != 0 {
		t.Errorf("logged %s", log)
	}
}

// A response that comes later than a call may take is not lost: the next call waits for it.
func TestSlowServer(t *testing.T) {
	f := newFake(t)
	e, _ := start(t, f.URL, "timeout", "60s")
	e.budget = 50 * time.Millisecond
	var requests atomic.Int32
	release := make(chan struct{})
	f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		requests.Add(1)
		<-release
		return false
	}
	c := chunkOf(records(0, "a", "b"))
	before := time.Now()
	for range 3 {
		if e.Deliver(c) == nil {
			t.Fatal("delivered before the response")
		}
	}
	if took := time.Since(before); took > 20*time.Second {
		t.Errorf("three calls of 50 ms took %v", took)
	}
	close(release)
	deliver(t, e, c)
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
	is(t, e, map[string]uint64{"stored": 2})
}

// While nothing can be delivered calls wait for a part of the time only, however many there are,
// and then all of them return at once, since a worker that is to end passes all the chunks that it has; afterwards calls have
// their time again. Of each chunk but the first one record is sent.
func TestShortCalls(t *testing.T) {
	f := newFake(t)
	e, _ := start(t, f.URL, "timeout", "60s")
	e.budget = 3 * time.Second
	release := make(chan struct{})
	var mu sync.Mutex
	var sent []int
	f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		mu.Lock()
		sent = append(sent, lines(body))
		mu.Unlock()
		<-release
		return false
	}
	var chunks []*sink.Chunk
	for i := range 100 {
		chunks = append(chunks, chunkOf(records(10*i, numbers(10*i, 10)...)))
	}
	begin := time.Now()
	for _, c := range chunks {
		if e.Deliver(c) == nil {
			t.Fatal("delivered")
		}
	}
	// 3.75 s, were the machine not busy.
	if took := time.Since(begin); took > 7*time.Second {
		t.Errorf("%d calls took %v", len(chunks), took)
	}
	mu.Lock()
	if len(sent) < 2 || sent[0] != 10 || slices.Max(sent[1:]) != 1 {
		t.Errorf("requests of %d records", sent)
	}
	mu.Unlock()
	close(release)
	for _, c := range chunks {
		deliver(t, e, c)
	}
	if e.failing.Load() {
		t.Error("calls stay short")
	}
	is(t, e, map[string]uint64{"stored": 1000, "retried": e.counters.retried.Load()})
}

// Calls that begin while nothing can be delivered wait for a second, and then not for half a second.
func TestDeadline(t *testing.T) {
	e, _ := start(t, newFake(t).URL)
	at := func(ms int) int { // when a call has to end that starts then
		return int(e.deadline(e.made.Add(time.Duration(ms) * time.Millisecond)).Sub(e.made).Milliseconds())
	}
	if got := at(100); got != 4100 {
		t.Errorf("%d", got)
	}
	e.failing.Store(true)
	for _, c := range [][2]int{{5000, 6000}, {5900, 6000}, {6100, 6000}, {6499, 6000}, {6500, 7500}, {7499, 7500}, {7700, 7500}, {20000, 21000}} {
		if got := at(c[0]); got != c[1] {
			t.Errorf("a call that starts at %d has to end at %d, want %d", c[0], got, c[1])
		}
	}
}

// No more chunks are under way than there is memory for.
func TestManySlowChunks(t *testing.T) {
	f := newFake(t)
	e, log := start(t, f.URL, "timeout", "60s")
	e.budget = 10 * time.Millisecond
	release := make(chan struct{})
	var requests atomic.Int32
	f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		requests.Add(1)
		<-release
		return false
	}
	var chunks []*sink.Chunk
	for i := range 2 * maxRunning {
		chunks = append(chunks, chunkOf(records(i, fmt.Sprint(i))))
	}
	for begin := time.Now(); log.count("chunks wait for a response") == 0; {
		for _, c := range chunks {
			if e.Deliver(c) == nil || time.Since(begin) > time.Minute {
				t.Fatalf("delivered, or logged %s", log)
			}
		}
	}
	if n := requests.Load(); n > maxRunning {
		t.Errorf("%d requests at once", n)
	}
	close(release)
	for _, c := range chunks {
		deliver(t, e, c)
	}
	is(t, e, map[string]uint64{"stored": 2 * maxRunning})
}

// Nothing goes on after the end of an instance, whose requests do not hold it up.
func TestClose(t *testing.T) {
	f := newFake(t)
	before := runtime.NumGoroutine()
	e, log := start(t, f.URL, "timeout", "60s")
	e.budget = 20 * time.Millisecond
	entered, left := make(chan struct{}), make(chan struct{})
	f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		close(entered)
		<-r.Context().Done()
		close(left)
		return true
	}
	if e.Deliver(chunkOf(records(0, "a"))) == nil {
		t.Fatal("delivered")
	}
	<-entered
	e.Close()
	<-left
	if log.String() != "" {
		t.Errorf("logged %s", log)
	}
	f.CloseClientConnections()
	for i := 0; runtime.NumGoroutine() > before; i++ {
		if i == 1000 {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, before %d:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A status of a whole request is no fault of the records.
func TestWholeRequests(t *testing.T) {
	for _, c := range []struct {
		status int
		text   string
	}{
		{401, "check http_user"}, {403, "least role"}, {404, "check url"}, {405, "does not take bulk requests"}, {302, "does not take bulk requests"},
		{408, "status 408 for a bulk request"}, {429, "status 429 for a bulk request"}, {500, "status 500 for a bulk request"}, {503, "status 503 for a bulk request"}, {200, "cannot be read"},
	} {
		f := newFake(t)
		e, log := start(t, f.URL, "http_user", "u", "http_passwd", "hidden-password")
		e.budget = 300 * time.Millisecond
		var block atomic.Bool
		block.Store(true)
		f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
			if block.Load() {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				_, _ = fmt.Fprint(w, `<html>"secret"`)
			}
			return block.Load()
		}
		chunk := chunkOf(records(0, "a", "b"))
		for range 2 {
			if e.Deliver(chunk) == nil {
				t.Errorf("%d: delivered", c.status)
			}
		}
		if log.count(c.text) != 1 || log.count("secret")+log.count("hidden") != 0 {
			t.Errorf("%d: logged %s", c.status, log)
		}
		block.Store(false)
		deliver(t, e, chunk)
		is(t, e, map[string]uint64{"stored": 2, "retried": e.counters.retried.Load()})
	}
}

// While the configuration is wrong, or the server cannot take records, requests are few and have
// one record, whether the server refuses requests as a whole or each record, and nothing is lost.
func TestRefusingServer(t *testing.T) {
	const config, now = "no record is lost", "sent again"
	for _, c := range []struct {
		status int
		kind   string // of a record's error, empty if requests are refused as a whole
		says   string
	}{
		{401, "", config}, {403, "", config}, {404, "", config}, {403, "security_exception", config}, {404, "index_not_found_exception", config},
		{408, "", now}, {429, "", now}, {500, "", now}, {429, "cluster_block_exception", now}, {503, "unavailable_shards_exception", now},
	} {
		f := newFake(t)
		var block atomic.Bool
		block.Store(true)
		var mu sync.Mutex
		var sent []int
		requests := func() int { mu.Lock(); defer mu.Unlock(); return len(sent) }
		f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
			if !block.Load() {
				return false
			}
			mu.Lock()
			sent = append(sent, lines(body))
			mu.Unlock()
			if c.kind == "" {
				w.WriteHeader(c.status)
			}
			return c.kind == ""
		}
		f.refuse = func(index, id string, doc []byte) itemResult {
			if block.Load() {
				return itemResult{c.status, c.kind, "x"}
			}
			return itemResult{}
		}
		e, log := start(t, f.URL)
		e.budget = 200 * time.Millisecond
		var chunks []*sink.Chunk
		var want []string
		for i := range 10 {
			values := numbers(100*i, 100)
			want = append(want, values...)
			chunks = append(chunks, chunkOf(records(100*i, values...)))
		}
		for begin := time.Now(); e.client.down() == 0; time.Sleep(time.Millisecond) {
			if e.Deliver(chunks[0]) == nil || time.Since(begin) > time.Minute {
				t.Fatalf("%d: delivered, or no request", c.status)
			}
		}
		e.budget = 10 * time.Millisecond
		for range 10 {
			for _, chunk := range chunks {
				if e.Deliver(chunk) == nil {
					t.Fatalf("%d: delivered", c.status)
				}
			}
		}
		// Five more, each without its pause.
		for range 5 {
			begin := time.Now()
			for n := requests(); requests() == n; {
				e.client.mu.Lock()
				e.client.servers[0].retry = time.Time{}
				e.client.mu.Unlock()
				if e.Deliver(chunks[0]) == nil || time.Since(begin) > time.Minute {
					t.Fatalf("%d: delivered, or no request", c.status)
				}
			}
		}
		e.budget = budget
		mu.Lock()
		if sent[0] != 100 || len(sent) > 40 || slices.Max(sent[1:]) != 1 {
			t.Errorf("%d %s: requests of %d records", c.status, c.kind, sent)
		}
		mu.Unlock()
		if log.count(c.says) != 1 || e.client.down() != 1 {
			t.Errorf("%d %s: logged %s", c.status, c.kind, log)
		}
		block.Store(false)
		e.client.mu.Lock()
		e.client.servers[0].retry = time.Time{}
		e.client.mu.Unlock()
		for _, chunk := range chunks {
			deliver(t, e, chunk)
		}
		if got := f.stored(t, "kata-"); !slices.Equal(got, want) {
			t.Errorf("%d %s: %d stored", c.status, c.kind, len(got))
		}
		if log.count("takes records again after") != 1 || e.client.down() != 0 {
			t.Errorf("%d %s: logged %s", c.status, c.kind, log)
		}
	}
}

// A block on one index holds back no record of another, also where a chunk has both, and what is
// refused is not sent again and again.
func TestBlockedIndex(t *testing.T) {
	f := newFake(t)
	var blocked atomic.Bool
	blocked.Store(true)
	var mu sync.Mutex
	sent := map[string]int{} // records by value
	f.refuse = func(index, id string, doc []byte) itemResult {
		mu.Lock()
		defer mu.Unlock()
		sent[string(doc[bytes.Index(doc, []byte(`"k":"`))+5:][:1])]++
		if blocked.Load() && index == "kata-2025.10.10" {
			return itemResult{403, "cluster_block_exception", "read-only"}
		}
		return itemResult{}
	}
	e, _ := start(t, f.URL)
	e.budget = 20 * time.Millisecond
	chunk := func(today, yesterday int) *sink.Chunk {
		var values []string
		for i := range yesterday {
			values = append(values, fmt.Sprintf("y%d-%d", today, i))
		}
		b := records(1000*today, values...)
		for i := range today {
			one := records(i, fmt.Sprintf("t%d-%d", yesterday, i))
			binary.BigEndian.PutUint32(one[4:], 1760054400+86400)
			b = append(b, one...)
		}
		return chunkOf(b)
	}
	mixed, old, current := chunk(10, 90), chunk(0, 100), chunk(50, 0)
	for range 12 {
		for _, c := range []*sink.Chunk{mixed, old} {
			e.client.mu.Lock()
			e.client.servers[0].retry = time.Time{} // without its pause
			e.client.mu.Unlock()
			if e.Deliver(c) == nil {
				t.Fatal("delivered")
			}
		}
		deliver(t, e, current)
	}
	if n := len(f.stored(t, "kata-2025.10.11")); n != 10+12*50 {
		t.Errorf("%d of today's records are stored", n)
	}
	mu.Lock()
	// Yesterday's as a whole two or three times, and else one at a time.
	if sent["y"] > 700 {
		t.Errorf("%d of yesterday's records were sent", sent["y"])
	}
	mu.Unlock()
	blocked.Store(false)
	deliver(t, e, mixed)
	deliver(t, e, old)
	if n := len(f.stored(t, "kata-")); n != 10+12*50+190 {
		t.Errorf("%d stored", n)
	}
}

// While the only server is left alone calls return at once, without a request.
func TestPausedServer(t *testing.T) {
	f := newFake(t)
	e, _ := start(t, f.URL)
	e.client.servers[0].failures, e.client.servers[0].retry = 9, time.Now().Add(time.Hour)
	e.budget = time.Minute
	for i := range 100 {
		if e.Deliver(chunkOf(records(i, "a"))) == nil {
			t.Fatal("delivered")
		}
	}
	if e.Ready() {
		t.Error("it says that it is ready")
	}
	if len(f.requests) != 0 || len(e.ledger.order) != 0 {
		t.Errorf("%d requests, %d chunks were read", len(f.requests), len(e.ledger.order))
	}
}

// A server that says when it can take more is not asked before.
func TestRetryAfter(t *testing.T) {
	f := newFake(t)
	e, _ := start(t, f.URL)
	e.budget = 100 * time.Millisecond
	var requests atomic.Int32
	f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		requests.Add(1)
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	for range 5 {
		if e.Deliver(chunkOf(records(0, "a"))) == nil {
			t.Fatal("delivered")
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
	now := time.Date(2025, 10, 10, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "99999999999": maxRetryAfter, "9999": maxRetryAfter,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("Retry-After %s is %v, want %v", text, got, want)
		}
	}
}

// A request that is too large, or that the server cannot read, is divided until it is known
// which record is the cause.
func TestDividing(t *testing.T) {
	for _, status := range []int{400, 413} {
		f := newFake(t)
		e, _ := start(t, f.URL, "bulk_records", "1000")
		f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
			bad := bytes.Contains(body, []byte(`"k":"bad"`)) || status == 413 && lines(body) > 10
			if bad {
				w.WriteHeader(status)
				_, _ = fmt.Fprint(w, `{"error":{"type":"t","reason":"r"}}`)
			}
			return bad
		}
		values := numbers(0, 100)
		chunk := records(0, append(slices.Clone(values), "bad")...)
		if err := e.Deliver(chunkOf(chunk)); err != nil {
			t.Fatal(err)
		}
		if got := f.stored(t, "kata-2025"); !slices.Equal(got, values) {
			t.Errorf("%d: stored %q", status, got)
		}
		if got := f.stored(t, "kata-dead-letter"); !slices.Equal(got, []string{"bad"}) {
			t.Errorf("%d: dead letter %q", status, got)
		}
	}
}

// What is refused for good is in the dead letter, with all that is needed to send it again.
func TestDeadLetter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dead.jsonl")
	for _, kind := range []string{"index", "file", "off"} {
		f := newFake(t)
		e, log := start(t, f.URL, "dead_letter", kind, "dead_letter_file", file)
		f.refuse = func(index, id string, doc []byte) itemResult {
			if index != "kata-dead-letter" && bytes.Contains(doc, []byte("bad")) {
				return itemResult{400, "document_parsing_exception", "preview: secret"}
			}
			return itemResult{}
		}
		if err := e.Deliver(chunkOf(records(0, "a", "bad\"1", "b", "bad2"))); err != nil {
			t.Fatal(err)
		}
		if got := f.stored(t, "kata-2025"); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("stored %q", got)
		}
		if log.count("2 records were refused for good, with status 400 document_parsing_exception") != 1 || log.count("secret") != 0 {
			t.Errorf("logged %s", log)
		}
		var letters [][]byte
		switch kind {
		case "index":
			is(t, e, map[string]uint64{"stored": 2, "dead_letter": 2})
			for id, doc := range f.docs["kata-dead-letter"] {
				letters = append(letters, doc)
				if !bytes.Contains(doc, []byte(`"id":"`+id+`"`)) {
					t.Errorf("%s has the id %s", doc, id)
				}
			}
		case "file":
			is(t, e, map[string]uint64{"stored": 2, "dead_letter": 2})
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			letters = bytes.Split(bytes.TrimSpace(b), []byte("\n"))
		case "off":
			is(t, e, map[string]uint64{"stored": 2, "discarded": 2})
			continue
		}
		slices.SortFunc(letters, bytes.Compare)
		if len(letters) != 2 {
			t.Fatalf("%s: %d letters", kind, len(letters))
		}
		var letter map[string]any
		if err := json.Unmarshal(letters[0], &letter); err != nil {
			t.Fatal(err)
		}
		id := letter["id"]
		want := fmt.Sprintf(`{"@timestamp":"2025-10-10T00:00:00.000001000Z","error":{"message":"preview: secret; inner","status":400,"type":"document_parsing_exception"},"id":%q,"index":"kata-2025.10.10","message":%q,"tag":"tag"}`,
			id, `{"@timestamp":"2025-10-10T00:00:00.000001000Z","k":"bad\"1"}`)
		got, _ := json.Marshal(letter)
		if string(got) != want || len(id.(string)) != idText {
			t.Errorf("%s:\n got %s\nwant %s", kind, got, want)
		}
	}
}

// A dead letter that cannot be written keeps its records where they are.
func TestDeadLetterFails(t *testing.T) {
	t.Run("index", func(t *testing.T) {
		f := newFake(t)
		e, log := start(t, f.URL)
		e.budget = 100 * time.Millisecond
		var block atomic.Bool
		block.Store(true)
		f.refuse = func(index, id string, doc []byte) itemResult {
			if block.Load() || index != "kata-dead-letter" {
				return itemResult{400, "strict_dynamic_mapping_exception", "x"}
			}
			return itemResult{}
		}
		c := chunkOf(records(0, "a"))
		for range 2 {
			if e.Deliver(c) == nil {
				t.Error("delivered")
			}
		}
		if log.count("the index of the dead letter, kata-dead-letter: status 400 strict_dynamic_mapping_exception") != 1 {
			t.Errorf("logged %s", log)
		}
		block.Store(false)
		deliver(t, e, c)
		is(t, e, map[string]uint64{"dead_letter": 1, "retried": e.counters.retried.Load()})
	})
	t.Run("file", func(t *testing.T) {
		f := newFake(t)
		dir := filepath.Join(t.TempDir(), "d")
		file := filepath.Join(dir, "dead")
		if _, err := New(config(t, "url", f.URL, "setup", "off", "dead_letter", "file", "dead_letter_file", file), "", new(testLog), nil); err == nil || !strings.Contains(err.Error(), "dead_letter_file") {
			t.Errorf("a file that cannot be opened: %v", err)
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		e, log := start(t, f.URL, "dead_letter", "file", "dead_letter_file", file)
		e.budget = 100 * time.Millisecond
		f.refuse = func(index, id string, doc []byte) itemResult { return itemResult{400, "t", "r"} }
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		c := chunkOf(records(0, "a"))
		for begin := time.Now(); log.count("cannot write to the file of the dead letter") == 0; {
			if e.Deliver(c) == nil || time.Since(begin) > time.Minute {
				t.Fatalf("logged %s", log)
			}
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		deliver(t, e, c)
		if b, err := os.ReadFile(file); err != nil || bytes.Count(b, []byte("\n")) != 1 {
			t.Errorf("%v, %s", err, b)
		}
	})
}

// give_up sends what could not be stored in time to the dead letter.
func TestGiveUp(t *testing.T) {
	f := newFake(t)
	e, _ := start(t, f.URL, "give_up", "1s")
	e.budget = 300 * time.Millisecond
	f.refuse = func(index, id string, doc []byte) itemResult {
		if index != "kata-dead-letter" {
			return itemResult{429, "circuit_breaking_exception", "later"}
		}
		return itemResult{}
	}
	c := chunkOf(records(0, "a", "b"))
	if e.Deliver(c) == nil {
		t.Fatal("given up at once")
	}
	deliver(t, e, c)
	if got := f.stored(t, "kata-dead-letter"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("dead letter %q", got)
	}
	for _, doc := range f.docs["kata-dead-letter"] {
		if !bytes.Contains(doc, []byte(`"error":{"type":"give_up","message":"not stored within 1s; last: circuit_breaking_exception later`)) {
			t.Errorf("%s", doc)
		}
	}
}

// give_up also helps while no server can be reached, not even for the setup, with a dead
// letter that needs none.
func TestGiveUpOutage(t *testing.T) {
	f := newFake(t)
	f.Close()
	file := filepath.Join(t.TempDir(), "dead")
	for _, setup := range []string{"off", "template"} {
		e, err := New(config(t, "url", f.URL, "setup", setup, "give_up", "1s", "dead_letter", "file", "dead_letter_file", file), "", new(testLog), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		e.budget = 200 * time.Millisecond
		deliver(t, e, chunkOf(records(0, setup)))
		if b, err := os.ReadFile(file); err != nil || !bytes.Contains(b, []byte(`\"k\":\"`+setup+`\"`)) {
			t.Errorf("setup %s: %v, %s", setup, err, b)
		}
	}
}

// A pipeline that does not exist is no fault of the records.
func TestNoPipeline(t *testing.T) {
	f := newFake(t)
	var block atomic.Bool
	block.Store(true)
	f.refuse = func(index, id string, doc []byte) itemResult {
		if block.Load() {
			return itemResult{400, "illegal_argument_exception", "pipeline with id [p] does not exist"}
		}
		return itemResult{}
	}
	e, log := start(t, f.URL, "pipeline", "p")
	e.budget = 100 * time.Millisecond
	c := chunkOf(records(0, "a"))
	if e.Deliver(c) == nil || log.count("there is no such pipeline; no record is lost") != 1 {
		t.Errorf("logged %s", log)
	}
	block.Store(false)
	deliver(t, e, c)
	if got := f.stored(t, "kata-2025"); len(got) != 1 {
		t.Errorf("stored %q", got)
	}
}

// After a panic, wherever it comes, the chunk can be passed again, and is stored once.
func TestPanic(t *testing.T) {
	f := newFake(t)
	log := new(testLog)
	panics := 0
	e, err := New(config(t, "url", f.URL, "setup", "off"), "", log, func(p any) { panics++ })
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	fail := true
	// While it is encoded.
	scalar := func(name []byte) bool {
		if fail {
			panic("encoding")
		}
		return false
	}
	e.scratch.fresh = func() *scratch {
		s := &scratch{identifier: newIdentifier("", "node")}
		s.encoder = encoder{index: newIndexName("kata"), size: 1000, count: 10}
		s.encoder.docs.Scalar = scalar
		return s
	}
	nested := func(k string) []byte {
		b := append(event.AppendTime([]byte{0x92, 0x92}, 1, 2), 0x80, 0x82, 0xa1, 'k')
		return append(event.AppendStr(b, []byte(k)), 0xa1, 'm', 0x80)
	}
	c := chunkOf(slices.Concat(nested("a"), nested("a")))
	for range 2 * maxRunning {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			_ = e.Deliver(c)
		}()
	}
	fail = false
	// While it is sent.
	e.requests.fresh = func() *request { panic("sending") }
	if e.Deliver(c) == nil || panics != 1 {
		t.Errorf("%d panics", panics)
	}
	e.requests.fresh = func() *request { return new(request) }
	deliver(t, e, c)
	if got := f.stored(t, "kata"); !slices.Equal(got, []string{"a", "a"}) {
		t.Errorf("stored %q", got)
	}
}

// No more than one record is sent to a server that is to be tried again, as long as another works.
func TestTrying(t *testing.T) {
	a, b := newFake(t), newFake(t)
	b.docs = a.docs
	var hangs []int
	b.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		hangs = append(hangs, lines(body)) // one request at a time
		http.Error(w, "", http.StatusBadGateway)
		return true
	}
	// One of ten is refused at first, so that results differ.
	refused := map[string]bool{}
	a.refuse = func(index, id string, doc []byte) itemResult {
		if !bytes.Contains(doc, []byte(`3"`)) || refused[id] {
			return itemResult{}
		}
		refused[id] = true
		return itemResult{429, "es_rejected_execution_exception", "full"}
	}
	e, _ := start(t, a.URL+","+b.URL)
	for i := range 20 {
		deliver(t, e, chunkOf(records(10*i, numbers(10*i, 10)...)))
		e.client.mu.Lock()
		e.client.servers[1].retry = time.Time{}
		e.client.mu.Unlock()
	}
	if len(hangs) < 10 || slices.Max(hangs[1:]) != 1 {
		t.Errorf("requests of %d records", hangs)
	}
	if n := len(a.stored(t, "kata-")); n != 200 {
		t.Errorf("%d stored", n)
	}
}

// A server that dies gets no request of many records twice, on whatever connection.
func TestBrokenConnection(t *testing.T) {
	f := newFake(t)
	e, log := start(t, f.URL)
	var sent []int
	f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		sent = append(sent, lines(body)) // one request at a time
		if len(sent) != 2 {
			return false
		}
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			c.Close()
		}
		return true
	}
	deliver(t, e, chunkOf(records(0, numbers(0, 10)...)))
	deliver(t, e, chunkOf(records(10, numbers(10, 10)...)))
	if !slices.Equal(sent, []int{10, 10, 1, 9}) {
		t.Errorf("requests of %d records", sent)
	}
	if log.count("works again") != 1 {
		t.Errorf("logged %s", log)
	}
}

// Several servers: all of them in turn, the others while one is down, and one line for that.
func TestServers(t *testing.T) {
	a, b := newFake(t), newFake(t)
	b.docs = a.docs // one cluster; there is one request at a time
	down := newFake(t)
	address := down.URL
	down.Close()
	e, log := start(t, a.URL+","+address+","+b.URL+"/")
	for i := range 12 {
		deliver(t, e, chunkOf(records(i, fmt.Sprint(i))))
	}
	if got := a.stored(t, "kata-"); len(got) != 12 {
		t.Errorf("stored %q", got)
	}
	if len(a.requests) < 4 || len(b.requests) < 4 {
		t.Errorf("%d and %d requests", len(a.requests), len(b.requests))
	}
	if log.count(address) != 1 || log.count("records go to the other servers") != 1 {
		t.Errorf("logged %s", log)
	}
	if e.client.down() != 1 {
		t.Errorf("%d servers down", e.client.down())
	}
}

// While no server can be reached calls end within their time, one line is logged, and one when
// it is over.
func TestOutage(t *testing.T) {
	f := newFake(t)
	var block atomic.Bool
	block.Store(true)
	f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if block.Load() {
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				c.Close()
			}
		}
		return block.Load()
	}
	e, log := start(t, f.URL)
	e.budget = 200 * time.Millisecond
	var workers sync.WaitGroup
	for i := range 4 {
		workers.Go(func() {
			c := chunkOf(records(i, fmt.Sprint(i)))
			for range 3 {
				if e.Deliver(c) == nil {
					t.Error("delivered")
				}
			}
		})
	}
	workers.Wait()
	block.Store(false)
	for i := range 4 {
		deliver(t, e, chunkOf(records(i, fmt.Sprint(i))))
	}
	if log.count(f.URL) != 2 || log.count("works again after") != 1 {
		t.Errorf("logged %s", log)
	}
	if got := f.stored(t, "kata-"); len(got) != 4 {
		t.Errorf("stored %q", got)
	}
}

// In steady state a record needs no memory of Go's heap.
func TestAllocations(t *testing.T) {
	f := newFake(t)
	f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		_, _ = fmt.Fprint(w, `{"items":[`+strings.TrimSuffix(strings.Repeat(`{"create":{"status":201}},`, lines(body)), ",")+`]}`)
		return true
	}
	e, _ := start(t, f.URL, "compress", "none")
	allocations := func(n int) float64 {
		c := chunkOf(records(0, numbers(0, n)...))
		for range 3 {
			deliver(t, e, c)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const times = 5
		for range times {
			deliver(t, e, c)
		}
		runtime.ReadMemStats(&after)
		return float64(after.Mallocs-before.Mallocs) / times
	}
	few, many := allocations(10), allocations(5000)
	// The fake server is in this process: its memory for a request is counted, too, but does
	// not grow in number with the records.
	if many-few > 500 {
		t.Errorf("%v allocations for 10 records, %v for 5000", few, many)
	}
	t.Logf("%v allocations for 10 records, %v for 5000", few, many)
}

// sinkServer takes every bulk request of count records at next to no cost.
func sinkServer(b *testing.B, count int) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	body := `{"took":1,"errors":false,"items":[` + strings.TrimSuffix(strings.Repeat(`{"create":{"status":201}},`, count), ",") + `]}`
	response := []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for r := bufio.NewReaderSize(c, 256<<10); ; {
					request, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_, _ = r.Discard(int(request.ContentLength))
					_, _ = c.Write(response)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// BenchmarkDelivery delivers a chunk as it comes from a journal, parsed.
func BenchmarkDelivery(b *testing.B) {
	received, count := gen.Chunk(nil, gen.New(1, 100), 2<<20)
	var events event.Buffer
	transform.New(options.Default()).Process([]byte("tag"), received, &events)
	address := sinkServer(b, count)
	for _, compress := range []string{"gzip", "none"} {
		b.Run(compress, func(b *testing.B) {
			e, _ := start(b, address, "compress", compress, "bulk_size", "50M")
			b.SetBytes(int64(len(events.B)))
			b.ReportAllocs()
			for b.Loop() {
				e.ledger = newLedger() // so that it is no chunk of records that are equal to others
				deliver(b, e, &sink.Chunk{Tag: []byte("tag"), Received: received, Events: events.B})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(count), "ns/record")
			b.ReportMetric(float64(len(events.B))/float64(count), "bytes/record")
		})
	}
}

// BenchmarkEncode makes the ids and bulk requests of a chunk as it comes from a journal, parsed.
func BenchmarkEncode(b *testing.B) {
	for _, mode := range []gen.Mode{gen.Logfmt, gen.Mix} {
		g := gen.New(1, 100)
		g.Mode = mode
		received, count := gen.Chunk(nil, g, 2<<20)
		var events event.Buffer
		transform.New(options.Default()).Process([]byte("tag"), received, &events)
		c := &sink.Chunk{Tag: []byte("tag"), Received: received, Events: events.B}
		b.Run([]string{"mix", "logfmt"}[mode], func(b *testing.B) {
			e, _ := start(b, "http://127.0.0.1:1")
			s := e.scratch.get()
			var body batch
			b.SetBytes(int64(len(received)))
			b.ReportAllocs()
			for b.Loop() {
				s.read(received)
				j := &job{done: make([]uint64, (len(s.ids)+63)/64), left: len(s.ids)}
				body.body, body.items = body.body[:0], body.items[:0]
				if _, ok := s.encoder.batches(c, s.ids, s.starts, j, func() *batch { return &body }); !ok {
					b.Fatal("other records")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(count), "ns/record")
		})
	}
}
