package event

import (
	"bytes"
	"encoding/binary"
)

// Records of one program have the same keys in the same order, and many of their values
// are always the same: _BOOT_ID, _HOSTNAME, _EXE. A Walker learns such layouts. A record
// that matches one is skipped in a few steps, each of them one comparison of bytes, instead
// of reading two headers for every pair.
//
// A layout only predicts. The result is that of reading pair by pair: bytes that are equal
// to those of pairs that were read before are these pairs, and a text whose header is equal
// has the same length. Values that are not predicted are read. If the bytes of a step
// differ, the record does not match.

// layout predicts the pairs of the records with certain keys.
type layout struct {
	id     uint64 // Event.Layout
	uses   int    // how many records have matched since it was learned anew
	pairs  []layoutPair
	wanted []uint16 // indexes of the wanted pairs
	steps  []step
	text   []byte // the bytes that the steps compare, one after the other
}

// layoutPair is one pair of a layout.
type layoutPair struct {
	Pair           // as offsets from the start of its step; Text and End are not valid if the value is variable
	form valueForm // of its value
	step uint16    // index of its step
	text uint32    // where its key's header starts in the layout's text
}

// valueForm is what a layout predicts of a value.
type valueForm uint8

const (
	constant valueForm = iota // all of its bytes
	sized                     // the bytes of its header: it is a Str with any text of that length
	variable                  // nothing
)

// step compares a run of bytes, and skips what is not predicted of the last value in it.
type step struct {
	bytes, mask [shortStep / 8]uint64 // if compare is at most shortStep: the bytes, and 0xff for each
	text        uint32                // where the bytes start in the layout's text
	compare     uint32                // how many bytes are compared
	skip        uint32                // how many bytes the text of a sized value takes
	variable    bool                  // the last value is variable
}

const (
	maxLayoutPairs = 64      // pairs in a layout
	maxText        = 4 << 10 // bytes that a layout compares
	maxConstant    = 256     // bytes of a value that is compared
	shortStep      = 32      // bytes that are compared without a call
	buckets        = 8       // of layouts, by their number of pairs
	ways           = 16      // layouts in a bucket: journald orders fields by when their values were first stored

	// Layouts is how many layouts a Walker knows at a time.
	Layouts = buckets * ways

	// maxUses is how many records a layout is used for until it is learned anew. A value
	// that differed once is not predicted any more until then.
	maxUses = 1 << 14
	// maxMisses is how many more records may match no layout than match one while a
	// layout is learned from each of them; beyond that from every eighth. Learning takes
	// several times as long as reading.
	maxMisses = 64
)

// layouts are the layouts that a Walker knows.
type layouts struct {
	table    [buckets][ways]*layout     // each bucket in order of use, roughly, the last used first
	shared   [buckets][ways][ways]uint8 // by the ways of two layouts: how many of their first steps are equal
	latest   *layout                    // the one that the last event matches, nil for none
	mismatch [buckets]int               // offset where a record differed from the first step of a layout
	at       [maxLayoutPairs + 1]uint32 // where the steps of the last event start, and the last one ends
	texts    [maxLayoutPairs]uint32     // by step: where the text of its variable value starts; 0 if textAt has to find it
	misses   int                        // how many more events matched none than matched one

	pairs []Pair // these two are memory for learn
	forms [maxLayoutPairs]valueForm
}

// matchLayout skips n pairs from i on if they match a layout. It returns where they end, -1
// if they match none.
func (w *Walker) matchLayout(i, n int) int {
	t := &w.layouts
	bucket := &t.table[n%buckets]
	mismatch := &t.mismatch[n%buckets]
	shared := &t.shared[n%buckets]
	tried, matched := -1, 0 // the way of the layout that was tried last, and how many of its steps matched
	t.at[0] = uint32(i)
	for way, l := range bucket {
		if l == nil {
			break
		}
		if len(l.pairs) != n || l.uses >= maxUses {
			continue
		}
		// Layouts of the same keys in another order differ late: steps that have matched
		// need no second comparison.
		from := 0
		if tried >= 0 {
			from = int(shared[tried][l.way()])
		}
		if from > matched || from == 0 && l.differsAt(w.chunk[i:], *mismatch) {
			continue
		}
		var end int
		if end, matched = w.matchSteps(l, from); end < 0 {
			tried = l.way()
			if matched == 0 {
				if at := l.firstDifference(w.chunk[i:]); at >= 0 {
					*mismatch = at
				}
			}
			continue
		}
		l.uses++
		t.misses = max(t.misses-1, 0)
		if way > 0 { // so that what is used often comes to the front
			bucket[way-1], bucket[way] = l, bucket[way-1]
		}
		t.latest = l
		return end
	}
	return -1
}

// firstDifference returns the offset of the first eight bytes in which b differs from what
// l's first step compares, -1 if there are none.
func (l *layout) firstDifference(b []byte) int {
	text := l.text[:l.steps[0].compare]
	for at := 0; at+8 <= min(len(text), len(b)); at += 8 {
		if binary.LittleEndian.Uint64(text[at:]) != binary.LittleEndian.Uint64(b[at:]) {
			return at
		}
	}
	return -1
}

// differsAt reports whether b differs in the eight bytes at an offset from what l's first
// step compares. With an offset where other records differed, one comparison rules out most
// layouts.
func (l *layout) differsAt(b []byte, at int) bool {
	return at+8 <= min(int(l.steps[0].compare), len(b)) && binary.LittleEndian.Uint64(l.text[at:]) != binary.LittleEndian.Uint64(b[at:])
}

// way returns the layout's number in its bucket, which does not depend on its place there.
func (l *layout) way() int { return int(l.id % ways) }

// matchSteps returns where the pairs end if they match l, otherwise -1, and how many of its
// steps match. Those before the step from do, and w.layouts has their offsets.
func (w *Walker) matchSteps(l *layout, from int) (end, matched int) {
	b, steps, at, texts := w.chunk, l.steps, &w.layouts.at, &w.layouts.texts
	i := int(at[from])
	for k := from; k < len(steps); k++ {
		s := &steps[k]
		at[k] = uint32(i)
		n := int(s.compare)
		// A comparison of any number of bytes is a call; short ones do without.
		if n <= 16 && i+16 <= len(b) {
			x := b[i : i+16 : i+16]
			if (binary.LittleEndian.Uint64(x)^s.bytes[0])&s.mask[0]|
				(binary.LittleEndian.Uint64(x[8:])^s.bytes[1])&s.mask[1] != 0 {
				return -1, k
			}
		} else if n <= shortStep && i+shortStep <= len(b) {
			x := b[i : i+shortStep : i+shortStep]
			if (binary.LittleEndian.Uint64(x)^s.bytes[0])&s.mask[0]|
				(binary.LittleEndian.Uint64(x[8:])^s.bytes[1])&s.mask[1]|
				(binary.LittleEndian.Uint64(x[16:])^s.bytes[2])&s.mask[2]|
				(binary.LittleEndian.Uint64(x[24:])^s.bytes[3])&s.mask[3] != 0 {
				return -1, k
			}
		} else if n > len(b)-i || string(b[i:i+n]) != string(l.text[s.text:int(s.text)+n]) {
			return -1, k
		}
		i += n
		if !s.variable {
			i += int(s.skip)
		} else {
			text, end := 0, 0
			if i+4 <= len(b) {
				switch head := binary.BigEndian.Uint32(b[i : i+4 : i+4]); {
				case head>>24 == 0xda:
					text = i + 3
					end = text + int(head>>8&0xffff)
				case head>>24 == 0xd9:
					text = i + 2
					end = text + int(head>>16&0xff)
				case head>>29 == 0xa0>>5:
					text = i + 1
					end = text + int(head>>24&0x1f)
				}
			}
			if text == 0 {
				_, end, _ = textAt(b, i)
			}
			texts[k], i = uint32(text), end
		}
		if uint(i) > uint(len(b)) { // also when it is -1
			return -1, k
		}
	}
	at[len(steps)] = uint32(i)
	return i, len(steps)
}

// pair sets p to a pair of the last event, which matches l. It does so field by field: a
// copy of a whole Pair would have to wait for its fields to be stored.
func (w *Walker) pair(p *Pair, l *layout, index int) {
	s := &l.pairs[index]
	i := w.layouts.at[s.step]
	p.At, p.Key, p.Value, p.Text, p.End = s.At+i, s.Key+i, s.Value+i, s.Text+i, s.End+i
	p.KeyKind, p.Kind = s.KeyKind, s.Kind
	if s.form == variable {
		p.Text, p.End, p.Kind = w.layouts.texts[s.step], w.layouts.at[s.step+1], Str
		if p.Text == 0 {
			text, end, kind := textAt(w.chunk, int(p.Value))
			p.Text, p.End, p.Kind = uint32(text), uint32(end), kind
		}
	}
}

// learn learns a layout from n pairs from i on, which are complete and match none. If there
// is a layout with the same keys, it is changed to match.
func (w *Walker) learn(i, n int) {
	t := &w.layouts
	if n == 0 || n > maxLayoutPairs || len(w.keys) == 0 {
		return
	}
	if t.misses++; t.misses > maxMisses {
		if t.misses%8 != 0 {
			return
		}
		t.misses = min(t.misses, 2*maxMisses)
	}
	t.pairs, _ = w.list(t.pairs[:0], i, n, true)
	bucket := &t.table[n%buckets]
	way := 0
	for way < ways-1 && bucket[way] != nil && !bucket[way].hasKeys(w.chunk, t.pairs) {
		way++
	}
	l := bucket[way]
	if l == nil {
		// A layout keeps its remainder by Layouts for good.
		l = &layout{id: uint64(n%buckets*ways + way)}
		bucket[way] = l
	}
	known := l.hasKeys(w.chunk, t.pairs)
	if !known {
		l.id += Layouts
	}
	fresh := !known || l.uses >= maxUses
	if fresh {
		l.uses = 0
	}
	for k := range t.pairs {
		p, f := &t.pairs[k], constant
		if !fresh {
			f = l.newForm(k, w.chunk, p)
		} else if p.End-p.Value > maxConstant {
			f = variable
		}
		t.forms[k] = f
	}
	w.build(l)
	t.updateShared(l, n%buckets)
}

// hasKeys reports whether pairs have the keys of l, in the same order.
func (l *layout) hasKeys(b []byte, pairs []Pair) bool {
	if len(pairs) != len(l.pairs) {
		return false
	}
	for k := range pairs {
		p, s := &pairs[k], &l.pairs[k]
		n := p.Value - p.At
		if s.Value-s.At != n || string(l.text[s.text:s.text+n]) != string(b[p.At:p.Value]) {
			return false
		}
	}
	return true
}

// newForm returns what can be predicted of the value of l's pair k, which is that of p in
// another record.
func (l *layout) newForm(k int, b []byte, p *Pair) valueForm {
	s := &l.pairs[k]
	n := s.End - s.Value
	if s.form == variable || p.End-p.Value != n {
		return variable
	}
	old, now := l.text[s.text+s.Value-s.At:], b[p.Value:p.End]
	if s.form == constant && bytes.Equal(old[:n], now) {
		return constant
	}
	if head := s.Text - s.Value; s.Kind == Str && p.Kind == Str && bytes.HasPrefix(now, old[:head]) {
		return sized
	}
	return variable
}

// build sets l to a layout of the pairs and forms in w.layouts. If they are too long for a
// layout, l becomes one that matches nothing.
func (w *Walker) build(l *layout) {
	t, b := &w.layouts, w.chunk
	l.pairs, l.wanted, l.steps, l.text = l.pairs[:0], l.wanted[:0], l.steps[:0], l.text[:0]
	start := t.pairs[0].At
	for k := range t.pairs {
		p, f := t.pairs[k], t.forms[k]
		if p.Value > p.Key && w.wants(b[p.Key:p.Value]) {
			l.wanted = append(l.wanted, uint16(k))
		}
		l.pairs = append(l.pairs, layoutPair{
			Pair: Pair{p.At - start, p.Key - start, p.Value - start, p.Text - start, p.End - start, p.KeyKind, p.Kind},
			form: f, step: uint16(len(l.steps)), text: uint32(len(l.text)),
		})
		end := [...]uint32{constant: p.End, sized: p.Text, variable: p.Value}[f]
		if len(l.text)+int(end-p.At) > maxText {
			*l = layout{id: l.id}
			return
		}
		l.text = append(l.text, b[p.At:end]...)
		if f == constant && k < len(t.pairs)-1 {
			continue
		}
		s := step{text: uint32(len(l.text)) - (end - start), compare: end - start, skip: p.End - end, variable: f == variable}
		if s.compare <= shortStep {
			for q, c := range l.text[s.text:] {
				s.bytes[q/8] |= uint64(c) << (q % 8 * 8)
				s.mask[q/8] |= 0xff << (q % 8 * 8)
			}
		}
		l.steps = append(l.steps, s)
		start = p.End
	}
}

// updateShared updates how many of their first steps the layouts in a bucket have in common
// with l, which has changed.
func (t *layouts) updateShared(l *layout, bucket int) {
	for _, other := range t.table[bucket] {
		if other == nil {
			break
		}
		n := 0
		for n < min(len(l.steps), len(other.steps)) && l.equalStep(other, n) {
			n++
		}
		t.shared[bucket][l.way()][other.way()], t.shared[bucket][other.way()][l.way()] = uint8(n), uint8(n)
	}
}

// equalStep reports whether a step is the same in two layouts. Its field skip need not be
// compared: it follows from the bytes.
func (l *layout) equalStep(other *layout, step int) bool {
	a, b := &l.steps[step], &other.steps[step]
	return a.variable == b.variable && string(l.text[a.text:a.text+a.compare]) == string(other.text[b.text:b.text+b.compare])
}
