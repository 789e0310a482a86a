package parser

import (
	"fmt"
	"strings"
)

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

// ParseTypes reads the option types: "kata" for the table, "string" for text
// only, or pairs "key:integer,key:float,key:bool,key:string" on top of the
// table.
func ParseTypes(text string) (Types, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "kata":
		return Types{}, nil
	case "string":
		return Types{AllText: true}, nil
	}
	t := Types{Extra: map[string]Type{}}
	for pair := range strings.SplitSeq(text, ",") {
		pair = strings.TrimSpace(pair)
		if pair == "" || strings.EqualFold(pair, "kata") {
			continue
		}
		i := strings.LastIndexByte(pair, ':')
		if i <= 0 {
			return t, fmt.Errorf("%q is not kata, string or a pair key:type", pair)
		}
		key, name := strings.TrimSpace(pair[:i]), strings.ToLower(strings.TrimSpace(pair[i+1:]))
		typ, ok := map[string]Type{"integer": Integer, "float": Float, "bool": Bool, "string": Text}[name]
		if !ok {
			return t, fmt.Errorf("%q: type %q is not one of integer, float, bool, string", pair, name)
		}
		t.Extra[key] = typ
	}
	return t, nil
}
