package parser

import (
	"bytes"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

// Regular logfmt is read without looking for one byte after the other. It is what
// loggers write: one blank between pairs, quotes around values and nowhere else.
// Then the masks of a block tell by arithmetic alone where all its pairs are. Text
// of another kind is left to Logfmt.anyPairs, which knows what to do with it.

// edges are the edges of pairs in a window of the text: the end of the pair before
// them, then by turns an equal sign and the end of its value. And what is known
// from the blocks before the window.
type edges struct {
	state scan.PairState
	edge  [2 + scan.WindowBytes + scan.Block]uint32 // the last part is space for writing more than there is

	upto int  // where the next window starts
	last bool // what follows the window, if anything does, is not regular
}

// reset puts the first window at start.
func (e *edges) reset(start int) {
	e.state = scan.PairState{scan.PairCount: 1, scan.PairEnded: 1}
	e.edge[0], e.upto, e.last = uint32(start-1), start, false
}

// count is how many edges there are.
func (e *edges) count() int { return int(e.state[scan.PairCount]) }

// regularPairs goes to the next pair of the regular part and reports whether there is
// one; when there is none that part is over, and anyPairs goes on at d.pos.
func (d *Logfmt) regularPairs() bool {
	for d.count() < 2*d.at+3 {
		if d.last {
			d.regular = false
			d.structure.Fill(d.pos)
			return false
		}
		// The end of the last pair, and the equal sign of one that ends behind the window.
		d.edge[0], d.edge[1] = d.edge[2*d.at], d.edge[2*d.at+1]
		d.state[scan.PairCount] -= uint64(2 * d.at)
		d.at = 0

		base := d.upto
		d.upto += scan.WindowBytes
		window := d.structure.Text[base:]
		if d.last = len(window) <= scan.WindowBytes; d.last {
			for len(window) > 0 && window[len(window)-1] <= ' ' {
				window = window[:len(window)-1]
			}
		} else {
			window = window[:scan.WindowBytes]
		}
		if !scan.FindPairs(&d.state, d.edge[:], window, base) {
			d.last = true
		} else if d.last && d.state[scan.PairValued] != 0 && d.state[scan.PairInside] == 0 {
			d.edge[d.count()] = uint32(base + len(window)) // no blank is behind the last value
			d.state[scan.PairCount]++
		}
	}
	d.n = (d.count() - 1) / 2
	if d.state[scan.PairSeen] != 0 {
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
	text, end := d.structure.Text, int(d.edge[2*d.n])
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
	if d.state[scan.PairSeen]&scan.SeenEscape != 0 && bytes.IndexByte(quoted, '\\') >= 0 {
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
	for d.pos < len(d.structure.Text) && d.structure.Text[d.pos] <= ' ' {
		d.pos++
	}
	d.edges.reset(d.pos)
	d.at, d.regular = 0, true
}
