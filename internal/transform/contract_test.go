package transform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// contractCase is one row of testdata/contract/cases.json.
type contractCase struct {
	Name   string
	Why    string
	Record map[string]any
	Time   string // "journal": the event keeps its own
	Expect map[string]any
}

func contractCases(t testing.TB) map[string]contractCase {
	t.Helper()
	text, err := os.ReadFile("../../testdata/contract/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []contractCase
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&list); err != nil {
		t.Fatal(err)
	}
	cases := map[string]contractCase{}
	for _, c := range list {
		cases[c.Name] = c
	}
	return cases
}

// TestContract runs the recorded chunks through the filter: every case adds
// exactly the fields that it says, and leaves all else as it was.
func TestContract(t *testing.T) {
	for _, file := range []string{"cases.msgpack", "cases-3.2.msgpack"} {
		t.Run(file, func(t *testing.T) {
			chunk, err := os.ReadFile("../../testdata/contract/" + file)
			if err != nil {
				t.Fatal(err)
			}
			before := decode(t, chunk)
			out, verdict := run(t, New(options.Default()), chunk)
			if verdict != Changed {
				t.Fatal("nothing changed")
			}
			after := decode(t, out)
			if len(before) != len(after) {
				t.Fatalf("%d events came, %d went", len(before), len(after))
			}
			cases := contractCases(t)
			for i := range before {
				name, _ := before[i].body["_CASE"].(string)
				c, ok := cases[name]
				if !ok {
					t.Errorf("event %d has no case", i)
					continue
				}
				delete(cases, name)
				t.Run(name, func(t *testing.T) { compareCase(t, c, before[i], after[i]) })
			}
			for name := range cases {
				t.Errorf("case %s is not in the chunk", name)
			}
		})
	}
}

func compareCase(t *testing.T, c contractCase, before, after decoded) {
	t.Helper()
	want := c.Time
	if want == "journal" {
		want = before.time
	}
	if after.time != want {
		t.Errorf("time %s, want %s", after.time, want)
	}
	for key, value := range before.body {
		if !reflect.DeepEqual(after.body[key], value) {
			t.Errorf("the record's own %s changed: %v", key, after.body[key])
		}
	}
	for key, value := range after.body {
		if _, own := before.body[key]; own {
			continue
		}
		want, ok := c.Expect[key]
		if !ok {
			t.Errorf("%s = %#v is too much", key, value)
		} else if !same(want, value) {
			t.Errorf("%s = %#v, want %#v", key, value, want)
		}
	}
	for key, want := range c.Expect {
		if _, ok := after.body[key]; !ok {
			t.Errorf("%s = %#v is missing", key, want)
		}
	}
}

// same compares a value of the cases with a decoded one, types included.
func same(want, got any) bool {
	if n, ok := want.(json.Number); ok {
		switch got := got.(type) {
		case int64, uint64:
			return !strings.ContainsAny(n.String(), ".eE") && n.String() == fmt.Sprint(got)
		case float64:
			f, err := n.Float64()
			return strings.ContainsAny(n.String(), ".eE") && err == nil && f == got
		}
		return false
	}
	return reflect.DeepEqual(want, got)
}

// run sends a chunk through a filter.
func run(t testing.TB, f *Filter, chunk []byte) ([]byte, Verdict) {
	t.Helper()
	kept := bytes.Clone(chunk)
	var out event.Buffer
	verdict := f.Process(nil, chunk, &out)
	if !bytes.Equal(kept, chunk) {
		t.Fatal("the filter wrote to the host's chunk")
	}
	return out.B, verdict
}

// contractChunk is the chunk of the contract's cases as a current Fluent Bit
// made it.
func contractChunk(t testing.TB) []byte {
	t.Helper()
	chunk, err := os.ReadFile("../../testdata/contract/cases.msgpack")
	if err != nil {
		t.Fatal(err)
	}
	return chunk
}
