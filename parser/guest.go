package parser

import (
	"bytes"
	"slices"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

// What a guest wrote reaches the host inside a record that the host wrote, the
// enclosing record. Here it is unpacked, under one rule: a guest never sets what the
// host knows and never makes a field of a name of its own. Nor has a field that a guest
// fills terminal codes in it.
//
// The text is a guest record (see readGuest), whose members are merged with the fields
// of the enclosing record, or else console text.

// guest is the part of a Parser that unpacking needs.
type guest struct {
	members []member
	fields  []byte  // the members that get no field, as they gather
	noise   []byte  // kernel text that was glued to the record
	codes   bool    // there may be terminal codes in the text, as they are or in escapes
	list    bool    // the record is an announce: list
	kept    nameSet // names of the guest's that got no field, or one as agent_KEY
	source  []byte  // the source of the enclosing record

	// The enclosing record: how many fields it has, and its names that no key of the
	// table is like, squashed. The others are in Record.enclosing.
	enclosed int
	others   nameSet
	hidden   [][]byte // names of its objects that were left out
}

func (g *guest) init(seed seed) {
	g.kept.seed, g.others.seed = seed, seed
}

func (g *guest) reset() {
	g.fields = g.fields[:0]
	g.noise, g.source = nil, nil
	g.hidden = g.hidden[:0]
	g.kept.reset()
}

// release forgets every slice of the message.
func (g *guest) release() {
	g.reset()
	clear(g.members[:cap(g.members)])
	clear(g.hidden[:cap(g.hidden)])
	g.others.release()
	g.kept.release()
}

var vmConsole = constant("vmconsole")

// unpackEnclosed unpacks the guest's text if the host's record encloses one:
// kata-proxy and kata-shim write it to msg with source=agent (their proxy.go, shim.go),
// the Go shim's console watcher to vmconsole (virtcontainers, sandbox.go), and
// runtime-rs up to 3.19 to msg (see unpackRuntimeRs).
func (p *Parser) unpackEnclosed(m *Message) {
	r := &p.rec
	if text := r.textOf(keyVMConsole); text != nil {
		if msg := r.textOf(keyMsg); msg == nil || string(msg) == "reading guest console" {
			if p.unpack(text) {
				// The emptied key goes; the flag takes its place (see finish).
				r.rename(r.index(keyVMConsole), keyVMConsole, keyGuest)
			}
			return
		}
	}
	proxy := m.Origin == KataProxy || isProxy(r.textOf(keyName))
	if r.Encoding == LogfmtEncoding && !proxy {
		return
	}
	msg := r.textOf(keyMsg)
	// Unknown means not trusted: where the record does not end, or is not read to its end,
	// the words that say that a guest wrote it may be missing.
	name, source, subsystem := p.known(m, keyName), p.known(m, keySource), p.known(m, keySubsystem)
	torn := m.Cut || p.truncated || r.Open
	switch {
	case r.Encoding == JSONEncoding && p.seenTs && (name == nil || string(name) == "kata-runtime"):
		if msg == nil {
			break
		}
		// Behind an object's end there is nothing of it.
		if torn = p.truncated || r.Open; subsystem == nil && torn {
			p.unpack(msg)
		} else {
			p.unpackRuntimeRs(msg, subsystem, r.textOf(p.keys.ids.stream), torn)
		}
	case proxy:
		agent := string(source) == "agent"
		torn = torn && (name == nil || source == nil)
		if (agent || torn) && !p.unpack(msg) && torn {
			r.Guest = true
			r.set(keySource, vmConsole)
		}
	}
}

// known is the text of a key of the table, nil when it has none, or when the message ends
// with it and may go on.
func (p *Parser) known(m *Message, place int) []byte {
	text := p.rec.textOf(place)
	if text != nil && p.rec.Encoding == LogfmtEncoding && (m.Cut || p.truncated || p.rec.Open) &&
		string(p.logfmt.lastKey()) == p.keys.Name(KeyID(place)) && !p.logfmt.isClosed() {
		return nil
	}
	return text
}

// isProxy reports whether a name is that of a program which hands on what a guest wrote.
func isProxy(name []byte) bool {
	switch string(name) {
	case "kata-proxy", "kata-shim":
		return true
	}
	return false
}

// unpackRuntimeRs unpacks what a guest wrote in the message of a record of runtime-rs,
// native or JSON. Its subsystem agent hands on the agent's log (virt_container,
// log_forwarder.rs), dmesg Dragonball's console (console_manager.rs), cloud-hypervisor
// the VMM's standard output, which is the guest's console, and its standard error, which
// is the VMM's log (inner_hypervisor.rs); QEMU's console comes as vm console: "…". In a
// torn record the stream may be missing.
func (p *Parser) unpackRuntimeRs(text, subsystem, stream []byte, torn bool) {
	const console = `vm console: "`
	quoted := len(text) > 0 && text[0] == '"'
	switch {
	case string(subsystem) == "agent" || string(subsystem) == "dmesg":
		p.unpack(text)
	case bytes.HasPrefix(text, []byte(console)):
		p.unpackQuoted(text[len(console):])
	case string(subsystem) == "cloud-hypervisor":
		switch {
		case string(stream) == "stderr" && quoted:
			if own, end, ok := p.unquoteRust(text[1:]); ok && end == len(text)-2 {
				p.rec.set(keyMsg, own)
			}
		case string(stream) != "stdout" && !(stream == nil && torn):
		case quoted:
			p.unpackQuoted(text[1:])
		default:
			p.unpack(text)
		}
	}
}

// handsOn reports whether a subsystem of runtime-rs hands on what a guest, or the VMM, wrote.
func handsOn(subsystem []byte) bool {
	switch string(subsystem) {
	case "agent", "dmesg", "cloud-hypervisor":
		return true
	}
	return false
}

// unpackQuoted unpacks console text in Rust's quoting, given from behind the opening
// quote on.
func (p *Parser) unpackQuoted(quoted []byte) {
	r := &p.rec
	text, end, ok := p.unquoteRust(quoted)
	if !ok {
		r.Reason = r.Reason.or(BadEscape)
	}
	var rest []byte
	if end == len(quoted) {
		r.Reason = r.Reason.or(UnterminatedQuote)
	} else {
		rest = bytes.TrimSpace(quoted[end+1:])
	}
	unpacked := p.unpack(text)
	if len(rest) == 0 {
		return
	}
	// Nothing of the host's stands behind the console's text.
	r.Reason = r.Reason.or(TrailingText)
	r.set(keyUnparsed, rest)
	if !unpacked {
		p.setConsoleText(text)
	}
}

func (p *Parser) unquoteRust(quoted []byte) (text []byte, end int, ok bool) {
	start := len(p.rec.arena)
	p.rec.arena, end, ok = appendRustUnquoted(p.rec.arena, quoted, &scan.QuoteEnd)
	return p.rec.arena[start:], end, ok
}

// unpack puts what a guest's text holds into the record and reports whether it held
// anything: a line of nothing but CR and LF does not.
func (p *Parser) unpack(text []byte) bool {
	text = trimNewlines(text)
	if len(text) == 0 {
		return false
	}
	p.codes = bytes.IndexByte(text, '\\') >= 0 || hasCode(text)
	found, reason := p.readGuest(text)
	if found {
		p.rec.Guest, p.rec.Agent = true, true
		p.merge()
	} else {
		p.setConsoleText(text)
	}
	p.rec.Reason = p.rec.Reason.or(reason)
	return true
}

// setConsoleText makes a guest's text that is no guest record the record's message.
func (p *Parser) setConsoleText(text []byte) {
	r := &p.rec
	r.Guest = true
	plain := trimNewlines(p.plain(text))
	r.set(keyMsg, plain)
	r.set(keySource, vmConsole)
	if rank := detectSeverity(plain); rank >= 0 {
		r.Detected = rank
		r.set(keyDetectedLevel, levelBytes[rank])
	}
}

// plain is text without terminal codes: the text itself when it has none.
func (p *Parser) plain(text []byte) []byte {
	if !hasCode(text) {
		return text
	}
	start := len(p.rec.arena)
	p.rec.arena = AppendPlain(p.rec.arena, text)
	return p.rec.arena[start:len(p.rec.arena):len(p.rec.arena)]
}

// clean is plain for a part of a guest record.
func (p *Parser) clean(text []byte) []byte {
	if !p.codes {
		return text
	}
	return p.plain(text)
}

// cleanValue is a member's value as text without terminal codes. In an object or array,
// which is text as it stands, C1 controls become escapes.
func (p *Parser) cleanValue(m *member) []byte {
	if !p.codes || m.kind == jsonString {
		return p.clean(m.value)
	}
	start := len(p.rec.arena)
	p.rec.arena = appendEscapedC1(p.rec.arena, m.value)
	return p.rec.arena[start:len(p.rec.arena):len(p.rec.arena)]
}

// readGuest reads text into p.members if it is a guest record:
//
//   - a JSON object with msg and the word of a level,
//   - logfmt that starts with a time in RFC 3339 and has msg and the word of a level, or
//   - an announce: list.
//
// It may stand behind terminal codes, CR and NUL, and in front of them; and the text of
// a line of the kernel's, which starts with a stamp, may be glued to it on either side.
// Otherwise reason reports whether the text starts like a record.
func (p *Parser) readGuest(text []byte) (ok bool, reason Reason) {
	body := trimUnseen(text)
	body = body[skipUnseen(body):]
	stamp := stampLen(body)
	if stamp == 0 {
		after, ok, reason := p.readGuestAt(body)
		if !ok {
			return false, startsLikeRecord(body)
		}
		p.setNoise(nil, after)
		return true, reason
	}
	// Only the first place where a record of each kind may start is tried: anything
	// more would be guessing.
	places := [2]int{bytes.Index(body[stamp:], jsonStart), indexTime(body[stamp:])}
	if places[1] >= 0 && (places[0] < 0 || places[1] < places[0]) {
		places[0], places[1] = places[1], places[0]
	}
	for _, at := range places {
		if at < 0 {
			continue
		}
		at += stamp
		if after, ok, reason := p.readGuestAt(body[at:]); ok {
			p.setNoise(body[:at], after)
			return true, reason
		}
	}
	body = bytes.TrimLeft(body[stamp:], " ")
	return false, startsLikeRecord(body[skipUnseen(body):])
}

var jsonStart = []byte(`{"`)

// startsLikeRecord is the reason for text that is no guest record, by how it starts.
func startsLikeRecord(text []byte) Reason {
	switch {
	case bytes.HasPrefix(text, jsonStart):
		return AgentJSON
	case bytes.HasPrefix(text, timeStart):
		return AgentLogfmt
	}
	return OK
}

// readGuestAt reads the guest record that text starts with, if it does. What is behind
// it can only be a line of the kernel's.
func (p *Parser) readGuestAt(text []byte) (after []byte, ok bool, reason Reason) {
	p.members, p.list = p.members[:0], false
	switch {
	case bytes.HasPrefix(text, jsonStart):
		return p.readGuestJSON(text)
	case bytes.HasPrefix(text, timeStart):
		return p.readGuestLogfmt(text)
	case bytes.HasPrefix(text, announce):
		return nil, p.readGuestAnnounce(text), OK
	}
	return nil, false, OK
}

// setNoise keeps kernel text, in the form that console text has.
func (p *Parser) setNoise(before, after []byte) {
	before, after = bytes.TrimRight(p.plain(before), " \r\n"), trimNewlines(p.plain(after))
	if len(before)+len(after) == 0 {
		return
	}
	start := len(p.rec.arena)
	p.rec.arena = append(p.rec.arena, before...)
	if len(before) > 0 && len(after) > 0 {
		p.rec.arena = append(p.rec.arena, ' ')
	}
	p.rec.arena = append(p.rec.arena, after...)
	p.noise = p.rec.arena[start:len(p.rec.arena):len(p.rec.arena)]
}

// readGuestJSON reads the record of an agent in Rust, or of another program.
func (p *Parser) readGuestJSON(text []byte) (after []byte, ok bool, reason Reason) {
	o := &p.object
	o.reset(text, p.cfg.MaxDepth)
	seen := uint64(0) // by place, of the parser's own keys
	level := -1
	for {
		m := p.nextMember()
		if !o.next(m) {
			break
		}
		place := p.keys.find(m.key) // they come in any order
		m.place = int32(place)
		if m.deep {
			reason = reason.or(TooDeep)
			continue
		}
		if !p.addInner() {
			reason = reason.or(TooManyFields)
			continue
		}
		if place == keyLevel && seen>>keyLevel&1 == 0 {
			level = p.rankOfWord(m.value)
		}
		seen |= 1 << uint(place)
	}
	if !o.done || seen>>keyMsg&1 == 0 || level < 0 {
		return nil, false, OK
	}
	after = text[o.pos:]
	after = bytes.TrimLeft(after[skipUnseen(after):], " \t\r\n\x00")
	return after, len(after) == 0 || isStamp(after), reason
}

// rankOfWord is the rank of a level's word in any spelling, -1 for another one.
func (p *Parser) rankOfWord(word []byte) int {
	start := len(p.rec.arena)
	_, buf, rank := foldLevel(p.rec.arena, word)
	p.rec.arena = buf[:start]
	return rank
}

// readGuestLogfmt reads the record of an agent in Go, or of another program.
func (p *Parser) readGuestLogfmt(text []byte) (after []byte, ok bool, reason Reason) {
	d := &p.logfmt
	d.reset(text, true)
	hasMsg, hasLevel, level, glued := false, false, -1, false
	for n := 0; d.Next(); n++ {
		glued = glued || d.oddBare() || stampIn(d.Key(), d.Key()) >= 0
		m := p.textMember(d.Key(), d.Value())
		if n == 0 && !isRFC3339(m.value) {
			return nil, false, OK
		}
		if !p.addInner() {
			reason = reason.or(TooManyFields)
			continue
		}
		switch m.place {
		case keyMsg:
			hasMsg = true
		case keyLevel:
			if !hasLevel {
				level, hasLevel = p.rankOfWord(m.value), true
			}
		}
	}
	if d.reason != OK || !hasMsg || level < 0 || glued {
		return nil, false, OK
	}
	if d.noise >= 0 {
		after = text[d.noise:]
	}
	return after, true, reason
}

// readGuestAnnounce reads the first line of an agent in Go that is process 1. Its level
// is that of the enclosing record.
func (p *Parser) readGuestAnnounce(text []byte) bool {
	d := &p.logfmt
	d.reset(text[len(announce):], false)
	for d.nextAnnounced() {
		p.textMember(d.Key(), d.Value())
		p.addInner()
	}
	p.list = d.reason == OK && len(p.members) > 0
	return p.list
}

// nextMember is where the next member goes; it is one of p.members only after
// addInner.
func (p *Parser) nextMember() *member {
	n := len(p.members)
	if n == cap(p.members) {
		p.members = slices.Grow(p.members, 32)
	}
	return &p.members[:n+1][n]
}

// textMember makes a member that is no JSON.
func (p *Parser) textMember(key, value []byte) *member {
	m := p.nextMember()
	// One by one: what is put together elsewhere and copied is waited for.
	m.key, m.value, m.end = key, value, 0
	m.spaced, m.deep, m.kind = false, false, jsonString
	m.place = int32(p.innerOrder.find(key))
	return m
}

// addInner adds the member that nextMember returned and reports whether there was space.
func (p *Parser) addInner() bool {
	n := len(p.members)
	if n >= p.cfg.MaxFields {
		return false
	}
	p.members = p.members[:n+1]
	return true
}

// merge puts the members of a guest record beside the fields of the enclosing record.
// Of two equal keys the first counts.
func (p *Parser) merge() {
	r := &p.rec
	p.indexEnclosing()
	p.source = r.textOf(keySource)
	r.Fields = slices.Grow(r.Fields, len(p.members))
	var done uint64 // by place, of the parser's own keys
	if p.list {
		r.set(keyMsg, announced)
	}
	for i := range p.members {
		m := &p.members[i]
		place := int(m.place)
		if uint(place) <= keyPid {
			if done>>place&1 != 0 {
				continue
			}
			done |= 1 << place
		}
		if p.list && (place == keyMsg || place == keyLevel) {
			p.addRefused(m, m.key, place)
			continue
		}
		switch place {
		case keyMsg:
			r.set(keyMsg, trimNewlines(p.cleanValue(m)))
		case keyLevel:
			var level []byte
			level, p.rec.arena, _ = foldLevel(p.rec.arena, p.cleanValue(m))
			r.set(keyLevel, level)
		case keyName, keySubsystem:
			r.set(place, p.cleanValue(m))
		case keySource:
			p.setSource(m)
		case keyPid:
			if r.has(keyAgentPid) { // a key of the enclosing record
				p.refuse(m, m.key)
			} else {
				p.addValue(m, p.keys.nameBytes(keyAgentPid), keyAgentPid)
			}
		case keyTs, keyTime:
			if r.has(keyAgentTime) {
				p.refuse(m, m.key)
			} else {
				r.set(keyAgentTime, p.cleanValue(m))
				p.kept.add(m.key, 0)
			}
		default:
			p.addGuest(m)
		}
	}
	if done>>keySource&1 == 0 {
		r.set(keySource, vmConsole)
	}
	if len(p.fields) > 0 {
		p.fields = append(p.fields, '}')
		r.set(keyAgentFields, p.fields)
	}
	p.addGuestContainer()
}

// setSource sets the source that a guest record names, unless it is none or the host's.
func (p *Parser) setSource(m *member) {
	r := &p.rec
	source := p.cleanValue(m)
	if p.isHostSource(source) {
		if r.has(keyAgentSource) { // a key of the enclosing record
			p.refuse(m, m.key)
		} else {
			r.set(keyAgentSource, source)
		}
		source = vmConsole
	} else if len(source) == 0 {
		source = vmConsole
	}
	r.set(keySource, source)
}

// isHostSource reports whether a source is one of the host's, in any spelling.
func (p *Parser) isHostSource(source []byte) bool {
	if len(source) == 0 || string(source) == "agent" {
		return false
	}
	start := len(p.rec.arena)
	p.rec.arena = appendSquashed(p.rec.arena, source)
	squashed := p.rec.arena[start:]
	own := false
	if len(p.source) > 0 && string(p.source) != "agent" {
		middle := len(p.rec.arena)
		p.rec.arena = appendSquashed(p.rec.arena, p.source)
		own = bytes.Equal(p.rec.arena[middle:], squashed)
	}
	program, _, _ := bytes.Cut(squashed, []byte("/"))
	own = own || hostSources[string(squashed)] || string(program) == "virtcontainers"
	p.rec.arena = p.rec.arena[:start]
	return own
}

// hostSources are kataSources and runtime-rs, squashed.
var hostSources = func() map[string]bool {
	set := map[string]bool{}
	for source := range kataSources {
		set[string(appendSquashed(nil, []byte(source)))] = true
	}
	set[string(appendSquashed(nil, runtimeRs))] = true
	return set
}()

// noField is the index of a key that the enclosing record has and that has no field.
const noField = 0xffff

// indexEnclosing notes which names the enclosing record has.
func (p *Parser) indexEnclosing() {
	r := &p.rec
	p.enclosed = len(r.Fields)
	p.others.reset()
	for i := range r.Fields {
		f := &r.Fields[i]
		name := r.Name(f)
		place := int(f.Key)
		if f.Key < 0 {
			place = unknown
		}
		p.addEnclosing(name, place, i)
		if key, ok := cutMisfit(name); ok { // its key's value is here under this name
			p.addEnclosing(key, p.keys.find(key), i)
		}
	}
	for _, name := range p.hidden {
		p.addEnclosing(name, p.keys.find(name), noField)
	}
}

func (p *Parser) addEnclosing(name []byte, place, index int) {
	r := &p.rec
	var group int
	if place != unknown {
		group = int(p.keys.rows[place].group)
	} else {
		start := len(p.rec.arena)
		p.rec.arena = appendSquashed(p.rec.arena, name)
		squashed := p.rec.arena[start:len(p.rec.arena):len(p.rec.arena)]
		if group = p.keys.group(squashed); group == unknown {
			p.others.add(squashed, index)
			return
		}
	}
	if r.enclosing[group]&^0xffff != r.gen {
		r.enclosing[group] = r.gen | uint32(index)
	}
}

// findEnclosing reports whether a name, in any spelling, is one that a guest may not set,
// and returns the index of the host's field of that name, or noField.
func (p *Parser) findEnclosing(name []byte, place int) (index int, reserved bool) {
	r := &p.rec
	var group int
	if place != unknown {
		group = int(p.keys.rows[place].group)
		if r.has(place) && r.index(place) < p.enclosed {
			return r.index(place), true // of several spellings the same one
		}
	} else {
		if i := r.Find(name); i >= 0 && i < p.enclosed {
			return i, true
		}
		start := len(p.rec.arena)
		p.rec.arena = appendSquashed(p.rec.arena, name)
		squashed := p.rec.arena[start:]
		p.rec.arena = p.rec.arena[:start]
		if group = p.keys.group(squashed); group == unknown {
			if i := p.others.find(squashed); i >= 0 {
				return i, true
			}
			return noField, false
		}
	}
	if r.enclosing[group]&^0xffff == r.gen {
		return int(r.enclosing[group] & 0xffff), true
	}
	return noField, p.keys.rows[group].reserved
}

// cutMisfit is the key whose value has the name because it did not fit.
func cutMisfit(name []byte) (key []byte, ok bool) {
	if len(name) == 0 || name[len(name)-1] != 't' {
		return nil, false
	}
	return bytes.CutSuffix(name, []byte("_text"))
}

// addGuest adds a member that is none of a guest record's own.
func (p *Parser) addGuest(m *member) {
	r := &p.rec
	name, place := p.name(m.key, int(m.place))
	if place != unknown && p.keys.rows[place].ours || place == unknown && isOurs(name) {
		// Names that this plugin makes are many: a field for each would be many.
		p.refuse(m, name)
		return
	}
	index, reserved := p.findEnclosing(name, place)
	if place != unknown && !p.keys.isListed(place, m.key) {
		place = unknown // for a guest the table's keys are what they are letter for letter
	}
	if reserved {
		if index != noField && r.isText(&r.Fields[index], p.cleanValue(m)) {
			p.kept.add(name, 0)
			return // the host says the same
		}
		p.addRefused(m, name, place)
		return
	}
	if place == unknown || !p.keys.rows[place].agent {
		p.keep(m, name)
		return
	}
	if !r.has(place) { // or it is there for the second time
		p.addValue(m, name, place)
	}
}

// addRefused adds a member whose name is the host's as agent_KEY, if KEY is, letter for
// letter, in the table and that name is free, and else keeps it: a guest could make many
// fields of other spellings.
func (p *Parser) addRefused(m *member, name []byte, place int) {
	r := &p.rec
	if place != unknown && p.kept.find(name) < 0 {
		start := len(p.rec.arena)
		p.rec.arena = append(append(p.rec.arena, "agent_"...), name...)
		full := p.rec.arena[start:len(p.rec.arena):len(p.rec.arena)]
		if at := p.keys.find(full); !IsMark(KeyID(at)) && r.Find(full) < 0 {
			p.kept.add(name, 0)
			r.Refused++
			p.addValue(m, full, at)
			return
		}
	}
	p.refuse(m, name)
}

// addValue adds a member's value under a name. An object or array is text, also
// where the host's would be kept: a guest could make columns below a map.
func (p *Parser) addValue(m *member, name []byte, place int) {
	nested := m.kind == jsonObject || m.kind == jsonArray
	switch {
	case nested && p.cfg.Nested == DropNested || !p.hasSpace():
	case m.kind != jsonNull:
		p.addText(name, place, p.cleanValue(m))
	default:
		p.rec.add(name, place, Null)
	}
}

// isOurs reports whether a name is of a kind that this plugin makes itself.
func isOurs(name []byte) bool {
	return hasPrefixFold(name, "agent_") || hasPrefixFold(name, "pod_") ||
		len(name) >= len("_text") && hasPrefixFold(name[len(name)-len("_text"):], "_text")
}

// hasPrefixFold reports whether name starts with prefix, in any case.
func hasPrefixFold(name []byte, prefix string) bool {
	return len(name) >= len(prefix) && name[0]|0x20 == prefix[0]|0x20 && bytes.EqualFold(name[:len(prefix)], []byte(prefix))
}

// refuse keeps a value that does not get the name it wants.
func (p *Parser) refuse(m *member, name []byte) {
	if p.keep(m, name) {
		p.rec.Refused++
	}
}

// keep puts a member into the one field for members that get none of their own, unless
// one of its name is there, and reports whether it did.
func (p *Parser) keep(m *member, name []byte) bool {
	if !p.kept.add(name, 0) || (m.kind == jsonObject || m.kind == jsonArray) && p.cfg.Nested == DropNested {
		return false
	}
	if len(p.fields) == 0 {
		p.fields = append(p.fields, '{')
	} else {
		p.fields = append(p.fields, ',')
	}
	start := len(p.fields)
	switch {
	case m.end == 0:
		p.fields = append(appendJSONString(p.fields, m.key), ':')
		p.fields = appendJSONString(p.fields, m.value)
	case m.spaced:
		p.fields = appendCompact(p.fields, p.object.token(m))
	default:
		p.fields = append(p.fields, p.object.token(m)...)
	}
	if p.codes && hasCode(p.fields[start:]) {
		from := len(p.rec.arena)
		p.rec.arena = append(p.rec.arena, p.fields[start:]...)
		p.fields = appendEscapedC1(p.fields[:start], p.rec.arena[from:])
		p.rec.arena = p.rec.arena[:from]
	}
	return true
}

// appendEscapedC1 appends JSON text with its C1 control characters as escapes.
func appendEscapedC1(dst, text []byte) []byte {
	const digits = "0123456789abcdef"
	for i := 0; ; {
		at := i + indexCode(text[i:])
		dst = append(dst, text[i:at]...)
		if at == len(text) {
			return dst
		}
		// JSON has no ESC as it is.
		dst = append(dst, '\\', 'u', '0', '0', digits[text[at+1]>>4], digits[text[at+1]&15])
		i = at + 2
	}
}

// isText reports whether a field would be written as text in the same letters.
func (r *Record) isText(f *Field, text []byte) bool {
	switch f.Type {
	case Text, Nested:
		return string(r.Text(f)) == string(text)
	case Integer:
		n, ok := parseInt(text)
		return ok && n == f.Integer()
	case Float:
		x, ok := parseFloat(text)
		return ok && x == f.Float()
	case Bool:
		v, ok := parseBool(text)
		return ok && v == f.Bool()
	}
	return string(text) == "null"
}
