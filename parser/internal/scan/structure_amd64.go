//go:build !purego

package scan

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2

// classify makes the masks of the blocks of text, one for each element of masks.
func classify(text []byte, masks [][classes]uint64) {
	switch {
	case len(masks) == 0:
	case hasAVX2:
		_ = text[len(masks)*Block-1]
		classifyAVX2(&text[0], len(masks), &masks[0])
	default:
		classifyGo(text, masks)
	}
}

// classifyAVX2 is classifyGo for n >= 1 blocks.
//
//go:noescape
func classifyAVX2(text *byte, n int, masks *[classes]uint64)
