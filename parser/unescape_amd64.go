//go:build !purego

package parser

import "golang.org/x/sys/cpu"

// hasDropEscapes says whether there is a dropBlocks.
var hasDropEscapes = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasPOPCNT

// dropBlocks does it for n >= least bytes: as long as there are that many. It reads
// and writes whole blocks.
func dropBlocks(dst, src *byte, n, least int, ends *ending) (read, written int) {
	return dropEscapesAVX2(dst, src, n, least, ends, &squeezes)
}

//go:noescape
func dropEscapesAVX2(dst, src *byte, n, least int, ends *ending, squeezes *[256]uint64) (read, written int)
