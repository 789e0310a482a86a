package faults

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// backend answers bulk requests as a server does, and keeps the documents.
type backend struct {
	*httptest.Server
	mu        sync.Mutex
	documents []string
}

func newBackend(t *testing.T) *backend {
	t.Helper()
	b := new(backend)
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		all, err := items(body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		var results []string
		for _, it := range all {
			lines := strings.Split(strings.TrimSpace(string(it.lines)), "\n")
			b.documents = append(b.documents, lines[len(lines)-1])
			results = append(results, fmt.Sprintf(`{%q:{"status":201}}`, it.operation))
		}
		_, _ = fmt.Fprintf(w, `{"took":1,"errors":false,"items":[%s]}`, strings.Join(results, ","))
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *backend) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.documents)
}

func start(t *testing.T, b *backend, cert *tls.Certificate) *Proxy {
	t.Helper()
	p, err := Start(b.URL, cert)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// request is the body of a bulk request with n items.
func request(n int) string {
	var s strings.Builder
	for i := range n {
		_, _ = fmt.Fprintf(&s, "{\"create\":{}}\n{\"n\":%d}\n", i)
	}
	return s.String()
}

func post(p *Proxy, body string) (status int, content string, err error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	resp, err := client.Post("http://"+p.Addr()+"/kata/_bulk", "application/x-ndjson", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		fault  Fault
		stored int
		status int
		err    error
	}{
		{Pass, 20, 200, nil},
		{Reset, 20, 0, syscall.ECONNRESET},
		{Cut, 20, 200, io.ErrUnexpectedEOF},
		{RejectAll, 0, 429, nil},
		{RejectSome, 18, 200, nil},
		{Unavailable, 0, 503, nil},
	} {
		b := newBackend(t)
		p := start(t, b, nil)
		p.SetPlan(Always(c.fault))
		body := request(20)
		status, content, err := post(p, body)
		if status != c.status || !errors.Is(err, c.err) || b.count() != c.stored {
			t.Errorf("fault %d: status %d, %v, %d documents: %s", c.fault, status, err, b.count(), content)
		}
		if p.Bulks() != 1 || p.Requests() != 1 || p.Bytes() < int64(len(body)) || p.Bytes() > int64(len(body))+500 {
			t.Errorf("fault %d: %d bulk requests, %d requests, %d bytes", c.fault, p.Bulks(), p.Requests(), p.Bytes())
		}
		want := int64(len(body))
		if c.fault == Pass || c.fault == RejectSome {
			want = 0
		}
		if p.Failed() != want {
			t.Errorf("fault %d: %d bytes failed", c.fault, p.Failed())
		}
	}
}

// The items that RejectSome rejects are exactly those that the server does not get.
func TestRejectSome(t *testing.T) {
	b := newBackend(t)
	p := start(t, b, nil)
	p.SetPlan(Always(RejectSome))
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(request(20)))
	_ = z.Close()
	r, _ := http.NewRequest(http.MethodPost, "http://"+p.Addr()+"/_bulk", &zipped)
	r.Header.Set("Content-Encoding", "gzip")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var result struct {
		Errors bool
		Items  []map[string]struct{ Status int }
	}
	if err := json.NewDecoder(resp.Body).Decode(&result); err != nil {
		t.Fatal(err)
	}
	if !result.Errors || len(result.Items) != 20 || b.count() != 18 {
		t.Fatalf("%v, %d documents", result, b.count())
	}
	b.mu.Lock()
	stored := strings.Join(b.documents, " ")
	b.mu.Unlock()
	for i, it := range result.Items {
		want := 201
		if !strings.Contains(stored, fmt.Sprintf(`{"n":%d}`, i)) {
			want = 429
		}
		if got := it["create"].Status; got != want {
			t.Errorf("item %d: status %d, want %d", i, got, want)
		}
	}
}

func TestHang(t *testing.T) {
	b := newBackend(t)
	p := start(t, b, nil)
	p.SetPlan(Always(Hang))
	client := &http.Client{Timeout: 200 * time.Millisecond}
	resp, err := client.Post("http://"+p.Addr()+"/_bulk", "", strings.NewReader(request(1)))
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil || b.count() != 0 {
		t.Errorf("%v, %d documents", err, b.count())
	}
}

func TestOutage(t *testing.T) {
	b := newBackend(t)
	p := start(t, b, nil)
	p.SetDown(true)
	if _, _, err := post(p, request(1)); err == nil {
		t.Error("no error in an outage")
	}
	p.SetDown(false)
	if status, _, err := post(p, request(1)); status != 200 || err != nil {
		t.Errorf("after an outage: status %d, %v", status, err)
	}
}

func TestPassword(t *testing.T) {
	p := start(t, newBackend(t), nil)
	p.RequirePassword("kata", "secret")
	if status, _, _ := post(p, request(1)); status != 401 {
		t.Errorf("status %d without a password", status)
	}
	r, _ := http.NewRequest(http.MethodPost, "http://"+p.Addr()+"/_bulk", strings.NewReader(request(1)))
	r.SetBasicAuth("kata", "secret")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != 200 {
		t.Errorf("status %d with the password", resp.StatusCode)
	}
}

func TestCertificates(t *testing.T) {
	authority, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	valid, err := authority.Certificate(time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	expired, err := authority.Certificate(time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.PEM)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	p := start(t, newBackend(t), expired)
	resp, err := client.Post("https://"+p.Addr()+"/_bulk", "", strings.NewReader(request(1)))
	if err == nil {
		_ = resp.Body.Close()
	}
	if invalid := (x509.CertificateInvalidError{}); !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
		t.Errorf("with an expired certificate: %v", err)
	}
	p.SetCertificate(valid)
	resp, err = client.Post("https://"+p.Addr()+"/_bulk", "", strings.NewReader(request(1)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestStub(t *testing.T) {
	b := newBackend(t)
	p := start(t, b, nil)
	p.Stub("/kata/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	if _, content, err := post(p, request(1)); content != request(1) || b.count() != 0 {
		t.Errorf("%q, %v, %d documents", content, err, b.count())
	}
}

func TestStore(t *testing.T) {
	p := start(t, newBackend(t), nil)
	s := new(Store)
	p.Stub("/_bulk", s)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, "{\"create\":{}}\n{}\n{\"create\":{}}\n{}\n")
	_ = z.Close()
	for _, tt := range []struct {
		query, encoding, body string
		status, records       int
		want                  string
	}{
		{"", "", "{\"create\":{}}\n{}\n", 200, 1, `"result":"created"`},
		{"?filter_path=errors,items.*.status", "gzip", zipped.String(), 200, 3, `{"took":1,"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}`},
		{"", "", "{\"create\":{}}\n{}", 400, 3, "parse_exception"},
		{"", "gzip", "{\"create\":{}}\n{}\n", 400, 3, "parse_exception"},
		{"", "", "", 400, 3, "parse_exception"},
	} {
		req, err := http.NewRequest(http.MethodPost, "http://"+p.Addr()+"/_bulk"+tt.query, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if tt.encoding != "" {
			req.Header.Set("Content-Encoding", tt.encoding)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != tt.status || s.Records() != tt.records || !strings.Contains(string(got), tt.want) {
			t.Errorf("%+v: %d, %d records, %s", tt, resp.StatusCode, s.Records(), got)
		}
	}
}
