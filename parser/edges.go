package parser

import (
	"bytes"
	"math/bits"
)

// Regular logfmt is read without looking for one byte after the other. It is what
// loggers write: one blank between pairs, quotes around values and nowhere else.
// Then the masks of a block tell by arithmetic alone where all its pairs are. Text
// of another kind is left to Logfmt.anyPairs, which knows what to do with it.

// edges are the edges of pairs in a window of the text: the end of the pair before
// them, then by turns an equal sign and the end of its value. And what is known
// from the blocks before the window.
type edges struct {
	count int
	edge  [2 + windowBytes + block]uint32 // the last part is room for writing more than there is

	upto int  // where the next window starts
	last bool // what follows the window, if anything does, is not regular

	escapes bool // there was a backslash
	damaged bool // there was text directly behind a closing quote

	inside  uint64 // all ones: the next block starts inside quotes
	valued  uint64 // 1: it starts inside a value
	escaped uint64 // 1: its first byte is escaped
	started uint64 // 1: the byte before it is the equal sign of a pair
	closed  uint64 // 1: the byte before it is a closing quote
	ended   uint64 // 1: the byte before it is the end of a pair
}

// reset makes start the place of the first window.
func (e *edges) reset(start int) {
	e.count, e.edge[0], e.upto = 1, uint32(start-1), start
	e.last, e.escapes, e.damaged = false, false, false
	e.inside, e.valued, e.escaped, e.started, e.closed, e.ended = 0, 0, 0, 0, 0, 1
}

// regularPairs goes to the next pair of the regular part and says whether there is
// one; when there is none that part is over, and anyPairs goes on at d.pos.
func (d *Logfmt) regularPairs() bool {
	for d.count < 2*d.at+3 {
		if d.last {
			d.regular = false
			d.fill(d.pos)
			return false
		}
		// The end of the last pair, and the equal sign of one that ends behind the window.
		d.edge[0], d.edge[1] = d.edge[2*d.at], d.edge[2*d.at+1]
		d.count -= 2 * d.at
		d.at = 0

		base := d.upto
		d.upto += windowBytes
		window := d.text[base:]
		if d.last = len(window) <= windowBytes; d.last {
			for len(window) > 0 && window[len(window)-1] <= ' ' {
				window = window[:len(window)-1]
			}
		} else {
			window = window[:windowBytes]
		}
		if !d.findEdges(window, base) {
			d.last = true
		} else if d.last && d.valued != 0 && d.inside == 0 {
			d.edge[d.count] = uint32(base + len(window)) // no blank is behind the last value
			d.count++
		}
	}
	d.n = (d.count - 1) / 2
	if d.escapes || d.damaged {
		d.n = min(d.n, d.at+batch)
		d.oddValues()
	}
	d.pos = int(d.edge[2*d.n])
	return true
}

// oddValues looks for escapes in the values of the pairs that were read, and for
// text behind closing quotes.
func (d *Logfmt) oddValues() {
	d.odd, d.oddOnes = true, 0
	text, end := d.text, int(d.edge[2*d.n])
	escape := 0 // up to where it is known that there is none
	for i := d.at; i < d.n; i++ {
		from, to := int(d.edge[2*i+1]+1), int(d.edge[2*i+2])
		if escape < from {
			if escape = bytes.IndexByte(text[from:end], '\\'); escape < 0 {
				escape = end
			} else {
				escape += from
			}
		}
		value := text[from:to]
		if len(value) > 0 && value[0] == '"' {
			if escape >= to && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1]
			} else {
				value = d.oddValue(value)
				d.oddOnes |= 1 << (uint(i) % batch)
			}
		}
		d.values[uint(i)%batch] = value
	}
}

// oddValue is what a quoted value stands for.
func (d *Logfmt) oddValue(quoted []byte) (value []byte) {
	end := len(quoted) - 1 // where the closing quote is
	if d.escapes && bytes.IndexByte(quoted, '\\') >= 0 {
		value, end = d.unquote(quoted[1:])
		end++
	} else {
		for quoted[end] != '"' {
			end--
		}
		value = quoted[1:end]
	}
	if behind := quoted[end+1:]; len(behind) > 0 {
		d.setAside(behind)
	}
	return value
}

// resume tries again where anyPairs has come to: damage has an end. It does so once
// in a window of masks, so that damage without an end costs little more.
func (d *Logfmt) resume() {
	for d.pos < len(d.text) && d.text[d.pos] <= ' ' {
		d.pos++
	}
	d.edges.reset(d.pos)
	d.at, d.regular = 0, true
}

// findEdges adds the edges in a window, which starts at base, and says whether it
// is regular up to its end. A blank is behind a window that does not end with a
// block.
func (d *Logfmt) findEdges(window []byte, base int) bool {
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
			blank &= 2<<left - 1
		}
		// Each equal sign starts a borrow that runs up to the next blank. One that
		// meets a borrow already is part of a value.
		rest, borrow := bits.Sub64(blank, equal, valued)
		starts, ends := equal&rest, blank&^rest
		opening, closing := quotes&in, quotes&^in
		valued = borrow
		if (closing<<1|closed)&^blank != 0 { // not at the end of a value
			d.damaged = true
		}
		if opening&^(starts<<1|started) != 0 || // not at its start
			(ends<<1|ended)&(blank|starts) != 0 || // two blanks, or no key
			starts|ends|valued == 0 { // a whole block without a pair: a key may be too long
			regular = false
			break
		}
		started, closed, ended = starts>>63, closing>>63, ends>>63
		for edges := starts | ends; edges != 0; edges &= edges - 1 {
			d.edge[n] = uint32(base + i*block + bits.TrailingZeros64(edges))
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
