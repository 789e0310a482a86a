package parser

// Reason says why a message did not parse whole: the word in parse_error.
//
// The order is that of the contract: of several reasons the first counts.
type Reason uint8

const (
	// OK is no reason: the message parsed whole. It has no word.
	OK Reason = iota
	// UnterminatedQuote: the text ends inside a quoted value; what is there is kept.
	UnterminatedQuote
	// BadEscape: a backslash that starts no escape; it is kept as it stands.
	BadEscape
	// BadTime: the message's time is unreadable or out of range; its text is
	// kept in the field time and the event keeps its own time.
	BadTime
	// BadJSON: the object is broken; the members before the break are kept.
	BadJSON
	// AgentJSON: console text that starts like an agent's JSON record and is none.
	AgentJSON
	// AgentLogfmt: console text that starts like an agent's logfmt record and is none.
	AgentLogfmt
	// TrailingText: text that belongs to no pair; it is kept in the field unparsed.
	TrailingText
	// Cut: journald cut the line at its length limit (_LINE_BREAK=line-max).
	Cut
	// TooLarge: the message is longer than the limit; what is beyond was not parsed.
	TooLarge
	// TooManyFields: the message has more fields than the limit; the rest is left out.
	TooManyFields
	// TooDeep: a JSON value is nested deeper than the limit; it is left out.
	TooDeep

	reasons
)

var reasonWords = [reasons]string{
	"", "unterminated_quote", "bad_escape", "bad_time", "bad_json", "agent_json", "agent_logfmt",
	"trailing_text", "cut", "too_large", "too_many_fields", "too_deep",
}

// String is the word written to parse_error; empty for OK.
func (r Reason) String() string { return reasonWords[r] }

// Reasons lists every word that parse_error can have, in the order in which
// they count.
func Reasons() []Reason {
	all := make([]Reason, 0, reasons-1)
	for r := OK + 1; r < reasons; r++ {
		all = append(all, r)
	}
	return all
}

// or is the one of r and s that counts.
func (r Reason) or(s Reason) Reason {
	if r == OK || (s != OK && s < r) {
		return s
	}
	return r
}
