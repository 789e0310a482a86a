//go:build !purego

package parser

// asciiBlocks is how many blocks at the start of b are ASCII.
func asciiBlocks(b []byte) int {
	switch {
	case len(b) < block:
		return 0
	case hasAVX2:
		return asciiBlocksAVX2(&b[0], len(b)/block)
	}
	return asciiBlocksGo(b)
}

// asciiBlocksAVX2 is asciiBlocksGo for n >= 1 blocks.
//
//go:noescape
func asciiBlocksAVX2(b *byte, n int) (ascii int)
