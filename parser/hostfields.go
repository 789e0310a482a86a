package parser

import "math"

// The fields of a host's record: what becomes of its pairs and members.

// name is the written name of a key and its key ID, given the key ID under which the key
// was found as it is.
func (p *Parser) name(key []byte, found int) (name []byte, keyID int) {
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

// addAt is add for a key whose key ID is known.
func (p *Parser) addAt(key []byte, keyID int, value []byte) {
	switch keyID {
	case unknown:
		p.addOther(key, value)
		return
	case keyTime, keyTs:
		if !p.hasTime {
			p.time(keyID, value)
			return
		}
		if p.seenTs == (keyID == keyTs) {
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
		p.addText(key, keyID, value)
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
	if name, keyID := p.name(key, unknown); keyID != unknown {
		p.addText(name, keyID, value)
	} else {
		r.addValue(name, unknown, value, Text)
	}
}

// addMember takes a member of the host's object, whose key has a key ID.
func (p *Parser) addMember(m *member, keyID int) {
	if m.deep {
		p.rec.Reason = p.rec.Reason.or(TooDeep)
		p.hide(m, keyID)
		return
	}
	switch m.kind {
	case jsonNull:
		if name, keyID := p.name(m.key, keyID); p.hasSpace() {
			p.rec.add(name, keyID, Null)
		}
	case jsonObject, jsonArray:
		if (keyID == keyTime || keyID == keyTs) && !p.hasTime {
			p.time(keyID, m.value) // none that can be read
			return
		}
		p.addNested(m, keyID, p.cfg.Nested)
	default:
		if keyID != unknown || p.hasSpace() {
			p.addAt(m.key, keyID, m.value)
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
	name, keyID := p.name(m.key, found)
	typ := Text
	if mode == KeepNested {
		typ = Nested
	}
	if keyID != unknown && p.keys.rows[keyID].typ != Text {
		p.addMisfit(name, keyID, m.value, typ)
		return
	}
	p.rec.addValue(name, keyID, m.value, typ)
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
func (p *Parser) addText(name []byte, keyID int, value []byte) {
	typ, num, ok := Text, uint64(0), true
	if keyID != unknown {
		switch typ = p.keys.rows[keyID].typ; typ {
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
			p.addMisfit(name, keyID, value, Text)
			return
		}
	}
	if typ == Text {
		p.rec.addValue(name, keyID, value, Text)
	} else if f := p.rec.add(name, keyID, typ); f != nil {
		f.Num = num
	}
}

// addMisfit adds a value that does not have its key's type, as KEY_text.
func (p *Parser) addMisfit(name []byte, keyID int, value []byte, typ Type) {
	if p.rec.has(keyID) {
		return
	}
	mark := len(p.rec.arena)
	p.rec.arena = append(append(p.rec.arena, name...), "_text"...)
	name = p.rec.arena[mark:len(p.rec.arena):len(p.rec.arena)]
	keyID = p.keys.find(name)
	p.rec.addValue(name, keyID, value, typ)
}

// time takes the message's time.
func (p *Parser) time(keyID int, value []byte) {
	p.hasTime = true
	p.seenTs = keyID == keyTs
	r := &p.rec
	t, ok := p.clock.parse(value)
	p.readable = ok
	switch {
	case !ok || !t.inRange():
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
