//go:build !purego

package scan

import "golang.org/x/sys/cpu"

var hasFindPairs = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT && cpu.X86.HasPCLMULQDQ

// FindPairs is findPairsGo.
func FindPairs(state *PairState, edges []uint32, window []byte, base int) bool {
	// The last block is read from the block of bytes before the window's end, which
	// must be the text's, too.
	if !hasFindPairs || base+len(window) < Block {
		return findPairsGo(state, edges, window, base)
	}
	if len(window) == 0 {
		return true
	}
	_ = edges[int(state[PairCount])+len(window)+Block-1]
	return findPairsAVX2((*[8]uint64)(state), &edges[0], &window[0], len(window), base)
}

// findPairsAVX2 is findPairsGo for a window of n bytes, more than 0.
//
//go:noescape
func findPairsAVX2(state *[8]uint64, edges *uint32, window *byte, n, base int) bool
