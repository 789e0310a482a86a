package transform

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// maxGrowth bounds how much longer valid compact JSON gets as msgpack: the worst
// is a number such as 1.5 (and its comma), which becomes a float of nine bytes,
// and {} or [], which become headers of five.
const maxGrowth = 5

// appendNested appends valid JSON as maps and arrays. It is for the option
// nested keep only and makes no claim to speed. Whole numbers of 64 bits stay
// whole, all others become floats, and those that fit neither stay text. Of two
// equal names in one map the first counts.
func appendNested(b, text []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return appendJSON(b, d)
}

func appendJSON(b []byte, d *json.Decoder) []byte {
	token, err := d.Token()
	if err != nil {
		return event.AppendNil(b) // not reached: the parser let only valid JSON through
	}
	switch v := token.(type) {
	case json.Delim:
		mark := len(b)
		b = append(b, 0xdd, 0, 0, 0, 0)
		n := 0
		if v == '{' {
			b[mark] = 0xdf
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
		binary.BigEndian.PutUint32(b[mark+1:], uint32(n))
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
