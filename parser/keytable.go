package parser

import (
	"encoding/binary"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

// unknown is the key ID of a key that is not in the table.
const unknown = -1

// Key is a key that parsers know: one that Kata's programs log, such a key in the form that
// the Rust runtime's journal fields give it, one that Types adds, or one that only the
// parser itself writes.
type Key struct {
	Name  string // as Record.Name returns it
	Type  Type   // of its values; one that does not fit becomes text under Name and "_text"
	Added bool   // the parser adds it to what the message has
}

// Keys returns the keys that the Parser knows. A Field's Key is an index in it, so that what
// is made for each key once needs no comparison of names later. Parsers with equal Types
// have the same keys in the same order. The caller owns the slice.
func (p *Parser) Keys() []Key {
	p.start()
	keys := make([]Key, p.keys.len())
	for i := range keys {
		row := &p.keys.rows[i]
		keys[i] = Key{string(row.name), row.typ, isAdded(i)}
	}
	return keys
}

// isAdded reports whether a key is one that only this plugin writes.
func isAdded(keyID int) bool { return keyID >= keyGuest && keyID <= keyAgentFields }

// keyTable is the key table made ready for looking keys up. It does not change after
// newKeyTable and is used by many parsers.
type keyTable struct {
	rows   []keyInfo
	slots  []int16          // open addressing: 1 + key ID, 0 for an empty slot
	spaced map[int]string   // the names of listed keys that are written in another way, by key ID
	groups map[string]int16 // by name as appendSquashed leaves it: the key ID of the first such key
	ids    idKeyIDs
}

// idKeyIDs are the key IDs of the keys that the parser looks at for ids.
type idKeyIDs struct {
	sandbox   []int // of sandboxIDKeys, in their order
	container []int // of containerIDKeys
	stream    int
}

// keyInfo is a key. It fills 64 bytes, so that looking at it is no more than one
// look at memory.
type keyInfo struct {
	name       []byte // as written: every blank and '.' is '_'
	head, tail uint64 // the ends of the name, see ends
	typ        Type
	group      int16 // key ID of the first key that appendSquashed makes the same
	listed     bool  // it is a row of the built-in table
	spaced     bool  // and there it has blanks or dots
	agent      bool  // an agent writes it
	reserved   bool  // a guest may not set it
	ours       bool  // see isOurs
	id         idKey
	_          [11]byte
}

// idKey says what a key of a guest record tells of the container's id. Of those that are
// there the first counts.
type idKey uint8

const (
	containerID1 idKey = 1 + iota // containerIDKeys[0] and so on
	containerID2
	containerID3
	containerID4
	idRequest // the id is in its text
	idCid     // it is one if there is idEid, or idModule is rustjail
	idEid
	idModule
)

// newKeyTable makes the table for the given types. That without types of its own is made
// once.
func newKeyTable(types Types) *keyTable {
	if !types.AllText && len(types.Extra) == 0 {
		return builtIn()
	}
	return makeKeyTable(types)
}

var builtIn = sync.OnceValue(func() *keyTable { return makeKeyTable(Types{}) })

func makeKeyTable(types Types) *keyTable {
	k := &keyTable{slots: make([]int16, 1024), groups: map[string]int16{}, spaced: map[int]string{}}
	for _, row := range keyRows {
		at := k.add(row.Name, row.Type)
		info := &k.rows[at]
		info.listed, info.agent = true, isAgentKey(row.From)
		if string(info.name) != row.Name {
			info.spaced = true
			k.spaced[at] = row.Name
		}
	}
	// The journal has capitals, digits and '_' only, and the fields are put in
	// lower case again: exit-code comes back as exit_code, qemuPid as qemupid.
	for _, row := range keyRows {
		k.add(nativeName(row.Name), row.Type)
	}
	extra := slices.Sorted(maps.Keys(types.Extra))
	for _, name := range extra {
		k.rows[k.add(nativeName(name), types.Extra[name])].typ = types.Extra[name]
	}
	for _, name := range extra {
		k.rows[k.add(name, types.Extra[name])].typ = types.Extra[name]
	}
	reserved := map[string]bool{}
	for _, name := range reservedKeys {
		reserved[string(appendSquashed(nil, []byte(name)))] = true
	}
	for i := range k.rows {
		row := &k.rows[i]
		squashed := string(appendSquashed(nil, row.name))
		group, ok := k.groups[squashed]
		if !ok {
			group = int16(i)
			k.groups[squashed] = group
		}
		row.group, row.reserved, row.ours = group, reserved[squashed], isOurs(row.name)
		if types.AllText {
			row.typ = Text
		}
	}
	find := func(name string) int { return k.find([]byte(name)) }
	for _, name := range sandboxIDKeys {
		k.ids.sandbox = append(k.ids.sandbox, find(name))
	}
	for i, name := range containerIDKeys {
		k.ids.container = append(k.ids.container, find(name))
		k.rows[find(name)].id = containerID1 + idKey(i)
	}
	for name, id := range map[string]idKey{"req": idRequest, "cid": idCid, "eid": idEid, "module": idModule} {
		k.rows[find(name)].id = id
	}
	k.ids.stream = find("stream")
	return k
}

// isListed reports whether a key, whose written name has the given key ID, is a row of the
// built-in table letter for letter.
func (k *keyTable) isListed(keyID int, key []byte) bool {
	row := &k.rows[keyID]
	if row.spaced {
		return row.listed && string(key) == k.spaced[keyID]
	}
	return row.listed && string(key) == string(row.name)
}

// isAgentKey reports whether the programs that write a key, as keyRow.From lists them,
// include an agent.
func isAgentKey(from string) bool {
	programs, _, _ := strings.Cut(from, ": ")
	for program := range strings.SplitSeq(programs, ", ") {
		if program == "agent" || program == "agent v1" || program == fromAll {
			return true
		}
	}
	return false
}

// appendSquashed appends a name to dst as names are compared where trust depends on
// it: in lower case, without blank, '.', '-' and '_'.
func appendSquashed(dst, name []byte) []byte {
	for _, c := range name {
		switch {
		case c == ' ' || c == '.' || c == '-' || c == '_':
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c|0x20)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// len is the number of keys.
func (k *keyTable) len() int { return len(k.rows) }

func (k *keyTable) add(name string, typ Type) int {
	written := string(appendName(nil, []byte(name)))
	if at := k.find([]byte(written)); at != unknown {
		return at
	}
	if 2*len(k.rows) >= len(k.slots) {
		k.slots = make([]int16, 2*len(k.slots))
		for i := range k.rows {
			k.insert(i)
		}
	}
	k.rows = append(k.rows, keyInfo{name: []byte(written), typ: typ})
	row := &k.rows[len(k.rows)-1]
	row.head, row.tail = ends(row.name)
	k.insert(len(k.rows) - 1)
	return len(k.rows) - 1
}

// insert makes a row one that find finds.
func (k *keyTable) insert(row int) {
	mask := uint32(len(k.slots) - 1)
	r := &k.rows[row]
	h := hash(r.head, r.tail, len(r.name)) & mask
	for k.slots[h] != 0 {
		h = (h + 1) & mask
	}
	k.slots[h] = int16(row + 1)
}

// find is the key ID of the key with the written name, or unknown.
func (k *keyTable) find(name []byte) int {
	n := len(name)
	if n > 16 || cap(name) < 16 {
		head, tail := ends(name)
		return k.findEnds(name, head, tail)
	}
	// Nearly always. Names come in any order, so no branch is for their length: the
	// ends are made as in ends.
	b, mask := name[:16], &sizeMasks[n]
	head, tail := scan.Load(b, 0)&mask[0], scan.Load(b, 8)&mask[1]
	last := uint32(len(k.slots) - 1)
	for h := hash(head, tail, n) & last; ; h = (h + 1) & last {
		slot := k.slots[h]
		if slot == 0 {
			return unknown
		}
		if r := &k.rows[slot-1]; (r.head^head)|(r.tail^tail)|uint64(len(r.name)^n) == 0 {
			return int(slot - 1)
		}
	}
}

// findEnds is find for a name whose ends are known.
func (k *keyTable) findEnds(name []byte, head, tail uint64) int {
	last := uint32(len(k.slots) - 1)
	for h := hash(head, tail, len(name)) & last; ; h = (h + 1) & last {
		slot := k.slots[h]
		if slot == 0 {
			return unknown
		}
		r := &k.rows[slot-1]
		if r.head == head && r.tail == tail && len(r.name) == len(name) && (len(name) <= 16 || string(r.name) == string(name)) {
			return int(slot - 1)
		}
	}
}

// ends are the first eight bytes of a name, and the next eight or, when it is longer
// than 16 bytes, the last. Behind a shorter name are zeroes. With its length they tell
// names of up to 16 bytes apart. It is called where names are rare, and inlined it
// would take the registers from what is not.
//
//go:noinline
func ends(b []byte) (head, tail uint64) {
	if n := len(b); n >= 8 {
		return scan.Load(b, 0), scan.Load(b, n-8) >> (8 * max(0, 16-n))
	}
	if cap(b) >= 8 {
		return scan.Load(b[:8], 0) & sizeMasks[len(b)][0], 0
	}
	for i, c := range b {
		head |= uint64(c) << (8 * i)
	}
	return head, 0
}

// sizeMasks have ones where the first 16 bytes of a name are, by its length.
var sizeMasks = func() (masks [17][2]uint64) {
	for n := range masks {
		masks[n] = [2]uint64{1<<(8*n) - 1, 1<<(8*max(0, n-8)) - 1}
	}
	return masks
}()

// hash guards nothing: the table is fixed, so a crafted key can meet no more
// than the few keys that share a slot's run.
func hash(head, tail uint64, n int) uint32 {
	h := (head ^ bits.RotateLeft64(tail, 5) ^ uint64(n)) * 0x9e3779b97f4a7c15
	return uint32(h >> 40)
}

// sequence finds keys faster than the table does, where they come in the same order
// again and again: it tries the one that came after the last one before.
type sequence struct {
	keys  *keyTable
	links []link // by key ID
	last  *link  // the last key that was found
}

// link is a key, and the one that came after it.
type link struct {
	next        *link
	start, mask [2]uint64 // the first bytes of its name, and ones where they are
	size        int       // how long the name is, -1 if that is more than 16 bytes
	keyID       int32
	kind        valueKind
}

// valueKind is what becomes of a key's value in logfmt.
type valueKind uint8

const (
	kindText    valueKind = iota // it is a field as it stands
	kindMessage                  // so it is without a newline at its end
	kindLevel                    // so it is if it is a word of Levels
	kindInteger                  // it is a number
	kindOther                    // see Parser.addAt
)

func kindOf(keyID int, typ Type) valueKind {
	switch {
	case keyID == keyTime || keyID == keyTs:
		return kindOther
	case keyID == keyMsg:
		return kindMessage
	case keyID == keyLevel:
		return kindLevel
	case typ == Text:
		return kindText
	case typ == Integer:
		return kindInteger
	}
	return kindOther
}

func newSequence(keys *keyTable) sequence {
	links := make([]link, keys.len())
	for i := range links {
		l, row := &links[i], &keys.rows[i]
		*l = link{next: &links[0], size: -1, keyID: int32(i), kind: kindOf(i, row.typ)}
		if len(row.name) <= 16 {
			l.size = len(row.name)
		}
		for k, c := range row.name[:min(len(row.name), 16)] {
			l.start[k/8] |= uint64(c) << (k % 8 * 8)
			l.mask[k/8] |= 0xff << (k % 8 * 8)
		}
	}
	return sequence{keys: keys, links: links, last: &links[0]}
}

// is reports whether it is easy to see that the key's name is text[start:end].
func (l *link) is(text []byte, start, end int) bool {
	if end-start != l.size || start+16 > len(text) {
		return false
	}
	name := text[start : start+16 : start+16]
	return (scan.Load(name, 0)^l.start[0])&l.mask[0]|(scan.Load(name, 8)^l.start[1])&l.mask[1] == 0
}

// find is keyTable.find.
func (s *sequence) find(name []byte) int {
	l := s.last.next
	if !l.is(name[:cap(name)], 0, len(name)) {
		keyID := s.keys.find(name)
		if keyID == unknown {
			return unknown
		}
		l = &s.links[keyID]
		s.last.next = l
	}
	s.last = l
	return int(l.keyID)
}

// appendName appends key to dst as names are written: every blank and '.' in
// it as '_'.
func appendName(dst, key []byte) []byte {
	for ; len(key) >= 8; key = key[8:] {
		x := scan.Load(key, 0)
		x ^= scan.Exactly(x, ' ')>>7*(' '^'_') | scan.Exactly(x, '.')>>7*('.'^'_')
		dst = binary.LittleEndian.AppendUint64(dst, x)
	}
	for _, c := range key {
		if c == ' ' || c == '.' {
			c = '_'
		}
		dst = append(dst, c)
	}
	return dst
}

// plainName reports whether key is written as it is.
func plainName(key []byte) bool {
	i := 0
	for ; len(key)-i >= 8; i += 8 {
		if x := scan.Load(key, i); scan.Equal(x, ' ')|scan.Equal(x, '.') != 0 {
			return false
		}
	}
	rest := key[i:]
	if cap(rest) >= 8 {
		x := scan.Load(rest[:8], 0)
		return (scan.Equal(x, ' ')|scan.Equal(x, '.'))&(1<<(8*len(rest))-1) == 0
	}
	for _, c := range rest {
		if c == ' ' || c == '.' {
			return false
		}
	}
	return true
}

// nativeName is the form that a key of Kata's has after the way through the
// journal (slog-journald: lower-case letters to capitals, letters and digits
// kept, all else '_', nothing before the first letter or digit), in lower case.
func nativeName(key string) string {
	var b strings.Builder
	for _, c := range []byte(strings.ToLower(key)) {
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			b.WriteByte(c)
		case b.Len() > 0:
			b.WriteByte('_')
		}
	}
	return b.String()
}

// name is the written name of a key. It must not be written to.
func (k *keyTable) name(keyID int) []byte { return k.rows[keyID].name }

// group is the group of a name as appendSquashed leaves it, or unknown.
func (k *keyTable) group(squashed []byte) int {
	if group, ok := k.groups[string(squashed)]; ok {
		return int(group)
	}
	return unknown
}
