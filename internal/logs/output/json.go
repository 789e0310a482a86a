package output

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// jsonLines writes one object a line: time, file and line, then the record's fields.
type jsonLines struct {
	*base
	files [][]byte // by file: the member with its name
}

func newJSON(b *base) format {
	j := &jsonLines{base: b}
	for _, name := range b.Files {
		j.files = append(j.files, appendString([]byte(`,"file":`), []byte(name)))
	}
	return j
}

func (j *jsonLines) write(r *record.Record) error {
	b := append(j.buf, `{"time":`...)
	if r.Flags&record.NoTime == 0 {
		b = append(b, '"')
		b = append(j.time.append(b, r.Nano), '"')
	} else {
		b = append(b, "null"...)
	}
	if int(r.File) < len(j.files) {
		b = append(b, j.files[r.File]...)
	}
	b = append(b, `,"line":`...)
	b = strconv.AppendUint(b, r.Line, 10)
	for i := range r.Pairs {
		p := &r.Pairs[i]
		b = append(b, ',')
		b = appendString(b, p.Key)
		b = append(b, ':')
		if p.Text != nil {
			b = appendString(b, p.Text)
		} else {
			b, _ = appendValue(b, p.Value, 0, 0)
		}
	}
	j.buf = append(b, "}\n"...)
	return nil
}

func (j *jsonLines) end() error { return nil }

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// appendString appends text as a JSON string. Beside what JSON demands, all characters are escaped
// that a terminal takes as commands or that change the direction of text; a byte that is not
// UTF-8 becomes U+FFFD.
func appendString(b, text []byte) []byte {
	b = append(b, '"')
	from, i := 0, 0
	for {
		// Eight bytes at once, as long as there is nothing to escape.
		for ; i+8 <= len(text); i += 8 {
			x := binary.LittleEndian.Uint64(text[i:])
			quote, slash, del := x^ones*'"', x^ones*'\\', x^ones*0x7f
			if (x|(x-ones*0x20)|(quote-ones)|(slash-ones)|(del-ones))&highs != 0 {
				break
			}
		}
		for end := min(i+8, len(text)); i < end; i++ { // one of these, or the text is short
			if c := text[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
				break
			}
		}
		if i == len(text) {
			return append(append(b, text[from:]...), '"')
		}
		c := text[i]
		if c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(text[i:])
			if r != utf8.RuneError && strconv.IsPrint(r) {
				i += size
				continue
			}
			b = append(b, text[from:i]...)
			i += size
			from = i
			if r > 0xffff {
				r -= 0x10000
				b = appendUnicode(appendUnicode(b, 0xd800+(r>>10)), 0xdc00+(r&0x3ff))
			} else {
				b = appendUnicode(b, r)
			}
			continue
		}
		b = append(b, text[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\t':
			b = append(b, `\t`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			b = appendUnicode(b, rune(c))
		}
		i++
		from = i
	}
}

func appendUnicode(b []byte, r rune) []byte {
	const hexDigits = "0123456789abcdef"
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// maxDepth limits nesting; what is deeper is null.
const maxDepth = 128

// appendValue appends the msgpack value at i of v as JSON, and returns where it ends.
func appendValue(b, v []byte, i, depth int) ([]byte, int) {
	end := skip(v, i)
	if end < 0 {
		return append(b, "null"...), len(v)
	}
	c := v[i]
	var n, first int
	switch {
	case c >= 0x80 && c < 0xa0:
		n, first = int(c&0x0f), i+1
	case c == 0xdc || c == 0xde:
		n, first = int(binary.BigEndian.Uint16(v[i+1:])), i+3
	case c == 0xdd || c == 0xdf:
		n, first = int(binary.BigEndian.Uint32(v[i+1:])), i+5
	case c >= 0xa0 && c < 0xc0:
		return appendString(b, v[i+1:end]), end
	case c == 0xc4 || c == 0xd9:
		return appendString(b, v[i+2:end]), end
	case c == 0xc5 || c == 0xda:
		return appendString(b, v[i+3:end]), end
	case c == 0xc6 || c == 0xdb:
		return appendString(b, v[i+5:end]), end
	case c >= 0xc7 && c <= 0xc9 || c >= 0xd4 && c <= 0xd8: // an ext, of which no reader makes one
		return append(append(append(b, '"'), hex.EncodeToString(v[i+1:end])...), '"'), end
	default:
		if n, ok := integer(v[i:end]); ok {
			return strconv.AppendInt(b, n, 10), end
		}
		return appendNumber(b, number(v[i:end])), end
	}
	if depth == maxDepth {
		return append(b, "null"...), end
	}
	isMap := c < 0x90 || c >= 0xde
	at := first
	if isMap {
		b = append(b, '{')
	} else {
		b = append(b, '[')
	}
	for k := range n {
		if k > 0 {
			b = append(b, ',')
		}
		if isMap {
			start := len(b)
			if b, at = appendValue(b, v, at, depth+1); b[start] != '"' {
				key := append([]byte(nil), b[start:]...)
				b = appendString(b[:start], key)
			}
			b = append(b, ':')
		}
		b, at = appendValue(b, v, at, depth+1)
	}
	if isMap {
		return append(b, '}'), end
	}
	return append(b, ']'), end
}

// appendNumber appends what number returns. JSON has no infinities and no NaN: they are null.
func appendNumber(b []byte, n any) []byte {
	switch n := n.(type) {
	case bool:
		return strconv.AppendBool(b, n)
	case float64:
		if !math.IsInf(n, 0) && !math.IsNaN(n) {
			return strconv.AppendFloat(b, n, 'g', -1, 64)
		}
	}
	return append(b, "null"...)
}
