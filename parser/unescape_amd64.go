//go:build !purego

package parser

import (
	"math/bits"

	"golang.org/x/sys/cpu"
)

// hasDropEscapes says whether dropEscapes does anything.
var hasDropEscapes = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasPOPCNT

// dropEscapes appends the start of b to dst, which has room for all of it and for
// block bytes more. It leaves out the backslashes of \" and \\, and stops at every
// other escape and at what ends the text. It may stop earlier, so what it did not
// do is for the caller.
func dropEscapes(dst, b []byte, ends *ending) (out []byte, read int) {
	w := len(dst)
	to := dst[w : w+len(b)+block]
	if !hasDropEscapes || len(b) == 0 {
		return dst, 0
	}
	n := 0
	switch {
	case cap(b) >= len(b)+block:
		// What is behind the end is looked at, and does not count.
		read, n = dropEscapesAVX2(&to[0], &b[0], len(b), 1, ends, &squeezes)
	case len(b) >= block:
		read, n = dropEscapesAVX2(&to[0], &b[0], len(b), block, ends, &squeezes)
	default:
		var padded [block]byte
		copy(padded[:], b)
		read, n = dropEscapesAVX2(&to[0], &padded[0], len(b), 1, ends, &squeezes)
	}
	return dst[:w+n], read
}

// dropEscapesAVX2 does it for n >= least bytes: as long as there are that many. It
// reads and writes whole blocks.
//
//go:noescape
func dropEscapesAVX2(dst, src *byte, n, least int, ends *ending, squeezes *[256]uint64) (read, written int)

// squeezes has for each mask of eight bytes where the kept ones come from.
var squeezes = func() (table [256]uint64) {
	for kept := range table {
		at := 0
		for m := uint8(kept); m != 0; m &= m - 1 {
			table[kept] |= uint64(bits.TrailingZeros8(m)) << at
			at += 8
		}
	}
	return table
}()
