//go:build !purego

package parser

// asciiBlocks is how many blocks at the start of b are ASCII.
func asciiBlocks(b []byte) int {
	if len(b) < block {
		return 0
	}
	return asciiBlocksNEON(&b[0], len(b)/block)
}

// asciiBlocksNEON is asciiBlocksGo for n >= 1 blocks.
//
//go:noescape
func asciiBlocksNEON(b *byte, n int) (ascii int)
