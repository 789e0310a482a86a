package event

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Records of one program have the same keys in the same order, and many of their
// values are always the same: _BOOT_ID, _HOSTNAME, _EXE. A Walker learns such
// layouts. A record that follows one is stepped over in a few strides, each of
// them one comparison of bytes, instead of two headers for every pair.
//
// A layout is only a guess, and the answer is that of reading pair by pair: bytes
// that are equal to a run of pairs that was read before are that run of pairs,
// and a text's length is known when the bytes of its header are. What is neither
// is read; where the bytes differ, the whole record is.

// layout is what is known of the records of one kind.
type layout struct {
	id     uint64
	uses   int
	pairs  []slot
	wanted []uint16 // indexes of pairs
	steps  []step
	text   []byte // what the steps compare, one behind the other
}

// slot is one pair of a layout.
type slot struct {
	Pair        // as offsets from the start of its step; behind Value wrong if it is free
	form form   // of its value
	step uint16 // the step that it is in
	text uint32 // where the header of its key starts in the layout's text
}

// form is what a layout knows of a value.
type form uint8

const (
	same  form = iota // its bytes
	sized             // the bytes of its header: it is a Str, whose text may be any
	free              // nothing
)

// step is a run of bytes that is compared, and behind it what is not of the last
// value in it.
type step struct {
	bytes, mask [short / 8]uint64 // of a short run: the bytes, and ones where they are
	text        uint32            // where the bytes start in the layout's text
	compare     uint32            // how many they are
	skip        uint32            // how many bytes the text of a sized value takes
	free        bool              // the last value is
}

const (
	maxSlots = 64      // pairs in a layout
	maxText  = 4 << 10 // bytes that a layout compares
	maxSame  = 256     // longer values are not compared
	short    = 32      // bytes in a short run
	buckets  = 8       // of layouts, by their number of pairs
	ways     = 16      // layouts in a bucket: journald puts fields in the order of their values' age

	// Layouts is how many layouts a Walker knows at a time.
	Layouts = buckets * ways

	// relearn is how many records a layout serves. A value that differed once is
	// not compared again; this is how a layout gets over it.
	relearn = 1 << 14
	// patience is how far the records that follow no layout may outnumber the others
	// while each of them is learned from; then only every eighth is. Learning takes
	// several times as long as reading.
	patience = 64
)

// layouts are those that a Walker knows.
type layouts struct {
	table  [buckets][ways]*layout     // the last used is first in its bucket
	shared [buckets][ways][ways]uint8 // by two layouts' ways: how many steps they have in common at their starts
	latest *layout                    // the one that the last event follows
	differ [buckets]int               // where a record was not what a layout compares first
	at     [maxSlots + 1]uint32       // where the steps of the last event start, and its end
	texts  [maxSlots]uint32           // where the texts of their free values start, 0 for unusual ones
	missed int                        // how many events followed none, more than did follow one

	pairs []Pair // the rest is for learn
	forms [maxSlots]form
}

// follow steps over n pairs from i on if they follow a layout, and lists the
// wanted ones. It answers where they end, or -1.
func (w *Walker) follow(i, n int) int {
	t := &w.layouts
	bucket := &t.table[n%buckets]
	differ := &t.differ[n%buckets]
	shared := &t.shared[n%buckets]
	tried, fits := -1, 0 // the layout that was tried last, and how many of its steps fit
	t.at[0] = uint32(i)
	for way, l := range bucket {
		if l == nil {
			break
		}
		if len(l.pairs) != n || l.uses >= relearn {
			continue
		}
		// Orders of the same fields differ late: what was found out with the one before
		// holds for this one, too, as far as they are the same.
		from := 0
		if tried >= 0 {
			from = int(shared[tried][l.way()])
		}
		if from > fits || from == 0 && l.differs(w.chunk[i:], *differ) {
			continue
		}
		var end int
		if end, fits = w.stride(l, from); end < 0 {
			tried = l.way()
			if fits == 0 {
				if at := l.firstDifference(w.chunk[i:]); at >= 0 {
					*differ = at
				}
			}
			continue
		}
		l.uses++
		t.missed = max(t.missed-1, 0)
		if way > 0 { // what is used more comes to the front
			bucket[way-1], bucket[way] = l, bucket[way-1]
		}
		t.latest = l
		w.pairs = slices.Grow(w.pairs[:0], len(l.wanted))[:len(l.wanted)]
		for k, index := range l.wanted {
			w.pair(&w.pairs[k], l, int(index))
		}
		return end
	}
	return -1
}

// firstDifference is an offset of eight bytes where b is not what l's first step
// compares, -1 if there are none.
func (l *layout) firstDifference(b []byte) int {
	text := l.text[:l.steps[0].compare]
	for at := 0; at+8 <= min(len(text), len(b)); at += 8 {
		if binary.LittleEndian.Uint64(text[at:]) != binary.LittleEndian.Uint64(b[at:]) {
			return at
		}
	}
	return -1
}

// differs says whether b is not what l's first step compares, by eight bytes at an
// offset that told others apart.
func (l *layout) differs(b []byte, at int) bool {
	return at+8 <= min(int(l.steps[0].compare), len(b)) && binary.LittleEndian.Uint64(l.text[at:]) != binary.LittleEndian.Uint64(b[at:])
}

// way is the layout's own number in its bucket, wherever it stands in there.
func (l *layout) way() int { return int(l.id % ways) }

// stride answers where the pairs end if they follow l, or else -1 and how many of
// its steps fit. Those before the given one do, and are known.
func (w *Walker) stride(l *layout, from int) (end, fits int) {
	b, steps, at, texts := w.chunk, l.steps, &w.layouts.at, &w.layouts.texts
	i := int(at[from])
	for k := from; k < len(steps); k++ {
		s := &steps[k]
		at[k] = uint32(i)
		n := int(s.compare)
		// Few bytes are compared without the call that comparing any number of them is.
		if n <= 16 && len(b)-i >= 16 {
			x := b[i : i+16 : i+16]
			if (binary.LittleEndian.Uint64(x)^s.bytes[0])&s.mask[0]|
				(binary.LittleEndian.Uint64(x[8:])^s.bytes[1])&s.mask[1] != 0 {
				return -1, k
			}
		} else if n <= short && len(b)-i >= short {
			x := b[i : i+short : i+short]
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
		if !s.free {
			i += int(s.skip)
		} else {
			text, end := 0, 0
			if len(b)-i >= 4 {
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

// pair makes p a pair of the last event, which follows l. It does so word by word:
// a copy of the whole would wait for the words to be written.
func (w *Walker) pair(p *Pair, l *layout, index int) {
	s := &l.pairs[index]
	i := w.layouts.at[s.step]
	p.At, p.Key, p.Value, p.Text, p.End = s.At+i, s.Key+i, s.Value+i, s.Text+i, s.End+i
	p.KeyKind, p.Kind = s.KeyKind, s.Kind
	if s.form == free {
		p.Text, p.End, p.Kind = w.layouts.texts[s.step], w.layouts.at[s.step+1], Str
		if p.Text == 0 {
			text, end, kind := textAt(w.chunk, int(p.Value))
			p.Text, p.End, p.Kind = uint32(text), uint32(end), kind
		}
	}
}

// learn makes a layout of n pairs from i on, which are whole and follow none, or
// makes the one that has their keys fit.
func (w *Walker) learn(i, n int) {
	t := &w.layouts
	if n == 0 || n > maxSlots || len(w.keys) == 0 {
		return
	}
	if t.missed++; t.missed > patience {
		if t.missed%8 != 0 {
			return
		}
		t.missed = min(t.missed, 2*patience)
	}
	t.pairs, _ = w.list(t.pairs[:0], i, n, true)
	bucket := &t.table[n%buckets]
	way := 0
	for way < ways-1 && bucket[way] != nil && !bucket[way].has(w.chunk, t.pairs) {
		way++
	}
	l := bucket[way]
	if l == nil {
		// The remainder by Layouts stays the layout's own.
		l = &layout{id: uint64(n%buckets*ways + way)}
		bucket[way] = l
	}
	known := l.has(w.chunk, t.pairs)
	if !known {
		l.id += Layouts
	}
	fresh := !known || l.uses >= relearn
	if fresh {
		l.uses = 0
	}
	for k := range t.pairs {
		p, f := &t.pairs[k], same
		if !fresh {
			f = l.form(k, w.chunk, p)
		} else if p.End-p.Value > maxSame {
			f = free
		}
		t.forms[k] = f
	}
	w.build(l)
	t.share(l, n%buckets)
}

// has says whether pairs have the keys of l.
func (l *layout) has(b []byte, pairs []Pair) bool {
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

// form is what is known of the value of l's pair k when p's is another one.
func (l *layout) form(k int, b []byte, p *Pair) form {
	s := &l.pairs[k]
	n := s.End - s.Value
	if s.form == free || p.End-p.Value != n {
		return free
	}
	old, now := l.text[s.text+s.Value-s.At:], b[p.Value:p.End]
	if s.form == same && bytes.Equal(old[:n], now) {
		return same
	}
	if head := s.Text - s.Value; s.Kind == Str && p.Kind == Str && bytes.HasPrefix(now, old[:head]) {
		return sized
	}
	return free
}

// build makes l anew from the pairs and forms at hand.
func (w *Walker) build(l *layout) {
	t, b := &w.layouts, w.chunk
	l.pairs, l.wanted, l.steps, l.text = l.pairs[:0], l.wanted[:0], l.steps[:0], l.text[:0]
	start := t.pairs[0].At
	for k := range t.pairs {
		p, f := t.pairs[k], t.forms[k]
		if p.Value > p.Key && w.wants(b[p.Key:p.Value]) {
			l.wanted = append(l.wanted, uint16(k))
		}
		l.pairs = append(l.pairs, slot{
			Pair: Pair{p.At - start, p.Key - start, p.Value - start, p.Text - start, p.End - start, p.KeyKind, p.Kind},
			form: f, step: uint16(len(l.steps)), text: uint32(len(l.text)),
		})
		end := [...]uint32{same: p.End, sized: p.Text, free: p.Value}[f]
		if len(l.text)+int(end-p.At) > maxText {
			*l = layout{id: l.id}
			return
		}
		l.text = append(l.text, b[p.At:end]...)
		if f == same && k < len(t.pairs)-1 {
			continue
		}
		s := step{text: uint32(len(l.text)) - (end - start), compare: end - start, skip: p.End - end, free: f == free}
		if s.compare <= short {
			for q, c := range l.text[s.text:] {
				s.bytes[q/8] |= uint64(c) << (q % 8 * 8)
				s.mask[q/8] |= 0xff << (q % 8 * 8)
			}
		}
		l.steps = append(l.steps, s)
		start = p.End
	}
}

// share notes for all layouts in l's bucket how many steps they have in common with
// l, which has changed.
func (t *layouts) share(l *layout, bucket int) {
	for _, other := range t.table[bucket] {
		if other == nil {
			break
		}
		n := 0
		for n < min(len(l.steps), len(other.steps)) && l.equal(other, n) {
			n++
		}
		t.shared[bucket][l.way()][other.way()], t.shared[bucket][other.way()][l.way()] = uint8(n), uint8(n)
	}
}

// equal says whether a step is the same in two layouts. What is skipped follows from
// the bytes, or is not known before.
func (l *layout) equal(other *layout, step int) bool {
	a, b := &l.steps[step], &other.steps[step]
	return a.free == b.free && string(l.text[a.text:a.text+a.compare]) == string(other.text[b.text:b.text+b.compare])
}
