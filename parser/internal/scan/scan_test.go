package scan

import (
	"bytes"
	"testing"
	"unicode/utf8"
)

// TestASCII has one byte that is not ASCII, at every place, or none, with memory behind the
// text and without.
func TestASCII(t *testing.T) {
	for n := range 3*Block + 2 {
		for at := range n + 1 {
			text := bytes.Repeat([]byte{'x'}, n)
			if at < n {
				text[at] = utf8.RuneSelf
			}
			behind := append(text, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)[:n]
			for _, got := range []int{ASCIIStart(text[:n:n]), ASCIIStart(behind), asciiStartGo(text[:n:n]), asciiStartGo(behind)} {
				if got > at || got == n && at < n || at == n && got != n || got < at-Block {
					t.Fatalf("%d bytes, the one at %d is not ASCII: %d", n, at, got)
				}
			}
		}
	}
}

// TestLower has every byte at every place, with memory behind the name and without.
func TestLower(t *testing.T) {
	for c := range 256 {
		for n := range 20 {
			for at := range n {
				name := bytes.Repeat([]byte{'X', '-'}, 20)[:n]
				name[at] = byte(c)
				want := append([]byte("Before"), name...)
				for i, c := range want[6:] {
					if 'A' <= c && c <= 'Z' {
						want[6+i] += 'a' - 'A'
					}
				}
				for _, name := range [][]byte{name, name[:n:n]} {
					if got := AppendLower([]byte("Before"), name); !bytes.Equal(got, want) {
						t.Fatalf("%q gave %q", name, got)
					}
				}
			}
		}
	}
}
