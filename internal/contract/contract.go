// Package contract reads the examples in testdata/contract, decodes msgpack, and compares
// events with what an example expects.
//
// It is for tests only. It must never import another package of this module: the tests
// compare their results with it.
package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Event is a decoded log event. Its values are those of a chunk or of a line of JSON:
// string, bool, nil, integers and floats of any width, []any and map[string]any.
type Event struct {
	Time string // seconds, a dot and nine decimals
	Body map[string]any
}

// OwnTime, as the time of an example, means that the event keeps its own.
const OwnTime = "journal"

// Case is one example of cases.json: a record, and all fields that the plugin adds to it
// with its default options.
type Case struct {
	Name   string
	Why    string
	Record map[string]any
	Time   string // of the event, or OwnTime
	Expect map[string]any
}

// Load returns the examples of cases.json in their order, which is also that of
// the recorded chunks beside it.
func Load(t testing.TB) []Case {
	t.Helper()
	var cases []Case
	load(t, "cases.json", &cases)
	for i := range cases {
		c := &cases[i]
		if c.Name == "" || c.Record == nil || c.Time == "" || c.Expect == nil {
			t.Fatalf("cases.json: %+v is not complete", c)
		}
		c.Record, c.Expect = Numbers(c.Record).(map[string]any), Numbers(c.Expect).(map[string]any)
	}
	unique(t, cases, func(c Case) string { return c.Name })
	return cases
}

// Compare returns the differences of after, the event that before became, from what the
// example expects, one line each.
func (c Case) Compare(before, after Event) []string {
	want := maps.Clone(before.Body)
	maps.Copy(want, c.Expect)
	return append(compareTime(c.Time, before, after), Diff(want, after.Body)...)
}

// Real is one example of real.json, which has records from public reports and hostile
// ones.
type Real struct {
	Name      string
	Kind      string // shared by the examples of one kind
	Why       string
	Source    string            // where the record was found
	Options   map[string]string // of the plugin, besides its defaults
	Records   []map[string]any  // the entries of one journal
	Of        int               // the index of the one that is compared
	Alone     bool              // the plugin must not have processed other records before
	Time      string            // of the event, or OwnTime; empty: not compared
	Want      map[string]any    // fields that the result has, with this value and type; it may have others
	Absent    []string          // fields that the result does not have
	Untouched bool              // nothing changes
}

// LoadReal returns the examples of real.json.
func LoadReal(t testing.TB) []Real {
	t.Helper()
	var rows []struct {
		Real
		Record map[string]any
	}
	load(t, "real.json", &rows)
	var list []Real
	for _, row := range rows {
		r := row.Real
		if row.Record != nil {
			r.Records = append(r.Records, row.Record)
		}
		// Duplicates and the rest of a cut line depend on the records before.
		r.Alone = r.Alone || len(r.Records) > 1 || r.Options["duplicates"] != ""
		r.Want = Numbers(r.Want).(map[string]any)
		// Two of the wanted fields are about the record. "kept" is for the reader: every
		// example wants its record kept.
		r.Untouched = r.Want["untouched"] == true
		delete(r.Want, "untouched")
		delete(r.Want, "kept")
		for key := range r.Want {
			if !strings.HasPrefix(key, prefix) {
				t.Fatalf("real.json: %s: the plugin adds no field %s", r.Name, key)
			}
		}
		if r.Name == "" || r.Of >= len(r.Records) || r.Of < 0 || len(r.Want)+len(r.Absent) == 0 && !r.Untouched {
			t.Fatalf("real.json: %+v is not complete", r)
		}
		list = append(list, r)
	}
	unique(t, list, func(r Real) string { return r.Name })
	return list
}

// prefix is the default of the option prefix.
const prefix = "kata_"

// Compare returns the differences of after, the event that before became, from what the
// example expects, one line each. after is nil if the record was dropped.
func (r Real) Compare(before Event, after *Event) (list []string) {
	if after == nil {
		return []string{"the record is dropped"}
	}
	if r.Untouched {
		return append(compareTime(OwnTime, before, *after), Diff(before.Body, after.Body)...)
	}
	if r.Time != "" {
		list = compareTime(r.Time, before, *after)
	}
	want := maps.Clone(before.Body)
	maps.Copy(want, r.Want)
	list = append(list, lacks(want, after.Body)...)
	for _, key := range r.Absent {
		if value, ok := after.Body[key]; ok {
			list = append(list, excess(key, value))
		}
	}
	return list
}

// Diff returns the differences of got from want, one line each: fields that are missing,
// different or unexpected.
func Diff(want, got map[string]any) []string {
	list := lacks(want, got)
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			list = append(list, excess(key, got[key]))
		}
	}
	return list
}

// lacks returns the fields of want that got lacks or that differ.
func lacks(want, got map[string]any) (list []string) {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if value, ok := got[key]; !ok {
			list = append(list, fmt.Sprintf("%s is missing: want %#v", key, want[key]))
		} else if !Same(want[key], value) {
			list = append(list, fmt.Sprintf("%s = %#v, want %#v", key, value, want[key]))
		}
	}
	return list
}

func excess(key string, value any) string {
	return fmt.Sprintf("%s = %#v is too much", key, value)
}

func compareTime(want string, before, after Event) []string {
	if want == OwnTime {
		want = before.Time
	}
	if after.Time != want {
		return []string{fmt.Sprintf("time %s, want %s", after.Time, want)}
	}
	return nil
}

// Same reports whether two values are equal and of one type. All integers are of one type,
// whatever their width, and so are all floats. Two json.Numbers are equal if their text is.
func Same(want, got any) bool {
	return reflect.DeepEqual(widest(want), widest(got))
}

// widest returns a value with int64 or uint64 for its integers, uint64 only
// where int64 is too small, and float64 for its floats.
func widest(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, value := range v {
			m[key] = widest(value)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, value := range v {
			list[i] = widest(value)
		}
		return list
	}
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return r.Int()
	case r.CanUint():
		if n := int64(r.Uint()); n >= 0 {
			return n
		}
		return r.Uint()
	case r.CanFloat():
		return r.Float()
	}
	return v
}

// Numbers replaces each json.Number in v, which is decoded JSON, with an int64, or with a
// float64 if it is written with a dot or an exponent, and returns v.
func Numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case map[string]any:
		for key := range v {
			v[key] = Numbers(v[key])
		}
	case []any:
		for i := range v {
			v[i] = Numbers(v[i])
		}
	}
	return v
}

// load decodes a file of testdata/contract, which is in the directory of the test or in one
// above it.
func load(t testing.TB, name string, to any) {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "testdata", "contract", name))
		if os.IsNotExist(err) && dir != filepath.Dir(dir) {
			dir = filepath.Dir(dir)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		d.DisallowUnknownFields()
		if err := d.Decode(to); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return
	}
}

// unique fails the test if there is no example, or if two have the same name.
func unique[T any](t testing.TB, list []T, name func(T) string) {
	t.Helper()
	if len(list) == 0 {
		t.Fatal("there are no examples")
	}
	seen := map[string]bool{}
	for _, e := range list {
		if seen[name(e)] {
			t.Fatalf("two examples are called %s", name(e))
		}
		seen[name(e)] = true
	}
}
