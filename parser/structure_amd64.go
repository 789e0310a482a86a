//go:build !purego

package parser

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2

// classify makes the masks of each block of text, whose length is a multiple of
// block, in masks, which has room for them.
func classify(text []byte, masks []uint64) {
	if !hasAVX2 {
		classifyGo(text, masks)
		return
	}
	_ = masks[len(text)/block*classes-1]
	classifyAVX2(&text[0], len(text)/block, &masks[0])
}

// classifyAVX2 is classifyGo for n >= 1 blocks.
//
//go:noescape
func classifyAVX2(text *byte, n int, masks *uint64)
