//go:build !purego

package parser

// hasDropEscapes says whether there is a dropBlocks.
const hasDropEscapes = true

// dropBlocks does it for n >= least bytes: as long as there are that many. It reads
// and writes whole blocks.
func dropBlocks(dst, src *byte, n, least int, ends *ending) (read, written int) {
	return dropEscapesNEON(dst, src, n, least, ends, &squeezes, &kept)
}

//go:noescape
func dropEscapesNEON(dst, src *byte, n, least int, ends *ending, squeezes *[256]uint64, kept *[256]uint8) (read, written int)
