package scan

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// inClass is what the masks stand for.
func inClass(class int, c byte) bool {
	switch class {
	case ClassEqual:
		return c == '='
	case ClassBlank:
		return c <= ' '
	case ClassQuote:
		return c == '"' || c == '\\'
	default:
		return c == '\\'
	}
}

// TestClassify compares both ways to make the masks with their meaning, for
// every byte at every place of a block.
func TestClassify(t *testing.T) {
	check := func(text []byte) {
		t.Helper()
		n := len(text) / Block
		got, reference := make([][classes]uint64, n), make([][classes]uint64, n)
		classify(text, got)
		classifyGo(text, reference)
		for b := range n {
			for class := range classes {
				var want uint64
				for i, c := range text[b*Block:][:Block] {
					if inClass(class, c) {
						want |= 1 << i
					}
				}
				if got[b][class] != want || reference[b][class] != want {
					t.Fatalf("%q: class %d is %x and %x, want %x", text, class, got[b][class], reference[b][class], want)
				}
			}
		}
	}
	for c := range 256 {
		for at := range Block {
			text := bytes.Repeat([]byte{'x'}, Block)
			text[at] = byte(c)
			check(text)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 3*WindowBytes)
	for range 200 {
		for i := range text {
			text[i] = byte(rnd.Uint32())
			if rnd.IntN(3) == 0 {
				text[i] = `= "\`[rnd.IntN(4)]
			}
		}
		check(text)
	}
	check(nil)
}

// TestFind goes over texts of every length around blocks and windows, in steps
// of every size.
func TestFind(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var s Structure
	for n := range 3*WindowBytes + 2 {
		text := bytes.Repeat([]byte{'x'}, n)
		for i := range text {
			if rnd.IntN(40) == 0 {
				text[i] = `= "\`[rnd.IntN(4)]
			}
		}
		s.Reset(text)
		for i := 0; i <= n; i += 1 + rnd.IntN(100) {
			class := rnd.IntN(classes)
			want := i
			for want < n && !inClass(class, text[want]) {
				want++
			}
			if got := s.Find(class, i); got != want {
				t.Fatalf("%d bytes, class %d from %d: %d, want %d", n, class, i, got, want)
			}
			i = max(i, want-1) // the window only moves forwards
		}
	}
}
