package scan

import "math/bits"

// Regular logfmt is what loggers write: one blank between pairs, quotes around values and
// nowhere else. There the masks of a block tell by arithmetic alone where all its pairs are.

// PairState is what FindPairs knows of the text before a window, and how far it has come.
// It is an array, and not a struct, since assembly reads it.
type PairState [8]uint64

const (
	PairCount   = iota // how many edges there are
	PairInside         // all ones: the window starts inside quotes
	PairValued         // 1: it starts inside a value
	PairEscaped        // 1: its first byte is escaped
	PairStarted        // 1: the byte before it is the equal sign of a pair
	PairClosed         // 1: the byte before it is a closing quote
	PairEnded          // 1: the byte before it is the end of a pair
	PairSeen           // what there was of the following
)

const (
	SeenEscape = 1 // a backslash
	SeenDamage = 2 // text directly behind a closing quote
)

// findPairsGo is what FindPairs does: it adds the edges in a window, which starts at base
// and has at most WindowBytes bytes, and reports whether it is regular up to its end. A
// blank is behind a window that does not end with a block. It may write up to block edges
// more than there are.
func findPairsGo(state *PairState, edges []uint32, window []byte, base int) bool {
	var masks [windowBlocks][classes]uint64
	classifyAll(window, masks[:])
	n := int(state[PairCount])
	inside, valued, escaped := state[PairInside], state[PairValued], state[PairEscaped]
	started, closed, ended := state[PairStarted], state[PairClosed], state[PairEnded]
	regular := true
	for i := 0; i*Block < len(window); i++ {
		m := &masks[i]
		quotes := m[ClassQuote] &^ m[ClassEscape]
		if escapes := m[ClassEscape]; escapes|escaped != 0 {
			state[PairSeen] |= SeenEscape
			quotes, escaped = unescaped(quotes, escapes, escaped)
		}
		in := parity(quotes) ^ inside
		inside = uint64(int64(in) >> 63)
		equal, blank := m[ClassEqual]&^in, m[ClassBlank]&^in
		if left := len(window) - i*Block; left < Block {
			blank &= 2<<left - 1
		}
		// Each equal sign starts a borrow that runs up to the next blank. One that
		// meets a borrow already is part of a value.
		rest, borrow := bits.Sub64(blank, equal, valued)
		starts, ends := equal&rest, blank&^rest
		opening, closing := quotes&in, quotes&^in
		valued = borrow
		if (closing<<1|closed)&^blank != 0 { // not at the end of a value
			state[PairSeen] |= SeenDamage
		}
		if opening&^(starts<<1|started) != 0 || // not at its start
			(ends<<1|ended)&(blank|starts) != 0 || // two blanks, or no key
			starts|ends|valued == 0 { // a whole block without a pair: a key may be too long
			regular = false
			break
		}
		started, closed, ended = starts>>63, closing>>63, ends>>63
		for found := starts | ends; found != 0; found &= found - 1 {
			edges[n] = uint32(base + i*Block + bits.TrailingZeros64(found))
			n++
		}
	}
	state[PairCount] = uint64(n)
	state[PairInside], state[PairValued], state[PairEscaped] = inside, valued, escaped
	state[PairStarted], state[PairClosed], state[PairEnded] = started, closed, ended
	return regular
}

// unescaped takes the escaped ones out of the quotes of a block. before is 1 when
// the block's first byte is escaped, after when the next block's is.
//
// A backslash is escaped when the number of those directly before it is odd:
// the carry of a subtraction runs through each row of them, and what tells rows
// apart is whether they start at an odd place.
func unescaped(quotes, escapes, before uint64) (unescaped, after uint64) {
	const odd = 0xaaaaaaaaaaaaaaaa
	escaping := escapes &^ before
	codes := (escaping<<1 | odd - escaping) ^ odd
	return quotes &^ (codes ^ (escapes | before)), codes & escapes >> 63
}

// parity has a bit for each place up to which the number of bits in x is odd.
func parity(x uint64) uint64 {
	x ^= x << 1
	x ^= x << 2
	x ^= x << 4
	x ^= x << 8
	x ^= x << 16
	return x ^ x<<32
}
