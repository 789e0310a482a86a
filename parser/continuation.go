package parser

// Continuation is what an entry of a journal stream is to the entry before it. journald cuts
// the lines that a service prints at 48 KiB (LineMax= in journald.conf(5)): the first part
// has _LINE_BREAK=line-max, and the next entry with the same _STREAM_ID is the rest of the
// line. Whoever wrote the line chose how the rest starts, so it must not be read as a record.
//
// A program that reads a journal keeps Record.Continuation of an entry with
// _LINE_BREAK=line-max by its stream, and sets it in the Message of the stream's next entry.
// Where Parse returned nil for the first part, the rest is not to be parsed either.
type Continuation uint8

const (
	// NoContinuation: the entry is a message of its own.
	NoContinuation Continuation = iota
	// HostContinuation: it is the rest of a line of the host's.
	HostContinuation
	// GuestContinuation: it is the rest of a line that is, or may be, a guest's.
	GuestContinuation
)

// continued makes a record of the rest of a line: text, whatever it looks like.
func (p *Parser) continued(text []byte, from Continuation) {
	r := &p.rec
	r.open = true // the rest goes on as the line does
	if from == GuestContinuation {
		r.Guest = true
		text = p.plain(text)
	}
	r.set(keyMsg, trimNewlines(text))
	p.finish(true, false)
}

// setOpen decides whether the message ends inside a value, and whether a guest may have
// written that: it stands in msg or vmconsole, and what says so may come later.
func (p *Parser) setOpen() {
	r := &p.rec
	switch r.Encoding {
	case JSONEncoding:
		msg, subsystem := r.textOf(keyMsg), r.textOf(keySubsystem)
		r.open = !p.object.done
		r.maybeGuest = r.open && (!r.has(keyName) || subsystem == nil || handsOn(subsystem) ||
			msg == nil || string(msg) == "reading guest console")
	case LogfmtEncoding, TerminalEncoding, AnnounceEncoding:
		if r.open = p.logfmt.reason == UnterminatedQuote; r.open {
			last := string(p.logfmt.lastKey())
			r.maybeGuest = last == "vmconsole" || last == "msg" && !r.has(keySource)
		}
	}
}

// setOpenLong is setOpen for all of a message of which only a part is parsed. Nobody
// knows what the other part says of its writer.
func (p *Parser) setOpenLong(text []byte) {
	r := &p.rec
	switch r.Encoding {
	case JSONEncoding:
		p.object.reset(text, maxNesting)
		for p.object.next(&p.member) {
		}
		r.open = !p.object.done
	case LogfmtEncoding, TerminalEncoding, AnnounceEncoding:
		p.logfmt.Reset(text)
		for p.logfmt.Next() {
		}
		r.open = p.logfmt.reason == UnterminatedQuote
	}
	r.maybeGuest = true
}
