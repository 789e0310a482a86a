//go:build !purego && (amd64 || arm64)

package scan

import "math/bits"

// Leaving the backslashes of \" and \\ out by vector instructions, where the
// processor has them (unescape_amd64.s, unescape_arm64.s): a record inside another
// is full of them. Elsewhere appendUntilEscape does without it.

// DropEscapes appends the start of b to dst, which has capacity for all of it and for
// block bytes more. It leaves out the backslashes of \" and \\, and stops at every
// other escape and at what ends the text. It may stop earlier, so what it did not
// do is for the caller.
func DropEscapes(dst, b []byte, ends *Ending) (out []byte, read int) {
	w := len(dst)
	to := dst[w : w+len(b)+Block]
	if !HasDropEscapes || len(b) == 0 {
		return dst, 0
	}
	n := 0
	switch {
	case cap(b) >= len(b)+Block:
		// What is behind the end is looked at, and does not count.
		read, n = dropBlocks(&to[0], &b[0], len(b), 1, ends)
	case len(b) >= Block:
		read, n = dropBlocks(&to[0], &b[0], len(b), Block, ends)
	default:
		var padded [Block]byte
		copy(padded[:], b)
		read, n = dropBlocks(&to[0], &padded[0], len(b), 1, ends)
	}
	return dst[:w+n], read
}

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
