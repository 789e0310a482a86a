package parser

import (
	"bytes"
	"math"
	"math/bits"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

// maxKey is the longest logfmt key in bytes. Kata's longest is below 40; text
// of this length before a '=' is damage, not a name for a field.
const maxKey = 256

// Logfmt reads the pairs of one record in the logfmt that logrus writes.
//
// It differs from strict logfmt where logrus does (logrus text_formatter.go):
//
//   - keys are written raw, so words before a '=' belong to the key ("vm path=x");
//   - there are no bare keys, and "key=" is an empty value;
//   - values are quoted by the rules of Go strings, \x1b and \u200b included.
//
// It never fails: text that belongs to no pair is set aside (see Unparsed) and
// reading goes on. The cost is linear in the length of the text, whatever it
// is. The zero Logfmt reads nothing; use Reset.
//
//	var d parser.Logfmt
//	d.Reset(line)
//	for d.Next() {
//		use(d.Key(), d.Value())
//	}
//	if d.Reason() != parser.OK { … }
type Logfmt struct {
	structure scan.Structure

	// Where pairs are: the current one is number at of n that have been read. Its key
	// is between edge[2*at] and edge[2*at+1], its value ends at edge[2*at+2].
	edges
	at, n int

	odd     bool   // values are not what is between edges, but here: see valueOf
	oddOnes uint16 // which of them are not just that without quotes
	values  [batch][]byte

	regular bool // what is read now; see edges
	pos     int  // where the pairs that were read end

	buf      []byte // values that had escapes, decoded
	unparsed []byte
	reason   Reason

	// console makes a kernel stamp outside quotes end the record; see noise.
	console bool
	noise   int // where the stamp starts, -1 for none
}

// batch is how many odd pairs are read at a time.
const batch = 16

// Reset starts on text, which must be valid UTF-8 if the pairs shall be. The
// text is only read, and bytes behind it within its capacity may be; it must not
// change while its pairs are in use, since keys and values without escapes are
// slices of it. Text of 2 GiB and more has no pairs.
//
// What the previous record's Key, Value and Unparsed returned is not valid any
// more.
func (d *Logfmt) Reset(text []byte) { d.reset(text, false) }

func (d *Logfmt) reset(text []byte, console bool) {
	d.buf = d.buf[:0]
	d.unparsed = d.unparsed[:0]
	d.reason = OK
	if uint64(len(text)) > math.MaxInt32 {
		d.setAside(text)
		text = nil
	}
	d.structure.Reset(text)
	d.edges.reset(0)
	d.at, d.n, d.pos, d.odd = -1, 0, 0, false
	// A stamp starts with a bracket.
	d.console = console && bytes.IndexByte(text, '[') >= 0
	// Nothing regular starts with a blank. And what is looked at here has come from
	// memory when the rest follows.
	d.regular = !d.console && len(text) > 0 && text[0] > ' '
	d.noise = -1
}

// Next goes to the next pair and reports whether there is one.
func (d *Logfmt) Next() bool {
	if d.at++; d.at >= d.n {
		d.more()
	}
	return d.at < d.n
}

// Key is the key of the current pair: a slice of the text. There must have been
// a Next that returned true.
func (d *Logfmt) Key() []byte {
	i := d.current()
	return d.structure.Text[d.edge[i]+1 : d.edge[i+1]]
}

// Value is the value of the current pair, unquoted: a slice of the text, or of
// memory of d if it had escapes. Both are valid until Reset.
func (d *Logfmt) Value() []byte {
	i := d.current()
	return d.valueOf(d.at, int(d.edge[i+1]+1), int(d.edge[i+2]))
}

// current is where the edges of the current pair are. There are never 256 pairs,
// and when the compiler knows that it need not check an index.
func (d *Logfmt) current() int { return 2 * int(uint8(d.at)) }

// nextOdd returns the number of the first pair, from the current one on, whose value is not
// just what is between edges, with quotes around it or without; that behind the last pair if
// there is none.
func (d *Logfmt) nextOdd() int {
	if !d.odd {
		return d.n
	}
	return min(d.n, d.at+bits.TrailingZeros16(bits.RotateLeft16(d.oddOnes, -(d.at%batch))))
}

// valueOf is the value of pair number i, given where it is in the text.
func (d *Logfmt) valueOf(i, start, end int) []byte {
	if d.odd {
		return d.values[uint(i)%batch]
	}
	value := d.structure.Text[start:end]
	if len(value) > 0 && value[0] == '"' {
		value = value[1 : len(value)-1]
	}
	return value
}

// lastKey is the key of the last pair, when Next has returned false.
func (d *Logfmt) lastKey() []byte {
	if d.n == 0 {
		return nil
	}
	i := 2 * int(uint8(d.n-1))
	return d.structure.Text[d.edge[i]+1 : d.edge[i+1]]
}

// isClosed reports whether the value of the last pair has an end, a quote or what is
// behind it, when Next has returned false.
func (d *Logfmt) isClosed() bool {
	if d.n == 0 {
		return true
	}
	i := 2 * int(uint8(d.n-1))
	value := d.structure.Text[d.edge[i+1]+1:]
	if d.reason == UnterminatedQuote || len(value) == 0 {
		return false
	}
	return value[0] == '"' || len(d.unparsed) > 0 || value[len(value)-1] <= ' '
}

// Reason is why the record does not parse whole: UnterminatedQuote, BadEscape or
// TrailingText, the first of several. It is known when Next has returned false.
func (d *Logfmt) Reason() Reason { return d.reason }

// Unparsed is the text that was set aside because it belongs to no pair, piece
// by piece with a space between. It is known when Next has returned false, and
// valid until Reset.
func (d *Logfmt) Unparsed() []byte { return d.unparsed }

// more reads the next pairs, if there are any, when those that were read have been
// used.
func (d *Logfmt) more() {
	d.odd = false
	if d.pos >= len(d.structure.Text) {
		return
	}
	if !d.regular && d.pos >= d.structure.Base()+scan.WindowBytes && !d.console {
		d.resume()
	}
	if !d.regular || !d.regularPairs() {
		d.anyPairs()
	}
}

// anyPairs reads pairs of text of any kind.
func (d *Logfmt) anyPairs() {
	text, pos, n := d.structure.Text, d.pos, 0
	for pos < len(text) && n < batch {
		if text[pos] <= ' ' {
			pos++
			continue
		}
		equal := d.structure.Find(scan.ClassEqual, pos)
		if equal >= len(text) || d.console && d.stampAt(pos) {
			d.end(pos)
			pos = len(text)
			break
		}
		key := pos
		if uint(equal-pos-1) >= maxKey {
			if key = d.shorten(pos, equal); key == equal {
				// No key: the whole pair is damage.
				pos = d.skipPair(pos, equal)
				continue
			}
		}
		d.edge[2*n], d.edge[2*n+1] = uint32(key-1), uint32(equal)
		d.values[n], pos = d.readValue(equal + 1)
		n++
	}
	d.pos = pos
	d.at, d.n, d.odd, d.oddOnes = 0, n, true, 1<<batch-1
}

// skipPair sets a pair without a key aside, its value and damage behind that
// included, and returns where it ends.
func (d *Logfmt) skipPair(pos, equal int) int {
	kept := len(d.unparsed)
	_, after := d.readValue(equal + 1)
	d.unparsed = d.unparsed[:kept]
	d.setAside(d.structure.Text[pos:after])
	return after
}

// end deals with text that no '=' follows any more, or that a stamp starts.
func (d *Logfmt) end(pos int) {
	if d.noise < 0 && !(d.console && d.stampAt(pos)) {
		d.setAside(d.structure.Text[pos:])
	}
}

// stampAt reports whether a kernel stamp starts at pos; it then ends the record.
func (d *Logfmt) stampAt(pos int) bool {
	if !isStamp(d.structure.Text[pos:]) {
		return false
	}
	d.noise = pos
	return true
}

// shorten cuts a key that is too long down to its last word and returns where
// that starts; at its end when the word is no key.
func (d *Logfmt) shorten(key, end int) int {
	word := end
	for word > key && d.structure.Text[word-1] > ' ' {
		word--
	}
	if n := end - word; n == 0 || n > maxKey {
		return end
	}
	d.setAside(d.structure.Text[key:word])
	return word
}

// readValue reads the value that starts at i and returns where it ends, damage
// behind it included.
func (d *Logfmt) readValue(i int) (value []byte, after int) {
	text := d.structure.Text
	if i >= len(text) || text[i] != '"' {
		end := d.structure.Find(scan.ClassBlank, i)
		if d.console {
			if at := stampIn(text[i:end], text[i:]); at >= 0 {
				d.noise = i + at
				return text[i : i+at], len(text)
			}
		}
		return text[i:end], end
	}
	value, end := d.quotedValue(i + 1)
	if end++; end >= len(text) || text[end] <= ' ' {
		return value, min(end, len(text))
	}
	// Text directly behind the closing quote; see oddValues, too.
	if d.console && d.stampAt(end) {
		return value, len(text)
	}
	after = d.structure.Find(scan.ClassBlank, end)
	d.setAside(text[end:after])
	return value, after
}

// quotedValue reads the value whose opening quote is before i and returns where
// the closing one is, or len(text).
func (d *Logfmt) quotedValue(i int) (value []byte, end int) {
	text := d.structure.Text
	end = d.structure.Find(scan.ClassQuote, i)
	if end < len(text) && text[end] == '"' {
		return text[i:end], end
	}
	value, n := d.unquote(text[i:])
	if i+n == len(text) {
		d.reason = d.reason.or(UnterminatedQuote)
	}
	return value, i + n
}

// unquote decodes what is written up to the closing quote in body, and returns
// where that is, or len(body).
func (d *Logfmt) unquote(body []byte) (value []byte, n int) {
	mark := len(d.buf)
	buf, n, ok := appendUnquoted(d.buf, body, &scan.QuoteEnd)
	if !ok {
		d.reason = d.reason.or(BadEscape)
	}
	d.buf = buf
	return buf[mark:], n
}

// setAside keeps text that belongs to no pair.
func (d *Logfmt) setAside(text []byte) {
	for len(text) > 0 && text[len(text)-1] <= ' ' {
		text = text[:len(text)-1]
	}
	aside := d.unparsed
	if len(aside) > 0 {
		aside = append(aside, ' ')
	}
	d.unparsed = append(aside, text...)
	d.reason = d.reason.or(TrailingText)
}

// oddBare reports whether the current value is bare and holds what logrus never
// leaves bare: it is more than one value.
func (d *Logfmt) oddBare() bool {
	value := d.Value()
	if len(value) == 0 || d.structure.Text[d.edge[d.current()+1]+1] == '"' {
		return false
	}
	return bytes.IndexByte(value, '"') >= 0 || bytes.IndexByte(value, '=') >= 0
}
