//go:build cgo

package interop

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// TestFluentBitGo: fluent-bit-go's decoder, which other Go plugins use, reads the events that
// the filter writes, with and without metadata.
func TestFluentBitGo(t *testing.T) {
	chunk := chunks(t)["contract/cases.msgpack"]
	for name, chunk := range map[string][]byte{"with metadata": chunk, "without": withoutMetadata(chunk)} {
		out := filtered(t, chunk, "", "")
		want := contract.Events(t, out)
		if len(want) != len(contract.Load(t)) {
			t.Fatalf("%s: %d events", name, len(want))
		}
		d := output.NewDecoder(unsafe.Pointer(&out[0]), len(out))
		for i, want := range want {
			ret, at, record := output.GetRecord(d)
			if ret != 0 {
				t.Fatalf("%s: event %d: returned %d", name, i, ret)
			}
			time, _ := at.(output.FLBTime)
			if got := fmt.Sprintf("%d.%09d", time.Unix(), time.Nanosecond()); got != want.Time {
				t.Errorf("%s: event %d: time %s, want %s", name, i, got, want.Time)
			}
			if got := texts(record); !contract.Same(got, want.Body) {
				t.Errorf("%s: event %d:\n%v\nwant\n%v", name, i, got, want.Body)
			}
		}
		if ret, _, _ := output.GetRecord(d); ret != -1 {
			t.Errorf("%s: returned %d at the end", name, ret)
		}
	}
}

// withoutMetadata returns the chunk in the format of Fluent Bit before 2.1, and of forward
// inputs.
func withoutMetadata(chunk []byte) (old []byte) {
	var w event.Walker
	var e event.Event
	for w.Reset(chunk); w.Next(&e); {
		old = append(append(event.AppendArrayHeader(old, 2), chunk[e.Time:e.TimeEnd]...), chunk[e.Body:e.End]...)
	}
	return old
}

// texts converts what that decoder returns to the types of contract.Event.
func texts(v any) any {
	switch v := v.(type) {
	case map[any]any:
		m := map[string]any{}
		for key, value := range v {
			m[fmt.Sprint(texts(key))] = texts(value)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = texts(v[i])
		}
		return list
	case []byte:
		return string(v)
	}
	return v
}
