package transform

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// maxGrowth bounds the size of valid compact JSON as msgpack, as a multiple: the worst
// are a number such as 1.5 (and its comma), which becomes a float of nine bytes, and {} or
// [], which become headers of five.
const maxGrowth = 5

// appendNested appends a JSON object or array, which must be valid, as msgpack maps and
// arrays. It is for the option nested keep only, and allocates. Numbers that are 64-bit
// integers become integers, all others floats, and those that fit neither stay text. Of
// two equal names in one map the first one counts.
func appendNested(b, text []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return appendJSON(b, d)
}

// appendJSON appends the next value of d.
func appendJSON(b []byte, d *json.Decoder) []byte {
	token, err := d.Token()
	if err != nil {
		return event.AppendNil(b) // not reached: the parser let only valid JSON through
	}
	switch v := token.(type) {
	case json.Delim:
		header := len(b)
		b = append(b, 0xdd, 0, 0, 0, 0)
		n := 0
		if v == '{' {
			b[header] = 0xdf
			seen := map[string]bool{}
			for ; d.More(); n++ {
				key, _ := d.Token()
				name := key.(string)
				start := len(b)
				b = appendJSON(event.AppendStr(b, []byte(name)), d)
				if seen[name] {
					b = b[:start]
					n--
				}
				seen[name] = true
			}
		} else {
			for ; d.More(); n++ {
				b = appendJSON(b, d)
			}
		}
		_, _ = d.Token() // the end
		binary.BigEndian.PutUint32(b[header+1:], uint32(n))
		return b
	case string:
		return event.AppendStr(b, []byte(v))
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return event.AppendInt(b, n)
		}
		if f, err := v.Float64(); err == nil {
			return event.AppendFloat(b, math.Float64bits(f))
		}
		return event.AppendStr(b, []byte(v))
	case bool:
		return event.AppendBool(b, v)
	}
	return event.AppendNil(b)
}
