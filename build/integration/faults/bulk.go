package faults

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// item is an action of a bulk request, with its document.
type item struct {
	operation string
	lines     []byte
}

// items splits the body of a bulk request.
func items(body []byte) ([]item, error) {
	var all []item
	for rest := body; len(bytes.TrimSpace(rest)) > 0; {
		action, after, _ := bytes.Cut(rest, []byte("\n"))
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(action, &fields); err != nil {
			return nil, err
		}
		var operation string
		for operation = range fields {
		}
		if operation != "delete" {
			_, after, _ = bytes.Cut(after, []byte("\n"))
		}
		all = append(all, item{operation, rest[:len(rest)-len(after)]})
		rest = after
	}
	return all, nil
}

// rejected reports whether RejectSome rejects the item with this index.
func rejected(index int) bool { return index%10 == 3 }

// rejectSome has the server process nine of ten items.
func (p *Proxy) rejectSome(w http.ResponseWriter, r *http.Request, body []byte) {
	all, err := items(body)
	if err != nil {
		fail(w, http.StatusBadRequest, "parse_exception", err.Error())
		return
	}
	var passed []byte
	count := 0
	for i, it := range all {
		if !rejected(i) {
			passed = append(passed, it.lines...)
			count++
		}
	}
	resp, err := p.forward(r, passed)
	if err != nil {
		reset(w)
		return
	}
	var fields map[string]json.RawMessage
	var processed []json.RawMessage
	if json.Unmarshal(resp.content, &fields) != nil || json.Unmarshal(fields["items"], &processed) != nil || len(processed) != count {
		respond(w, resp)
		return
	}
	results := make([]json.RawMessage, 0, len(all))
	for i, it := range all {
		if rejected(i) {
			results = append(results, json.RawMessage(`{"`+it.operation+`":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"rejected execution of primary operation"}}}`))
			fields["errors"] = json.RawMessage("true")
			continue
		}
		results = append(results, processed[0])
		processed = processed[1:]
	}
	// Both are made of valid JSON.
	fields["items"], _ = json.Marshal(results)
	resp.content, _ = json.Marshal(fields)
	respond(w, resp)
}
