package faults

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func call(t *testing.T, p *Proxy, method, path, body string) (status int, content string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+p.Addr()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestILM(t *testing.T) {
	b := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	t.Cleanup(b.Close)
	p, err := Start(b.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	l := p.StubLifecycle(false)
	for _, c := range []struct {
		method, path, body string
		status             int
		content            string
	}{
		{"GET", "/_ilm/policy/kata", "", 404, "not found"},
		{"PUT", "/_index_template/kata", `{"template":{"settings":{"index.lifecycle.name":"kata"}}}`, 400, "does not exist"},
		{"PUT", "/_ilm/policy/kata", `{}`, 400, "no policy"},
		{"PUT", "/_ilm/policy/kata", `{"policy":{"phases":{}}}`, 200, "acknowledged"},
		{"GET", "/_ilm/policy/kata", "", 200, `"policy":{"phases":{}}`},
		{"PUT", "/_index_template/kata", `{"template":{"settings":{"index.lifecycle.name":"kata","a":1}}}`, 200, `{"template":{"settings":{"a":1}}}`},
		{"PUT", "/_index_template/kata", `{"template":{"settings":{"index":{"lifecycle":{"name":"kata"}}}}}`, 200, `{"template":{"settings":{"index":{"lifecycle":{}}}}}`},
		{"PUT", "/_index_template/kata", `{"template":{"settings":{"index":{"lifecycle.name":"other"}}}}`, 400, "does not exist"},
		{"PUT", "/_index_template/kata", `{"template":{}}`, 200, `{"template":{}}`},
	} {
		if status, content := call(t, p, c.method, c.path, c.body); status != c.status || !strings.Contains(content, c.content) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, status, content)
		}
	}
	if l.Puts() != 1 || l.Policies()["kata"] != `{"policy":{"phases":{}}}` {
		t.Errorf("%d, %v", l.Puts(), l.Policies())
	}
}

func TestISM(t *testing.T) {
	p, err := Start("http://127.0.0.1:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	p.StubLifecycle(true)
	const path = "/_plugins/_ism/policies/kata"
	for _, c := range []struct {
		method, query, body string
		status              int
		content             string
	}{
		{"GET", "", "", 404, "not found"},
		{"PUT", "?if_seq_no=1&if_primary_term=1", `{"policy":{}}`, 409, "conflict"},
		{"PUT", "", `{"policy":{}}`, 201, `"_seq_no":1`},
		{"PUT", "", `{"policy":{}}`, 409, "conflict"},
		{"GET", "", "", 200, `"_seq_no":1`},
		{"PUT", "?if_seq_no=1&if_primary_term=1", `{"policy":{"a":1}}`, 200, `"_seq_no":2`},
		{"PUT", "?if_seq_no=1&if_primary_term=1", `{"policy":{"a":1}}`, 409, "conflict"},
		{"DELETE", "", "", 405, ""},
	} {
		if status, content := call(t, p, c.method, path+c.query, c.body); status != c.status || !strings.Contains(content, c.content) {
			t.Errorf("%s %s %s: %d %s", c.method, c.query, c.body, status, content)
		}
	}
}
