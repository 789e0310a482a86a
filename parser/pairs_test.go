package parser

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFindPairs compares findPairs with its Go reference, window by window, in texts that
// are regular, nearly so, and not at all.
func TestFindPairs(t *testing.T) {
	checkFrom := func(text []byte, start int) {
		t.Helper()
		var got, want edges
		got.reset(start)
		want.reset(start)
		for base := start; base < len(text); base += windowBytes {
			window := text[base:min(base+windowBytes, len(text))]
			ok, wantOK := findPairs(&got.state, got.edge[:], window, base), findPairsGo(&want.state, want.edge[:], window, base)
			if ok != wantOK || got.count() != want.count() || !slices.Equal(got.edge[:got.count()], want.edge[:want.count()]) {
				t.Fatalf("window at %d of %q: %v %v, want %v %v", base, text, ok, got.edge[:got.count()], wantOK, want.edge[:want.count()])
			}
			if !ok {
				break
			}
			if got.state != want.state {
				t.Fatalf("window at %d of %q: state %v, want %v", base, text, got.state, want.state)
			}
			got.state[pairCount], want.state[pairCount] = 1, 1
		}
	}
	check := func(text []byte) {
		t.Helper()
		checkFrom(text, 0)
		checkFrom(text, min(len(text), 5))
	}
	for _, text := range corpus(t) {
		for i := range min(len(text), 2*block) { // every place in a block
			check([]byte(text)[i:])
		}
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	parts := []string{"a=", "bb", " ", " k=v", ` q="`, `"`, `\`, `\"`, `x y="z"`, "\n", "é", "=", string(bytes.Repeat([]byte("h"), 70))}
	for range 20_000 {
		var text []byte
		for range rnd.IntN(60) {
			if n := rnd.IntN(2 * len(parts)); n < len(parts) {
				text = append(text, parts[n]...)
			} else {
				text = append(text, ` key="a \" b"`...)
			}
		}
		check(text)
	}
	for n := range 2*windowBytes + 2 { // regular texts of every length
		text := bytes.Repeat([]byte(`key=value text="a b" esc="\\\"" `), n/32+1)
		check(text[:n])
	}
}
