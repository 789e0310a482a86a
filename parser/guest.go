package parser

import (
	"bytes"
	"slices"
)

// What a guest wrote reaches the host as a value of a line that the host wrote,
// its carrier. Here it is unpacked, under one rule: a guest never sets what the
// host knows and never makes a field of a name of its own.

// guest is the part of a Parser that unpacking needs.
type guest struct {
	members []member
	fields  []byte // the members that get no field, as they gather
	noise   []byte // kernel text that was glued to the record
	table   []guestKey
	misfits []int16 // places of keys that end in _text

	names nameSet // the guest's names that did not get their own field

	// The carrier: how many fields it has, and whether all their names are in the table
	// and none of them stands for another one. What follows is known if it is noted.
	host    int
	tidy    bool
	noted   bool
	groups  []uint64 // bit set of its names, by keyInfo.group
	strange nameSet  // its names that are not in the table, in small letters
}

// guestKey is what a guest may do with a key of the table.
type guestKey struct {
	group    int16 // place of the first key that differs only in case
	alone    bool  // no other key does
	reserved bool  // it may not set it
	ours     bool  // the name is one that this plugin makes
	simple   bool  // it is text, and in its way is nothing but a field of the same name
	replaces uint8 // 1 if not even that is when it is the carrier's
}

func (g *guest) init(keys *Keys, seed seed) {
	g.names.seed, g.strange.seed = seed, seed
	g.groups = make([]uint64, (keys.Len()+63)/64)
	g.table = make([]guestKey, keys.Len())
	for i := range g.table {
		row := &keys.rows[i]
		g.table[i] = guestKey{
			group: row.group, alone: int(row.group) == i, reserved: row.reserved, ours: isOurs(row.name),
		}
		g.table[row.group].alone = int(row.group) == i
		if _, ok := cutMisfit(row.name); ok {
			g.misfits = append(g.misfits, int16(i))
		}
	}
	for i := range g.table {
		k := &g.table[i]
		k.simple = k.alone && !k.reserved && !k.ours && keys.rows[i].typ == Text
	}
	for _, place := range []int{keyMsg, keyLevel, keyTs, keyPid} { // they are not put as they are
		g.table[place].simple = false
	}
	for _, place := range []int{keyName, keySource, keySubsystem} {
		g.table[place].replaces = 1
	}
}

func (g *guest) reset() {
	g.fields = g.fields[:0]
	g.noise = nil
	g.names.reset()
}

// release forgets every slice of the message.
func (g *guest) release() {
	g.reset()
	clear(g.members[:cap(g.members)])
	g.strange.release()
	g.names.release()
}

// carrierKind says where guest text came from, and so what may be done to it.
type carrierKind uint8

const (
	fromConsole carrierKind = iota // a console, where the kernel writes too
	fromVsock                      // the agent's own log channel: text is kept as it is
)

var vmConsole = constant("vmconsole")

// unpackCarrier unpacks the guest's text if the host's record carries one
// (format notes of Kata: kata-proxy proxy.go and kata-shim write it to msg with
// source=agent, the Go shim's console watcher to vmconsole, runtime-rs up to
// 3.19 to msg with subsystem agent).
func (p *Parser) unpackCarrier() {
	r := &p.rec
	if text := r.text(keyVMConsole); text != nil {
		if msg := r.text(keyMsg); msg == nil || string(msg) == "reading guest console" {
			if p.unpack(text, fromConsole) {
				// The emptied key goes; the mark takes its place (see finish).
				r.rename(r.index(keyVMConsole), keyVMConsole, keyGuest)
			}
			return
		}
	}
	msg := r.text(keyMsg)
	if msg == nil {
		return
	}
	if string(r.text(keySource)) == "agent" {
		if name := r.text(keyName); string(name) == "kata-proxy" || string(name) == "kata-shim" {
			p.unpack(msg, fromConsole)
		}
		return
	}
	if p.isRuntimeRsJSON() && string(r.text(keySubsystem)) == "agent" && !p.hasOwnKeys() {
		p.unpack(msg, fromVsock)
	}
}

// hasOwnKeys says whether a record of runtime-rs has a key of the logging call,
// beside those that its logger always writes.
func (p *Parser) hasOwnKeys() bool {
	for i := range p.rec.Fields {
		switch p.rec.Fields[i].Place {
		case keyMsg, keyLevel, keyName, keySource, keySubsystem, keyPid, keyVersion, keyComponent, keySandbox, keyTime, keyTs, keyUnparsed:
		default:
			return true
		}
	}
	return false
}

// unpack puts what text holds into the record and says whether it held anything.
func (p *Parser) unpack(text []byte, from carrierKind) bool {
	text = trimNewlines(text)
	if len(text) == 0 {
		return false
	}
	r := &p.rec
	agent, reason := p.agentRecord(text, from)
	switch {
	case agent:
		r.Agent = true
		p.merge()
	case from == fromVsock:
		// Nothing but the agent writes there: the text is its own.
	default:
		plain := trimNewlines(p.plain(text))
		if len(plain) == 0 {
			return false
		}
		r.set(keyMsg, plain)
		r.set(keySource, vmConsole)
	}
	r.Reason = r.Reason.or(reason)
	r.Guest = true
	return true
}

// plain is text without terminal codes: the text itself when it has nothing that
// may start one.
func (p *Parser) plain(text []byte) []byte {
	if bytes.IndexByte(text, escape[0]) < 0 && bytes.IndexByte(text, csiSign[0]) < 0 {
		return text
	}
	mark := len(p.buf)
	p.buf = AppendPlain(p.buf, text)
	return p.buf[mark:len(p.buf)]
}

// agentRecord reads text into p.members if it is a whole agent record, with
// kernel text glued to it or not. Otherwise reason says whether it started like
// one. Only agents that write JSON have a log channel of their own.
func (p *Parser) agentRecord(text []byte, from carrierKind) (ok bool, reason Reason) {
	if from == fromVsock && text[0] != '{' {
		return false, OK
	}
	if !isStamp(text) {
		after, ok, reason := p.agentStart(text)
		if ok && len(after) > 0 {
			p.setNoise(nil, after)
		}
		return ok, reason
	}
	// Only the agent's usual starts are looked for, each once: anything more
	// would be guessing. If there is no record it is a line of the kernel's.
	for _, start := range agentStarts {
		if at := bytes.Index(text, start); at >= 0 {
			if after, ok, reason := p.agentStart(text[at:]); ok {
				p.setNoise(text[:at], after)
				return true, reason
			}
		}
	}
	return false, OK
}

// agentStarts are how the records of the two agents begin.
var agentStarts = [][]byte{[]byte(`{"msg":`), []byte("time=")}

// agentStart reads the agent record that text starts with, if it does.
func (p *Parser) agentStart(text []byte) (after []byte, ok bool, reason Reason) {
	p.members = p.members[:0]
	switch {
	case text[0] == '{':
		return p.agentJSON(text)
	case bytes.HasPrefix(text, []byte("time=")):
		return p.agentLogfmt(text)
	case bytes.HasPrefix(text, announce):
		return nil, p.agentAnnounce(text), OK
	}
	return nil, false, OK
}

// setNoise keeps kernel text, in the form that console text has.
func (p *Parser) setNoise(before, after []byte) {
	before, after = bytes.TrimRight(before, " \r\n"), trimNewlines(after)
	if len(before)+len(after) == 0 {
		return
	}
	mark := len(p.buf)
	p.buf = AppendPlain(p.buf, before)
	if len(before) > 0 && len(after) > 0 {
		p.buf = append(p.buf, ' ')
	}
	p.buf = AppendPlain(p.buf, after)
	p.noise = p.buf[mark:len(p.buf)]
}

// agentJSON reads an agent's slog record: one object with msg and level.
func (p *Parser) agentJSON(text []byte) (after []byte, ok bool, reason Reason) {
	o := &p.innerObject
	o.reset(text, p.cfg.MaxDepth)
	seen := uint32(0) // by place
	for {
		m := p.nextMember()
		if !o.next(m) {
			break
		}
		place := p.keys.find(m.key) // they come in any order
		m.place = int32(place)
		seen |= 1 << uint(place)
		if m.deep {
			reason = reason.or(TooDeep)
		} else if !p.addInner() {
			reason = reason.or(TooManyFields)
		}
	}
	if o.done && seen>>keyMsg&(seen>>keyLevel)&1 != 0 {
		if o.pos == len(text) {
			return nil, true, reason
		}
		after = bytes.TrimSpace(text[o.pos:])
		if isStamp(after) || len(after) == 0 {
			return after, true, reason
		}
	}
	if startsLikeAgent(text) {
		return nil, false, AgentJSON
	}
	return nil, false, OK
}

// startsLikeAgent says whether an object begins with one of the keys that begin
// an agent's record, or is cut before that can be told.
func startsLikeAgent(text []byte) bool {
	if len(text) < 2 || text[1] != '"' {
		return false
	}
	end, _ := skipString(text, 1)
	if end == 0 {
		return true
	}
	switch string(text[2 : end-1]) {
	case "msg", "level", "ts", "time", "name", "source", "subsystem", "pid", "version":
		return true
	}
	return false
}

// agentLogfmt reads a record of the Go agent's: whole logfmt with a level.
func (p *Parser) agentLogfmt(text []byte) (after []byte, ok bool, reason Reason) {
	d := &p.inner
	d.reset(text, true)
	hasLevel, glued := false, false
	for d.Next() {
		glued = glued || d.oddBare()
		m := p.textMember(d.Key(), d.Value())
		hasLevel = hasLevel || m.place == keyLevel
		if !p.addInner() {
			reason = reason.or(TooManyFields)
		}
	}
	if d.reason != OK || !hasLevel || glued {
		return nil, false, AgentLogfmt
	}
	if d.noise >= 0 {
		after = text[d.noise:]
	}
	return after, true, reason
}

// agentAnnounce reads the first line of a Go agent that is process 1.
func (p *Parser) agentAnnounce(text []byte) bool {
	d := &p.inner
	d.reset(text[len(announce):], false)
	for d.nextAnnounced() {
		p.textMember(d.Key(), d.Value())
		p.addInner()
	}
	if d.reason != OK || len(p.members) == 0 {
		return false
	}
	p.textMember(p.keys.nameBytes(keyMsg), announced)
	p.addInner()
	return true
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

// addInner adds the member that nextMember answered, if there is room.
func (p *Parser) addInner() bool {
	n := len(p.members)
	if n >= p.cfg.MaxFields {
		return false
	}
	p.members = p.members[:n+1]
	return true
}

// merge puts the agent's members beside the carrier's fields.
func (p *Parser) merge() {
	r := &p.rec
	p.host, p.noted = len(r.Fields), false
	p.tidy = p.tidyCarrier()
	r.Fields = slices.Grow(r.Fields, len(p.members))
	var done uint32 // by place: the first of two equal keys counts
	time := unknown
	for i := range p.members {
		m := &p.members[i]
		place := int(m.place)
		if uint(place) < uint(len(p.table)) && p.table[place].simple && p.tidy && m.kind <= jsonBool {
			// Nearly all members. They come in any order, so what is different between
			// them makes no branch: whether the field is there already, and may be.
			n := len(r.Fields)
			index := r.at[place]
			had := (uint64((index^r.gen)>>16) - 1) >> 63
			replaces := uint64(p.table[place].replaces &^ uint8(done>>uint(place)))
			if had&^replaces == 0 && n < p.cfg.MaxFields {
				at := n + (int(index&0xffff)-n)&-int(had)
				r.Fields = r.Fields[:max(n, at+1)]
				r.at[place] = r.gen | uint32(at)
				done |= uint32(replaces) << uint(place)
				f := &r.Fields[at]
				f.Name, f.Value, f.Type, f.Place = m.key, m.value, Text, int32(place)
				continue
			}
		}
		switch name, place := p.name(m.key, place); place {
		case keyMsg, keyLevel, keyName, keySource, keySubsystem:
			if done>>place&1 == 0 {
				done |= 1 << place
				p.replace(place, m)
			}
		case keyPid:
			if done>>place&1 == 0 {
				done |= 1 << place
				p.addValue(m, p.keys.nameBytes(keyAgentPid), keyAgentPid)
			}
		case keyTs, keyTime:
			switch {
			case time == place:
			case time == unknown && !r.has(keyAgentTime):
				time = place
				r.set(keyAgentTime, m.value)
			default:
				p.refuse(m)
			}
		default:
			p.addGuest(m, name, place)
		}
	}
	if done>>keyMsg&1 == 0 && !r.has(keyVMConsole) {
		// The carrier's msg was the record itself, and the record has none.
		r.rename(r.index(keyMsg), keyMsg, keyGuest)
	}
	if len(p.fields) > 0 {
		p.fields = append(p.fields, '}')
		r.set(keyAgentFields, p.fields)
	}
	if !r.has(keyContainer) {
		if id := containerID(r.text(keyReq)); id != nil {
			r.set(keyContainer, id)
		}
	}
}

// replace puts the agent's word in the place of the carrier's.
func (p *Parser) replace(place int, m *member) {
	value := m.value
	switch place {
	case keyMsg:
		value = trimNewlines(value)
	case keyLevel:
		value, p.buf, _ = foldLevel(p.buf, value)
	}
	p.rec.set(place, value)
}

// tidyCarrier says whether all names of the carrier are in the table, and none
// of them stands for another one.
func (p *Parser) tidyCarrier() bool {
	for _, place := range p.misfits {
		if p.rec.has(int(place)) {
			return false
		}
	}
	return p.rec.other.used == 0
}

// noteCarrier remembers which names are the carrier's. Nearly always nobody asks.
func (p *Parser) noteCarrier() {
	if p.noted {
		return
	}
	p.noted = true
	clear(p.groups)
	p.strange.reset()
	for i := range p.host {
		f := &p.rec.Fields[i]
		place := int(f.Place)
		if base, ok := cutMisfit(f.Name); ok {
			if misfit := p.keys.find(base); misfit != unknown {
				p.noteGroup(misfit) // its value is here under another name
			}
		}
		if place != unknown {
			p.noteGroup(place)
			continue
		}
		mark := len(p.buf)
		p.buf = asciiLower(p.buf, f.Name)
		p.strange.add(p.buf[mark:len(p.buf):len(p.buf)], i)
	}
}

// cutMisfit is the key whose value has the name because it did not fit.
func cutMisfit(name []byte) (key []byte, ok bool) {
	if len(name) == 0 || name[len(name)-1] != 't' {
		return nil, false
	}
	return bytes.CutSuffix(name, []byte("_text"))
}

func (g *guest) noteGroup(place int) {
	group := uint(g.table[place].group)
	g.groups[group/64] |= 1 << (group % 64)
}

// isCarriers says whether the carrier has a name of the group.
func (p *Parser) isCarriers(group int) bool {
	if p.tidy && p.table[group].alone {
		return p.rec.has(group) && p.rec.index(group) < p.host
	}
	p.noteCarrier()
	return p.groups[uint(group)/64]&(1<<(uint(group)%64)) != 0
}

// addGuest adds a member that is none of an agent record's own.
func (p *Parser) addGuest(m *member, name []byte, place int) {
	r := &p.rec
	ours := false
	if place != unknown {
		// Nearly all keys are in the table and free.
		k := p.table[place]
		if !k.ours && !k.reserved && !p.isCarriers(int(k.group)) {
			if !r.has(place) { // or it is there for the second time
				p.addValue(m, name, place)
			}
			return
		}
		ours = k.ours
	} else {
		ours = isOurs(name)
	}
	if !ours && place != unknown && r.has(place) && r.index(place) >= p.host {
		return // the guest's own key for the second time
	}
	reserved, carriers := p.reserved(name, place)
	if (ours || reserved || place == unknown) && !p.names.add(name, -1) {
		return // one that has no field of its own, for the second time
	}
	switch {
	case ours:
		// Names that this plugin makes are many: a field for each would be many.
		p.refuse(m)
	case reserved && carriers >= 0 && r.Fields[carriers].isText(m.value):
		// The host says the same.
	case reserved:
		if full, place, ok := p.refusedName(name, place); ok {
			r.Refused++
			p.addValue(m, full, place)
		} else {
			p.refuse(m)
		}
	case place == unknown:
		p.keep(m)
	default:
		p.addValue(m, name, place)
	}
}

// addValue adds a member's value under a name. An object or array is text, also
// where the host's would be kept: a guest could make columns below a map.
func (p *Parser) addValue(m *member, name []byte, place int) {
	nested := m.kind == jsonObject || m.kind == jsonArray
	switch {
	case nested && p.cfg.Nested == DropNested || !p.room():
	case m.kind != jsonNull:
		p.addText(name, place, m.value)
	case p.rec.claim(name, place):
		p.rec.appendValue(name, place, nil, Null)
	}
}

// reserved says whether the host alone may set a name, and which field of the
// carrier's has it, -1 for none. The case of letters does not matter.
func (p *Parser) reserved(name []byte, place int) (reserved bool, field int) {
	var lower [64]byte
	group := unknown
	if place != unknown {
		group = int(p.keys.rows[place].group)
	} else if len(name) <= len(lower) {
		group = p.keys.fold(asciiLower(lower[:0], name))
	}
	if group != unknown {
		if p.isCarriers(group) {
			return true, p.fieldOf(group)
		}
		return p.keys.rows[group].reserved, -1
	}
	if p.tidy {
		return false, -1
	}
	if p.noteCarrier(); p.strange.used == 0 {
		return false, -1
	}
	mark := len(p.buf)
	p.buf = asciiLower(p.buf, name)
	field = p.strange.find(p.buf[mark:])
	p.buf = p.buf[:mark]
	return field >= 0, field
}

// fieldOf is a field of the carrier's whose name is in a group, -1 when its value
// is under another name.
func (p *Parser) fieldOf(group int) int {
	if p.rec.has(group) {
		return p.rec.index(group)
	}
	for i := range p.rec.Fields {
		if place := p.rec.Fields[i].Place; place != unknown && int(p.keys.rows[place].group) == group {
			return i
		}
	}
	return -1
}

// isOurs says whether a name is of a kind that this plugin makes itself.
func isOurs(name []byte) bool {
	const before, after = "agent_", "_text"
	n := len(name)
	return n >= len(before) && name[0]|0x20 == 'a' && bytes.EqualFold(name[:len(before)], []byte(before)) ||
		n >= len(after) && name[n-1]|0x20 == 't' && bytes.EqualFold(name[n-len(after):], []byte(after))
}

// refusedName is the name agent_KEY for a name that is the host's, its place, and
// whether it is free. A spelling that nobody uses (sAndBox) makes no field: a guest could
// make many that way.
func (p *Parser) refusedName(name []byte, place int) (full []byte, at int, ok bool) {
	if len(name) > 64 || place == unknown && !usualSpelling(name) {
		return nil, unknown, false
	}
	mark := len(p.buf)
	p.buf = append(append(p.buf, "agent_"...), name...)
	full = p.buf[mark:len(p.buf):len(p.buf)]
	at = p.keys.find(full)
	return full, at, !IsMark(int32(at)) && p.rec.Find(full) < 0
}

// refuse keeps a value that does not get the name it wants.
func (p *Parser) refuse(m *member) {
	p.rec.Refused++
	p.keep(m)
}

// usualSpelling says whether a name is in lower case, in upper case, or in
// lower case after its first letter.
func usualSpelling(name []byte) bool {
	uppers, letters := 0, 0
	for _, c := range name {
		switch {
		case 'A' <= c && c <= 'Z':
			uppers++
			letters++
		case 'a' <= c && c <= 'z':
			letters++
		}
	}
	return uppers == 0 || uppers == letters || (uppers == 1 && name[0] <= 'Z')
}

// keep puts a member into the one field for members that get none of their own.
func (p *Parser) keep(m *member) {
	if (m.kind == jsonObject || m.kind == jsonArray) && p.cfg.Nested == DropNested {
		return
	}
	if len(p.fields) == 0 {
		p.fields = append(p.fields, '{')
	} else {
		p.fields = append(p.fields, ',')
	}
	switch {
	case m.end == 0:
		p.fields = append(appendJSONString(p.fields, m.key), ':')
		p.fields = appendJSONString(p.fields, m.value)
	case m.spaced:
		p.fields = appendCompact(p.fields, p.innerObject.token(m))
	default:
		p.fields = append(p.fields, p.innerObject.token(m)...)
	}
}

// isText says whether a field would be written as text in the same letters.
func (f *Field) isText(text []byte) bool {
	switch f.Type {
	case Text, Nested:
		return string(f.Value) == string(text)
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

// containerID is the id in an agent request's text form, container_id:"77aa",
// or in its JSON form; nil when there is none.
func containerID(req []byte) []byte {
	const key = "container_id"
	i := bytes.Index(req, []byte(key))
	if i < 0 {
		return nil
	}
	rest := bytes.TrimPrefix(req[i+len(key):], []byte(`"`))
	rest = bytes.TrimLeft(rest, " ")
	if len(rest) == 0 || rest[0] != ':' {
		return nil
	}
	rest = bytes.TrimLeft(rest[1:], " ")
	if len(rest) == 0 || rest[0] != '"' {
		return nil
	}
	end := bytes.IndexByte(rest[1:], '"')
	if end <= 0 || end > 128 {
		return nil
	}
	return rest[1 : 1+end]
}
