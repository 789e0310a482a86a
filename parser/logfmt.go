package parser

import "math/bits"

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

	// The pairs are read some at a time: the loop that does it keeps its state
	// in registers, and Next has next to nothing to do.
	spans [spans]span
	at, n int // the current one, and how many there are
	pos   int // where the next one is read from

	buf      []byte // values that had escapes, decoded
	unparsed []byte
	reason   Reason

	// console makes a kernel stamp outside quotes end the record; see noise.
	console bool
	noise   int // where the stamp starts, -1 for none
}

// spans is how many pairs are read at a time: nearly always a whole record.
const spans = 24

// span is one pair.
type span struct {
	key, keyEnd     int // in the text
	value, valueEnd int // in the text, or in buf if it is decoded
	form            form
}

// form is how a value stands in the text.
type form uint8

const (
	bare    form = iota
	quoted       // without escapes
	decoded      // quoted, with escapes
)

// Reset starts on text, which must be valid UTF-8 if the pairs shall be. The
// text is only read; it must not change while its pairs are in use, since keys
// and values without escapes are slices of it.
//
// What the previous record's Key, Value and Unparsed answered is not valid any
// more.
func (d *Logfmt) Reset(text []byte) { d.reset(text, false) }

func (d *Logfmt) reset(text []byte, console bool) {
	d.structure.reset(text)
	d.at, d.n, d.pos = -1, 0, 0
	d.buf = d.buf[:0]
	d.unparsed = d.unparsed[:0]
	d.reason = OK
	d.console, d.noise = console, -1
}

// Next goes to the next pair and says whether there is one.
func (d *Logfmt) Next() bool {
	d.at++
	return d.at < d.n || d.read()
}

// Key is the key of the current pair: a slice of the text. There must have been
// a Next that answered true.
func (d *Logfmt) Key() []byte {
	s := &d.spans[d.at]
	return d.text[s.key:s.keyEnd]
}

// Value is the value of the current pair, unquoted: a slice of the text, or of
// memory of d if it had escapes. Both are valid until Reset.
func (d *Logfmt) Value() []byte {
	s := &d.spans[d.at]
	if s.form == decoded {
		return d.buf[s.value:s.valueEnd:s.valueEnd]
	}
	return d.text[s.value:s.valueEnd]
}

// Reason is why the record does not parse whole: UnterminatedQuote, BadEscape or
// TrailingText, the first of several. It is known when Next has answered false.
func (d *Logfmt) Reason() Reason { return d.reason }

// Unparsed is the text that was set aside because it belongs to no pair, piece
// by piece with a space between. It is known when Next has answered false, and
// valid until Reset.
func (d *Logfmt) Unparsed() []byte { return d.unparsed }

// read reads the next pairs into spans and says whether there were any.
func (d *Logfmt) read() bool {
	text, pos, n := d.text, d.pos, 0
	if pos >= len(text) {
		return false
	}
	m := d.masksAt(pos)
	for n < spans && pos < len(text) {
		if text[pos] <= ' ' {
			pos++
			continue
		}
		eq := pos
		off := uint(pos - m.base)
		if off >= block {
			m = d.masksAt(pos)
			off = uint(pos - m.base)
		}
		if rest := m.equal >> (off % block); rest != 0 {
			eq += bits.TrailingZeros64(rest)
		} else if eq = d.find(classEqual, m.base+block); eq < len(text) {
			m = d.masksAt(eq)
		}
		if eq >= len(text) || d.console && d.stampAt(pos) {
			pos = d.end(pos)
			break
		}
		s := &d.spans[n]
		s.key, s.keyEnd = pos, eq
		if uint(eq-pos-1) >= maxKey && !d.shorten(s) {
			// No key: the whole pair is damage.
			pos = d.skipPair(s, pos, eq)
			continue
		}
		n++
		pos = eq + 1
		if pos >= len(text) || text[pos] == '"' || d.console {
			pos = d.readValue(s, pos)
			continue
		}
		s.value, s.form = pos, bare
		off = uint(pos - m.base)
		if off >= block {
			m = d.masksAt(pos)
			off = uint(pos - m.base)
		}
		if rest := m.blank >> (off % block); rest != 0 {
			pos += bits.TrailingZeros64(rest)
		} else if pos = d.find(classBlank, m.base+block); pos < len(text) {
			m = d.masksAt(pos)
		}
		s.valueEnd = pos
	}
	d.pos, d.at, d.n = pos, 0, n
	return n > 0
}

// skipPair sets a pair without a key aside, its value and damage behind that
// included, and answers where it ends.
func (d *Logfmt) skipPair(s *span, pos, eq int) int {
	kept := len(d.unparsed)
	after := d.readValue(s, eq+1)
	d.unparsed = d.unparsed[:kept]
	d.setAside(d.text[pos:after])
	return after
}

// end deals with text that no '=' follows any more, or that a stamp starts, and
// answers where reading goes on: nowhere.
func (d *Logfmt) end(pos int) int {
	if d.noise < 0 {
		if d.console && d.stampAt(pos) {
			return len(d.text)
		}
		d.setAside(d.text[pos:])
	}
	return len(d.text)
}

// stampAt says whether a kernel stamp starts at pos; it then ends the record.
func (d *Logfmt) stampAt(pos int) bool {
	if !isStamp(d.text[pos:]) {
		return false
	}
	d.noise = pos
	return true
}

// shorten cuts a key that is too long down to its last word, and says whether
// that is a key.
func (d *Logfmt) shorten(s *span) bool {
	word := s.keyEnd
	for word > s.key && d.text[word-1] > ' ' {
		word--
	}
	if n := s.keyEnd - word; n == 0 || n > maxKey {
		return false
	}
	d.setAside(d.text[s.key:word])
	s.key = word
	return true
}

// readValue reads the value that starts at i and answers where it ends, damage
// behind it included.
func (d *Logfmt) readValue(s *span, i int) int {
	text := d.text
	if i >= len(text) || text[i] != '"' {
		end := d.find(classBlank, i)
		if d.console {
			if at := stampIn(text[i:end], text[i:]); at >= 0 {
				s.value, s.valueEnd, s.form = i, i+at, bare
				d.noise = i + at
				return len(text)
			}
		}
		s.value, s.valueEnd, s.form = i, end, bare
		return end
	}
	i++
	end := d.find(classQuote, i)
	if end < len(text) && text[end] == '"' {
		s.value, s.valueEnd, s.form = i, end, quoted
	} else {
		end = d.decode(s, i, end)
	}
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

// decode reads a quoted value that starts at i and has its first backslash, or
// the end of the text, at end. It answers where the closing quote is, or
// len(text).
func (d *Logfmt) decode(s *span, i, end int) int {
	text := d.text
	for end < len(text) && text[end] == '\\' {
		end = d.find(classQuote, min(end+2, len(text)))
	}
	if end == len(text) {
		d.reason = d.reason.or(UnterminatedQuote)
	}
	s.value = len(d.buf)
	buf, ok := AppendUnquoted(d.buf, text[i:end])
	if !ok {
		d.reason = d.reason.or(BadEscape)
	}
	d.buf = buf
	s.valueEnd, s.form = len(buf), decoded
	return end
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
	s := &d.spans[d.at]
	if s.form != bare {
		return false
	}
	for _, c := range d.text[s.value:s.valueEnd] {
		if c == '"' || c == '=' {
			return true
		}
	}
	return false
}
