package elastic

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestReadResults(t *testing.T) {
	f := func(body string, want ...itemResult) {
		t.Helper()
		got, err := readResults(nil, []byte(body), len(want))
		if err != nil || len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v, want %v", body, got, err, want)
		}
	}
	f(`{"took":1,"errors":false,"items":[{"create":{"status":201}}]}`, itemResult{status: 201})
	f(`{"items":[ {"create":{"status":201}} , {"create":{"status":409}}]}`, itemResult{status: 201}, itemResult{status: 409})
	f(`{"items":[{"index":{"_index":"a","status":200}},{"create":{"status":201}}]}`, itemResult{status: 200}, itemResult{status: 201})
	f(`{"items":[{"create":{"status":400,"error":{"type":"a","reason":"b}]","caused_by":{"type":"c","reason":"d","caused_by":{"type":"e","reason":"d"}}}}}]}`,
		itemResult{400, "a", "b}]; d"})
	f(`{"items":[{"create":{"error":"old \"text\"","status":503}}]}`, itemResult{503, "", `old "text"`})
	f(`{"items":[]}`)
	bad := func(body string, want int, text string) {
		t.Helper()
		got, err := readResults(nil, []byte(body), want)
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, %v, want an error with %q", body, got, err, text)
		}
	}
	bad(`{"items":[{"create":{"status":201}}]}`, 2, "1 items instead of 2")
	bad(`{"items":[{"create":{"status":201}},{"create":{"status":201}}]}`, 1, "2 items instead of 1")
	bad(`{"items":[{"create":{"status":201}}`, 1, "cannot be read")
	bad(`{"items":[{"create":{"status":201}}]} {}`, 1, "cannot be read")
	bad(`{"took":1,"errors":false}`, 1, "no items")
	bad(`{"items":{}}`, 1, "no items")
	bad(`<html>`, 1, "cannot be read")
	bad(``, 1, "cannot be read")
	bad(`{"items":[{"create":{}}]}`, 1, "no status")
	bad(`{"items":[{"create":{"status":20}}]}`, 1, "no status")
	bad(`{"items":[{"create":{"status":201},"index":{"status":201}}]}`, 1, "no status")
	bad(`{"items":[{}]}`, 1, "no status")
	bad(`{"items":[7]}`, 1, "cannot be read")
	bad(`{"items":["a,b"]}`, 1, "cannot be read")
	bad(`{"items":[{"create":{"status":"201"}}]}`, 1, "cannot be read")
}

func TestVerdicts(t *testing.T) {
	for r, want := range map[itemResult]verdict{
		{status: 200}: stored, {status: 201}: stored, {status: 409}: duplicate,
		{status: 408}: refusedNow, {status: 429}: refusedNow, {status: 500}: refusedNow, {status: 503}: refusedNow, {status: 302}: refusedNow,
		{status: 400}: refused, {status: 404}: refused, {status: 403}: refused, {status: 410}: refused,
		{status: 403, kind: "cluster_block_exception"}: refusedNow,
		{status: 403, kind: "security_exception"}:      unauthorised,
		{status: 401}: unauthorised,
		{status: 404, kind: "index_not_found_exception"}: unauthorised,
	} {
		if got := r.verdict(); got != want {
			t.Errorf("%v: %v, want %v", r, got, want)
		}
	}
}

// FuzzResponse: of any response either the results of as many items as were sent are read, as
// encoding/json reads them, or an error tells that nothing is known.
func FuzzResponse(f *testing.F) {
	f.Add([]byte(`{"took":1,"errors":true,"items":[{"create":{"status":201}},{"create":{"status":400,"error":{"type":"t","reason":"r"}}}]}`), 2)
	f.Add([]byte(`{"items":[{"create":{"status":201}}`), 1)
	f.Add([]byte(`{"items":[{"index":{"status":201}},[],"a\"b",{}]}`), 1)
	f.Add([]byte(`{"items":[{"create":{"status":201}}],"items":[]}`), 1)
	f.Add([]byte(`{"Items":[{"create":{"status":0201}}]}`), 1)
	f.Fuzz(func(t *testing.T, body []byte, want int) {
		got, err := readResults(nil, body, want)
		if err != nil {
			return
		}
		var slow struct {
			Items []map[string]struct{ Status int }
		}
		if err := json.Unmarshal(body, &slow); err != nil {
			t.Fatalf("%s: read in spite of %v", body, err)
		}
		if len(got) != want || len(slow.Items) != want {
			t.Fatalf("%s: %d results, %d items, want %d", body, len(got), len(slow.Items), want)
		}
		for i, item := range slow.Items {
			for _, r := range item {
				if r.Status != got[i].status {
					t.Errorf("%s: item %d has the status %d, got %d", body, i, r.Status, got[i].status)
				}
			}
		}
	})
}

// A response is read without memory for each of its items.
func TestResponseAllocations(t *testing.T) {
	body := []byte(`{"took":1,"errors":false,"items":[` + strings.TrimSuffix(strings.Repeat(`{"create":{"status":201}},`, 1000), ",") + `]}`)
	results := make([]itemResult, 0, 1000)
	if n := testing.AllocsPerRun(10, func() {
		if _, err := readResults(results[:0], body, 1000); err != nil {
			t.Fatal(err)
		}
	}); n > 20 {
		t.Errorf("%v allocations for 1000 items", n)
	}
}

func BenchmarkResponse(b *testing.B) {
	body := []byte(`{"took":1,"errors":false,"items":[` + strings.TrimSuffix(strings.Repeat(`{"create":{"status":201}},`, 1000), ",") + `]}`)
	var results []itemResult
	var err error
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if results, err = readResults(results[:0], body, 1000); err != nil {
			b.Fatal(err)
		}
	}
}
