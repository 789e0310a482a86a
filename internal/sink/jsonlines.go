package sink

import (
	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// AppendJSONLines appends each log event of the chunk to dst as one line of JSON that ends
// in a newline, and returns the extended slice. Lines have the form of Fluent Bit's
// json_lines: the time under the key date, in seconds with nine decimals, then the record's
// own pairs. Group markers are left out. Of a corrupt chunk the events before the damage are
// appended. The chunk is only read.
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

// line writes one event.
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

// date writes seconds with nine decimals, more digits than a float64 has.
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
