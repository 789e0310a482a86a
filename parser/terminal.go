package parser

import (
	"bytes"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

var (
	announce  = []byte("announce: ")
	announced = constant("announce")
)

// The first four letters of logrus's levels, as its terminal form has them
// (logrus text_formatter.go, printColored).
var terminalLevels = []string{"INFO", "WARN", "ERRO", "DEBU", "FATA", "PANI", "TRAC"}

// messageWidth is the width to which the terminal form pads its message.
const messageWidth = 44

// readTerminal reads the form that logrus has on a terminal, with colours or
// without, and reports whether text is in it:
//
//	WARN[0000] the message padded to 44 columns     key=value
func (p *Parser) readTerminal(text []byte) bool {
	rest := skipColour(text)
	level := []byte(nil)
	for _, word := range terminalLevels {
		if len(rest) > len(word) && string(rest[:len(word)]) == word {
			level = rest[:len(word)]
		}
	}
	if level == nil {
		return false
	}
	rest = skipColour(rest[len(level):])
	stamp := len(rest) > 0 && rest[0] == '['
	end := 1
	for end < len(rest) && isDigit(rest[end]) {
		end++
	}
	if !stamp || end < 2 || end == len(rest) || rest[end] != ']' {
		return false
	}
	rest = bytes.TrimPrefix(rest[end+1:], []byte(" "))

	p.add(p.keys.name(keyLevel), level)
	split := terminalFields(rest)
	if msg := bytes.TrimRight(rest[:split], " \r\n"); len(msg) > 0 {
		p.add(p.keys.name(keyMsg), msg)
	}
	mark := len(p.rec.arena)
	p.rec.arena = appendPlain(p.rec.arena, rest[split:]) // the colours of the keys
	p.readLogfmt(p.rec.arena[mark:len(p.rec.arena):len(p.rec.arena)])
	p.rec.Encoding = TerminalEncoding
	return true
}

// skipColour is b without a colour code at its start.
func skipColour(b []byte) []byte {
	if len(b) > 2 && b[0] == 0x1b && b[1] == '[' {
		return b[codeLen(b):]
	}
	return b
}

// terminalFields is where the fields start behind the message: at the first key
// in colour, or where the message's padding ends with a "key=", or the length.
func terminalFields(rest []byte) int {
	for i := 0; ; {
		esc := bytes.Index(rest[i:], []byte(" \x1b["))
		if esc < 0 {
			break
		}
		esc += i
		key := rest[esc+1+codeLen(rest[esc+1:]):]
		if end := bytes.IndexByte(key, 0x1b); end > 0 && bytes.HasPrefix(key[end:], []byte("\x1b[0m=")) {
			return esc
		}
		i = esc + 1
	}
	if len(rest) <= messageWidth {
		return len(rest)
	}
	for i := messageWidth; i < len(rest); {
		blank := bytes.IndexByte(rest[i:], ' ')
		if blank < 0 {
			break
		}
		i += blank + 1
		word := rest[i:scan.IndexBlank(rest, i)]
		if bytes.IndexByte(word, '=') > 0 {
			return i - 1
		}
	}
	return len(rest)
}

// readAnnounce reads the form in which the Go agent names itself when it is
// process 1 (agent.go, announce), and reports whether text is in it:
//
//	announce: key="value",key="value"
func (p *Parser) readAnnounce(text []byte) bool {
	if !bytes.HasPrefix(text, announce) {
		return false
	}
	d := &p.logfmt
	d.Reset(trimNewlines(text[len(announce):]))
	for d.nextAnnounced() {
		if len(p.rec.Fields) == 0 && !p.hasTime {
			p.rec.set(keyMsg, announced)
		}
		p.add(d.Key(), d.Value())
	}
	if len(p.rec.Fields) == 0 {
		return false
	}
	p.rec.Encoding = AnnounceEncoding
	p.rec.Reason = p.rec.Reason.or(d.reason)
	if len(d.unparsed) > 0 {
		p.rec.set(keyUnparsed, d.unparsed)
	}
	return true
}

// nextAnnounced is Next for key="value",key="value".
func (d *Logfmt) nextAnnounced() bool {
	text, pos := d.structure.Text, d.pos
	if pos >= len(text) {
		return false
	}
	equal := d.structure.Find(scan.ClassEqual, pos)
	if equal == pos || equal-pos > maxKey || equal+1 >= len(text) || text[equal+1] != '"' {
		d.setAside(text[pos:])
		d.pos = len(text)
		return false
	}
	value, end := d.quotedValue(equal + 2)
	d.edge[0], d.edge[1], d.values[0] = uint32(pos-1), uint32(equal), value
	d.at, d.n, d.odd, d.oddOnes = 0, 1, true, 1<<batch-1
	d.pos = min(end+1, len(text))
	if d.pos < len(text) {
		if text[d.pos] == ',' {
			d.pos++
		} else {
			d.setAside(text[d.pos:])
			d.pos = len(text)
		}
	}
	return true
}
