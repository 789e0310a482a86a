package parser

import (
	"bytes"
	"slices"
)

// The members of a guest record: which text of a guest's is one.

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
	starts := [2]int{bytes.Index(body[stamp:], jsonStart), indexTime(body[stamp:])}
	if starts[1] >= 0 && (starts[0] < 0 || starts[1] < starts[0]) {
		starts[0], starts[1] = starts[1], starts[0]
	}
	for _, at := range starts {
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
	seen := uint64(0) // by key ID, of the parser's own keys
	level := -1
	for {
		m := p.nextMember()
		if !o.next(m) {
			break
		}
		keyID := p.keys.find(m.key) // they come in any order
		m.keyID = int32(keyID)
		if m.deep {
			reason = reason.or(TooDeep)
			continue
		}
		if !p.addInner() {
			reason = reason.or(TooManyFields)
			continue
		}
		if keyID == keyLevel && seen>>keyLevel&1 == 0 {
			level = p.rankOfWord(m.value)
		}
		seen |= 1 << uint(keyID)
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
		switch m.keyID {
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
	m.keyID = int32(p.innerOrder.find(key))
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
