//go:build !purego

package parser

// asciiStart is asciiStartGo.
func asciiStart(b []byte) int {
	if len(b) >= block {
		return asciiStartNEON(&b[0], len(b))
	}
	return asciiStartGo(b)
}

// asciiStartNEON is asciiStart for n >= block bytes.
//
//go:noescape
func asciiStartNEON(b *byte, n int) int
