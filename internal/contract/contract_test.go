package contract

import (
	"encoding/json"
	"maps"
	"math"
	"testing"
)

func TestLoad(t *testing.T) {
	for _, c := range Load(t) {
		before := Event{"1.000000000", c.Record}
		after := Event{c.Time, maps.Clone(c.Record)}
		if c.Time == OwnTime {
			after.Time = before.Time
		}
		maps.Copy(after.Body, c.Expect)
		if wrong := c.Compare(before, after); wrong != nil {
			t.Errorf("%s: what it expects is wrong: %q", c.Name, wrong)
		}
		after.Time = "2.000000000"
		after.Body["kata_more"] = "x"
		delete(after.Body, "MESSAGE")
		if wrong := c.Compare(before, after); len(wrong) < 2 {
			t.Errorf("%s: reports only %q", c.Name, wrong)
		}
	}
}

func TestLoadReal(t *testing.T) {
	for _, r := range LoadReal(t) {
		before := Event{"1.000000000", r.Records[r.Of]}
		after := Event{before.Time, maps.Clone(before.Body)}
		maps.Copy(after.Body, r.Want)
		if wrong := r.Compare(before, &after); wrong != nil {
			t.Errorf("%s: what it expects is wrong: %q", r.Name, wrong)
		}
		if wrong := r.Compare(before, nil); len(wrong) != 1 {
			t.Errorf("%s: a record that is dropped: %q", r.Name, wrong)
		}
		faults := 0
		for key := range r.Want {
			after.Body[key] = []any{}
			faults++
		}
		for _, key := range r.Absent {
			after.Body[key] = "x"
			faults++
		}
		if r.Untouched {
			after.Body["kata_more"] = "x"
			faults++
		}
		if r.Time != "" || r.Untouched {
			after.Time = "2.000000000"
			faults++
		}
		after.Body["MESSAGE"] = "changed"
		faults++
		if wrong := r.Compare(before, &after); len(wrong) != faults {
			t.Errorf("%s: %d faults, reports %q", r.Name, faults, wrong)
		}
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		a, b any
		same bool
	}{
		{int64(144), uint16(144), true},
		{int64(144), 144.0, false},
		{int64(144), "144", false},
		{int64(-1), uint64(math.MaxUint64), false},
		{uint64(math.MaxUint64), uint64(math.MaxUint64), true},
		{1.5, float32(1.5), true},
		{json.Number("1.5"), json.Number("1.5"), true},
		{json.Number("1.5"), json.Number("1.50"), false},
		{Numbers(json.Number("144")), int64(144), true},
		{Numbers(json.Number("144.0")), 144.0, true},
		{true, true, true},
		{true, "true", false},
		{nil, nil, true},
		{nil, "", false},
		{[]any{int64(1)}, []any{uint8(1)}, true},
		{[]any{int64(1)}, []any{1.0}, false},
		{map[string]any{"a": int64(1)}, map[string]any{"a": uint8(1)}, true},
		{map[string]any{"a": int64(1)}, map[string]any{"b": int64(1)}, false},
		{"a", []byte("a"), false},
	} {
		if Same(c.a, c.b) != c.same || Same(c.b, c.a) != c.same {
			t.Errorf("Same(%#v, %#v) is not %v", c.a, c.b, c.same)
		}
	}
}
