package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// Lifecycle is a stub for the parts of a server that delete old indices, which its distribution
// for tests lacks: ILM of Elasticsearch or ISM of OpenSearch. It only keeps policies.
type Lifecycle struct {
	ism      bool
	mu       sync.Mutex
	policies map[string]policy
	puts     int
}

type policy struct {
	body    json.RawMessage
	version int // ILM's version, ISM's sequence number
}

// StubLifecycle has the proxy serve the paths of ISM, or else those of ILM. With ILM it also
// removes from index templates the setting that names a policy, which a server without ILM
// refuses, and forwards the rest.
func (p *Proxy) StubLifecycle(ism bool) *Lifecycle {
	l := &Lifecycle{ism: ism, policies: map[string]policy{}}
	if ism {
		p.Stub("/_plugins/_ism/policies/", l)
		return l
	}
	p.Stub("/_ilm/policy/", l)
	p.Stub("/_index_template/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.Method == http.MethodPut {
			if body, err = l.withoutPolicy(body); err != nil {
				fail(w, http.StatusBadRequest, "illegal_argument_exception", err.Error())
				return
			}
		}
		resp, err := p.forward(r, body)
		if err != nil {
			reset(w)
			return
		}
		respond(w, resp)
	}))
	return l
}

// Policies returns the policies by name.
func (l *Lifecycle) Policies() map[string]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string]string{}
	for name, p := range l.policies {
		all[name] = string(p.body)
	}
	return all
}

// Puts returns how often a policy was made or replaced.
func (l *Lifecycle) Puts() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.puts
}

// withoutPolicy removes the name of a policy from an index template. It returns an error if
// there is no such policy.
func (l *Lifecycle) withoutPolicy(body []byte) ([]byte, error) {
	var index map[string]any
	if err := json.Unmarshal(body, &index); err != nil {
		return nil, err
	}
	template, _ := index["template"].(map[string]any)
	settings, _ := template["settings"].(map[string]any)
	const key = "index.lifecycle.name"
	at, last := settings, key
	for part := range strings.SplitSeq(strings.TrimSuffix(key, ".name"), ".") {
		if nested, ok := at[part].(map[string]any); ok {
			at, last = nested, strings.TrimPrefix(last, part+".")
		}
	}
	name, ok := at[last].(string)
	if !ok {
		return body, nil
	}
	l.mu.Lock()
	_, known := l.policies[name]
	l.mu.Unlock()
	if !known {
		return nil, fmt.Errorf("policy [%s] does not exist", name)
	}
	delete(at, last)
	return json.Marshal(index)
}

func (l *Lifecycle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := path.Base(r.URL.Path)
	p, found := l.policies[name]
	switch r.Method {
	case http.MethodGet:
		switch {
		case !found:
			fail(w, http.StatusNotFound, "resource_not_found_exception", "Lifecycle policy not found: "+name)
		case l.ism:
			reply(w, http.StatusOK, map[string]any{"_id": name, "_seq_no": p.version, "_primary_term": 1, "policy": member(p.body, "policy")})
		default:
			reply(w, http.StatusOK, map[string]any{name: map[string]any{"version": p.version, "policy": member(p.body, "policy")}})
		}
	case http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if err != nil || member(body, "policy") == nil {
			fail(w, http.StatusBadRequest, "parse_exception", "no policy")
			return
		}
		q := r.URL.Query()
		if l.ism && (found != q.Has("if_seq_no") || found && (q.Get("if_seq_no") != strconv.Itoa(p.version) || q.Get("if_primary_term") != "1")) {
			fail(w, http.StatusConflict, "version_conflict_engine_exception", "version conflict")
			return
		}
		l.puts++
		l.policies[name] = policy{body, p.version + 1}
		status := http.StatusOK
		if l.ism && !found {
			status = http.StatusCreated
		}
		reply(w, status, map[string]any{"acknowledged": true, "_id": name, "_seq_no": p.version + 1, "_primary_term": 1})
	default:
		fail(w, http.StatusMethodNotAllowed, "method_not_allowed", r.Method)
	}
}

func member(body []byte, name string) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return nil
	}
	return fields[name]
}

func reply(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
