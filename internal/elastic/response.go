package elastic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// itemResult is what the server says of one item of a bulk request.
type itemResult struct {
	status int
	// kind and reason are of the server's error, empty if there is none. The reason may
	// quote the record, so it must not be logged.
	kind, reason string
}

// bulkPath has all of a response that is looked at; see readResults.
const bulkPath = "took,errors,items.*.status,items.*.error"

// readResults reads the response to a bulk request of want items, and appends the results to
// to, in the order of the items. It returns an error unless the response is complete and has
// as many items: nothing is known then of what the server did.
func readResults(to []itemResult, body []byte, want int) ([]itemResult, error) {
	start := len(to)
	if to = plainResults(to, body); len(to)-start == want && want > 0 {
		return to, nil
	}
	to = to[:start]
	var response struct{ Items json.RawMessage }
	if err := json.Unmarshal(body, &response); err != nil {
		return nil, fmt.Errorf("the response to a bulk request cannot be read: %T", err)
	}
	items := bytes.TrimSpace(response.Items)
	if len(items) < 2 || items[0] != '[' {
		return nil, errors.New("the response to a bulk request has no items")
	}
	items = items[1 : len(items)-1]
	for {
		items = bytes.TrimLeft(items, " \t\r\n,") // it is valid JSON: what is skipped is what has to be there
		if len(items) == 0 {
			break
		}
		n, status := plainItem(items)
		if n > 0 {
			to = append(to, itemResult{status: status})
		} else {
			n = valueLen(items)
			result, err := readItem(items[:n])
			if err != nil {
				return nil, err
			}
			to = append(to, result)
		}
		items = items[n:]
	}
	if got := len(to) - start; got != want {
		return nil, fmt.Errorf("the response to a bulk request has %d items instead of %d", got, want)
	}
	return to, nil
}

// plainResults appends the results in a response of the form that nearly all have, in which
// every item was stored. If it is another one, fewer may be appended.
func plainResults(to []itemResult, body []byte) []itemResult {
	_, items, _ := bytes.Cut(body, []byte(`,"errors":false,"items":[`))
	took, ok := bytes.CutPrefix(body[:max(0, len(body)-len(items)-len(`,"errors":false,"items":[`))], []byte(`{"took":`))
	items, closed := bytes.CutSuffix(items, []byte("]}"))
	if !ok || !closed || len(took) == 0 || len(bytes.Trim(took, "0123456789")) > 0 || len(took) > 1 && took[0] == '0' {
		return to
	}
	start := len(to)
	for {
		n, status := plainItem(items)
		if n == 0 {
			return to[:start]
		}
		to = append(to, itemResult{status: status})
		if len(items) == n {
			return to
		}
		if items[n] != ',' {
			return to[:start]
		}
		items = items[n+1:]
	}
}

// plainItem returns the length and status of an item as nearly all are written, and 0 for
// another one: it is at the start of b.
func plainItem(b []byte) (n, status int) {
	const head = `{"create":{"status":`
	if len(b) < len(head)+5 || string(b[:len(head)]) != head || string(b[len(head)+3:len(head)+5]) != "}}" {
		return 0, 0
	}
	for k, c := range b[len(head) : len(head)+3] {
		if c < '0' || c > '9' || k == 0 && c == '0' {
			return 0, 0
		}
		status = 10*status + int(c-'0')
	}
	return len(head) + 5, status
}

// valueLen returns the length of the value at the start of b, which is valid JSON.
func valueLen(b []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth <= 0 {
				return i + 1
			}
		case c == ',' && depth == 0:
			return i
		}
	}
	return len(b)
}

func readItem(b []byte) (r itemResult, err error) {
	var item map[string]struct {
		Status int
		Error  json.RawMessage
	}
	if err := json.Unmarshal(b, &item); err != nil {
		return r, fmt.Errorf("an item of the response to a bulk request cannot be read: %T", err)
	}
	for _, result := range item {
		r.status = result.Status
		r.kind, r.reason = readError(result.Error)
	}
	if len(item) != 1 || r.status < 100 || r.status > 599 {
		return r, errors.New("an item of the response to a bulk request has no status")
	}
	return r, nil
}

// readError reads an error of the server's, which is an object or, of old servers, text.
func readError(b []byte) (kind, reason string) {
	type cause struct {
		Type, Reason string
		CausedBy     *json.RawMessage `json:"caused_by"`
	}
	for depth := 0; len(b) > 0 && depth < 5; depth++ {
		var c cause
		if json.Unmarshal(b, &c) != nil {
			if kind == "" {
				_ = json.Unmarshal(b, &reason)
			}
			break
		}
		if kind == "" {
			kind, reason = c.Type, c.Reason
		} else if c.Reason != "" && !strings.Contains(reason, c.Reason) {
			reason += "; " + c.Reason
		}
		if b = nil; c.CausedBy != nil {
			b = *c.CausedBy
		}
	}
	return kind, reason
}

// readFailure reads the body of a response that is an error as a whole.
func readFailure(body []byte) (kind, reason string) {
	var response struct{ Error json.RawMessage }
	if json.Unmarshal(body, &response) == nil {
		return readError(response.Error)
	}
	return "", ""
}

// verdict is what follows from the result of an item.
type verdict uint8

const (
	stored verdict = iota
	duplicate
	refused      // for good: it goes to the dead letter
	refusedNow   // it is sent again
	unauthorised // as refusedNow, but somebody has to change the configuration
)

// verdict returns what follows. Most errors below 500 are the record's own. Others tell that
// no record could be stored: a block, no permission, or no index.
func (r *itemResult) verdict() verdict {
	switch {
	case r.status >= 200 && r.status < 300:
		return stored
	case r.status == 409:
		return duplicate
	case r.status == 408 || r.status == 429 || r.status >= 500:
		return refusedNow
	case r.status == 401 || r.status == 403 && r.kind == "security_exception" || r.status == 404 && r.kind == "index_not_found_exception":
		return unauthorised
	case r.kind == "cluster_block_exception":
		return refusedNow
	case r.status >= 400:
		return refused
	}
	return refusedNow // a status that no item should have
}
