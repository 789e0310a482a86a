package parser

import (
	"hash/maphash"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"unsafe"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

// KeyID is the index of a key in Parser.Keys, or negative for a key that is not there.
type KeyID int32

// Field is one parsed field of a Record, which has its name and its text.
type Field struct {
	// Num is the value of Integer (int64), Float (math.Float64bits) and Bool (0, 1).
	Num uint64
	// Start and End are where the text of Text and Nested is, see Record.Text.
	Start, End uint32
	// Key is the field's key, see Parser.Keys and Record.Name.
	Key  KeyID
	Type Type
}

// arenaBit is set in Start and End of text that is in the record's arena, and not in
// its message.
const arenaBit = 1 << 31

// Encoding is how a message was written.
type Encoding uint8

const (
	Plain            Encoding = iota // text that is no record
	LogfmtEncoding                   // logrus text
	JSONEncoding                     // logrus or slog JSON
	TerminalEncoding                 // logrus on a terminal
	AnnounceEncoding                 // announce: k="v",k="v"
	NativeEncoding                   // journal fields of runtime-rs

	encodings
)

var encodingWords = [encodings]string{"plain", "logfmt", "json", "terminal", "announce", "native"}

func (e Encoding) String() string { return encodingWords[e] }

// Encodings lists every encoding.
func Encodings() []Encoding {
	all := make([]Encoding, encodings)
	for i := range all {
		all[i] = Encoding(i)
	}
	return all
}

// Record is what one message holds. It belongs to the Parser that made it, and
// it and all its slices are valid until that Parser's next Parse: names and
// texts are slices of the message, of the table, or of the Parser's memory.
// Nothing may be appended to them: what is behind them belongs to others.
type Record struct {
	// Fields in the order of the message; no name twice. The caller may change them and
	// append fields with a key of the table; Index does not find what is appended.
	Fields   []Field
	Encoding Encoding
	// Reason is why the message did not parse whole; then it is also a field.
	Reason Reason
	// Time is what the event's time shall be, if HasTime.
	Time    Time
	HasTime bool
	// Rank is the index of the field level in Levels, -1 without a level or with an
	// unknown one. Detected is the index of the field detected_level, the severity that
	// the words of console text name, likewise.
	Rank, Detected int
	// Continuation is what the next entry of the journal stream is, if journald has cut this
	// line. Set it in the Message of that entry.
	Continuation Continuation
	// HostContainer says that the field container is the host's word, not a guest's.
	HostContainer bool
	// NamesPod says that the fields pod_name, pod_namespace and pod_uid are words of the
	// container runtime, for the field sandbox, and not keys of the message.
	NamesPod bool
	// Guest says that the fields hold what a guest wrote; Agent that it was a
	// whole agent record.
	Guest, Agent bool
	// Refused counts the guest's values that did not get the name they wanted
	// because it is the host's.
	Refused int

	// open says that the message ends inside a quoted value or an unfinished object, or is
	// text of Kata's that is no record; maybeGuest that a guest wrote its end, or may have.
	open, maybeGuest bool

	keys  *keyTable
	text  []byte // the message
	arena []byte // text that is not in the message, of this one only
	names []span // of keys that are not in the table
	// By key ID: the index of its field below, the generation in which it got
	// one above. An entry of another generation counts for nothing.
	at  []uint32
	gen uint32
	// By group of keys, in the same form: the field of the record that encloses a
	// guest's text, see Parser.indexEnclosing.
	enclosing []uint32
	other     nameSet // names that are not in the table
}

func (r *Record) init(keys *keyTable) {
	r.keys = keys
	r.at, r.enclosing = make([]uint32, keys.len()), make([]uint32, keys.len())
	r.other.seed = newSeed()
}

func (r *Record) reset() {
	if r.gen += 1 << 16; r.gen == 0 {
		clear(r.at)
		clear(r.enclosing)
		r.gen = 1 << 16
	}
	r.Fields, r.names = r.Fields[:0], r.names[:0]
	r.text, r.arena = nil, r.arena[:0]
	r.Encoding, r.Reason = Plain, OK
	r.Time, r.HasTime = Time{}, false
	r.Rank, r.Detected = -1, -1
	r.Continuation, r.open, r.maybeGuest = NoContinuation, false, false
	r.HostContainer, r.NamesPod, r.Guest, r.Agent, r.Refused = false, false, false, false, 0
	r.other.reset()
}

// release forgets every slice of the message.
func (r *Record) release() {
	r.reset()
	r.other.release()
}

func (r *Record) has(keyID int) bool { return r.at[keyID]&^0xffff == r.gen }

// index is the index of the field of a key that has one.
func (r *Record) index(keyID int) int { return int(r.at[keyID] & 0xffff) }

// field is the field of a key of the table, nil when there is none.
func (r *Record) field(keyID int) *Field {
	if !r.has(keyID) {
		return nil
	}
	return &r.Fields[r.index(keyID)]
}

// textOf is the text of a key of the table, nil when it has none.
func (r *Record) textOf(keyID int) []byte {
	if !r.has(keyID) {
		return nil
	}
	return r.textAt(r.index(keyID))
}

// textAt is the text of the field at an index, nil when it has none.
func (r *Record) textAt(index int) []byte {
	if f := &r.Fields[index]; f.Type == Text {
		return r.Text(f)
	}
	return nil
}

// span is where a piece of text is, as Field.Start and Field.End say it.
type span struct{ start, end uint32 }

// bytes is the text from start to end.
func (r *Record) bytes(start, end uint32) []byte {
	if start&arenaBit != 0 {
		return r.arena[start&^arenaBit : end&^arenaBit]
	}
	return r.text[start:end]
}

// Text returns the text of a field of this Record of type Text or Nested, valid UTF-8;
// it is not nil.
func (r *Record) Text(f *Field) []byte { return r.bytes(f.Start, f.End) }

// Value returns the value of a field of this Record: a string, an int64, a float64, a bool,
// nil for JSON's null, or for Nested the JSON text as a string. It allocates.
func (r *Record) Value(f *Field) any {
	switch f.Type {
	case Integer:
		return f.Integer()
	case Float:
		return f.Float()
	case Bool:
		return f.Bool()
	case Null:
		return nil
	}
	return string(r.Text(f))
}

// Name returns the name of a field of this Record as written, without a prefix: the
// key with every blank and '.' in it as '_'.
func (r *Record) Name(f *Field) []byte {
	if f.Key >= 0 {
		return r.keys.rows[f.Key].name
	}
	name := r.names[^f.Key]
	return r.bytes(name.start, name.end)
}

// locate returns where text is: in the message, in the arena, or in a copy that it
// makes there.
func (r *Record) locate(text []byte) (start, end uint32) {
	if len(text) == 0 {
		return 0, 0
	}
	if at, ok := offset(r.text, text); ok {
		return uint32(at), uint32(at + len(text))
	}
	at, ok := offset(r.arena, text)
	if !ok {
		at = len(r.arena)
		r.arena = append(r.arena, text...)
	}
	return arenaBit | uint32(at), arenaBit | uint32(at+len(text))
}

// offset is where part, which is not empty, lies in the memory of whole, if it does.
func offset(whole, part []byte) (at int, ok bool) {
	distance := uintptr(unsafe.Pointer(unsafe.SliceData(part))) - uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	return int(distance), distance < uintptr(len(whole)) && uintptr(len(part)) <= uintptr(len(whole))-distance
}

// Index returns the index in Fields of the field with the given name, as Name returns it,
// or -1 if there is none. It takes the same time whatever the number of fields is.
func (r *Record) Index(name []byte) int {
	if keyID := r.keys.find(name); keyID != unknown {
		if r.has(keyID) {
			return r.index(keyID)
		}
		return -1
	}
	return r.other.find(name)
}

// add appends a field of a name that no field has, without text, and returns it. It returns
// nil if there is a field of the name. keyID is the key with that name, or unknown.
func (r *Record) add(name []byte, keyID int, typ Type) *Field {
	n := len(r.Fields)
	key := KeyID(keyID)
	switch {
	case keyID == unknown:
		if !r.other.add(name, n) {
			return nil
		}
		start, end := r.locate(name)
		key = ^KeyID(len(r.names))
		r.names = append(r.names, span{start, end})
	case r.has(keyID):
		return nil
	default:
		r.at[keyID] = r.gen | uint32(n)
	}
	if n == cap(r.Fields) {
		r.Fields = slices.Grow(r.Fields, 32)
	}
	r.Fields = r.Fields[:n+1]
	f := &r.Fields[n]
	f.Num, f.Start, f.End, f.Key, f.Type = 0, 0, 0, key, typ
	return f
}

// addValue appends a field of a type that has text, unless there is one of the name.
func (r *Record) addValue(name []byte, keyID int, text []byte, typ Type) {
	if f := r.add(name, keyID, typ); f != nil {
		f.Start, f.End = r.locate(text)
	}
}

// set makes the field of a key of the table text, whatever it was before.
func (r *Record) set(keyID int, text []byte) {
	f := r.field(keyID)
	if f == nil {
		f = r.add(nil, keyID, Text)
	}
	f.Start, f.End = r.locate(text)
	f.Type = Text
}

// setBool is set for a bool.
func (r *Record) setBool(keyID int, v bool) {
	r.set(keyID, nil)
	f := r.field(keyID)
	f.Type, f.Num = Bool, 0
	if v {
		f.Num = 1
	}
}

// SetText makes the field of a key, which is an index in what Keys returns, text, whatever it
// was before; a field that is not there is appended. The text is copied.
func (r *Record) SetText(key KeyID, text []byte) {
	start := len(r.arena)
	r.arena = append(r.arena, text...)
	r.set(int(key), r.arena[start:])
}

// SetBool is SetText for a bool.
func (r *Record) SetBool(key KeyID, on bool) { r.setBool(int(key), on) }

// rename gives the field at index i to another key of the table, which has
// none yet.
func (r *Record) rename(i int, from, to int) {
	r.at[from] = 0
	r.at[to] = r.gen | uint32(i)
	r.Fields[i].Key = KeyID(to)
}

// Integer returns the value of an Integer field.
func (f *Field) Integer() int64 { return int64(f.Num) }

// Float returns the value of a Float field.
func (f *Field) Float() float64 { return math.Float64frombits(f.Num) }

// Bool returns the value of a Bool field.
func (f *Field) Bool() bool { return f.Num != 0 }

// nameSet maps names to the indexes of their fields, for names that are not in
// the table. A seeded hash keeps crafted names from meeting in one run.
type nameSet struct {
	seed  seed
	gen   uint32 // slots of other generations are empty
	used  int
	slots []nameSlot
}

type nameSlot struct {
	gen, hash   uint32
	index, size int32
	head, tail  uint64 // the ends of the name, see ends
	name        []byte
}

// seed is what nobody outside knows of the hash of names.
type seed struct {
	head, tail uint64
	long       maphash.Seed
}

func newSeed() seed { return seed{rand.Uint64(), rand.Uint64(), maphash.MakeSeed()} }

// hash is the hash of a name with the given ends.
func (s *seed) hash(name []byte, head, tail uint64) uint32 {
	if len(name) > 16 {
		return uint32(maphash.Bytes(s.long, name))
	}
	high, low := bits.Mul64(head^s.head, tail^s.tail^uint64(len(name)))
	return uint32(high ^ low)
}

func (s *nameSet) reset() {
	s.used = 0
	if s.gen++; s.gen == 0 {
		clear(s.slots)
		s.gen = 1
	}
}

// maxSlots is the size of the largest table that is kept for the next message.
const maxSlots = 4096

// release forgets every name.
func (s *nameSet) release() {
	if len(s.slots) > maxSlots {
		s.slots = nil
	}
	clear(s.slots)
	s.used = 0
}

// find returns the index that was stored with name, -1 for none.
func (s *nameSet) find(name []byte) int {
	if s.used == 0 {
		return -1
	}
	head, tail := ends(name)
	return s.findEnds(name, head, tail)
}

// findEnds is find for a name whose ends are known, when there are names.
func (s *nameSet) findEnds(name []byte, head, tail uint64) int {
	if slot := s.slot(name, head, tail, s.seed.hash(name, head, tail)); slot.gen == s.gen {
		return int(slot.index)
	}
	return -1
}

// add stores name with an index and reports whether it was new.
func (s *nameSet) add(name []byte, index int) bool {
	if 2*s.used >= len(s.slots) {
		s.grow()
	}
	head, tail := ends(name)
	h := s.seed.hash(name, head, tail)
	slot := s.slot(name, head, tail, h)
	if slot.gen == s.gen {
		return false
	}
	*slot = nameSlot{s.gen, h, int32(index), int32(len(name)), head, tail, name}
	s.used++
	return true
}

// slot is where name is, or the empty slot where it would be.
func (s *nameSet) slot(name []byte, head, tail uint64, h uint32) *nameSlot {
	mask := uint32(len(s.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		slot := &s.slots[i]
		if slot.gen != s.gen || slot.head == head && slot.tail == tail && int(slot.size) == len(name) &&
			(len(name) <= 16 || string(slot.name) == string(name)) {
			return slot
		}
	}
}

func (s *nameSet) grow() {
	old := s.slots
	s.slots = make([]nameSlot, max(64, 2*len(old)))
	for _, slot := range old {
		if slot.gen == s.gen {
			*s.slot(slot.name, slot.head, slot.tail, slot.hash) = slot
		}
	}
}

// constant is text as a field's value. Behind it is spare capacity, as there is behind most
// values: who copies it may copy more than it is.
func constant(text string) []byte { return append(make([]byte, 0, len(text)+scan.Block), text...) }
