package parser

import (
	"bytes"
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

// String returns the name of the format: auto, logfmt, json or native.
func (f Format) String() string { return [...]string{"auto", "logfmt", "json", "native"}[f] }

// NestedMode is what becomes of JSON objects and arrays.
type NestedMode uint8

const (
	Stringify  NestedMode = iota // one string of compact JSON
	KeepNested                   // fields of type Nested; a guest's become text all the same
	DropNested                   // left out
)

// String returns the name of the mode: stringify, keep or drop.
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
	// Continuation is set where the message is the rest of a line: it is then text, whatever
	// it looks like, with the error code cut and no other field but the flag of a guest.
	Continuation Continuation
	// Native is set for a native journal record of the Rust runtime.
	Native *Native
	// Sandbox returns the id of the sandbox that the message's writer works for, from where
	// no guest can write, such as the command line of a shim; nil if it is not known. Parse
	// calls it, once, where the host's words in the message name no sandbox, and copies what
	// it returns. It may be nil.
	Sandbox func() []byte
}

// Parser turns messages into fields. It keeps memory from one message to the
// next and is for one goroutine at a time; in steady state it allocates
// nothing.
type Parser struct {
	cfg  Config
	keys *keyTable
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
	keys := newKeyTable(cfg.Types)
	p := &Parser{cfg: cfg, keys: keys, order: newSequence(keys), innerOrder: newSequence(keys)}
	p.rec.init(p.keys)
	p.guest.init(p.rec.other.seed)
	return p
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
	case m.Continuation != NoContinuation:
		p.continued(text, m.Continuation)
		return r
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
		r.maybeGuest = broken || torn
		if broken {
			r.Reason = BadJSON
		}
		r.set(keyMsg, trimNewlines(text))
		r.open = true
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
	p.rec.arena = appendValid(p.rec.arena, text)
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

// addPairs takes all pairs that p.logfmt has at hand, whose text is where
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
	text, last := d.structure.Text[:cap(d.structure.Text)], p.order.last
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
		mark := &r.at[next.keyID]
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
		f.Start, f.End, f.Key = at+start, at+end, KeyID(next.keyID)
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
		keyID := p.order.find(m.key)
		if m.kind == jsonString && keyID > keyMsg && p.keys.rows[keyID].typ == Text && len(r.Fields) < p.cfg.MaxFields {
			r.addValue(m.key, keyID, m.value, Text)
			continue
		}
		p.addMember(m, keyID)
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
	if r.open {
		r.Continuation = HostContinuation
		if r.maybeGuest || r.Guest {
			r.Continuation = GuestContinuation
		}
	}
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
