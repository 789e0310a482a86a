// Package event reads the log events of a chunk in place, without copying or decoding
// them, and has what is needed to write events.
//
// A chunk is what Fluent Bit passes to a filter: a sequence of msgpack arrays, each
// [[time, metadata], body] (Fluent Bit 2.1 and later) or [time, body] (before, and from
// forward inputs). Every width of every msgpack format is accepted: 3.2 writes the widest
// ones, 5.1 the shortest.
//
// The package knows msgpack and the shape of events, and nothing of the messages in
// them: it must never import anything but the standard library, and no cgo.
package event

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// ErrCorrupt is the error of a chunk that is not msgpack up to its end; see Walker.Err.
var ErrCorrupt = errors.New("event: corrupt msgpack")

// Seconds of a group marker, an event that starts or ends a group of events (Fluent Bit
// 3.2 and later). No log event's time can have them.
const (
	GroupStart = 0xffffffff
	GroupEnd   = 0xfffffffe
)

// Kind is the type of a value, as far as this package distinguishes types.
type Kind uint8

const (
	Other Kind = iota // number, bool, nil, map or ext
	Str               // str or bin
	Array
)

// Pair is one key and value of a record's body, as offsets into the chunk: the key's text
// is chunk[Key:Value], and that of a value of Kind Str chunk[Text:End].
type Pair struct {
	At      uint32 // where the key's header starts
	Key     uint32 // where the key's text starts; equal to Value if the key is no str or bin
	Value   uint32 // where the value's header starts
	Text    uint32 // where the text of a Str starts
	End     uint32 // where the value ends
	KeyKind Kind
	Kind    Kind
}

// Event is one event of a chunk, as offsets into it. If Log is false, only Start and End
// are valid. Pairs belongs to the Walker and is valid until its next call of Next, Wanted,
// All or Reset.
type Event struct {
	Start, End    int
	Time, TimeEnd int    // of the encoded time
	Body, BodyEnd int    // of the body, with its map header
	First         int    // where the first pair starts
	Len           int    // how many pairs the body has
	Pairs         []Pair // those that Walker.Wanted or Walker.All has listed
	// Layout is a number which all events of this Walker's that have it share with no
	// event of other keys, or of the same keys in another order; 0 if there is none.
	// The remainders of these numbers by Layouts can serve as indexes: no two numbers
	// that are in use at a time have the same.
	Layout uint64
	Sec    int64  // the event's time: seconds since 1970,
	Nsec   uint32 // and nanoseconds
	Log    bool   // a log event; otherwise a group marker or another value
}

// Walker reads the events of a chunk one by one. The zero Walker is ready for Reset. It
// keeps its memory from one chunk to the next, and is not safe for concurrent use.
type Walker struct {
	chunk []byte
	pos   int
	err   error
	pairs []Pair

	keys    []string
	wanted  [256]bool // by hash of keys
	first   byte
	layouts layouts
}

// maxPairs is how many pairs a Walker keeps memory for from one chunk to the next.
const maxPairs = 4096

// Want sets which pairs are wanted: those with one of the given keys, none of which may be
// empty, and those whose key starts with the byte first. All others are only skipped, which
// saves most of the work in a journal record. The keys are kept and must not be changed.
// A new Walker wants none and knows no layouts: it may be used for one chunk only.
func (w *Walker) Want(keys []string, first byte) {
	w.keys, w.wanted, w.first = keys, [256]bool{}, first
	for _, key := range keys {
		w.wanted[hash(key[0], len(key))] = true
	}
	w.layouts = layouts{}
}

// hash returns a hash of a key from its first byte and length.
func hash(first byte, length int) byte { return first ^ byte(length*37) }

// wants reports whether a key, which must not be empty, is a wanted one.
func (w *Walker) wants(key []byte) bool {
	if key[0] == w.first {
		return true
	}
	if w.wanted[hash(key[0], len(key))] {
		for _, k := range w.keys {
			if string(key) == k {
				return true
			}
		}
	}
	return false
}

// Reset starts reading a chunk. The Walker only reads it, and refers to it until the next
// Reset. A chunk of 4 GiB or more is ErrCorrupt.
func (w *Walker) Reset(chunk []byte) {
	if cap(w.pairs) > maxPairs {
		w.pairs = nil
	}
	w.chunk, w.pos, w.err, w.pairs = chunk, 0, nil, w.pairs[:0]
	w.layouts.latest = nil
	if uint64(len(chunk)) > math.MaxUint32 {
		w.err = ErrCorrupt
	}
}

// Wanted lists the wanted pairs of e, which must be the log event that Next has read last,
// in e.Pairs. It must not be called after All.
func (w *Walker) Wanted(e *Event) {
	if l := w.layouts.latest; l != nil {
		w.pairs = slices.Grow(w.pairs[:0], len(l.wanted))[:len(l.wanted)]
		for k, index := range l.wanted {
			w.pair(&w.pairs[k], l, int(index))
		}
	}
	e.Pairs = w.pairs
}

// WantedText returns the text of the pair that Wanted lists, or would list, at the index;
// see Text. It must not be called after All.
func (w *Walker) WantedText(index int) []byte {
	l := w.layouts.latest
	if l == nil {
		return w.Text(&w.pairs[index])
	}
	s := &l.pairs[l.wanted[index]]
	at := w.layouts.at[s.step:][:2]
	if s.form != variable && s.Kind == Str {
		return w.chunk[at[0]+s.Text : at[0]+s.End]
	}
	if text := w.layouts.texts[s.step]; s.form == variable && text != 0 {
		return w.chunk[text:at[1]]
	}
	var p Pair
	w.pair(&p, l, int(l.wanted[index]))
	return w.Text(&p)
}

// All lists all pairs of e, which must be the log event that Next has read last, in
// e.Pairs.
func (w *Walker) All(e *Event) {
	if l := w.layouts.latest; l != nil {
		w.pairs = slices.Grow(w.pairs[:0], len(l.pairs))[:len(l.pairs)]
		for k := range w.pairs {
			w.pair(&w.pairs[k], l, k)
		}
	} else {
		w.pairs, _ = w.list(w.pairs[:0], e.First, e.Len, true)
	}
	e.Pairs = w.pairs
}

// Pair sets p to the pair with the given index among all pairs of the event that Next has
// read last, whose Layout must not be 0.
func (w *Walker) Pair(p *Pair, index int) { w.pair(p, w.layouts.latest, index) }

// Text returns the text of a pair's value, or of the first element of a list, as a slice of
// the chunk up to its end. It is nil for a value that has none.
func (w *Walker) Text(p *Pair) []byte {
	switch p.Kind {
	case Str:
		return w.chunk[p.Text:p.End]
	case Array:
		if text, ok := firstText(w.chunk, int(p.Value)); ok {
			return text
		}
	}
	return nil
}

// Err returns ErrCorrupt if Next returned false before the end of the chunk.
func (w *Walker) Err() error { return w.err }

// Pos returns where the next event starts. After Next has returned false, that is the end
// of the chunk, or where it stops being msgpack.
func (w *Walker) Pos() int { return w.pos }

// Next reads the next event into e and reports whether there was one. Any other complete
// msgpack value is an event whose Log is false.
func (w *Walker) Next(e *Event) bool {
	if w.err != nil || w.pos >= len(w.chunk) {
		return false
	}
	w.pairs = w.pairs[:0]
	w.layouts.latest = nil
	e.Start, e.Log, e.Layout, e.Pairs = w.pos, false, 0, nil
	end := w.event(e)
	if end < 0 {
		if end = Skip(w.chunk, w.pos); end < 0 {
			w.err = ErrCorrupt
			return false
		}
	}
	e.End = end
	w.pos = end
	return true
}

// event reads a log event or group marker at w.pos and returns where it ends, -1 if it is
// neither.
func (w *Walker) event(e *Event) int {
	b := w.chunk
	body := w.head(e)
	if body < 0 {
		return -1
	}
	e.Body = body
	pairs, i := mapLen(b, body)
	if pairs < 0 {
		return -1
	}
	e.First, e.Len = i, pairs
	if e.Sec == GroupStart || e.Sec == GroupEnd {
		for ; pairs > 0 && i >= 0; pairs-- {
			if i = Skip(b, i); i >= 0 {
				i = Skip(b, i)
			}
		}
		e.BodyEnd = i
		return i
	}
	if i = w.body(i, pairs); i < 0 {
		return -1
	}
	if l := w.layouts.latest; l != nil {
		e.Layout = l.id
	}
	e.BodyEnd = i
	e.Log = true
	return i
}

// head reads the part of an event that is before its body, and returns where the body
// starts, -1 if it is no event.
func (w *Walker) head(e *Event) int {
	b, i := w.chunk, w.pos
	// The fast path, for what the inputs of Fluent Bit 4 and later write: [[ext time, {}],
	if x := b[i:]; len(x) >= 17 && binary.BigEndian.Uint32(x) == 0x9292d700 {
		e.Sec, e.Nsec = int64(binary.BigEndian.Uint32(x[4:])), binary.BigEndian.Uint32(x[8:])
		e.Time, e.TimeEnd = i+2, i+12
		if x[12] == 0x80 {
			return i + 13
		}
		if x[12] == 0xdf && binary.BigEndian.Uint32(x[13:]) == 0 {
			return i + 17
		}
	}
	n, i := arrayLen(b, i)
	if n != 2 {
		return -1
	}
	inner := 0
	if i < len(b) && isArray(b[i]) {
		if inner, i = arrayLen(b, i); inner != 2 {
			return -1
		}
	}
	e.Time = i
	if i = readTime(b, i, e); i < 0 {
		return -1
	}
	e.TimeEnd = i
	if inner == 2 {
		i = Skip(b, i)
	}
	return i
}

// body skips n pairs from i on and returns where they end, -1 if the chunk ends before. If
// they match no layout, it lists the wanted ones in w.pairs.
func (w *Walker) body(i, n int) int {
	if n == 0 { // there are no layouts without pairs
		return i
	}
	if end := w.matchLayout(i, n); end >= 0 {
		return end
	}
	var end int
	if w.pairs, end = w.list(w.pairs[:0], i, n, false); end >= 0 {
		w.learn(i, n)
	}
	return end
}

// list skips n pairs from i on, appends the wanted ones or all to pairs, and returns where
// they end, -1 if the chunk ends before.
func (w *Walker) list(pairs []Pair, i, n int, all bool) (_ []Pair, end int) {
	b := w.chunk
	if n > (len(b)-i)/2 {
		return pairs, -1
	}
	for ; n > 0; n-- {
		// The shortest formats first: journal records have hardly any others.
		var key, value, text, end int
		keyKind, kind := Str, Str
		if i < len(b) && b[i]&0xe0 == 0xa0 {
			key = i + 1
			value = key + int(b[i]&0x1f)
		} else {
			key, value, keyKind = textAt(b, i)
		}
		if uint(value) >= uint(len(b)) { // also when it is -1
			return pairs, -1
		}
		switch c := b[value]; {
		case c&0xe0 == 0xa0:
			text = value + 1
			end = text + int(c&0x1f)
		case c == 0xd9 && value+1 < len(b):
			text = value + 2
			end = text + int(b[value+1])
		case c == 0xda && value+2 < len(b):
			text = value + 3
			end = text + int(binary.BigEndian.Uint16(b[value+1:]))
		default:
			text, end, kind = textAt(b, value)
		}
		if uint(end) > uint(len(b)) {
			return pairs, -1
		}
		if all || value > key && w.wants(b[key:value]) {
			pairs = append(pairs, Pair{
				At: uint32(i), Key: uint32(key), Value: uint32(value), Text: uint32(text), End: uint32(end),
				KeyKind: keyKind, Kind: kind,
			})
		}
		i = end
	}
	return pairs, i
}

// textAt returns where the text of the value at i starts if it is a str or bin, where the
// value ends (-1 if the chunk ends before), and its kind.
func textAt(b []byte, i int) (text, end int, kind Kind) {
	if i >= len(b) {
		return 0, -1, Other
	}
	var n int
	switch c := b[i]; {
	case c&0xe0 == 0xa0:
		n, text = int(c&0x1f), i+1
	case c == 0xd9 || c == 0xc4:
		if i+2 > len(b) {
			return 0, -1, Other
		}
		n, text = int(b[i+1]), i+2
	case c == 0xda || c == 0xc5:
		if i+3 > len(b) {
			return 0, -1, Other
		}
		n, text = int(binary.BigEndian.Uint16(b[i+1:])), i+3
	case c == 0xdb || c == 0xc6:
		if i+5 > len(b) {
			return 0, -1, Other
		}
		n, text = int(binary.BigEndian.Uint32(b[i+1:])), i+5
	default:
		if isArray(c) {
			kind = Array
		}
		end = Skip(b, i)
		return end, end, kind
	}
	if n > len(b)-text {
		return 0, -1, Other
	}
	return text, text + n, Str
}

// firstText returns the text of the first element of the array at offset i of b, as a slice
// of b. It returns false if there is no array or its first element is no str or bin.
func firstText(b []byte, i int) ([]byte, bool) {
	n, i := arrayLen(b, i)
	if n < 1 {
		return nil, false
	}
	text, end, kind := textAt(b, i)
	if end < 0 || kind != Str {
		return nil, false
	}
	return b[text:end], true
}

// Texts calls f with the text of each element that is a str or bin of the array at offset i
// of b, as slices of b. Without an array there it calls nothing.
func Texts(b []byte, i int, f func([]byte)) {
	n, i := arrayLen(b, i)
	for ; n > 0 && i >= 0; n-- {
		text, end, kind := textAt(b, i)
		if kind == Str && end >= 0 {
			f(b[text:end])
		}
		i = end
	}
}

// Members calls f with key and value of each member of the map at offset i of b whose both are
// str or bin, as slices of b. Without a map there it calls nothing.
func Members(b []byte, i int, f func(key, value []byte)) {
	if i >= len(b) {
		return
	}
	n, i := mapLen(b, i)
	for ; n > 0 && i >= 0; n-- {
		key, end, keyKind := textAt(b, i)
		if end < 0 {
			return
		}
		text, next, kind := textAt(b, end)
		if next >= 0 && keyKind == Str && kind == Str {
			f(b[key:end], b[text:next])
		}
		i = next
	}
}

// readTime reads an event's time at i and returns where it ends, -1 if it is none. A time
// is an ext of type 0 with seconds and nanoseconds, an integer that is not negative, or a
// float.
func readTime(b []byte, i int, e *Event) int {
	if i >= len(b) {
		return -1
	}
	left := len(b) - i
	switch c := b[i]; {
	case c == 0xd7 && left >= 10 && b[i+1] == 0:
		return readExtTime(b, i+2, e)
	case c == 0xc7 && left >= 11 && b[i+1] == 8 && b[i+2] == 0:
		return readExtTime(b, i+3, e)
	case c < 0x80:
		e.Sec, e.Nsec = int64(c), 0
		return i + 1
	case c == 0xca && left >= 5:
		return readFloatTime(float64(math.Float32frombits(binary.BigEndian.Uint32(b[i+1:]))), i+5, e)
	case c == 0xcb && left >= 9:
		return readFloatTime(math.Float64frombits(binary.BigEndian.Uint64(b[i+1:])), i+9, e)
	case c >= 0xcc && c <= 0xcf || c >= 0xd0 && c <= 0xd3:
		size := 1 << (c & 3)
		if c <= 0xcf {
			size = 1 << (c - 0xcc)
		}
		if left < 1+size {
			return -1
		}
		var n uint64
		for _, d := range b[i+1 : i+1+size] {
			n = n<<8 | uint64(d)
		}
		if c >= 0xd0 && b[i+1] >= 0x80 || n > math.MaxInt64 {
			return -1
		}
		e.Sec, e.Nsec = int64(n), 0
		// Only an ext time is a group marker, but no other could be written as one.
		if n >= GroupEnd {
			return -1
		}
		return i + 1 + size
	}
	return -1
}

func readExtTime(b []byte, i int, e *Event) int {
	e.Sec = int64(binary.BigEndian.Uint32(b[i:]))
	e.Nsec = binary.BigEndian.Uint32(b[i+4:])
	return i + 8
}

func readFloatTime(f float64, end int, e *Event) int {
	if !(f >= 0 && f < GroupEnd) {
		return -1
	}
	sec := math.Floor(f)
	e.Sec, e.Nsec = int64(sec), uint32((f-sec)*1e9)
	return end
}

func isArray(c byte) bool { return c&0xf0 == 0x90 || c == 0xdc || c == 0xdd }

// arrayLen returns the length of the array at i, -1 if there is none, and where its first
// element starts.
func arrayLen(b []byte, i int) (n, next int) {
	switch {
	case i >= len(b):
	case b[i]&0xf0 == 0x90:
		return int(b[i] & 0x0f), i + 1
	case b[i] == 0xdc && i+3 <= len(b):
		return int(binary.BigEndian.Uint16(b[i+1:])), i + 3
	case b[i] == 0xdd && i+5 <= len(b):
		return int(binary.BigEndian.Uint32(b[i+1:])), i + 5
	}
	return -1, i
}

// mapLen returns the number of pairs of the map at i, -1 if there is none, and where the
// first pair starts.
func mapLen(b []byte, i int) (n, next int) {
	switch {
	case i >= len(b):
	case b[i]&0xf0 == 0x80:
		return int(b[i] & 0x0f), i + 1
	case b[i] == 0xde && i+3 <= len(b):
		return int(binary.BigEndian.Uint16(b[i+1:])), i + 3
	case b[i] == 0xdf && i+5 <= len(b):
		return int(binary.BigEndian.Uint32(b[i+1:])), i + 5
	}
	return -1, i
}

// Skip returns where the msgpack value at offset i of b ends, -1 if b ends before or there
// is none. It counts the values that are still to come and does not recurse, so that any
// depth of nesting is safe.
func Skip(b []byte, i int) int {
	for need := 1; need > 0; need-- {
		if i >= len(b) || need > len(b)-i {
			return -1
		}
		c := b[i]
		i++
		switch {
		case c < 0x80 || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3:
		case c < 0x90:
			need += 2 * int(c&0x0f)
		case c < 0xa0:
			need += int(c & 0x0f)
		case c < 0xc0:
			i += int(c & 0x1f)
		default:
			var size int
			if size, need = skipLong(b, i, c, need); size < 0 {
				return -1
			}
			i += size
		}
	}
	if i > len(b) {
		return -1
	}
	return i
}

// skipLong returns how many bytes behind its first byte c a value takes itself, without the
// values inside it, -1 if b ends before, and need plus the number of those values.
func skipLong(b []byte, i int, c byte, need int) (size, more int) {
	width := [32]int8{
		0xc4 - 0xc0: 1, 0xc5 - 0xc0: 2, 0xc6 - 0xc0: 4, // bin
		0xc7 - 0xc0: 1, 0xc8 - 0xc0: 2, 0xc9 - 0xc0: 4, // ext
		0xca - 0xc0: 4, 0xcb - 0xc0: 8, // float
		0xcc - 0xc0: 1, 0xcd - 0xc0: 2, 0xce - 0xc0: 4, 0xcf - 0xc0: 8, // uint
		0xd0 - 0xc0: 1, 0xd1 - 0xc0: 2, 0xd2 - 0xc0: 4, 0xd3 - 0xc0: 8, // int
		0xd4 - 0xc0: 2, 0xd5 - 0xc0: 3, 0xd6 - 0xc0: 5, 0xd7 - 0xc0: 9, 0xd8 - 0xc0: 17, // fixext
		0xd9 - 0xc0: 1, 0xda - 0xc0: 2, 0xdb - 0xc0: 4, // str
		0xdc - 0xc0: 2, 0xdd - 0xc0: 4, // array
		0xde - 0xc0: 2, 0xdf - 0xc0: 4, // map
	}[c-0xc0]
	w := int(width)
	if w == 0 || w > len(b)-i { // 0xc1 is no value
		return -1, 0
	}
	if c >= 0xca && c <= 0xd8 {
		return w, need
	}
	var n int
	switch w {
	case 1:
		n = int(b[i])
	case 2:
		n = int(binary.BigEndian.Uint16(b[i:]))
	default:
		n = int(binary.BigEndian.Uint32(b[i:]))
	}
	switch {
	case c >= 0xde:
		return w, need + 2*n
	case c >= 0xdc:
		return w, need + n
	case c >= 0xc7 && c <= 0xc9:
		n++ // the type
	}
	if n > len(b)-i-w {
		return -1, 0
	}
	return w + n, need
}
