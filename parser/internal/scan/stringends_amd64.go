//go:build !purego

package scan

// markEnds makes the masks of the blocks of text, one for each element of masks.
func markEnds(text []byte, masks []uint64) {
	switch {
	case len(masks) == 0:
	case hasAVX2:
		_ = text[len(masks)*Block-1]
		markEndsAVX2(&text[0], len(masks), &masks[0])
	default:
		markEndsGo(text, masks)
	}
}

// markEndsAVX2 is markEndsGo for n >= 1 blocks.
//
//go:noescape
func markEndsAVX2(text *byte, n int, masks *uint64)
