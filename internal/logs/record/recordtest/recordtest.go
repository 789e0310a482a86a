// Package recordtest makes records for tests.
package recordtest

import (
	"strings"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// Make returns a record with a time in nanoseconds since 1970, the line number 7, and pairs of the form
// key=text. Of kata_guest the value is a bool.
func Make(nano int64, pairs ...string) *record.Record {
	b := record.AppendHeader(nil, uint32(nano/1e9), uint32(nano%1e9), record.Position{Line: 7}, len(pairs))
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		b = event.AppendStr(b, []byte(key))
		if key == "kata_guest" {
			b = event.AppendBool(b, value == "true")
			continue
		}
		b = event.AppendStr(b, []byte(value))
	}
	r := new(record.Record)
	if !r.Read(b) {
		panic("recordtest: no record")
	}
	return r
}
