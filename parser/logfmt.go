package parser

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
	text []byte
	pos  int

	key, value []byte
	buf        []byte // values that had escapes, decoded; not moved within a record
	unparsed   []byte
	reason     Reason

	// console makes a kernel stamp outside quotes end the record; see noise.
	console bool
	noise   int // where the stamp starts, -1 for none
}

// Reset starts on text, which must be valid UTF-8 if the pairs shall be. The
// text is only read; it must not change while its pairs are in use, since keys
// and values without escapes are slices of it.
//
// What the previous record's Key, Value and Unparsed answered is not valid any
// more.
func (d *Logfmt) Reset(text []byte) { d.reset(text, false) }

func (d *Logfmt) reset(text []byte, console bool) {
	d.text, d.pos = text, 0
	d.key, d.value = nil, nil
	d.buf = d.buf[:0]
	d.unparsed = d.unparsed[:0]
	d.reason = OK
	d.console, d.noise = console, -1
}

// Key is the key of the pair that Next read: a slice of the text.
func (d *Logfmt) Key() []byte { return d.key }

// Value is the value of the pair that Next read, unquoted: a slice of the
// text, or of memory of d if it had escapes. Both are valid until Reset.
func (d *Logfmt) Value() []byte { return d.value }

// Reason is why the record did not parse whole, as far as it was read:
// UnterminatedQuote, BadEscape or TrailingText; of several the first.
func (d *Logfmt) Reason() Reason { return d.reason }

// Unparsed is the text that was set aside because it belongs to no pair, piece
// by piece with a space between. It is valid until Reset.
func (d *Logfmt) Unparsed() []byte { return d.unparsed }

// Next reads the next pair and says whether there was one.
func (d *Logfmt) Next() bool {
	for {
		text := d.text
		start := d.pos
		for start < len(text) && text[start] <= ' ' {
			start++
		}
		if start == len(text) {
			d.pos = start
			return false
		}
		eq := indexEqual(text, start)
		if d.console && text[start] == '[' && isStamp(text[start:]) {
			d.stop(start)
			return false
		}
		if eq == len(text) {
			d.setAside(text[start:])
			d.pos = eq
			return false
		}
		d.pos = eq + 1
		if eq-start-1 < maxKey && eq > start {
			d.key = text[start:eq]
			d.readValue()
			return true
		}
		if d.longKey(start, eq) {
			return true
		}
	}
}

// longKey deals with a '=' that has no text, or too much, before it.
func (d *Logfmt) longKey(start, eq int) bool {
	word := eq
	for word > start && d.text[word-1] > ' ' {
		word--
	}
	if n := eq - word; n == 0 || n > maxKey {
		// No key at all: the whole pair is damage.
		d.readValue()
		d.setAside(d.text[start:d.pos])
		return false
	}
	d.setAside(d.text[start:word])
	d.key = d.text[word:eq]
	d.readValue()
	return true
}

// readValue reads the value that starts at d.pos and leaves d.pos behind it.
func (d *Logfmt) readValue() {
	text := d.text
	i := d.pos
	if i == len(text) || text[i] != '"' {
		end := indexBlank(text, i)
		if d.console {
			if at := stampIn(text[i:end], text[i:]); at >= 0 {
				end = i + at
				d.stop(end)
			}
		}
		d.value = text[i:end]
		d.pos = max(end, d.pos)
		if d.noise >= 0 {
			d.pos = len(text)
		}
		return
	}
	i++
	end := indexQuote(text, i)
	if end < len(text) && text[end] == '"' {
		d.value = text[i:end]
	} else {
		end = d.readEscaped(i, end)
	}
	if end == len(text) {
		d.pos = end
		return
	}
	end++ // the closing quote
	d.pos = end
	if end < len(text) && text[end] > ' ' {
		if d.console && isStamp(text[end:]) {
			d.stop(end)
			d.pos = len(text)
			return
		}
		after := indexBlank(text, end)
		d.setAside(text[end:after])
		d.pos = after
	}
}

// readEscaped reads a quoted value that starts at i and has its first
// backslash, or the end of the text, at end. It answers where the closing
// quote is, or len(text).
func (d *Logfmt) readEscaped(i, end int) int {
	text := d.text
	for end < len(text) && text[end] == '\\' {
		end = indexQuote(text, min(end+2, len(text)))
	}
	if end == len(text) {
		d.reason = d.reason.or(UnterminatedQuote)
	}
	mark := len(d.buf)
	buf, ok := AppendUnquoted(d.buf, text[i:end])
	if !ok {
		d.reason = d.reason.or(BadEscape)
	}
	d.buf = buf
	d.value = buf[mark:len(buf):len(buf)]
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

// stop ends the record where a kernel stamp starts.
func (d *Logfmt) stop(at int) { d.noise = at }
