package parser

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
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
	// The tokens: the key with its quotes, the value compact and as it stands.
	keyToken, token []byte
	kind            jsonKind
	deep            bool // nested deeper than the limit: there is no value
}

// objectReader reads the members of one JSON object (RFC 8259) one by one,
// without recursion. Slices that it answers are of the text, or of buf where
// something had to be decoded or made compact; they are valid until reset.
type objectReader struct {
	text     []byte
	pos      int
	buf      []byte
	maxDepth int // of the whole object; at least 1, at most maxNesting
	started  bool
	done     bool // the closing brace was read; pos is behind it
}

// maxNesting bounds maxDepth: the reader keeps one bit for each open bracket.
const maxNesting = 512

func (r *objectReader) reset(text []byte, maxDepth int) {
	*r = objectReader{text: text, buf: r.buf[:0], maxDepth: min(maxDepth, maxNesting)}
}

// next reads the next member. When it answers false the object is whole if
// r.done, and broken at some place after the last member otherwise.
func (r *objectReader) next(m *member) bool {
	if r.done {
		return false
	}
	switch c := r.skipBlank(); {
	case !r.started && c == '{':
		r.started = true
		r.pos++
		if r.skipBlank() == '}' {
			r.pos++
			r.done = true
			return false
		}
	case r.started && c == ',':
		r.pos++
		r.skipBlank()
	case r.started && c == '}':
		r.pos++
		r.done = true
		return false
	default:
		return false
	}
	var ok bool
	if m.key, m.keyToken, ok = r.readString(); !ok {
		return false
	}
	if r.skipBlank() != ':' {
		return false
	}
	r.pos++
	return r.readValue(m)
}

// skipBlank moves to the next byte that is no white space and answers it, 0 at
// the end.
func (r *objectReader) skipBlank() byte {
	for r.pos < len(r.text) {
		switch c := r.text[r.pos]; c {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

func (r *objectReader) readValue(m *member) bool {
	m.deep = false
	switch c := r.skipBlank(); {
	case c == '"':
		var ok bool
		m.kind = jsonString
		m.value, m.token, ok = r.readString()
		return ok
	case c == '{' || c == '[':
		m.kind = jsonObject
		if c == '[' {
			m.kind = jsonArray
		}
		start := r.pos
		blanks, deep, ok := r.skipNested()
		if !ok {
			return false
		}
		m.deep = deep
		m.token = r.text[start:r.pos]
		if blanks {
			m.token = r.compact(m.token)
		}
	default:
		start := r.pos
		end := skipScalar(r.text, start)
		if end == 0 {
			return false
		}
		r.pos = end
		m.token = r.text[start:end]
		switch m.token[0] {
		case 't', 'f':
			m.kind = jsonBool
		case 'n':
			m.kind = jsonNull
		default:
			m.kind = jsonNumber
		}
	}
	m.value = m.token
	return true
}

// readString reads the string at r.pos; token is as it stands, with quotes.
func (r *objectReader) readString() (value, token []byte, ok bool) {
	start := r.pos
	if start == len(r.text) || r.text[start] != '"' {
		return nil, nil, false
	}
	end, escaped := skipString(r.text, start)
	if end == 0 {
		return nil, nil, false
	}
	r.pos = end
	token = r.text[start:end]
	if !escaped {
		return token[1 : len(token)-1], token, true
	}
	mark := len(r.buf)
	r.buf = appendJSONUnquoted(r.buf, token[1:len(token)-1])
	return r.buf[mark:len(r.buf):len(r.buf)], token, true
}

// skipNested moves behind the object or array at r.pos, checking every token.
// blanks says that it holds white space between tokens, deep that it goes
// deeper than the limit; then only its brackets and strings were checked.
func (r *objectReader) skipNested() (blanks, deep, ok bool) {
	var open [maxNesting/64 + 1]uint64 // one bit for each open bracket: 1 for an object
	depth, limit := 0, r.maxDepth-1    // this object is one level itself
	text, i := r.text, r.pos
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
		i = indexStringEnd(text, i)
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

// skipScalar is the index behind the number or word at i, 0 when it is none.
func skipScalar(text []byte, i int) int {
	for _, word := range []string{"true", "false", "null"} {
		if len(text)-i >= len(word) && string(text[i:i+len(word)]) == word {
			return i + len(word)
		}
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

// compact is valid JSON without the white space between its tokens.
func (r *objectReader) compact(token []byte) []byte {
	mark := len(r.buf)
	for i := 0; i < len(token); {
		switch token[i] {
		case ' ', '\t', '\n', '\r':
			i++
		case '"':
			end, _ := skipString(token, i)
			r.buf = append(r.buf, token[i:end]...)
			i = end
		default:
			r.buf = append(r.buf, token[i])
			i++
		}
	}
	return r.buf[mark:len(r.buf):len(r.buf)]
}

// appendJSONUnquoted appends the text that the body of a valid JSON string
// stands for. Half a surrogate pair becomes U+FFFD, as in encoding/json.
func appendJSONUnquoted(dst, body []byte) []byte {
	for {
		i := bytes.IndexByte(body, '\\')
		if i < 0 {
			return append(dst, body...)
		}
		dst = append(dst, body[:i]...)
		body = body[i:]
		switch c := body[1]; c {
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
			r, _ := hex(body, 2, 4)
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if len(body) >= 12 && body[6] == '\\' && body[7] == 'u' {
					low, ok = hex(body, 8, 4)
				}
				if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
					body = body[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
			body = body[6:]
			continue
		default:
			dst = append(dst, c)
		}
		body = body[2:]
	}
}

// appendJSONString appends text, which is valid UTF-8, as a JSON string.
func appendJSONString(dst, text []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for {
		i := indexStringEnd(text, 0)
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
