package scan

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func endsString(c byte) bool { return c == '"' || c == '\\' || c < ' ' }

// TestMarkEnds compares both ways to make the masks with their meaning, for every
// byte at every place of a block.
func TestMarkEnds(t *testing.T) {
	check := func(text []byte) {
		t.Helper()
		n := len(text) / Block
		got, reference := make([]uint64, n), make([]uint64, n)
		markEnds(text, got)
		markEndsGo(text, reference)
		for b := range n {
			var want uint64
			for i, c := range text[b*Block:][:Block] {
				if endsString(c) {
					want |= 1 << i
				}
			}
			if got[b] != want || reference[b] != want {
				t.Fatalf("%q: %x and %x, want %x", text, got[b], reference[b], want)
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
	text := make([]byte, endBytes)
	for range 200 {
		for i := range text {
			text[i] = byte(rnd.Uint32())
		}
		check(text)
	}
	check(nil)
}

// TestFindStringEnd goes over texts of every length around blocks and windows, in
// steps of every size, with memory behind the text and without.
func TestFindStringEnd(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var s StringEnds
	for n := range 2*endBytes + 2 {
		memory := bytes.Repeat([]byte{'x'}, n+rnd.IntN(2*Block))
		for i := range memory {
			if rnd.IntN(40) == 0 {
				memory[i] = "\"\\\n"[rnd.IntN(3)]
			}
		}
		for _, text := range [][]byte{memory[:n], memory[:n:n]} {
			s.Reset(text)
			for i := 0; i <= n; i += 1 + rnd.IntN(100) {
				want := i
				for want < n && !endsString(text[want]) {
					want++
				}
				if got := s.Find(i); got != want {
					t.Fatalf("%d bytes from %d: %d, want %d", n, i, got, want)
				}
				i = max(i, want-1) // the window only moves forwards
			}
		}
	}
}
