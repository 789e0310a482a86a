package parser

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

// jsonKind is the kind of a JSON value.
type jsonKind uint8

const (
	jsonString jsonKind = iota
	jsonNumber
	jsonBool
	jsonNull
	jsonObject
	jsonArray
)

// member is one member of a JSON object.
type member struct {
	key   []byte // decoded
	value []byte // a string decoded, anything else compact as it stands
	// The whole member is from start to end in the text, end is 0 for one that is no
	// JSON; spaced says that there may be white space between its tokens.
	start, end int
	spaced     bool
	deep       bool // nested deeper than the limit: there is no value
	kind       jsonKind
	keyID      int32 // of the key; for who uses the member, the reader leaves it alone
}

// objectReader reads the members of one JSON object (RFC 8259) one by one,
// without recursion. Slices that it returns are of the text, or of buf where
// something had to be decoded or made compact; they are valid until reset.
type objectReader struct {
	scan.StringEnds
	pos      int
	buf      []byte
	maxDepth int // of the whole object; at least 1, at most maxNesting
	started  bool
	done     bool // the closing brace was read; pos is behind it
}

// maxNesting bounds maxDepth: the reader keeps one bit for each open bracket.
const maxNesting = 512

func (r *objectReader) reset(text []byte, maxDepth int) {
	r.StringEnds.Reset(text)
	r.pos, r.buf, r.maxDepth = 0, r.buf[:0], min(maxDepth, maxNesting)
	r.started, r.done = false, false
}

// next reads the next member. When it returns false the object is whole if
// r.done, and broken somewhere after the last member otherwise.
func (r *objectReader) next(m *member) bool {
	text, start := r.Text, r.pos+1
	// Nearly always nothing is between the tokens, and strings have no escapes.
	if !r.started || start >= len(text) || text[start] != '"' || text[start-1] != ',' {
		if start = r.open(); start < 0 {
			return false
		}
	}
	key := start + 1
	end := key + bits.TrailingZeros64(r.Near(key))
	if end == key+scan.Block {
		end = r.FindFar(key)
	}
	if len(text)-end < 4 || binary.LittleEndian.Uint32(text[end:])&0xffffff != '"'|':'<<8|'"'<<16 {
		return r.anyMember(m, start, end)
	}
	value := end + len(`":"`)
	pos := value + bits.TrailingZeros64(r.Near(value))
	if pos == value+scan.Block {
		pos = r.FindFar(value)
	}
	if pos < len(text) && text[pos] == '"' {
		m.value = text[value:pos]
	} else if m.value, pos = r.unquote(value, pos); pos == len(text) {
		return false
	}
	m.key, m.start, m.end = text[key:end], start, pos+1
	m.spaced, m.deep, m.kind = false, false, jsonString
	r.pos = pos + 1
	return true
}

// token is the whole member as it stands.
func (r *objectReader) token(m *member) []byte { return r.Text[m.start:m.end] }

// anyMember is next for a member of any kind; at end is the first byte that cannot
// stand in its key as it is.
func (r *objectReader) anyMember(m *member, start, end int) bool {
	name, pos := r.unquote(start+1, end)
	if pos == len(r.Text) {
		return false
	}
	m.key = name
	m.spaced, m.deep = false, false
	if pos = r.readValue(m, pos+1); pos == 0 {
		return false
	}
	m.start, m.end = start, pos
	r.pos = pos
	return true
}

// open goes to the next member and returns where its key starts, -1 when there is
// none or the object is broken.
func (r *objectReader) open() int {
	if r.done {
		return -1
	}
	pos, c := skipBlank(r.Text, r.pos)
	switch {
	case !r.started && c == '{':
		r.started = true
		pos, c = skipBlank(r.Text, pos+1)
		r.done = c == '}'
	case r.started && c == ',':
		pos, c = skipBlank(r.Text, pos+1)
	case r.started && c == '}':
		r.done = true
	default:
		return -1
	}
	if r.done {
		r.pos, r.started = pos+1, false
	}
	if c != '"' {
		return -1
	}
	return pos
}

// skipBlank is the index of the next byte from i on that is no white space, and
// that byte, 0 at the end.
func skipBlank(text []byte, i int) (at int, c byte) {
	for ; i < len(text); i++ {
		switch c := text[i]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return i, c
		}
	}
	return i, 0
}

// readValue reads what is behind a key, from its colon on, and returns where it
// ends, 0 when it is broken.
func (r *objectReader) readValue(m *member, pos int) int {
	text := r.Text
	colon, c := skipBlank(text, pos)
	if c != ':' {
		return 0
	}
	start, c := skipBlank(text, colon+1)
	m.spaced = start > pos+1
	switch c {
	case '"':
		m.kind = jsonString
		if m.value, pos = r.unquote(start+1, r.Find(start+1)); pos == len(text) {
			return 0
		}
		return pos + 1
	case '{', '[':
		m.kind = jsonObject
		if c == '[' {
			m.kind = jsonArray
		}
		r.pos = start
		blanks, deep, ok := r.skipNested()
		if !ok {
			return 0
		}
		m.deep = deep
		m.value = text[start:r.pos]
		if blanks {
			m.spaced = true
			mark := len(r.buf)
			r.buf = appendCompact(r.buf, m.value)
			m.value = r.buf[mark:len(r.buf):len(r.buf)]
		}
		return r.pos
	}
	if start == len(text) {
		return 0
	}
	end := skipScalar(text, start)
	if end == 0 {
		return 0
	}
	m.value = text[start:end]
	switch c {
	case 't', 'f':
		m.kind = jsonBool
	case 'n':
		m.kind = jsonNull
	default:
		m.kind = jsonNumber
	}
	return end
}

// unquote reads the string whose text starts at i; at end is the first byte that
// cannot stand in it as it is. It returns where the closing quote is, or
// len(text) for no string.
func (r *objectReader) unquote(i, end int) (value []byte, at int) {
	text := r.Text
	if end == len(text) || text[end] == '"' {
		return text[i:end], end
	}
	if text[end] != '\\' {
		return nil, len(text)
	}
	mark := len(r.buf)
	buf, n, ok := appendJSONUnquoted(r.buf, text[i:])
	r.buf = buf
	if !ok {
		return nil, len(text)
	}
	return buf[mark:], i + n
}

// skipNested moves behind the object or array at r.pos, checking every token.
// blanks says that it holds white space between tokens, deep that it goes
// deeper than the limit; then only its brackets and strings were checked.
func (r *objectReader) skipNested() (blanks, deep, ok bool) {
	var open [maxNesting/64 + 1]uint64 // one bit for each open bracket: 1 for an object
	depth, limit := 0, r.maxDepth-1    // this object is one level itself
	text, i := r.Text, r.pos
	const (
		wantValue = iota
		wantValueOrEnd
		wantKey
		wantKeyOrEnd
		wantCommaOrEnd
	)
	want := wantValue
	for {
		for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r') {
			blanks = true
			i++
		}
		if i == len(text) {
			return blanks, false, false
		}
		c := text[i]
		inObject := depth > 0 && open[(depth-1)/64]&(1<<((depth-1)%64)) != 0
		switch {
		case (want == wantKey || want == wantKeyOrEnd) && c == '"':
			end, _ := skipString(text, i)
			if end == 0 {
				return blanks, false, false
			}
			for i = end; i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r'); i++ {
				blanks = true
			}
			if i == len(text) || text[i] != ':' {
				return blanks, false, false
			}
			i++
			want = wantValue
		case want == wantCommaOrEnd && c == ',':
			i++
			want = wantValue
			if inObject {
				want = wantKey
			}
		case (c == '}' && inObject && (want == wantKeyOrEnd || want == wantCommaOrEnd)) ||
			(c == ']' && !inObject && depth > 0 && (want == wantValueOrEnd || want == wantCommaOrEnd)):
			i++
			if depth--; depth == 0 {
				r.pos = i
				return blanks, false, true
			}
			want = wantCommaOrEnd
		case want != wantValue && want != wantValueOrEnd:
			return blanks, false, false
		case c == '{' || c == '[':
			if depth == limit {
				end := skipBrackets(text, i, depth)
				r.pos = end
				return blanks, true, end > 0
			}
			i++
			bit := uint64(1) << (depth % 64)
			if c == '{' {
				open[depth/64] |= bit
				want = wantKeyOrEnd
			} else {
				open[depth/64] &^= bit
				want = wantValueOrEnd
			}
			depth++
		case c == '"':
			end, _ := skipString(text, i)
			if end == 0 {
				return blanks, false, false
			}
			i = end
			want = wantCommaOrEnd
		default:
			if i = skipScalar(text, i); i == 0 {
				return blanks, false, false
			}
			want = wantCommaOrEnd
		}
	}
}

// skipBrackets is the index behind the bracket that closes the last of depth
// open ones, from i on; 0 when there is none. Only strings are looked into.
func skipBrackets(text []byte, i, depth int) int {
	for ; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			end, _ := skipString(text, i)
			if end == 0 {
				return 0
			}
			i = end - 1
		}
	}
	return 0
}

// skipString is the index behind the string that starts at i, 0 when it is no
// string, and whether it has escapes.
func skipString(text []byte, i int) (end int, escaped bool) {
	for i++; ; {
		i = scan.IndexStringEnd(text, i)
		if i == len(text) {
			return 0, false
		}
		switch text[i] {
		case '"':
			return i + 1, escaped
		case '\\':
			escaped = true
			if i+1 == len(text) {
				return 0, false
			}
			switch text[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				if _, ok := hex(text, i+2, 4); !ok {
					return 0, false
				}
				i += 6
			default:
				return 0, false
			}
		default: // a control byte
			return 0, false
		}
	}
}

// skipScalar is the index behind the number or word at i, which is in the text; 0
// when it is none.
func skipScalar(text []byte, i int) int {
	word := ""
	switch text[i] {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	case 'n':
		word = "null"
	}
	if word != "" {
		if len(text)-i < len(word) || string(text[i:i+len(word)]) != word {
			return 0
		}
		return i + len(word)
	}
	digits := func() bool {
		start := i
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		return i > start
	}
	if i < len(text) && text[i] == '-' {
		i++
	}
	if i < len(text) && text[i] == '0' {
		i++
	} else if !digits() {
		return 0
	}
	if i < len(text) && text[i] == '.' {
		i++
		if !digits() {
			return 0
		}
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	return i
}

// appendCompact appends valid JSON without the white space between its tokens.
func appendCompact(dst, token []byte) []byte {
	for i := 0; i < len(token); {
		switch token[i] {
		case ' ', '\t', '\n', '\r':
			i++
		case '"':
			end, _ := skipString(token, i)
			dst = append(dst, token[i:end]...)
			i = end
		default:
			dst = append(dst, token[i])
			i++
		}
	}
	return dst
}

// appendJSONUnquoted appends the text of the JSON string that b starts with, up to
// its closing quote; read is where that is. ok is false when there is none, and
// for an escape or a control byte that no JSON string has. Half a surrogate pair
// becomes U+FFFD, as in encoding/json.
func appendJSONUnquoted(dst, b []byte) (out []byte, read int, ok bool) {
	dst, i := scan.DropEscapes(slices.Grow(dst, len(b)+scan.Block), b, &scan.InJSON)
	for {
		if i == len(b) || b[i] != '\\' {
			var end bool
			if dst, i, end = appendUntilEscape(dst, b, i, &scan.InJSON); end {
				return dst, i, i < len(b) && b[i] == '"'
			}
		}
		if i+1 == len(b) {
			return dst, i, false
		}
		switch c := b[i+1]; c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, ok := hex(b, i+2, 4)
			if !ok {
				return dst, i, false
			}
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if len(b) >= i+12 && b[i+6] == '\\' && b[i+7] == 'u' {
					low, ok = hex(b, i+8, 4)
				}
				if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
			i += 6
			continue
		default:
			return dst, i, false
		}
		i += 2
	}
}

// appendJSONString appends text, which is valid UTF-8, as a JSON string.
func appendJSONString(dst, text []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for {
		i := scan.IndexStringEnd(text, 0)
		dst = append(dst, text[:i]...)
		if i == len(text) {
			return append(dst, '"')
		}
		switch c := text[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		text = text[i+1:]
	}
}
