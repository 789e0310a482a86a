package transform

import (
	"bytes"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// TestRelease: after a call an instance holds no pointer into the chunk, which is C's
// memory, nor into the tag and the output.
func TestRelease(t *testing.T) {
	for _, pairs := range [][]string{nil, {"duplicates", "mark"}, {"prefix", ""}, {"nest_under", "k"}} {
		f := filter(t, pairs...)
		tag, chunk := []byte("kata.x"), bytes.Clone(contractChunk(t))
		var out event.Buffer
		f.Process(tag, chunk, &out)
		for name, memory := range map[string][]byte{"chunk": chunk, "tag": tag, "output": out.B} {
			if n := contract.PointersInto(memory, f); n > 0 {
				t.Errorf("%v: %d pointers into the %s are left", pairs, n, name)
			}
		}
	}
	var held struct{ b []byte }
	memory := make([]byte, 8)
	held.b = memory[4:]
	if contract.PointersInto(memory, &held) != 1 {
		t.Error("a pointer is not seen")
	}
}
