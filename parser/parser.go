package parser

import (
	"bytes"
	"math"
	"unicode/utf8"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

// Format asks for one encoding.
type Format uint8

const (
	Auto       Format = iota // recognise it
	OnlyLogfmt               // every message is logfmt, whoever wrote it
	OnlyJSON                 // every message that starts with a brace is JSON
	OnlyNative               // nothing but runtime-rs's journal records
)

// String returns the value of the plugin's option format.
func (f Format) String() string { return [...]string{"auto", "logfmt", "json", "native"}[f] }

// NestedMode is what becomes of JSON objects and arrays.
type NestedMode uint8

const (
	Stringify  NestedMode = iota // one string of compact JSON
	KeepNested                   // fields of type Nested; a guest's become text all the same
	DropNested                   // left out
)

// String returns the value of the plugin's option nested.
func (n NestedMode) String() string { return [...]string{"stringify", "keep", "drop"}[n] }

// The limits' defaults, and the highest value of MaxFields.
const (
	DefaultMaxMessage = 1 << 20
	DefaultMaxFields  = 512
	DefaultMaxDepth   = 32

	// HighestMaxFields is below what a Record can hold, which has 16 bits for the index
	// of a field: the parser adds fields of its own.
	HighestMaxFields = 60000
)

// Config is what a Parser is told. Limits of zero or less mean the defaults.
type Config struct {
	Format     Format
	Types      Types
	Keys       *Keys // the table made for Types, for parsers to share; may be nil
	Nested     NestedMode
	NoUnpack   bool // leave what guests wrote where it is
	NoNative   bool // read only the message of native records, not their fields
	KeepTime   bool // make the time a field too when it is taken
	NoTime     bool // do not take the message's time; it is a field then
	MaxMessage int  // bytes
	MaxFields  int  // at most HighestMaxFields
	MaxDepth   int
}

// Message is one message and what its record says about it.
type Message struct {
	Text   []byte
	Origin Origin
	Cut    bool // journald cut the line here: _LINE_BREAK is there and not nul
	// Native is set for a native journal record of the Rust runtime.
	Native *Native
	// Command returns the command line of the process that wrote the message, if it is
	// known to be a shim that runs as root, and else nil. It is called where the message
	// has no sandbox's id, and may be nil.
	Command func() []byte
}

// Parser turns messages into fields. It keeps memory from one message to the
// next and is for one goroutine at a time; in steady state it allocates
// nothing.
type Parser struct {
	cfg  Config
	keys *Keys
	rec  Record

	// Readers of the message, and then of the record inside it, and the order of the keys
	// in each. What they decode is theirs until they read the next text: fields have copies.
	logfmt            Logfmt
	object            objectReader
	order, innerOrder sequence

	clock    clock
	member   member
	large    int    // how many small messages from now on memory for a large one is kept
	hasTime  bool   // a time was read, good or bad
	readable bool   // and it was one
	seenTs   bool   // and its key was ts
	origin   Origin // the message's
	// truncated says that a limit left something out.
	truncated bool

	// Of a native record.
	subsystem, stream []byte

	guest // see guest.go
}

// maxKept is the largest buffer in bytes that a Parser keeps for ever, and keptFor
// how many small messages it keeps a larger one for: large ones come in groups.
const (
	maxKept = 256 << 10
	keptFor = 256
)

// New makes a Parser.
func New(cfg Config) *Parser {
	setDefault := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	setDefault(&cfg.MaxMessage, DefaultMaxMessage)
	setDefault(&cfg.MaxFields, DefaultMaxFields)
	setDefault(&cfg.MaxDepth, DefaultMaxDepth)
	cfg.MaxFields = min(cfg.MaxFields, HighestMaxFields)
	if cfg.Keys == nil {
		cfg.Keys = NewKeys(cfg.Types)
	}
	p := &Parser{cfg: cfg, keys: cfg.Keys, order: newSequence(cfg.Keys), innerOrder: newSequence(cfg.Keys)}
	p.rec.init(p.keys)
	p.guest.init(p.rec.other.seed)
	return p
}

// Keys is the table that Field.Key refers to.
func (p *Parser) Keys() *Keys {
	p.start()
	return p.keys
}

// start makes a zero Parser one with the defaults.
func (p *Parser) start() {
	if p.keys == nil {
		*p = *New(p.cfg)
	}
}

// Parse reads one message. It returns nil when there is nothing to say about
// it: a message that is not Kata's, an empty one, or none. The text is only read, and
// bytes behind it within its capacity may be; it must not change while the Record
// is in use.
func (p *Parser) Parse(m *Message) *Record {
	if m == nil || len(m.Text) == 0 {
		return nil
	}
	p.start()
	p.reset()
	r := &p.rec
	text, tooLarge := p.limited(m.Text)
	r.text = text
	p.origin, p.truncated = m.Origin, tooLarge

	switch {
	case m.Native != nil:
		p.native(m.Native, text)
		p.addHostIDs(m)
		if !p.cfg.NoUnpack {
			p.unpackRuntimeRs(text, p.subsystem, p.stream, false)
		}
	case p.record(text):
		p.runtimeRsJSON()
		p.addHostIDs(m)
		p.setOpen()
		if !p.cfg.NoUnpack {
			p.unpackEnclosed(m)
		}
	case m.Origin.isKata():
		broken := r.Reason == BadJSON // from the start, there is no member
		torn := p.logfmt.reason == UnterminatedQuote && r.Encoding == LogfmtEncoding
		p.reset()
		text, tooLarge = p.limited(m.Text) // the copy of text that is not UTF-8 is in the arena
		r.text, p.truncated = text, tooLarge
		r.MaybeGuest = broken || torn
		if broken {
			r.Reason = BadJSON
		}
		r.set(keyMsg, trimNewlines(text))
		r.Open = true
		p.addHostIDs(m)
		if m.Origin == KataProxy && (m.Cut || torn || broken || tooLarge) && !p.cfg.NoUnpack {
			p.unpack(text) // see unpackEnclosed
		}
	default:
		return nil
	}
	if tooLarge && m.Cut {
		p.setOpenLong(m.Text)
	}
	p.finish(m.Cut, tooLarge)
	return r
}

// ParseRest makes a record of the rest of a line that journald cut: text, whatever it
// looks like. guest says that the line is, or may be, a guest's. As for the life of the
// result, and for text that is empty, it is as Parse.
func (p *Parser) ParseRest(text []byte, guest bool) *Record {
	if len(text) == 0 {
		return nil
	}
	p.start()
	p.reset()
	r := &p.rec
	text, _ = p.limited(text)
	r.text = text
	if guest {
		text = p.plain(text)
	}
	r.set(keyMsg, trimNewlines(text))
	r.Guest, r.MaybeGuest, r.Open = guest, guest, true
	p.finish(true, false)
	return r
}

// limited is as much of a message as is parsed, as valid UTF-8, and reports whether
// there is more.
func (p *Parser) limited(text []byte) (_ []byte, tooLarge bool) {
	if len(text) > maxKept/8 { // what is decoded may be longer than the text
		p.large = keptFor
	} else if p.large > 0 {
		if p.large--; p.large == 0 {
			p.shrink()
		}
	}
	if tooLarge = len(text) > p.cfg.MaxMessage; tooLarge {
		text = cutText(text, p.cfg.MaxMessage)
	}
	return p.valid(text), tooLarge
}

// setOpen decides whether the message ends inside a value, and whether a guest may have
// written that: it stands in msg or vmconsole, and what says so may come later.
func (p *Parser) setOpen() {
	r := &p.rec
	switch r.Encoding {
	case JSONEncoding:
		msg, subsystem := r.textOf(keyMsg), r.textOf(keySubsystem)
		r.Open = !p.object.done
		r.MaybeGuest = r.Open && (!r.has(keyName) || subsystem == nil || handsOn(subsystem) ||
			msg == nil || string(msg) == "reading guest console")
	case LogfmtEncoding, TerminalEncoding, AnnounceEncoding:
		if r.Open = p.logfmt.reason == UnterminatedQuote; r.Open {
			last := string(p.logfmt.lastKey())
			r.MaybeGuest = last == "vmconsole" || last == "msg" && !r.has(keySource)
		}
	}
}

// setOpenLong is setOpen for all of a message of which only a part is parsed. Nobody
// knows what the other part says of its writer.
func (p *Parser) setOpenLong(text []byte) {
	r := &p.rec
	switch r.Encoding {
	case JSONEncoding:
		p.object.reset(text, maxNesting)
		for p.object.next(&p.member) {
		}
		r.Open = !p.object.done
	case LogfmtEncoding, TerminalEncoding, AnnounceEncoding:
		p.logfmt.Reset(text)
		for p.logfmt.Next() {
		}
		r.Open = p.logfmt.reason == UnterminatedQuote
	}
	r.MaybeGuest = true
}

// Release lets go of the last message: after it the Parser holds no pointer into
// the message's memory, and the Record is not valid any more. It matters to a
// caller whose messages are not in Go's memory, and to one that keeps the Parser
// for long without using it.
func (p *Parser) Release() {
	p.rec.release()
	p.subsystem, p.stream = nil, nil
	p.logfmt.Reset(nil)
	p.object.Text = nil
	clear(p.logfmt.values[:])
	p.member = member{}
	p.guest.release()
}

func (p *Parser) reset() {
	p.rec.reset()
	p.logfmt.reason = OK
	p.guest.reset()
	p.seenTs, p.hasTime, p.readable, p.truncated = false, false, false, false
	p.subsystem, p.stream = nil, nil
}

// shrink lets go of memory that a large message made the Parser take.
func (p *Parser) shrink() {
	for _, buf := range []*[]byte{
		&p.rec.arena, &p.guest.fields, &p.logfmt.buf, &p.logfmt.unparsed, &p.object.buf,
	} {
		if cap(*buf) > maxKept {
			*buf = nil
		}
	}
}

// valid is text, or a copy of it with U+FFFD for what is not UTF-8. Everything
// after that cuts text at ASCII only, so all that comes out is valid too.
func (p *Parser) valid(text []byte) []byte {
	ascii := scan.ASCIIStart(text)
	if ascii == len(text) || utf8.Valid(text[ascii:]) {
		return text
	}
	mark := len(p.rec.arena)
	p.rec.arena = AppendValid(p.rec.arena, text)
	return p.rec.arena[mark:len(p.rec.arena)]
}

// cutText is the first n bytes of text, or up to 3 less so that no rune is cut.
func cutText(text []byte, n int) []byte {
	for i := n; i > n-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(text[i]) {
			return text[:i]
		}
	}
	return text[:n]
}

// readLogfmt reads text as logfmt and reports whether there was a pair in it.
func (p *Parser) readLogfmt(text []byte) bool {
	r, d := &p.rec, &p.logfmt
	r.Encoding = LogfmtEncoding
	at, _ := r.locate(text)
	d.Reset(text)
	for d.Next() {
		p.addPairs(at)
	}
	r.Reason = r.Reason.or(d.reason)
	some := len(r.Fields) > 0 || p.hasTime
	if some && len(d.unparsed) > 0 {
		r.set(keyUnparsed, d.unparsed)
	}
	return some
}

// addPairs takes all pairs that p.logfmt has at hand, whose text is at a place that
// Record.locate has returned. It leaves p.logfmt at the last one.
func (p *Parser) addPairs(at uint32) {
	d := &p.logfmt
	for d.at < d.n {
		key := d.Key()
		if next := p.order.last.next; next.kind != kindOther && next.is(key[:cap(key)], 0, len(key)) {
			first := d.at
			if p.addSimple(at); d.at > first {
				continue
			}
		}
		if place := p.order.find(key); place != unknown {
			p.addAt(key, place, d.Value())
		} else {
			p.addOther(key, d.Value())
		}
		d.at++
	}
	d.at--
}

// addSimple is addPairs up to the first pair whose key is not the expected one, or whose
// value is more than a text without escapes, a word of Levels, or a small number. It calls
// nothing, so that all it needs stays in registers.
func (p *Parser) addSimple(at uint32) {
	d, r := &p.logfmt, &p.rec
	text, last := d.Text[:cap(d.Text)], p.order.last
	n := len(r.Fields)
	fields := r.Fields[:max(n, min(cap(r.Fields), p.cfg.MaxFields))]
	i, stop := d.at, d.nextOdd()
pairs:
	for ; i < stop; i++ {
		edge := d.edge[2*int(uint8(i)):][:3]
		start, equal, end := edge[0]+1, edge[1], edge[2]
		next := last.next
		if !next.is(text, int(start), int(equal)) {
			break
		}
		mark := &r.at[next.place]
		if *mark&^0xffff == r.gen && next.kind != kindOther {
			last = next
			continue // the key is here for the second time
		}
		if n >= len(fields) {
			break
		}
		if start = equal + 1; start < end && text[start] == '"' {
			start++
			end--
		}
		f := &fields[n]
		f.Num, f.Type = 0, Text
		switch next.kind {
		case kindText:
		case kindMessage:
			if start < end && text[end-1] <= '\r' {
				break pairs // see trimNewlines
			}
		default:
			value := text[start:]
			if end-start-1 >= 8 || len(value) < 8 {
				break pairs
			}
			word := scan.Load(value, 0)
			if next.kind == kindLevel && rankOf(word, int(end-start)) >= 0 {
				break
			}
			num, ok := shortInt(word, int(end-start))
			if !ok || next.kind != kindInteger {
				break pairs
			}
			f.Num, f.Type = num, Integer
		}
		// One by one: a whole that was put together elsewhere is waited for when it is copied.
		f.Start, f.End, f.Key = at+start, at+end, KeyID(next.place)
		*mark = r.gen | uint32(n)
		last = next
		n++
	}
	d.at, p.order.last, r.Fields = i, last, fields[:n]
}

// readJSON reads text as a JSON object and reports whether there was a member in it.
func (p *Parser) readJSON(text []byte) bool {
	p.rec.Encoding = JSONEncoding
	o := &p.object
	o.reset(text, p.cfg.MaxDepth)
	m, r := &p.member, &p.rec
	for o.next(m) {
		place := p.order.find(m.key)
		if m.kind == jsonString && place > keyMsg && p.keys.rows[place].typ == Text && len(r.Fields) < p.cfg.MaxFields {
			r.addValue(m.key, place, m.value, Text)
			continue
		}
		p.addMember(m, place)
	}
	some := len(p.rec.Fields) > 0 || p.hasTime
	if !o.done {
		p.rec.Reason = p.rec.Reason.or(BadJSON)
	} else if some && o.pos < len(text) {
		if rest := bytes.TrimSpace(text[o.pos:]); len(rest) > 0 {
			p.rec.Reason = p.rec.Reason.or(TrailingText)
			p.rec.set(keyUnparsed, rest)
		}
	}
	return some
}

// name is the written name of a key and its place in the table, given where the
// key was found there.
func (p *Parser) name(key []byte, found int) (name []byte, place int) {
	if found != unknown || plainName(key) {
		return key, found
	}
	mark := len(p.rec.arena)
	p.rec.arena = appendName(p.rec.arena, key)
	name = p.rec.arena[mark:len(p.rec.arena):len(p.rec.arena)]
	return name, p.keys.find(name)
}

// add takes a pair of the host's whose value came as text.
func (p *Parser) add(key, value []byte) { p.addAt(key, p.order.find(key), value) }

// addAt is add for a key whose place is known.
func (p *Parser) addAt(key []byte, place int, value []byte) {
	switch place {
	case unknown:
		p.addOther(key, value)
		return
	case keyTime, keyTs:
		if !p.hasTime {
			p.time(place, value)
			return
		}
		if p.seenTs == (place == keyTs) {
			return // the same key for the second time
		}
	case keyLevel:
		if !p.rec.has(keyLevel) {
			level, buf, _ := foldLevel(p.rec.arena, value)
			p.rec.arena = buf
			p.rec.set(keyLevel, level)
		}
		return
	case keyMsg:
		if !p.rec.has(keyMsg) {
			p.rec.set(keyMsg, trimNewlines(value))
		}
		return
	}
	if p.hasSpace() {
		p.addText(key, place, value)
	}
}

// addOther is add for a key that is not in the table as it is.
func (p *Parser) addOther(key, value []byte) {
	r := &p.rec
	if len(r.Fields) < p.cfg.MaxFields && r.other.find(key) >= 0 {
		return // nothing comes of a name that is here already
	}
	if !p.hasSpace() {
		return
	}
	if name, place := p.name(key, unknown); place != unknown {
		p.addText(name, place, value)
	} else {
		r.addValue(name, unknown, value, Text)
	}
}

// addMember takes a member of the host's object, whose key has a place.
func (p *Parser) addMember(m *member, place int) {
	if m.deep {
		p.rec.Reason = p.rec.Reason.or(TooDeep)
		p.hide(m, place)
		return
	}
	switch m.kind {
	case jsonNull:
		if name, place := p.name(m.key, place); p.hasSpace() {
			p.rec.add(name, place, Null)
		}
	case jsonObject, jsonArray:
		if (place == keyTime || place == keyTs) && !p.hasTime {
			p.time(place, m.value) // none that can be read
			return
		}
		p.addNested(m, place, p.cfg.Nested)
	default:
		if place != unknown || p.hasSpace() {
			p.addAt(m.key, place, m.value)
		}
	}
}

// addNested takes a member that is an object or array.
func (p *Parser) addNested(m *member, found int, mode NestedMode) {
	if mode == DropNested {
		p.hide(m, found)
		return
	}
	if !p.hasSpace() {
		return
	}
	name, place := p.name(m.key, found)
	typ := Text
	if mode == KeepNested {
		typ = Nested
	}
	if place != unknown && p.keys.rows[place].typ != Text {
		p.addMisfit(name, place, m.value, typ)
		return
	}
	p.rec.addValue(name, place, m.value, typ)
}

// hide notes the name of a member that gets no field: it is the host's all the same.
func (p *Parser) hide(m *member, found int) {
	if name, _ := p.name(m.key, found); len(p.hidden) < p.cfg.MaxFields {
		p.hidden = append(p.hidden, name)
	}
}

// hasSpace reports whether one more field may be added, and notes it in the record if not.
func (p *Parser) hasSpace() bool {
	if len(p.rec.Fields) < p.cfg.MaxFields {
		return true
	}
	p.rec.Reason = p.rec.Reason.or(TooManyFields)
	p.truncated = true
	return false
}

// addText adds a field in the type that its key has; a value that does not fit
// goes as text under another name.
func (p *Parser) addText(name []byte, place int, value []byte) {
	typ, num, ok := Text, uint64(0), true
	if place != unknown {
		switch typ = p.keys.rows[place].typ; typ {
		case Integer:
			var n int64
			n, ok = parseInt(value)
			num = uint64(n)
		case Float:
			var x float64
			x, ok = parseFloat(value)
			num = math.Float64bits(x)
		case Bool:
			var v bool
			if v, ok = parseBool(value); v {
				num = 1
			}
		}
		if !ok {
			p.addMisfit(name, place, value, Text)
			return
		}
	}
	if typ == Text {
		p.rec.addValue(name, place, value, Text)
	} else if f := p.rec.add(name, place, typ); f != nil {
		f.Num = num
	}
}

// addMisfit adds a value that does not have its key's type, as KEY_text.
func (p *Parser) addMisfit(name []byte, place int, value []byte, typ Type) {
	if p.rec.has(place) {
		return
	}
	mark := len(p.rec.arena)
	p.rec.arena = append(append(p.rec.arena, name...), "_text"...)
	name = p.rec.arena[mark:len(p.rec.arena):len(p.rec.arena)]
	place = p.keys.find(name)
	p.rec.addValue(name, place, value, typ)
}

// time takes the message's time.
func (p *Parser) time(place int, value []byte) {
	p.hasTime = true
	p.seenTs = place == keyTs
	r := &p.rec
	t, ok := p.clock.parse(value)
	p.readable = ok
	switch {
	case !ok || !t.InRange():
		r.Reason = r.Reason.or(BadTime)
		r.set(keyTime, value)
	case p.cfg.NoTime:
		r.set(keyTime, value)
	default:
		r.Time, r.HasTime = t, true
		if p.cfg.KeepTime {
			r.set(keyTime, value)
		}
	}
}

// runtimeRsJSON puts right what runtime-rs up to 3.19 calls source: it is the
// sandbox's id (kata-containers src/libs/logging, create_logger).
func (p *Parser) runtimeRsJSON() {
	r := &p.rec
	if !p.isRuntimeRsJSON() {
		return
	}
	if id := r.textOf(keySource); id != nil {
		r.set(keySource, runtimeRs)
		r.set(keySandbox, id)
	}
}

func (p *Parser) isRuntimeRsJSON() bool {
	return p.rec.Encoding == JSONEncoding && p.seenTs && string(p.rec.textOf(keyName)) == "kata-runtime"
}

var runtimeRs = constant("runtime-rs")

// finish adds the marks and what follows from the fields.
func (p *Parser) finish(cut, tooLarge bool) {
	r := &p.rec
	r.Rank = LevelRank(r.textOf(keyLevel))
	r.MaybeGuest = r.MaybeGuest || r.Guest
	if tooLarge {
		switch r.Reason {
		case UnterminatedQuote, BadJSON, AgentJSON, AgentLogfmt, TrailingText:
			r.Reason = OK // our own cut made that
		}
		r.Reason = r.Reason.or(TooLarge)
	}
	if cut {
		r.Reason = r.Reason.or(Cut)
	}
	if r.Guest {
		r.setBool(keyGuest, true)
		if rest := r.textOf(keyUnparsed); rest != nil {
			r.set(keyUnparsed, p.plain(rest))
		}
	}
	if p.noise != nil {
		r.set(keyConsoleNoise, p.noise)
	}
	if r.Reason != OK {
		r.set(keyParseError, reasonBytes[r.Reason])
	}
}

// reasonBytes are the words as the byte slices that fields hold; never written to.
var reasonBytes = func() (b [reasons][]byte) {
	for i, w := range reasonWords {
		b[i] = constant(w)
	}
	return b
}()
