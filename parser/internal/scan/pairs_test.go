package scan

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// TestFindPairs compares FindPairs with its Go reference, window by window, in texts that
// are regular, nearly so, and not at all.
func TestFindPairs(t *testing.T) {
	checkFrom := func(text []byte, start int) {
		t.Helper()
		type edges struct {
			state PairState
			edge  [2 + WindowBytes + Block]uint32
		}
		got := edges{state: PairState{PairCount: 1, PairEnded: 1}}
		got.edge[0] = uint32(start - 1)
		want := got
		count := func(e *edges) int { return int(e.state[PairCount]) }
		for base := start; base < len(text); base += WindowBytes {
			window := text[base:min(base+WindowBytes, len(text))]
			ok, wantOK := FindPairs(&got.state, got.edge[:], window, base), findPairsGo(&want.state, want.edge[:], window, base)
			if ok != wantOK || count(&got) != count(&want) || !slices.Equal(got.edge[:count(&got)], want.edge[:count(&want)]) {
				t.Fatalf("window at %d of %q: %v %v, want %v %v", base, text, ok, got.edge[:count(&got)], wantOK, want.edge[:count(&want)])
			}
			if !ok {
				break
			}
			if got.state != want.state {
				t.Fatalf("window at %d of %q: state %v, want %v", base, text, got.state, want.state)
			}
			got.state[PairCount], want.state[PairCount] = 1, 1
		}
	}
	check := func(text []byte) {
		t.Helper()
		checkFrom(text, 0)
		checkFrom(text, min(len(text), 5))
	}
	log, err := os.ReadFile("../../../testdata/corpus/programs.log")
	if err != nil {
		t.Fatal(err)
	}
	for text := range bytes.Lines(log) {
		for i := range min(len(text), 2*Block) { // every place in a block
			check(text[i:])
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
	for n := range 2*WindowBytes + 2 { // regular texts of every length
		text := bytes.Repeat([]byte(`key=value text="a b" esc="\\\"" `), n/32+1)
		check(text[:n])
	}
}
