package parser

import (
	"bytes"
	"slices"
)

// The fields of a guest record: which names a guest may set, and what becomes of the others.

// merge puts the members of a guest record beside the fields of the enclosing record.
// Of two equal keys the first counts.
func (p *Parser) merge() {
	r := &p.rec
	p.indexEnclosing()
	p.source = r.textOf(keySource)
	r.Fields = slices.Grow(r.Fields, len(p.members))
	var done uint64 // by key ID, of the parser's own keys
	if p.list {
		r.set(keyMsg, announced)
	}
	for i := range p.members {
		m := &p.members[i]
		keyID := int(m.keyID)
		if uint(keyID) <= keyPid {
			if done>>keyID&1 != 0 {
				continue
			}
			done |= 1 << keyID
		}
		if p.list && (keyID == keyMsg || keyID == keyLevel) {
			p.addRefused(m, m.key, keyID)
			continue
		}
		switch keyID {
		case keyMsg:
			r.set(keyMsg, trimNewlines(p.cleanValue(m)))
		case keyLevel:
			var level []byte
			level, p.rec.arena, _ = foldLevel(p.rec.arena, p.cleanValue(m))
			r.set(keyLevel, level)
		case keyName, keySubsystem:
			r.set(keyID, p.cleanValue(m))
		case keySource:
			p.setSource(m)
		case keyPid:
			if r.has(keyAgentPid) { // a key of the enclosing record
				p.refuse(m, m.key)
			} else {
				p.addValue(m, p.keys.name(keyAgentPid), keyAgentPid)
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
		keyID := int(f.Key)
		if f.Key < 0 {
			keyID = unknown
		}
		p.addEnclosing(name, keyID, i)
		if key, ok := cutMisfit(name); ok { // its key's value is here under this name
			p.addEnclosing(key, p.keys.find(key), i)
		}
	}
	for _, name := range p.hidden {
		p.addEnclosing(name, p.keys.find(name), noField)
	}
}

func (p *Parser) addEnclosing(name []byte, keyID, index int) {
	r := &p.rec
	var group int
	if keyID != unknown {
		group = int(p.keys.rows[keyID].group)
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
func (p *Parser) findEnclosing(name []byte, keyID int) (index int, reserved bool) {
	r := &p.rec
	var group int
	if keyID != unknown {
		group = int(p.keys.rows[keyID].group)
		if r.has(keyID) && r.index(keyID) < p.enclosed {
			return r.index(keyID), true // of several spellings the same one
		}
	} else {
		if i := r.Index(name); i >= 0 && i < p.enclosed {
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
	name, keyID := p.name(m.key, int(m.keyID))
	if keyID != unknown && p.keys.rows[keyID].ours || keyID == unknown && isOurs(name) {
		// Names that this plugin makes are many: a field for each would be many.
		p.refuse(m, name)
		return
	}
	index, reserved := p.findEnclosing(name, keyID)
	if keyID != unknown && !p.keys.isListed(keyID, m.key) {
		keyID = unknown // for a guest the table's keys are what they are letter for letter
	}
	if reserved {
		if index != noField && r.isText(&r.Fields[index], p.cleanValue(m)) {
			p.kept.add(name, 0)
			return // the host says the same
		}
		p.addRefused(m, name, keyID)
		return
	}
	if keyID == unknown || !p.keys.rows[keyID].agent {
		p.keep(m, name)
		return
	}
	if !r.has(keyID) { // or it is there for the second time
		p.addValue(m, name, keyID)
	}
}

// addRefused adds a member whose name is the host's as agent_KEY, if KEY is, letter for
// letter, in the table and that name is free, and else keeps it: a guest could make many
// fields of other spellings.
func (p *Parser) addRefused(m *member, name []byte, keyID int) {
	r := &p.rec
	if keyID != unknown && p.kept.find(name) < 0 {
		start := len(p.rec.arena)
		p.rec.arena = append(append(p.rec.arena, "agent_"...), name...)
		full := p.rec.arena[start:len(p.rec.arena):len(p.rec.arena)]
		if at := p.keys.find(full); !isAdded(at) && r.Index(full) < 0 {
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
func (p *Parser) addValue(m *member, name []byte, keyID int) {
	nested := m.kind == jsonObject || m.kind == jsonArray
	switch {
	case nested && p.cfg.Nested == DropNested || !p.hasSpace():
	case m.kind != jsonNull:
		p.addText(name, keyID, p.cleanValue(m))
	default:
		p.rec.add(name, keyID, Null)
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
