package parser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// readObject renders the members that an objectReader finds in text, with their
// values compact, and then "done", "broken" and what is behind the object.
func readObject(text string, maxDepth int) string {
	var r objectReader
	var m member
	var parts []string
	for r.reset([]byte(text), maxDepth); r.next(&m); {
		switch {
		case m.deep:
			parts = append(parts, fmt.Sprintf("%q:deep", m.key))
		case m.kind == jsonString:
			parts = append(parts, fmt.Sprintf("%q:%q", m.key, m.value))
		default:
			parts = append(parts, fmt.Sprintf("%q:%s", m.key, m.value))
		}
	}
	if !r.done {
		parts = append(parts, "broken")
	} else if rest := text[r.pos:]; rest != "" {
		parts = append(parts, fmt.Sprintf("then %q", rest))
	}
	return strings.Join(parts, " ")
}

func TestObject(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := readObject(text, 4); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
	f(`{}`, ``)
	f(" {\t} x", `then " x"`)
	f(`{"a":"b"}`, `"a":"b"`)
	f(`{ "a" : "b" , "c" : 1 }`, `"a":"b" "c":1`)
	f(`{"a":1,"a":2}`, `"a":1 "a":2`)
	f(`{"a":-0.5e+10,"b":0,"c":true,"d":false,"e":null}`, `"a":-0.5e+10 "b":0 "c":true "d":false "e":null`)
	f(`{"\u0061\n":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83dx\ude00"}`, `"a\n":"\"\\/\b\f\n\r\té😀�x�"`)
	f(`{"a":[ 1 , { "b" : "c d" } , [ ] ],"x":{}}`, `"a":[1,{"b":"c d"},[]] "x":{}`)
	f(`{"a":[[[]]]}`, `"a":[[[]]]`)
	f(`{"a":[[[[]]]],"b":1}`, `"a":deep "b":1`)
	f(`{"a":{"b":{"c":{"d":{"e":"]}"}}}},"b":1}`, `"a":deep "b":1`)

	f(``, `broken`)
	f(`[1]`, `broken`)
	f(`"a"`, `broken`)
	f(`{`, `broken`)
	f(`{"a`, `broken`)
	f(`{"a"`, `broken`)
	f(`{"a":`, `broken`)
	f(`{"a":1`, `"a":1 broken`)
	f(`{"a":1,`, `"a":1 broken`)
	f(`{"a":1,}`, `"a":1 broken`)
	f(`{,"a":1}`, `broken`)
	f(`{"a":1 "b":2}`, `"a":1 broken`)
	f(`{"a" 1}`, `broken`)
	f(`{a:1}`, `broken`)
	f(`{"a":'b'}`, `broken`)
	f(`{"a":tru}`, `broken`)
	f(`{"a":truex}`, `"a":true broken`)
	f(`{"a":01}`, `"a":0 broken`)
	f(`{"a":+1}`, `broken`)
	f(`{"a":.5}`, `broken`)
	f(`{"a":1.}`, `broken`)
	f(`{"a":1e}`, `broken`)
	f(`{"a":NaN}`, `broken`)
	f(`{"a":"\x1b"}`, `broken`)
	f(`{"a":"\u12"}`, `broken`)
	f("{\"a\":\"b\nc\"}", `broken`)
	f(`{"a":[1,]}`, `broken`)
	f(`{"a":[1 2]}`, `broken`)
	f(`{"a":[1}}`, `broken`)
	f(`{"a":{"b"}}`, `broken`)
	f(`{"a":{"b":1,}}`, `broken`)
	f(`{"a":{1:2}}`, `broken`)
	f(`{"a":[[[[`, `broken`)
	f(`{"a":[[[["`, `broken`)
}

func FuzzJSON(f *testing.F) {
	texts := corpus(f)
	for _, text := range append(texts, nested(texts)...) {
		if strings.HasPrefix(text, "{") {
			f.Add(text)
		}
	}
	f.Add(`{"a":[ 1.50 , {"b":null}, "\ud83d\ude00\u00e9" ],"a":-0e-1} x`)
	f.Fuzz(func(t *testing.T, text string) {
		text = string([]rune(text))
		got := readObject(text, maxNesting)
		want, ok := slowObject(text)
		if !ok {
			if !strings.HasSuffix(got, "broken") {
				t.Fatalf("%q gave %s, encoding/json refuses", text, got)
			}
			return
		}
		if got != want && !strings.Contains(got, ":deep") {
			t.Fatalf("%q\ngot  %s\nwant %s", text, got, want)
		}
	})
}

// slowObject is what readObject returns, from encoding/json; ok is false when
// text does not start with an object.
func slowObject(text string) (rendered string, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	var whole json.RawMessage
	if err := d.Decode(&whole); err != nil || bytes.TrimLeft(whole, " \t\r\n")[0] != '{' {
		return "", false
	}
	rest := text[d.InputOffset():]
	d = json.NewDecoder(bytes.NewReader(whole))
	_, _ = d.Token()
	var parts []string
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return "", false
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return "", false
		}
		var s string
		if value[0] == '"' && json.Unmarshal(value, &s) == nil {
			parts = append(parts, fmt.Sprintf("%q:%q", key, s))
			continue
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			return "", false
		}
		parts = append(parts, fmt.Sprintf("%q:%s", key, compact.Bytes()))
	}
	if rest != "" {
		parts = append(parts, fmt.Sprintf("then %q", rest))
	}
	return strings.Join(parts, " "), true
}

// TestDeepIsBalanced: below the depth limit only brackets and strings are
// looked at, and what follows is read again.
func TestDeepIsBalanced(t *testing.T) {
	for _, depth := range []int{3, 4, 63, 64, 65, 511, 512, 513, 5000} {
		text := `{"a":` + strings.Repeat(`[{"b":`, depth) + `"]}"` + strings.Repeat(`}]`, depth) + `,"c":1}`
		if got, want := readObject(text, 4), `"a":deep "c":1`; got != want {
			t.Errorf("depth %d: %.100s", depth, got)
		}
		deep := 2*depth+1 > maxNesting
		if got := readObject(text, 1<<20); strings.HasPrefix(got, `"a":deep`) != deep || !strings.HasSuffix(got, `"c":1`) {
			t.Errorf("depth %d without a limit: %.100s", depth, got)
		}
	}
}

func FuzzJSONString(f *testing.F) {
	for _, text := range nested(corpus(f)) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = string([]rune(text))
		token := appendJSONString(nil, []byte(text))
		var back string
		if err := json.Unmarshal(token, &back); err != nil || back != text {
			t.Fatalf("%q as JSON is %s, which reads %q: %v", text, token, back, err)
		}
		got, n, ok := appendJSONUnquoted(nil, token[1:])
		if string(got) != text || !utf8.Valid(got) || n != len(token)-2 || !ok {
			t.Fatalf("%s reads %q, %d, %v, not %q", token, got, n, ok, text)
		}
	})
}
