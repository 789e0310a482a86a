package scan

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestDropEscapes reads what DropEscapes has read again, byte by byte: nothing but text
// and the escapes \" and \\, up to what ends it at most. Memory behind the text and its
// lack make no difference.
func TestDropEscapes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	pieces := []string{`\"`, `\\`, "x", "longer text ", "é", `\n`, `"`, "\n", `\`}
	read := 0
	for range 20_000 {
		var text []byte
		few := 1 + rnd.IntN(len(pieces))
		for range rnd.IntN(3 * Block) {
			if rnd.IntN(20) > few {
				text = append(text, '.')
			} else {
				text = append(text, pieces[rnd.IntN(few)]...)
			}
		}
		for name, ends := range map[string]*Ending{"nothing": &NoEnd, "a quote": &QuoteEnd, "JSON": &InJSON} {
			for _, spare := range []int{0, rnd.IntN(2 * Block)} {
				b := append(text[:len(text):len(text)], strings.Repeat(`\"`, spare)...)[: len(text) : len(text)+spare]
				dst := append(make([]byte, 0, len(b)+Block+8), "before"...)
				got, n := DropEscapes(dst, b, ends)
				want := []byte("before")
				for i := 0; i < n; i++ {
					c := b[i]
					switch {
					case c == '\\' && i+1 < n && (b[i+1] == '"' || b[i+1] == '\\'):
						i++
					case c == '\\', c == '"' && ends[0] != 0, c < byte(ends[1]):
						t.Fatalf("%q, ended by %s: read %d bytes", b, name, n)
					}
					want = append(want, b[i])
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("%q, ended by %s: %q, want %q", b, name, got, want)
				}
				read += n
			}
		}
	}
	if HasDropEscapes && read < 100_000 {
		t.Errorf("only %d bytes were read", read)
	}
}
