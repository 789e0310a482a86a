package parser

import (
	"bytes"
	"math"
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
	structure

	// Where pairs are: the equal sign of the current one is edge[at], and those up
	// to edge[n] have been read.
	edges
	at, n int

	decoded bool // the current value is not the text's
	value   []byte

	regular       bool // what was read so far; see edges
	pos, valueEnd int  // of anyPair: where it goes on, where the value that it read ends

	buf      []byte // values that had escapes, decoded
	unparsed []byte
	reason   Reason

	// console makes a kernel stamp outside quotes end the record; see noise.
	console bool
	noise   int // where the stamp starts, -1 for none
}

// Reset starts on text, which must be valid UTF-8 if the pairs shall be. The
// text is only read, and bytes behind it within its capacity may be; it must not
// change while its pairs are in use, since keys and values without escapes are
// slices of it. Text of 2 GiB and more has no pairs.
//
// What the previous record's Key, Value and Unparsed answered is not valid any
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
	d.structure.reset(text)
	d.edges.reset()
	d.at, d.n, d.pos, d.decoded = -1, 0, 0, false
	// A stamp starts with a bracket.
	d.console = console && bytes.IndexByte(text, '[') >= 0
	d.regular = !d.console
	d.noise = -1
}

// Next goes to the next pair and says whether there is one.
func (d *Logfmt) Next() bool {
	d.at += 2
	return d.at < d.n || d.more()
}

// Key is the key of the current pair: a slice of the text. There must have been
// a Next that answered true.
func (d *Logfmt) Key() []byte {
	return d.text[d.edge[d.at-1]+1 : d.edge[d.at]]
}

// Value is the value of the current pair, unquoted: a slice of the text, or of
// memory of d if it had escapes. Both are valid until Reset.
func (d *Logfmt) Value() []byte {
	return d.valueIn(int(d.edge[d.at])+1, int(d.edge[d.at+1]))
}

// valueIn is the value of a pair that was read, given where it is in the text.
func (d *Logfmt) valueIn(start, end int) []byte {
	if d.decoded {
		return d.value
	}
	value := d.text[start:end]
	if len(value) > 0 && value[0] == '"' {
		value = value[1 : len(value)-1]
	}
	return value
}

// Reason is why the record does not parse whole: UnterminatedQuote, BadEscape or
// TrailingText, the first of several. It is known when Next has answered false.
func (d *Logfmt) Reason() Reason { return d.reason }

// Unparsed is the text that was set aside because it belongs to no pair, piece
// by piece with a space between. It is known when Next has answered false, and
// valid until Reset.
func (d *Logfmt) Unparsed() []byte { return d.unparsed }

// more is Next when the pairs that were read have been used.
func (d *Logfmt) more() bool {
	d.decoded = false
	return d.regular && d.regularPairs() || d.anyPair()
}

// anyPair reads a pair of text of any kind.
func (d *Logfmt) anyPair() bool {
	text, pos := d.text, d.pos
	for pos < len(text) {
		if text[pos] <= ' ' {
			pos++
			continue
		}
		equal := d.find(classEqual, pos)
		if equal >= len(text) || d.console && d.stampAt(pos) {
			d.end(pos)
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
		d.pos = d.readValue(equal + 1)
		d.current(key, equal)
		return true
	}
	d.pos = len(text)
	return false
}

// current makes a pair, whose value was read, the current one.
func (d *Logfmt) current(key, equal int) {
	d.edge[0], d.edge[1], d.edge[2] = int32(key-1), int32(equal), int32(d.valueEnd)
	d.at, d.n = 1, 2
}

// skipPair sets a pair without a key aside, its value and damage behind that
// included, and answers where it ends.
func (d *Logfmt) skipPair(pos, equal int) int {
	kept := len(d.unparsed)
	after := d.readValue(equal + 1)
	d.decoded = false
	d.unparsed = d.unparsed[:kept]
	d.setAside(d.text[pos:after])
	return after
}

// end deals with text that no '=' follows any more, or that a stamp starts.
func (d *Logfmt) end(pos int) {
	if d.noise < 0 && !(d.console && d.stampAt(pos)) {
		d.setAside(d.text[pos:])
	}
}

// stampAt says whether a kernel stamp starts at pos; it then ends the record.
func (d *Logfmt) stampAt(pos int) bool {
	if !isStamp(d.text[pos:]) {
		return false
	}
	d.noise = pos
	return true
}

// shorten cuts a key that is too long down to its last word and answers where
// that starts; at its end when the word is no key.
func (d *Logfmt) shorten(key, end int) int {
	word := end
	for word > key && d.text[word-1] > ' ' {
		word--
	}
	if n := end - word; n == 0 || n > maxKey {
		return end
	}
	d.setAside(d.text[key:word])
	return word
}

// readValue reads the value that starts at i and answers where it ends, damage
// behind it included.
func (d *Logfmt) readValue(i int) int {
	text := d.text
	if i >= len(text) || text[i] != '"' {
		end := d.find(classBlank, i)
		if d.console {
			if at := stampIn(text[i:end], text[i:]); at >= 0 {
				d.valueEnd = i + at
				d.noise = i + at
				return len(text)
			}
		}
		d.valueEnd = end
		return end
	}
	end := d.quotedValue(i + 1)
	if end++; end >= len(text) || text[end] <= ' ' {
		return min(end, len(text))
	}
	// Text directly behind the closing quote.
	if d.console && d.stampAt(end) {
		return len(text)
	}
	after := d.find(classBlank, end)
	d.setAside(text[end:after])
	return after
}

// quotedValue reads the value whose opening quote is before i and answers where
// the closing one is, or len(text).
func (d *Logfmt) quotedValue(i int) int {
	text := d.text
	end := d.find(classQuote, i)
	if end < len(text) && text[end] == '"' {
		d.valueEnd = end + 1
		return end
	}
	mark := len(d.buf)
	buf, n, ok := appendUnquoted(d.buf, text[i:], &quoteEnd)
	end = i + n
	if end == len(text) {
		d.reason = d.reason.or(UnterminatedQuote)
	}
	d.valueEnd = end
	d.setValue(buf, mark, ok)
	return end
}

// unquote makes what is written between quotes the value.
func (d *Logfmt) unquote(body []byte) {
	mark := len(d.buf)
	buf, ok := AppendUnquoted(d.buf, body)
	d.setValue(buf, mark, ok)
}

// setValue makes what was appended to d.buf from mark on the value.
func (d *Logfmt) setValue(buf []byte, mark int, ok bool) {
	if !ok {
		d.reason = d.reason.or(BadEscape)
	}
	d.buf = buf
	d.value, d.decoded = buf[mark:], true
}

// setAside keeps text that belongs to no pair.
func (d *Logfmt) setAside(text []byte) {
	for len(text) > 0 && text[len(text)-1] <= ' ' {
		text = text[:len(text)-1]
	}
	if len(d.unparsed) > 0 {
		d.unparsed = append(d.unparsed, ' ')
	}
	d.unparsed = append(d.unparsed, text...)
	d.reason = d.reason.or(TrailingText)
}

// oddBare says whether the current value is bare and holds what logrus never
// leaves bare: it is more than one value.
func (d *Logfmt) oddBare() bool {
	value := d.text[d.edge[d.at]+1 : d.edge[d.at+1]]
	if len(value) == 0 || value[0] == '"' {
		return false
	}
	for _, c := range value {
		if c == '"' || c == '=' {
			return true
		}
	}
	return false
}
