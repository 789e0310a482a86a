package elastic

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/sink"
)

// fake is a server that stores documents as Elasticsearch does: a create of an id that is
// there is refused with 409.
type fake struct {
	*httptest.Server
	// before is called for each request. It returns true if it has responded itself.
	before func(w http.ResponseWriter, r *http.Request, body []byte) bool
	// refuse returns the result of an item that is not stored, a status of 0 to store it.
	refuse func(index, id string, doc []byte) itemResult
	// after is called when the items of a bulk request have been processed.
	after func(w http.ResponseWriter, response []byte) bool

	mu       sync.Mutex
	docs     map[string]map[string][]byte // by index and id
	meta     map[string]json.RawMessage   // what PUT has stored, by path
	requests []string                     // methods and paths
	bytes    int                          // of bulk requests, uncompressed
}

func newFake(t testing.TB) *fake {
	f := &fake{docs: map[string]map[string][]byte{}, meta: map[string]json.RawMessage{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		zipped, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		in = zipped
	}
	body, err := io.ReadAll(in)
	if err != nil {
		return // the client has ended
	}
	f.mu.Lock()
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	f.mu.Unlock()
	if f.before != nil && f.before(w, r, body) {
		return
	}
	if r.URL.Path == "/_bulk" && r.Method == http.MethodPost {
		f.bulk(w, r, body)
		return
	}
	f.store(w, r, body)
}

// store keeps index templates and the like.
func (f *fake) store(w http.ResponseWriter, r *http.Request, body []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := r.URL.Path
	switch have, ok := f.meta[key]; {
	case r.Method == http.MethodPut:
		if ok && r.URL.Query().Get("create") == "true" {
			http.Error(w, `{"error":{"type":"illegal_argument_exception"}}`, http.StatusBadRequest)
			return
		}
		f.meta[key] = body
		_, _ = fmt.Fprint(w, `{"acknowledged":true}`)
	case !ok:
		http.Error(w, `{"error":{"type":"resource_not_found_exception"}}`, http.StatusNotFound)
	case strings.HasPrefix(key, "/_index_template/"):
		_, _ = fmt.Fprintf(w, `{"index_templates":[{"name":"x","index_template":%s}]}`, have)
	case strings.HasPrefix(key, "/_ilm/policy/"):
		_, _ = fmt.Fprintf(w, `{%q:{"version":1,%s}`, strings.TrimPrefix(key, "/_ilm/policy/"), have[1:])
	default:
		_, _ = fmt.Fprintf(w, `{"_id":"x","_seq_no":7,"_primary_term":1,%s`, have[1:])
	}
}

func (f *fake) bulk(w http.ResponseWriter, r *http.Request, body []byte) {
	var out bytes.Buffer
	out.WriteString(`{"took":1,"errors":false,"items":[`)
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 1<<30)
	f.mu.Lock()
	f.bytes += len(body)
	for first := true; lines.Scan(); first = false {
		var action struct {
			Create struct {
				Index string `json:"_index"`
				ID    string `json:"_id"`
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &action); err != nil || action.Create.Index == "" || action.Create.ID == "" || !lines.Scan() {
			f.mu.Unlock()
			http.Error(w, `{"error":{"type":"illegal_argument_exception","reason":"malformed"}}`, http.StatusBadRequest)
			return
		}
		doc := bytes.Clone(lines.Bytes())
		if !first {
			out.WriteByte(',')
		}
		index := f.docs[action.Create.Index]
		if index == nil {
			index = map[string][]byte{}
			f.docs[action.Create.Index] = index
		}
		var result itemResult
		if f.refuse != nil {
			result = f.refuse(action.Create.Index, action.Create.ID, doc)
		}
		switch {
		case index[action.Create.ID] != nil:
			out.WriteString(`{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"exists"}}}`)
		case result.status != 0:
			fmt.Fprintf(&out, `{"create":{"status":%d,"error":{"type":%q,"reason":%q,"caused_by":{"type":"x","reason":"inner"}}}}`, result.status, result.kind, result.reason)
		default:
			index[action.Create.ID] = doc
			out.WriteString(`{"create":{"status":201}}`)
		}
	}
	f.mu.Unlock()
	out.WriteString("]}")
	if f.after != nil && f.after(w, out.Bytes()) {
		return
	}
	_, _ = w.Write(out.Bytes())
}

// stored returns the values of the field k of all documents whose index starts with prefix,
// sorted, and how many documents there are.
func (f *fake) stored(t testing.TB, prefix string) (values []string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for index, docs := range f.docs {
		if !strings.HasPrefix(index, prefix) || index == "kata-dead-letter" && prefix != index {
			continue
		}
		for _, doc := range docs {
			var record struct{ K, Message string }
			if err := json.Unmarshal(doc, &record); err != nil {
				t.Fatalf("%s: %v", doc, err)
			}
			if record.Message != "" {
				if err := json.Unmarshal([]byte(record.Message), &record); err != nil {
					t.Fatalf("%s: %v", doc, err)
				}
			}
			values = append(values, record.K)
		}
	}
	slices.Sort(values)
	return values
}

// testLog collects the lines of a log.
type testLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *testLog) add(level, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, level+" "+fmt.Sprintf(format, args...))
}
func (l *testLog) Debugging() bool                   { return false }
func (l *testLog) Debugf(format string, args ...any) {}
func (l *testLog) Infof(format string, args ...any)  { l.add("info", format, args...) }
func (l *testLog) Warnf(format string, args ...any)  { l.add("warn", format, args...) }
func (l *testLog) Errorf(format string, args ...any) { l.add("error", format, args...) }

// count returns how many lines contain a text.
func (l *testLog) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// config returns the options with the given names and values.
func config(t testing.TB, pairs ...string) *options.Options {
	t.Helper()
	o, err := options.Parse(options.OutputPlugin, func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// start returns a sink for the server at an address. Without other options it has no setup.
func start(t testing.TB, address string, pairs ...string) (*Elastic, *testLog) {
	t.Helper()
	log := new(testLog)
	e, err := New(config(t, append(pairs, "url", address, "setup", "off")...), "test", log, func(p any) { t.Errorf("panic: %v", p) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if e.ctx.Err() == nil {
			e.Close()
		}
		if t.Failed() {
			t.Log(log)
		}
	})
	return e, log
}

// records appends log events with the field k and the given values, one microsecond apart
// from a time on.
func records(at int, values ...string) (chunk []byte) {
	for i, v := range values {
		chunk = append(chunk, 0x92, 0x92)
		chunk = event.AppendTime(chunk, 1760054400, uint32(at+i)*1000)
		chunk = append(chunk, 0x80, 0x81, 0xa1, 'k')
		chunk = event.AppendStr(chunk, []byte(v))
	}
	return chunk
}

// chunkOf returns a chunk that was not transformed.
func chunkOf(b []byte) *sink.Chunk { return &sink.Chunk{Tag: []byte("tag"), Received: b, Events: b} }

// deliver passes a chunk until it is delivered, for at most a minute.
func deliver(t testing.TB, e *Elastic, c *sink.Chunk) {
	t.Helper()
	for start := time.Now(); e.Deliver(c) != nil; time.Sleep(time.Millisecond) {
		if time.Since(start) > time.Minute {
			t.Fatal("not delivered")
		}
	}
}

func numbers(from, n int) (values []string) {
	for i := range n {
		values = append(values, fmt.Sprintf("%06d", from+i))
	}
	return values
}
