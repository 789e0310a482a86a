package parser

// Type is the form in which a value is written.
type Type uint8

const (
	// Text is UTF-8 text, see Record.Text.
	Text Type = iota
	// Integer is a whole number in Field.Num, as int64.
	Integer
	// Float is a number in Field.Num, as math.Float64bits.
	Float
	// Bool is 0 or 1 in Field.Num.
	Bool
	// Null is JSON's null.
	Null
	// Nested is a JSON object or array, as compact valid JSON.
	Nested
)

func (t Type) String() string {
	return [...]string{"string", "integer", "float", "bool", "null", "nested"}[t]
}

// Types says which type the value of a key gets. The zero Types leaves each key the type
// that the parser knows for it (see Key).
type Types struct {
	// AllText makes every value text, whatever its key.
	AllText bool
	// Extra are types on top of the table, by key.
	Extra map[string]Type
}
