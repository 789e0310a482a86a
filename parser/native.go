package parser

import "github.com/kata-logs/fluent-bit-kata/parser/internal/scan"

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
	for i := range n.Fields {
		p.nativeField(&n.Fields[i])
	}
}

func (p *Parser) nativeTime(micros []byte) {
	t, ok := parseMicros(micros)
	if !ok || !t.inRange() {
		p.rec.Reason = p.rec.Reason.or(BadTime)
		p.rec.set(keyTime, p.valid(micros))
		return
	}
	if !p.cfg.NoTime {
		p.rec.Time, p.rec.HasTime = t, true
	}
}

// nativeField takes one journal field.
func (p *Parser) nativeField(f *NativeField) {
	r := &p.rec
	start := len(p.rec.arena)
	p.rec.arena = scan.AppendLower(p.rec.arena, f.Name)
	name := p.rec.arena[start:] // capacity behind it lets it be found sooner
	value := p.valid(f.Value)
	keyID := p.order.find(name)
	switch keyID {
	case keySource:
		if !p.cfg.NoNative {
			r.set(keySandbox, value)
			r.set(keySource, runtimeRs)
		}
		return
	case keySubsystem:
		if p.subsystem == nil { // the first one counts, as for the field
			p.subsystem = value
		}
	case p.keys.ids.stream:
		if p.stream == nil {
			p.stream = value
		}
	}
	switch {
	case p.cfg.NoNative:
	case keyID == keyMsg || keyID == keyLevel || keyID == keyTime || keyID == keySandbox:
		// Names that are taken by what the record says of itself: MSG, LEVEL …
		if !r.has(keyID) {
			r.set(keyID, value)
		}
	case p.hasSpace():
		p.addText(name, keyID, value)
	}
}
