package bench

import (
	"testing"
	"unsafe"

	"github.com/fluent/fluent-bit-go/output"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// BenchmarkChunk reads the events of the how-to's chunk.
func BenchmarkChunk(b *testing.B) {
	c := plain()
	measure(b, c.records(), "record", []candidate{
		{"kata-walk", walk(c.chunk, false)},
		{"kata-walk-all-pairs", walk(c.chunk, true)},
		{"fluent-bit-go", fluentBitGo(c.chunk)},
	})
}

// walk reads a chunk and lists the pairs that the filter wants, or all of them.
//
//go:noinline
func walk(chunk []byte, all bool) func() {
	w, e := new(event.Walker), new(event.Event)
	w.Want([]string{"MESSAGE", "SYSLOG_IDENTIFIER", "PRIORITY", "NAME", "_LINE_BREAK"}, 'k')
	return func() {
		n := 0
		for w.Reset(chunk); w.Next(e); {
			if all {
				w.All(e)
			} else {
				w.Wanted(e)
			}
			n += len(e.Pairs)
		}
		must(w.Err())
		sink += n
	}
}

// fluentBitGo is the decoder that Go plugins of Fluent Bit use.
//
//go:noinline
func fluentBitGo(chunk []byte) func() {
	return func() {
		n := 0
		d := output.NewDecoder(unsafe.Pointer(&chunk[0]), len(chunk))
		for {
			ret, _, record := output.GetRecord(d)
			if ret != 0 {
				break
			}
			n += len(record)
		}
		sink += n
	}
}
