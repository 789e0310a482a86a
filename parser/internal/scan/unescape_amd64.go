//go:build !purego

package scan

import "golang.org/x/sys/cpu"

// HasDropEscapes reports whether there is a dropBlocks.
var HasDropEscapes = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasPOPCNT

// dropBlocks does it for n >= least bytes: as long as there are that many. It reads
// and writes whole blocks.
func dropBlocks(dst, src *byte, n, least int, ends *Ending) (read, written int) {
	return dropEscapesAVX2(dst, src, n, least, ends, &squeezes)
}

//go:noescape
func dropEscapesAVX2(dst, src *byte, n, least int, ends *Ending, squeezes *[256]uint64) (read, written int)
