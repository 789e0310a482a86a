package parser

import "bytes"

// Origin says who wrote a message, by the record's SYSLOG_IDENTIFIER.
type Origin uint8

const (
	// Nobody: the record has no identifier, such as one of the tail input.
	Nobody Origin = iota
	// Kata: one of Kata's own programs.
	Kata
	// KataProxy: one of those that hand on what a guest wrote, kata-proxy and kata-shim.
	KataProxy
	// Runtime: a container runtime, in whose journal stream the shims write, too.
	Runtime
	// Other: any other identifier.
	Other
)

// OriginOf is the origin that a SYSLOG_IDENTIFIER names.
func OriginOf(identifier []byte) Origin {
	switch string(identifier) {
	case "kata", "kata-runtime", "kata-netmon", "kata-monitor":
		return Kata
	case "kata-proxy", "kata-shim":
		return KataProxy
	case "containerd", "crio", "cri-o":
		return Runtime
	}
	return Other
}

// isKata reports whether the program is one of Kata's own.
func (o Origin) isKata() bool { return o == Kata || o == KataProxy }

// String returns the constant's name in lower case.
func (o Origin) String() string {
	return [...]string{"nobody", "kata", "kata-proxy", "runtime", "other"}[o]
}

// decoder is a way to write a record as text.
type decoder struct {
	start  string                     // what such text starts with
	of     func(Origin) bool          // reports whether a program writes it
	read   func(*Parser, []byte) bool // reads text and reports whether it is such a record
	accept func(*Parser) bool         // reports whether the record that was read is taken; may be nil
}

// decoders are tried in their order: the first one that a program writes, and whose start
// fits, decides.
var decoders = [...]decoder{
	{"time=", anyone, (*Parser).readLogfmt, (*Parser).acceptsLogfmt},
	{`{"`, Origin.isKata, (*Parser).readJSON, nil},
	{"{", Origin.isNotKata, (*Parser).readJSON, (*Parser).acceptsJSON},
	{"announce: ", Origin.isKata, (*Parser).readAnnounce, nil},
	{"", Origin.isKata, (*Parser).readTerminal, nil},
}

func anyone(Origin) bool { return true }

func (o Origin) isNotKata() bool { return !o.isKata() }

// record reads the message if it is a record, and reports whether it is.
func (p *Parser) record(text []byte) bool {
	switch p.cfg.Format {
	case OnlyLogfmt:
		return p.readLogfmt(text)
	case OnlyJSON:
		return text[0] == '{' && p.readJSON(text)
	case OnlyNative:
		return false
	}
	for i := range decoders {
		d := &decoders[i]
		if len(text) >= len(d.start) && string(text[:len(d.start)]) == d.start && d.of(p.origin) {
			return d.read(p, text) && (d.accept == nil || d.accept(p))
		}
	}
	return false
}

func (p *Parser) acceptsLogfmt() bool {
	return p.rec.has(keyLevel) && (p.origin == Nobody || p.isTaken())
}

func (p *Parser) acceptsJSON() bool {
	return p.rec.has(keyMsg) && p.rec.has(keyLevel) && p.isTaken()
}

// isTaken reports whether a record is parsed, by who wrote it: whoever is none of Kata's
// programs needs a readable time, and whoever is no container runtime either a name or
// source of Kata's.
func (p *Parser) isTaken() bool {
	switch p.origin {
	case Kata, KataProxy:
		return true
	case Runtime:
		return p.readable
	}
	return p.readable && p.isKatas()
}

// isKatas reports whether the record's name or source is Kata's.
func (p *Parser) isKatas() bool {
	r := &p.rec
	source := r.textOf(keySource)
	program, _, _ := bytes.Cut(source, []byte("/"))
	return kataNames[string(r.textOf(keyName))] || kataSources[string(source)] || string(program) == "virtcontainers"
}

// The names and sources by which Kata's programs call themselves in what they
// log (logrus fields "name" and "source", slog's constructor arguments).
var (
	kataNames = map[string]bool{
		"kata-runtime": true, "kata-proxy": true, "kata-shim": true, "kata-netmon": true, "kata-monitor": true,
		"kata-agent": true, "containerd-shim-v2": true, "containerd-shim-kata-v2": true, "agent-client": true,
		"kata-ctl": true, "kata-agent-ctl": true, "kata-trace-forwarder": true,
	}
	kataSources = map[string]bool{ // and all that start virtcontainers/
		"virtcontainers": true, "katautils": true, "containerd-kata-shim-v2": true, "kata-monitor": true,
	}
)
