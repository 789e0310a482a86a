//go:build e2e

package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// bulkServer stores documents by index and id, as Elasticsearch does.
type bulkServer struct {
	*httptest.Server
	mu    sync.Mutex
	docs  map[string]string
	paths map[string]int
	users map[string]int
	news  chan struct{} // something was stored
}

// newBulkServer starts a server, with TLS or without.
func newBulkServer(t *testing.T, withTLS bool) *bulkServer {
	s := &bulkServer{docs: map[string]string{}, paths: map[string]int{}, users: map[string]int{}, news: make(chan struct{}, 1)}
	if withTLS {
		s.Server = httptest.NewTLSServer(s)
	} else {
		s.Server = httptest.NewServer(s)
	}
	t.Cleanup(s.Close)
	return s
}

func (s *bulkServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, password, _ := r.BasicAuth()
	s.users[user+" "+password]++
	s.paths[r.Method+" "+r.URL.Path]++
	if r.URL.Path != "/_bulk" {
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
		}
		return
	}
	body, err := gzip.NewReader(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var items []string
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		action := lines.Text()
		lines.Scan()
		status := 201
		if s.docs[action] != "" {
			status = 409
		}
		s.docs[action] = lines.Text()
		items = append(items, fmt.Sprintf(`{"create":{"status":%d}}`, status))
	}
	_, _ = fmt.Fprintf(w, `{"took":1,"errors":false,"items":[%s]}`, strings.Join(items, ","))
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// wait waits until f, which may look at the documents, returns true.
func (s *bulkServer) wait(t *testing.T, p *process, f func() bool) {
	t.Helper()
	deadline := time.After(timeout)
	for {
		s.mu.Lock()
		ok := f()
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-s.news:
		case <-deadline:
			t.Fatalf("not stored: %d documents\n%s", len(s.docs), p.logText())
		}
	}
}

// TestOutputDoc runs the configurations in docs/output.md with other paths: each record is
// stored once, also when all of the journal is read again.
func TestOutputDoc(t *testing.T) {
	t.Parallel()
	files := snippets(t, string(read(t, "docs/output.md")))
	if len(files) != 3 {
		t.Fatalf("docs/output.md has %d configurations", len(files))
	}
	for _, config := range []string{"fluent-bit.conf", "fluent-bit.yaml"} {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			server := newBulkServer(t, true)
			entries, _ := collected(t)
			stored := 0
			for range 2 { // each with a database of its own
				dir := t.TempDir()
				place := strings.NewReplacer(
					"/usr/lib/fluent-bit/kata.so", outputLibrary,
					"/usr/lib/fluent-bit/in_kata.so", inputLibrary,
					"/var/lib/fluent-bit/", dir+"/",
					"/etc/ssl/es-ca.crt", filepath.Join(dir, "ca.crt"),
					"https://es-1:9200,https://es-2:9200", server.URL,
					"    HTTP_Server     On\n", "", "  http_server: on\n", "", // its port may be taken
					"[INPUT]\n", "[INPUT]\n    Path            "+entries+"\n",
					"    - name: kata\n      tag:", "    - name: kata\n      path: "+entries+"\n      tag:",
				)
				for name, text := range files {
					placed := place.Replace(text)
					if name != "plugins.conf" && (!strings.Contains(placed, entries) || !strings.Contains(placed, server.URL)) {
						t.Fatalf("%s: no place for the journal's path, or the server's", name)
					}
					write(t, filepath.Join(dir, name), placed)
				}
				write(t, filepath.Join(dir, "ca.crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
				server.mu.Lock()
				requests := server.paths["POST /_bulk"]
				server.mu.Unlock()
				p := startWith(t, dir, []string{"ES_PASSWORD=not a secret"}, "-c", config)
				server.wait(t, p, func() bool { return server.paths["POST /_bulk"] > requests && len(server.docs) >= max(1, stored) })
				p.stop(t)
				if strings.Contains(p.logText(), "not a secret") {
					t.Errorf("the password is logged:\n%s", p.logText())
				}
				stored = len(server.docs) // Fluent Bit has ended
			}
			found := 0
			docs := map[string]bool{}
			for _, doc := range server.docs {
				if docs[doc] { // their times differ
					t.Errorf("stored twice: %s", doc)
				}
				docs[doc] = true
				var record map[string]any
				if err := json.Unmarshal([]byte(doc), &record); err != nil {
					t.Fatal(err)
				}
				if record["kata_msg"] == "release sandbox" {
					found++
				}
			}
			if found == 0 {
				t.Errorf("no parsed record in %d documents", len(server.docs))
			}
			if server.users["fluent-bit not a secret"] == 0 || len(server.users) != 1 {
				t.Errorf("users %v", server.users)
			}
			if server.paths["PUT /_index_template/fluent-bit-kata"] == 0 {
				t.Errorf("no template: %v", server.paths)
			}
		})
	}
}
