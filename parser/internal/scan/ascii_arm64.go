//go:build !purego

package scan

// ASCIIStart is asciiStartGo.
func ASCIIStart(b []byte) int {
	if len(b) >= Block {
		return asciiStartNEON(&b[0], len(b))
	}
	return asciiStartGo(b)
}

// asciiStartNEON is ASCIIStart for n >= block bytes.
//
//go:noescape
func asciiStartNEON(b *byte, n int) int
