//go:build !purego

package scan

// markEnds makes the masks of the blocks of text, one for each element of masks.
func markEnds(text []byte, masks []uint64) {
	if len(masks) == 0 {
		return
	}
	_ = text[len(masks)*Block-1]
	markEndsNEON(&text[0], len(masks), &masks[0])
}

// markEndsNEON is markEndsGo for n >= 1 blocks.
//
//go:noescape
func markEndsNEON(text *byte, n int, masks *uint64)
