//go:build !purego

package scan

// classify makes the masks of the blocks of text, one for each element of masks.
// Every arm64 processor has the instructions.
func classify(text []byte, masks [][classes]uint64) {
	if len(masks) == 0 {
		return
	}
	_ = text[len(masks)*Block-1]
	classifyNEON(&text[0], len(masks), &masks[0])
}

// classifyNEON is classifyGo for n >= 1 blocks.
//
//go:noescape
func classifyNEON(text *byte, n int, masks *[classes]uint64)
