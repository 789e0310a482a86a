//go:build !purego

package scan

// ASCIIStart is asciiStartGo.
func ASCIIStart(b []byte) int {
	if hasAVX2 && len(b) >= Block {
		return asciiStartAVX2(&b[0], len(b))
	}
	return asciiStartGo(b)
}

// asciiStartAVX2 is ASCIIStart for n >= block bytes.
//
//go:noescape
func asciiStartAVX2(b *byte, n int) int
