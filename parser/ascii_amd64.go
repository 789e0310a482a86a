//go:build !purego

package parser

// asciiStart is asciiStartGo.
func asciiStart(b []byte) int {
	if hasAVX2 && len(b) >= block {
		return asciiStartAVX2(&b[0], len(b))
	}
	return asciiStartGo(b)
}

// asciiStartAVX2 is asciiStart for n >= block bytes.
//
//go:noescape
func asciiStartAVX2(b *byte, n int) int
