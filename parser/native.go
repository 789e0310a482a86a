package parser

import "bytes"

// Native is what the journal fields of a record of runtime-rs (Kata 3.20 and
// later) say; see kata-containers src/libs/logging and slog-journald.
type Native struct {
	// Fields are the journal fields that are the record's own, in its order,
	// SOURCE among them: not MESSAGE, MESSAGE_ID, PRIORITY, nor what starts
	// with "_", CODE_, SYSLOG_ or OBJECT_.
	Fields []NativeField
	// Priority is the value of PRIORITY.
	Priority []byte
	// Realtime is the value of _SOURCE_REALTIME_TIMESTAMP, in microseconds.
	Realtime []byte
}

// NativeField is one journal field, its name in capitals or in small letters.
type NativeField struct{ Name, Value []byte }

// native reads a record of runtime-rs. Its message is text whatever it looks
// like: it never goes to the parsers of the host's encodings.
func (p *Parser) native(n *Native, text []byte) {
	r := &p.rec
	r.Encoding = NativeEncoding
	if rank := priorityLevel(n.Priority); rank >= 0 {
		r.set(keyLevel, levelBytes[rank])
	}
	r.set(keyMsg, text)
	if n.Realtime != nil {
		p.nativeTime(n.Realtime)
	}
	own, agent := false, false
	for i := range n.Fields {
		own, agent = p.nativeField(&n.Fields[i], own, agent)
	}
	if p.cfg.NoUnpack {
		return
	}
	if quoted, ok := bytes.CutPrefix(text, []byte(`vm console: "`)); ok {
		p.nativeConsole(quoted)
	} else if agent && !own {
		p.unpack(text, fromVsock)
	}
}

func (p *Parser) nativeTime(micros []byte) {
	t, ok := parseMicros(micros)
	if !ok || !t.InRange() {
		p.rec.Reason = p.rec.Reason.or(BadTime)
		p.rec.set(keyTime, p.valid(micros))
		return
	}
	if !p.cfg.NoTime {
		p.rec.Time, p.rec.HasTime = t, true
	}
}

// nativeField takes one journal field. own becomes true when it is a key of the
// logging call's own, agent when it names the agent as the subsystem.
func (p *Parser) nativeField(f *NativeField, own, agent bool) (bool, bool) {
	r := &p.rec
	mark := len(p.buf)
	p.buf = asciiLower(p.buf, f.Name)
	name := p.buf[mark:] // room behind it lets it be found sooner
	value := p.valid(f.Value)
	place := p.order.find(name)
	switch place {
	case keySource:
		if !p.cfg.NoNative {
			r.set(keySandbox, value)
			r.set(keySource, runtimeRs)
		}
		return own, agent
	case keySubsystem:
		agent = string(value) == "agent"
	case keyName, keyVersion, keyPid, keyComponent:
	default:
		own = true
	}
	switch {
	case p.cfg.NoNative:
	case place == keyMsg || place == keyLevel || place == keyTime || place == keySandbox:
		// Names that are taken by what the record says of itself: MSG, LEVEL …
		if !r.has(place) {
			r.set(place, value)
		}
	case p.room():
		p.addText(name, place, value)
	}
	return own, agent
}

// nativeConsole unpacks console text in Rust's debug quoting.
func (p *Parser) nativeConsole(quoted []byte) {
	r := &p.rec
	mark := len(p.buf)
	buf, end, ok := appendRustUnquoted(p.buf, quoted, &quoteEnd)
	p.buf = buf
	if end == len(quoted) {
		r.Reason = r.Reason.or(UnterminatedQuote)
	} else if rest := bytes.TrimSpace(quoted[end+1:]); len(rest) > 0 {
		r.Reason = r.Reason.or(TrailingText)
		r.set(keyUnparsed, rest)
	}
	if !ok {
		r.Reason = r.Reason.or(BadEscape)
	}
	p.unpack(buf[mark:], fromConsole)
}
