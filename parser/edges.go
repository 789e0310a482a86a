package parser

import (
	"bytes"
	"math/bits"
)

// Regular logfmt is read without looking for one byte after the other. It is what
// loggers write: one blank between pairs, quotes around values and nowhere else.
// Then the masks of a block tell by arithmetic alone where all its pairs are. Text
// of another kind is left to Logfmt.anyPair, which knows what to do with it.

// edges are the edges of pairs in a window of the text: the end of the pair before
// them, then by turns an equal sign and the end of its value. And what is known
// from the blocks before the window.
type edges struct {
	count int
	edge  [2 + windowBytes + block]int32 // the last part is room for writing more than there is

	upto    int  // where the next window starts
	last    bool // what follows the window, if anything does, is not regular
	escapes bool // there was a backslash

	inside  uint64 // all ones: the next block starts inside quotes
	valued  uint64 // 1: it starts inside a value
	escaped uint64 // 1: its first byte is escaped
	started uint64 // 1: the byte before it is the equal sign of a pair
	closed  uint64 // 1: the byte before it is a closing quote
	ended   uint64 // 1: the byte before it is the end of a pair
}

func (e *edges) reset() {
	e.count, e.edge[0], e.upto = 1, -1, 0
	e.last, e.escapes = false, false
	e.inside, e.valued, e.escaped, e.started, e.closed, e.ended = 0, 0, 0, 0, 0, 1
}

// regularPairs goes to the next pair of the regular part and says whether there is
// one; when there is none that part is over, and anyPair goes on at d.pos.
func (d *Logfmt) regularPairs() bool {
	for d.count-d.at < 2 {
		d.pos = int(d.edge[d.at-1]) + 1
		if d.last {
			d.regular = false
			if d.pos < d.base {
				d.fill(d.pos &^ (block - 1))
			}
			return false
		}
		// The end of the last pair, and the equal sign of one that ends behind the window.
		d.edge[0] = d.edge[d.at-1]
		d.edge[1] = d.edge[d.at]
		d.count -= d.at - 1
		d.at = 1
		d.scan()
	}
	if !d.escapes {
		d.n = (d.count - 1) &^ 1 // behind the last equal sign that has an end
		return true
	}
	d.n = d.at + 1
	value := d.text[d.edge[d.at]+1 : d.edge[d.at+1]]
	if len(value) > 0 && value[0] == '"' && bytes.IndexByte(value, '\\') >= 0 {
		d.unquote(value[1 : len(value)-1])
	}
	return true
}

// scan adds the edges in the next window to d.edge.
func (d *Logfmt) scan() {
	base := d.upto
	d.upto += windowBytes
	rest := d.text[base:]
	d.last = len(rest) <= windowBytes
	if !d.edgesOf(rest[:min(len(rest), windowBytes)], base) {
		d.last = true
	} else if d.last && d.valued != 0 && d.inside == 0 {
		d.edge[d.count] = int32(len(d.text)) // no blank is behind the last value
		d.count++
	}
}

// edgesGo adds the edges in a window, which starts at base, and says whether it
// is regular up to its end.
func (d *Logfmt) edgesGo(window []byte, base int) bool {
	d.fill(base)
	n := d.count
	inside, valued, escaped, started, closed, ended := d.inside, d.valued, d.escaped, d.started, d.closed, d.ended
	regular := true
	for i := 0; i*block < len(window); i++ {
		m := &d.masks[i]
		quotes := m[classQuote] &^ m[classEscape]
		if escapes := m[classEscape]; escapes|escaped != 0 {
			d.escapes = true
			quotes, escaped = unescaped(quotes, escapes, escaped)
		}
		in := parity(quotes) ^ inside
		inside = uint64(int64(in) >> 63)
		equal, blank := m[classEqual]&^in, m[classBlank]&^in
		if left := len(window) - i*block; left < block {
			blank &= 1<<left - 1
		}
		// Each equal sign starts a carry that runs up to the next blank. One that
		// meets a carry already is part of a value.
		sum, carry := bits.Add64(^blank, equal, valued)
		starts, ends := equal&^sum, blank&sum
		opening, closing := quotes&in, quotes&^in
		valued = carry
		if opening&^(starts<<1|started) != 0 || // not at the start of a value
			(closing<<1|closed)&^blank != 0 || // not at its end
			(ends<<1|ended)&(blank|starts) != 0 || // two blanks, or no key
			starts|ends|valued == 0 { // a whole block without a pair: a key may be too long
			regular = false
			break
		}
		started, closed, ended = starts>>63, closing>>63, ends>>63
		for edges := starts | ends; edges != 0; edges &= edges - 1 {
			d.edge[n] = int32(base + i*block + bits.TrailingZeros64(edges))
			n++
		}
	}
	d.count = n
	d.inside, d.valued, d.escaped, d.started, d.closed, d.ended = inside, valued, escaped, started, closed, ended
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
