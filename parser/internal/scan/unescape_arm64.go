//go:build !purego

package scan

import "math/bits"

// HasDropEscapes reports whether there is a dropBlocks.
const HasDropEscapes = true

// dropBlocks does it for n >= least bytes: as long as there are that many. It reads
// and writes whole blocks.
func dropBlocks(dst, src *byte, n, least int, ends *Ending) (read, written int) {
	return dropEscapesNEON(dst, src, n, least, ends, &squeezes, &ones8)
}

//go:noescape
func dropEscapesNEON(dst, src *byte, n, least int, ends *Ending, squeezes *[256]uint64, counts *[256]uint8) (read, written int)

// ones8 has for each mask of eight bytes how many are kept.
var ones8 = func() (table [256]uint8) {
	for kept := range table {
		table[kept] = uint8(bits.OnesCount8(uint8(kept)))
	}
	return table
}()
