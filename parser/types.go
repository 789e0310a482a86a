package parser

// Types says how values are typed.
type Types struct{}

// ParseTypes reads the option types.
func ParseTypes(text string) (Types, error) { return Types{}, nil }
