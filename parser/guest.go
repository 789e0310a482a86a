package parser

import (
	"bytes"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

// What a guest wrote reaches the host inside a record that the host wrote, the
// enclosing record. Here it is unpacked, under one rule: a guest never sets what the
// host knows and never makes a field of a name of its own. Nor has a field that a guest
// fills terminal codes in it.
//
// The text is a guest record (guestrecord.go), whose members are merged with the fields of
// the enclosing record (guestfields.go), or else console text.

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
	torn := m.Cut || p.truncated || r.open
	switch {
	case r.Encoding == JSONEncoding && p.seenTs && (name == nil || string(name) == "kata-runtime"):
		if msg == nil {
			break
		}
		// Behind an object's end there is nothing of it.
		if torn = p.truncated || r.open; subsystem == nil && torn {
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
func (p *Parser) known(m *Message, keyID int) []byte {
	text := p.rec.textOf(keyID)
	if text != nil && p.rec.Encoding != JSONEncoding && (m.Cut || p.truncated || p.rec.open) &&
		bytes.Equal(p.logfmt.lastKey(), p.keys.name(keyID)) && !p.logfmt.isClosed() {
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
	p.rec.arena = appendPlain(p.rec.arena, text)
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
