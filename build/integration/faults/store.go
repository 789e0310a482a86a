package faults

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// Store is a stub of the bulk API that takes every record at once and keeps none: what a client
// costs is measured best where no server limits it.
type Store struct{ records atomic.Int64 }

// Records returns how many it has taken.
func (s *Store) Records() int { return int(s.records.Load()) }

func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil && r.Header.Get("Content-Encoding") == "gzip" {
		body, err = gunzip(body)
	}
	if err != nil || len(body) == 0 || body[len(body)-1] != '\n' {
		fail(w, http.StatusBadRequest, "parse_exception", "the body cannot be read")
		return
	}
	n := bytes.Count(body, []byte("\n")) / 2
	s.records.Add(int64(n))
	w.Header().Set("Content-Type", "application/json")
	item := `{"create":{"_index":"kata","_id":"AAAAAAAAAAAAAAAAAAAAAAAA","_version":1,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":1,"_primary_term":1,"status":201}}`
	if strings.Contains(r.URL.Query().Get("filter_path"), "items.*.status") {
		item = `{"create":{"status":201}}`
	}
	_, _ = fmt.Fprintf(w, `{"took":1,"errors":false,"items":[%s]}`, strings.TrimSuffix(strings.Repeat(item+",", n), ","))
}
