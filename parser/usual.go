package parser

import (
	"math/bits"
	"slices"
)

// Most pairs are usual: their key is one of the table, and their value needs no
// second look. They are not made fields at once but spans, which say where things
// are; who only writes fields elsewhere can do so from those.

// Span is a usual field: text of the message, or a number.
type Span struct {
	// Place is that of the key in the table (see Keys).
	Place int32
	// Start and End are where the value is in Record.Text. Start is -1 for a number.
	Start, End int32
	// Num is the number, an Integer.
	Num uint32
}

// usual is what it takes for the value of a key to be usual.
type usual uint8

const (
	never        usual = iota // as for names of more than 16 bytes
	usualText                 // nothing
	usualMessage              // no line break at its end
	usualLevel                // a word of Levels
	usualInteger              // up to eight digits
)

// usualValue says what it takes for the value of a key.
func usualValue(place int, row *keyInfo) usual {
	switch {
	case len(row.name) > 16 || place == keyTime || place == keyTs:
		return never
	case place == keyMsg:
		return usualMessage
	case place == keyLevel:
		return usualLevel
	case row.typ == Text:
		return usualText
	case row.typ == Integer:
		return usualInteger
	}
	return never
}

// maxSpans is how many pairs are looked at together.
const maxSpans = 64

// addUsual makes spans of the pairs from the current one on, up to one that is not
// usual.
func (p *Parser) addUsual() {
	d, r := &p.logfmt, &p.rec
	for d.at < d.n {
		known := len(r.spans)
		room := min(d.n-d.at, p.cfg.MaxFields-len(r.Fields)-known, maxSpans)
		if d.odd {
			room = min(room, bits.TrailingZeros16(bits.RotateLeft16(d.oddOnes, -d.at))) // up to the next odd one
		}
		if room <= 0 {
			return
		}
		r.spans = slices.Grow(r.spans, room)
		n, special := matchPairs(d, r, p.order.last, room)
		if special != 0 {
			n = p.checkSpecial(r.spans[known:known+n], special)
		}
		if n > 0 {
			r.spans = r.spans[:known+n]
			p.order.last = &p.order.links[r.spans[known+n-1].Place]
			d.at += n
		}
		if n == room {
			continue
		}
		// Is the key only another one than the last time?
		link, place := p.order.last, p.keys.find(d.Key())
		if place == unknown || r.has(place) || p.order.links[place].usual == never || link.next == &p.order.links[place] {
			return
		}
		link.next = &p.order.links[place]
	}
}

// matchPairsGo is what matchPairs does: behind the spans of r it writes those of pairs
// of d, from the current one on (count is not 0), up to one whose key is not the one
// that last time came next, or that has a field already. It answers how many they are,
// and by bits which of them have a value that needs a second look, and marks their keys
// as those of the next fields. All of the text's memory may be read.
func matchPairsGo(d *Logfmt, r *Record, last *link, count int) (n int, special uint64) {
	text, spans := d.text[:cap(d.text)], r.spans[len(r.spans):len(r.spans)+count]
	for ; n < count; n++ {
		edges := d.edge[2*(d.at+n):]
		start, equal, end := int(edges[0]+1), int(edges[1]), int(edges[2])
		next := last.next
		if equal-start != next.size || start+16 > len(text) {
			break
		}
		key := text[start : start+16]
		if (load(key, 0)^next.start[0])&next.mask[0]|(load(key, 8)^next.start[1])&next.mask[1] != 0 {
			break
		}
		if start = equal + 1; start < end && text[start] == '"' {
			start++
			end--
		}
		if r.has(int(next.place)) {
			break
		}
		r.at[next.place] = r.gen | uint32(len(r.Fields)+len(r.spans)+n)
		spans[n].Place, spans[n].Start, spans[n].End = next.place, int32(start), int32(end)
		if next.usual != usualText {
			special |= 1 << n
		}
		last = next
	}
	return n, special
}

// checkSpecial takes the second look, makes numbers of those that shall be some, and
// answers how many of the spans are usual.
func (p *Parser) checkSpecial(spans []Span, special uint64) int {
	for ; special != 0; special &= special - 1 {
		n := bits.TrailingZeros64(special)
		s := &spans[n]
		value, ok := p.logfmt.text[s.Start:s.End], false
		switch p.order.links[s.Place].usual {
		case usualMessage:
			ok = len(value) == 0 || value[len(value)-1] > '\r' // see trimNewlines
		case usualLevel:
			p.rec.Rank = LevelRank(value)
			ok = p.rec.Rank >= 0
		case usualInteger:
			if uint(len(value)-1) < 8 && cap(value) >= 8 {
				var num uint64
				num, ok = shortInt(load(value[:8], 0), len(value))
				s.Start, s.Num = -1, uint32(num)
			}
		}
		if !ok {
			for i := range spans[n:] {
				p.rec.at[spans[n+i].Place] = 0
			}
			return n
		}
	}
	return len(spans)
}

// expand makes fields of the spans.
func (r *Record) expand() {
	n := len(r.Fields)
	r.Fields = slices.Grow(r.Fields, len(r.spans))[:n+len(r.spans)]
	fields := r.Fields[n:]
	for i := range r.spans {
		r.fieldOf(&r.spans[i], &fields[i])
	}
	r.spans = r.spans[:0]
}

// fieldOf makes f the field that s stands for.
func (r *Record) fieldOf(s *Span, f *Field) {
	f.Name, f.Place = r.keys.rows[s.Place].name, s.Place
	if s.Start < 0 {
		f.Value, f.Type, f.Num = nil, Integer, uint64(s.Num)
		return
	}
	f.Value, f.Type = r.Text[s.Start:s.End], Text
}

// Len is the number of fields.
func (r *Record) Len() int { return len(r.Fields) + len(r.Spans) }

// Field is the field of the given index, from Fields or Spans.
func (r *Record) Field(i int) (f Field) {
	if len(r.Spans) == 0 {
		return r.Fields[i]
	}
	r.fieldOf(&r.Spans[i], &f)
	return f
}

// Expand puts what is in Spans into Fields.
func (r *Record) Expand() {
	if len(r.Spans) > 0 {
		r.Spans = nil
		r.expand()
	}
}

// spanText is the text of a key that has a span, nil when it has none.
func (r *Record) spanText(place int) []byte {
	if !r.has(place) {
		return nil
	}
	s := &r.spans[r.index(place)]
	return r.Text[s.Start:s.End]
}
