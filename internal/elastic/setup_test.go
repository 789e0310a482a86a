package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

var update = flag.Bool("update", false, "write deploy/elasticsearch/index-template.json")

// instance returns a sink with setup.
func instance(t testing.TB, address string, pairs ...string) (*Elastic, *testLog) {
	t.Helper()
	log := new(testLog)
	e, err := New(config(t, append(pairs, "url", address)...), "test", log, func(p any) { t.Errorf("panic: %v", p) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e, log
}

// puts returns the paths of the requests that have made something.
func (f *fake) puts() (paths []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.requests {
		if path, ok := strings.CutPrefix(r, "PUT "); ok {
			paths = append(paths, path)
		}
	}
	return paths
}

// The template is there before the first record, is made once, and anew when what the options
// say has changed.
func TestTemplate(t *testing.T) {
	f := newFake(t)
	e, _ := instance(t, f.URL)
	deliver(t, e, chunkOf(records(0, "a")))
	const want = "[GET /_index_template/fluent-bit-kata PUT /_index_template/fluent-bit-kata GET /_index_template/fluent-bit-kata-dead-letter PUT /_index_template/fluent-bit-kata-dead-letter POST /_bulk]"
	if got := fmt.Sprint(f.requests); got != want {
		t.Errorf("requests %s\nwant %s", got, want)
	}
	f.requests = nil
	again, _ := instance(t, f.URL)
	deliver(t, again, chunkOf(records(0, "b")))
	deliver(t, again, chunkOf(records(0, "c")))
	if got := f.puts(); len(got) != 0 {
		t.Errorf("made again: %q", got)
	}
	f.requests = nil
	other, log := instance(t, f.URL, "types", "string")
	deliver(t, other, chunkOf(records(0, "d")))
	if got := fmt.Sprint(f.puts()); got != "[/_index_template/fluent-bit-kata]" || log.count("was made") != 1 {
		t.Errorf("other options: %s, %s", got, log)
	}
}

// What somebody else has made, or a newer version, stays as it is.
func TestTemplateOfOthers(t *testing.T) {
	for body, text := range map[string]string{
		`{"index_patterns":["kata-*"]}`:                                                     "was not made by this plugin",
		`{"_meta":{"managed_by":"somebody"}}`:                                               "was not made by this plugin",
		`{"_meta":{"managed_by":"fluent-bit-kata","version":1000,"digest":"x"}}`:            "is of a newer version",
		`{"_meta":{"managed_by":"fluent-bit-kata","version":0,"digest":"x"}}`:               "was made",
		`{"_meta":{"managed_by":"fluent-bit-kata","version":1,"digest":"of other things"}}`: "was made",
	} {
		f := newFake(t)
		f.meta["/_index_template/fluent-bit-kata"] = []byte(body)
		e, log := instance(t, f.URL, "dead_letter", "off")
		deliver(t, e, chunkOf(records(0, "a")))
		if log.count("the index template fluent-bit-kata "+text) != 1 || len(f.puts()) > 0 != (text == "was made") {
			t.Errorf("%s: %q, %s", body, f.puts(), log)
		}
	}
}

// Names, patterns and bodies of what is made.
func TestTemplates(t *testing.T) {
	o := config(t, "url", "http://127.0.0.1:1", "data_stream", "on", "setup", "full", "shards", "3", "replicas", "0", "retention", "36h", "prefix", "p_")
	all := templates(o, "policy")
	if len(all) != 2 || all[0].name != "fluent-bit-logs-kata-default" || all[1].name != "fluent-bit-kata-dead-letter" {
		t.Fatalf("%v", all)
	}
	b, err := json.Marshal(all[0].body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"index_patterns":["logs-kata-default"]`, `"data_stream":{}`, `"number_of_shards":3`, `"number_of_replicas":0`, `"lifecycle":{"name":"policy"}`,
		`"dynamic":false`, `"date_detection":false`, `"@timestamp":{"type":"date_nanos"}`, `"p_msg":{"type":"text"}`,
		`"MESSAGE":{"type":"text"}`, `"p_pid":{"ignore_malformed":true,"type":"long"}`, `"p_pid_text":{"ignore_above":8191,"type":"keyword"}`,
		`"p_level":{"ignore_above":8191,"type":"keyword"}`, `"_BOOT_ID":{"ignore_above":8191,"type":"keyword"}`,
	} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("the template lacks %s", want)
		}
	}
	for index, want := range map[string]string{"kata-%Y.%m.%d": "kata-* fluent-bit-kata", "a": "a fluent-bit-a", "a.b_%Y": "a.b_* fluent-bit-a.b"} {
		if got := pattern(index) + " " + nameOf(index); got != want {
			t.Errorf("%s: %s, want %s", index, got, want)
		}
	}
	if _, err := New(config(t, "url", "http://127.0.0.1:1", "index", "%Y"), "", new(testLog), nil); err == nil || !strings.Contains(err.Error(), "index: ") {
		t.Errorf("a template for all indices: %v", err)
	}
	nested := properties(config(t, "nest_under", "kata"))["kata"].(object)["properties"].(object)
	if nested["kata_msg"] == nil {
		t.Error("nest_under: kata_msg has no mapping")
	}
}

// Every key of the key table has a mapping of its type.
func TestMappingOfKeys(t *testing.T) {
	fields := properties(options.Default())
	keys := parser.New(parser.Config{}).Keys()
	for _, row := range keys {
		name := "kata_" + row.Name
		field, _ := fields[name].(object)
		want := map[parser.Type]string{parser.Integer: "long", parser.Float: "double", parser.Bool: "keyword", parser.Text: "keyword"}[row.Type]
		if kind := field["type"]; kind != want && !(kind == "text" && textKeys[row.Name]) {
			t.Errorf("%s is mapped as %v, want %s", name, kind, want)
		}
		if row.Type != parser.Text && fields[name+"_text"] == nil {
			t.Errorf("%s_text has no mapping", name)
		}
	}
	if len(keys) < 300 || len(fields) > 1900 {
		t.Errorf("%d keys, %d fields: the limit in the template is 2000", len(keys), len(fields))
	}
	for name := range textKeys {
		if fields["kata_"+name] == nil {
			t.Errorf("%s is not in the key table", name)
		}
	}
}

// The file in deploy is what the code makes. go test ./internal/elastic -run TestTemplateFile -update
func TestTemplateFile(t *testing.T) {
	const path = "../../deploy/elasticsearch/index-template.json"
	if *update {
		if err := os.WriteFile(path, TemplateFile(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, TemplateFile()) {
		t.Errorf("%s is stale (%v): go test ./internal/elastic -run TestTemplateFile -update", path, err)
	}
}

// Lifecycle policies: of ILM, of ISM where there is no ILM, and none where there is neither.
func TestPolicies(t *testing.T) {
	noHandler := func(w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error":"no handler found for uri [%s] and method [%s]"}`, r.URL.Path, r.Method)
		return true
	}
	without := func(paths ...string) func(http.ResponseWriter, *http.Request, []byte) bool {
		return func(w http.ResponseWriter, r *http.Request, body []byte) bool {
			for _, p := range paths {
				if strings.HasPrefix(r.URL.Path, p) {
					return noHandler(w, r)
				}
			}
			return false
		}
	}
	f := newFake(t)
	for range 2 {
		e, _ := instance(t, f.URL, "setup", "full", "retention", "36h")
		deliver(t, e, chunkOf(records(0, "a")))
	}
	if got := fmt.Sprint(f.puts()); got != "[/_ilm/policy/fluent-bit-kata /_index_template/fluent-bit-kata /_index_template/fluent-bit-kata-dead-letter]" {
		t.Errorf("ILM: %s", got)
	}
	if b := f.meta["/_ilm/policy/fluent-bit-kata"]; !bytes.Contains(b, []byte(`"delete":{"actions":{"delete":{}},"min_age":"36h"}`)) || bytes.Contains(b, []byte("rollover")) {
		t.Errorf("ILM: %s", b)
	}
	if b := f.meta["/_index_template/fluent-bit-kata"]; !bytes.Contains(b, []byte(`"lifecycle":{"name":"fluent-bit-kata"}`)) {
		t.Errorf("ILM: %.200s", b)
	}

	f = newFake(t)
	f.before = without("/_ilm")
	for range 2 {
		e, _ := instance(t, f.URL, "setup", "full", "data_stream", "on")
		deliver(t, e, chunkOf(records(0, "a")))
	}
	if got := fmt.Sprint(f.puts()); got != "[/_plugins/_ism/policies/fluent-bit-logs-kata-default /_index_template/fluent-bit-logs-kata-default /_index_template/fluent-bit-kata-dead-letter]" {
		t.Errorf("ISM: %s", got)
	}
	b := f.meta["/_plugins/_ism/policies/fluent-bit-logs-kata-default"]
	for _, want := range []string{`"rollover"`, `"min_index_age":"30d"`, `"index_patterns":["logs-kata-default","kata-dead-letter"]`} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("ISM: %s lacks %s", b, want)
		}
	}
	// It is replaced by its sequence number.
	f.requests = nil
	var query string
	f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "_ism") {
			query = r.URL.RawQuery
		}
		return without("/_ilm")(w, r, body)
	}
	e, _ := instance(t, f.URL, "setup", "full", "data_stream", "on", "retention", "7d")
	deliver(t, e, chunkOf(records(0, "a")))
	if query != "if_seq_no=7&if_primary_term=1" {
		t.Errorf("ISM: replaced with %q", query)
	}

	f = newFake(t)
	f.before = without("/_ilm", "/_plugins")
	e, log := instance(t, f.URL, "setup", "full")
	deliver(t, e, chunkOf(records(0, "a")))
	if got := fmt.Sprint(f.puts()); got != "[/_index_template/fluent-bit-kata /_index_template/fluent-bit-kata-dead-letter]" || log.count("neither ILM nor ISM takes it") != 1 {
		t.Errorf("neither: %s, %s", got, log)
	}
}

// A setup that fails is said, and keeps no record from being delivered. It is made up for.
func TestSetupFails(t *testing.T) {
	f := newFake(t)
	var block atomic.Bool
	block.Store(true)
	f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if block.Load() && r.URL.Path != "/_bulk" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprint(w, `{"error":{"type":"security_exception","reason":"x"}}`)
			return true
		}
		return false
	}
	e, log := instance(t, f.URL)
	for i := range 3 {
		if err := e.Deliver(chunkOf(records(i, "a"))); err != nil {
			t.Fatal(err)
		}
	}
	if log.count("setup template: the index template fluent-bit-kata: status 403 (security_exception)") != 1 {
		t.Errorf("logged %s", log)
	}
	block.Store(false)
	e.setup.next = time.Time{}
	deliver(t, e, chunkOf(records(10, "b")))
	if len(f.puts()) != 2 {
		t.Errorf("made %q", f.puts())
	}
}

// While no server can be reached, no record is sent before the template.
func TestSetupOutage(t *testing.T) {
	f := newFake(t)
	var failures atomic.Int32
	f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if failures.Add(1) > 2 {
			return false
		}
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			c.Close()
		}
		return true
	}
	e, _ := instance(t, f.URL, "dead_letter", "off")
	deliver(t, e, chunkOf(records(0, "a")))
	if got := f.requests[len(f.requests)-2:]; fmt.Sprint(got) != "[PUT /_index_template/fluent-bit-kata POST /_bulk]" {
		t.Errorf("requests %q", f.requests)
	}
}

// Records wait for the template while there is no response, and while the response tells
// nothing of it, which is logged.
func TestSetupWaits(t *testing.T) {
	for _, status := range []int{0, 401, 429, 503} {
		f := newFake(t)
		var block atomic.Bool
		block.Store(true)
		var bulks atomic.Int32
		f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
			switch {
			case r.URL.Path == "/_bulk":
				bulks.Add(1)
				return false
			case !block.Load():
				return false
			case status != 0:
				w.WriteHeader(status)
			default:
				if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
					c.Close()
				}
			}
			return true
		}
		e, log := instance(t, f.URL, "dead_letter", "off")
		e.budget = 20 * time.Millisecond
		c := chunkOf(records(0, "a"))
		begin := time.Now()
		for i := 0; i < 20 || status != 0 && log.count("setup template") == 0 && time.Since(begin) < time.Minute; i++ {
			e.client.mu.Lock()
			e.client.servers[0].retry = time.Time{} // without the pause
			e.client.mu.Unlock()
			if e.Deliver(c) == nil {
				t.Errorf("%d: delivered", status)
			}
		}
		if n := bulks.Load(); n != 0 {
			t.Fatalf("%d: %d requests with records before the template", status, n)
		}
		if n := log.count("setup template: the index template fluent-bit-kata: status "); n != min(status, 1) || n > 0 && log.count("records wait for it") != 1 {
			t.Errorf("%d: logged %s", status, log)
		}
		if status == 401 && log.count("check http_user") != 1 {
			t.Errorf("%d: logged %s", status, log)
		}
		e.budget = budget
		block.Store(false)
		e.client.mu.Lock()
		e.client.servers[0].failures, e.client.servers[0].refusals, e.client.servers[0].retry = 0, 0, time.Time{}
		e.client.mu.Unlock()
		deliver(t, e, c)
		if got := f.requests[len(f.requests)-2:]; fmt.Sprint(got) != "[PUT /_index_template/fluent-bit-kata POST /_bulk]" {
			t.Errorf("%d: requests %q", status, got)
		}
	}
}

// Where only bulk requests get through, records do not wait for ever.
func TestSetupPatience(t *testing.T) {
	for _, status := range []int{0, -1, 401, 408, 429, 502, 503, 504} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			var block atomic.Bool
			block.Store(true)
			f.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
				if r.URL.Path == "/_bulk" || !block.Load() {
					return false
				}
				switch status {
				case -1: // no response
					select {
					case <-r.Context().Done():
					case <-t.Context().Done():
					}
				case 0: // the connection is closed
					if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
						c.Close()
					}
				default:
					w.WriteHeader(status)
				}
				return true
			}
			e, log := instance(t, f.URL, "dead_letter", "off", "timeout", "1s")
			e.setup.patience = 200 * time.Millisecond
			deliver(t, e, chunkOf(records(0, "a")))
			if waited := time.Since(e.setup.reached); waited < e.setup.patience {
				t.Errorf("waited for %v", waited)
			}
			// It is logged once a minute.
			if log.count("setup template: ") != 1 || status <= 0 && log.count("records are sent all the same") != 1 {
				t.Errorf("logged %s", log)
			}
			// Another attempt holds nothing up, and says nothing of the server.
			e.setup.mu.Lock()
			e.setup.next = time.Time{}
			e.setup.mu.Unlock()
			tries := make(chan bool)
			go func() {
				tries <- e.setup.before(t.Context(), new(time.Time))
			}()
			for n := range 5 {
				time.Sleep(20 * time.Millisecond)
				begun := time.Now()
				if err := e.Deliver(chunkOf(records(10+n, "c"))); err != nil || time.Since(begun) > 900*time.Millisecond {
					t.Errorf("another chunk: %v after %v", err, time.Since(begun))
				}
			}
			if !<-tries || e.client.down() != 0 {
				t.Errorf("%d servers down", e.client.down())
			}
			// And then the setup is made up for.
			block.Store(false)
			e.setup.mu.Lock()
			e.setup.next = time.Time{}
			e.setup.mu.Unlock()
			deliver(t, e, chunkOf(records(1, "b")))
			if got := fmt.Sprint(f.puts()); got != "[/_index_template/fluent-bit-kata]" {
				t.Errorf("made %s", got)
			}
		})
	}
}

// While there is no server, nothing is given up.
func TestSetupNoServer(t *testing.T) {
	f := newFake(t)
	f.Close()
	e, log := instance(t, f.URL, "dead_letter", "off")
	e.budget = 200 * time.Millisecond
	e.setup.patience = time.Nanosecond
	for range 3 {
		if e.Deliver(chunkOf(records(0, "a"))) == nil {
			t.Error("delivered")
		}
	}
	if log.count("records are sent all the same") != 0 || !e.setup.reached.IsZero() {
		t.Errorf("logged %s", log)
	}
}

// A server or a proxy that cannot be connected to is none.
func TestNoServer(t *testing.T) {
	dial := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for err, want := range map[error]bool{
		dial:                      true,
		fmt.Errorf("x: %w", dial): true,
		&net.OpError{Op: "proxyconnect", Err: dial}:       true,
		&net.OpError{Op: "read", Err: syscall.ECONNRESET}: false,
		&net.OpError{Op: "remote error", Err: dial}:       true,
		io.ErrUnexpectedEOF:                               false,
		context.DeadlineExceeded:                          false,
	} {
		if got := noServer(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// What a server says while it starts, after a long time without one, holds records back as at the
// start of the instance.
func TestSetupAfterOutage(t *testing.T) {
	f := newFake(t)
	address := f.Listener.Addr().String()
	f.Close()
	e, _ := instance(t, "http://"+address, "dead_letter", "off")
	e.budget = 200 * time.Millisecond
	e.setup.patience = 300 * time.Millisecond
	for begun := time.Now(); time.Since(begun) < 2*e.setup.patience; {
		if e.Deliver(chunkOf(records(0, "a"))) == nil {
			t.Fatal("delivered")
		}
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("the port was taken: %v", err)
	}
	var answers atomic.Int32
	again := newFake(t)
	again.before = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if answers.Add(1) > 1 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	server := &http.Server{Handler: again.Config.Handler}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	e.budget = budget
	deliver(t, e, chunkOf(records(0, "a")))
	if got := again.requests[len(again.requests)-2:]; fmt.Sprint(got) != "[PUT /_index_template/fluent-bit-kata POST /_bulk]" {
		t.Errorf("requests %q", again.requests)
	}
}
