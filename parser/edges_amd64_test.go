//go:build !purego

package parser

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestEdges compares what vector instructions find with what edgesGo does, window
// by window, in texts that are regular, nearly so, and not at all.
func TestEdges(t *testing.T) {
	ways := map[string]func(d *Logfmt, window []byte, base int) bool{}
	if edgesByAVX2 {
		ways["AVX2"] = func(d *Logfmt, window []byte, base int) bool {
			if base+len(window) < block {
				return d.edgesGo(window, base)
			}
			return edgesAVX2(&d.edges, &window[0], len(window), base)
		}
	}
	if edgesByAVX512 {
		ways["AVX-512"] = func(d *Logfmt, window []byte, base int) bool {
			return edgesAVX512(&d.edges, &window[0], len(window), base)
		}
	}
	if len(ways) == 0 {
		t.Skip("this processor has none of the vector instructions")
	}
	checkFrom := func(text []byte, start int) {
		t.Helper()
		for name, way := range ways {
			var d, twin Logfmt
			d.Reset(text)
			twin.Reset(text)
			d.edges.reset(start)
			twin.edges.reset(start)
			for base := start; base < len(text); base += windowBytes {
				window := text[base:min(base+windowBytes, len(text))]
				ok, want := way(&d, window, base), twin.edgesGo(window, base)
				if ok != want || !bytes.Equal(edgeBytes(&d), edgeBytes(&twin)) {
					t.Fatalf("%s, window at %d of %q: %v %v, want %v %v", name, base, text, ok, d.edge[:d.count], want, twin.edge[:twin.count])
				}
				if !ok {
					break
				}
				if d.escapes != twin.escapes || d.damaged != twin.damaged || d.inside != twin.inside || d.valued != twin.valued || d.escaped != twin.escaped ||
					d.started != twin.started || d.closed != twin.closed || d.ended != twin.ended {
					t.Fatalf("%s, window at %d of %q: other state", name, base, text)
				}
				d.count, twin.count = 1, 1
			}
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

// edgeBytes are the edges as something to compare.
func edgeBytes(d *Logfmt) (b []byte) {
	for _, e := range d.edge[:d.count] {
		b = append(b, byte(e), byte(e>>8), byte(e>>16))
	}
	return b
}
