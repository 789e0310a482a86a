// Package sink is where the output plugin delivers: it turns chunks into what a
// receiver reads, and takes them there.
package sink

import (
	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// AppendJSONLines appends each log event of the chunk as one line, the way
// Fluent Bit's json_lines look: the time under date, exact to the nanosecond,
// then the record as it is. Group markers are no log events; a chunk that is
// corrupt gives the events before that.
func AppendJSONLines(dst, chunk []byte) []byte {
	var w event.Walker
	var e event.Event
	t := appendTo(dst)
	for w.Reset(chunk); w.Next(&e); {
		if e.Log {
			t.line(chunk, &e)
		}
	}
	return t.Buffer()
}

func (t text) line(chunk []byte, e *event.Event) {
	t.WriteRaw(`{"date":`)
	t.date(e.Sec, e.Nsec)
	i := e.First
	for range e.Len {
		t.WriteMore()
		i = t.pair(chunk, i, 0)
	}
	t.WriteRaw("}\n")
}

// date writes seconds with all nine decimals, which no float64 could hold.
func (t text) date(sec int64, nsec uint32) {
	const billion = 1e9
	t.WriteInt64(sec + int64(nsec/billion))
	digits := [...]byte{'.', '0', '0', '0', '0', '0', '0', '0', '0', '0'}
	for i, n := len(digits)-1, nsec%billion; n > 0; i-- {
		digits[i] = '0' + byte(n%10)
		n /= 10
	}
	t.SetBuffer(append(t.Buffer(), digits[:]...))
}
