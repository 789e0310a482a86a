package options

import (
	"fmt"
	"strings"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// parseTypes reads the value of the option types: "kata" for the parser's own types,
// "string" for text only, or pairs "key:integer,key:float,key:bool,key:string" on top of
// those of the parser.
func parseTypes(text string) (parser.Types, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "kata":
		return parser.Types{}, nil
	case "string":
		return parser.Types{AllText: true}, nil
	}
	t := parser.Types{Extra: map[string]parser.Type{}}
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
		typ, ok := map[string]parser.Type{"integer": parser.Integer, "float": parser.Float, "bool": parser.Bool, "string": parser.Text}[name]
		if !ok {
			return t, fmt.Errorf("%q: type %q is not one of integer, float, bool, string", pair, name)
		}
		t.Extra[key] = typ
	}
	return t, nil
}
