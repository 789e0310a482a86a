package parser

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kata-logs/fluent-bit-kata/internal/gen"
)

func TestLogfmt(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		var d Logfmt
		if got := readLogfmt(&d, text); got != want {
			t.Errorf("%q\ngot  %s\nwant %s", text, got, want)
		}
	}
	f(``, ``)
	f("  \t\n ", ``)
	f(`a=1`, `"a"="1"`)
	f(` a=1  b=2 `, `"a"="1" "b"="2"`)
	f(`a=`, `"a"=""`)
	f(`a= b=""`, `"a"="" "b"=""`)
	f(`a b=1 c  d=2`, `"a b"="1" "c  d"="2"`)
	f(`a="x y" b=z`, `"a"="x y" "b"="z"`)
	f(`a="\"\\\x1b\u00e9\U0001f600\101\t"`, `"a"="\"\\\x1bé😀A\t"`)
	f(`a="\xc3\xa9\xc3"`, `"a"="é�"`)
	f("a=\"x\ny\"", `"a"="x\ny"`)
	f(`a=b=c`, `"a"="b=c"`)
	f(`a=b"c`, `"a"="b\"c"`)
	f(`a==`, `"a"="="`)

	f(`a`, `trailing_text "a"`)
	f(`a=1 b`, `"a"="1" trailing_text "b"`)
	f(`a=1 b c `, `"a"="1" trailing_text "b c"`)
	f(`a="1"b c=2 "3"d=4`, `"a"="1" "c"="2" "\"3\"d"="4" trailing_text "b"`)
	f(`a="1"b`, `"a"="1" trailing_text "b"`)
	f(`a="1"b=c "2"=3`, `"a"="1" "\"2\""="3" trailing_text "b=c"`)
	f(`a="\n"b\"c d="2"`, `"a"="\n" "d"="2" trailing_text "b\\\"c"`)
	f(`a="1" b="2"`+"\r\n", `"a"="1" "b"="2"`)
	f(`=1 a=2`, `"a"="2" trailing_text "=1"`)
	f(`="x y"z a=2`, `"a"="2" trailing_text "=\"x y\"z"`)
	f(`=`, `trailing_text "="`)

	f(`a="`, `"a"="" unterminated_quote`)
	f(`a="b c`, `"a"="b c" unterminated_quote`)
	f(`a="b\"`, `"a"="b\"" unterminated_quote`)
	f(`a="b\`, `"a"="b\\" unterminated_quote`)
	f(`a="\q" b=1`, `"a"="\\q" "b"="1" bad_escape`)
	f(`a="\x1" b="\ud800" c="\400"`, `"a"="\\x1" "b"="\\ud800" "c"="\\400" bad_escape`)

	long := strings.Repeat("k", maxKey)
	f(long+`=1`, `"`+long+`"="1"`)
	f(long+`k=1 a=2`, `"a"="2" trailing_text "`+long+`k=1"`)
	f(long+` a=2`, `"a"="2" trailing_text "`+long+`"`)
}

// TestLogfmtReset reads many records with one Logfmt, long ones among them.
func TestLogfmtReset(t *testing.T) {
	var d Logfmt
	for _, text := range []string{`a="\n" b`, `a=`, strings.Repeat(`k="\x00" `, 1000), `x`, ``, `a="b" c="\u00e9"`} {
		var fresh Logfmt
		if got, want := readLogfmt(&d, text), readLogfmt(&fresh, text); got != want {
			t.Errorf("%.40q\nused  %.200s\nfresh %.200s", text, got, want)
		}
	}
}

// TestLogfmtDamage reads texts of many windows with some damage in them.
func TestLogfmtDamage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	damage := []string{`a="b"c `, `a="b"c=d `, `a="b"c"d" `, `a="b\n"c\" `, ` `, `word `, `=x `, `="x y"z `, `"" `, `a="\q" `, strings.Repeat("w", maxKey+1) + "=x ", strings.Repeat("word ", 99)}
	var d Logfmt
	for range 2000 {
		var text strings.Builder
		rare := 1 + rnd.IntN(60)
		for range rnd.IntN(120) {
			if rnd.IntN(rare) == 0 {
				text.WriteString(damage[rnd.IntN(len(damage))])
			} else {
				text.WriteString(`key=value text="a b" `[:10+11*rnd.IntN(2)])
			}
		}
		if got, want := readLogfmt(&d, text.String()), slowLogfmt(text.String()); got != want {
			t.Fatalf("%q\ngot  %s\nwant %s", text.String(), got, want)
		}
	}
}

// readLogfmt renders all that d finds in text.
func readLogfmt(d *Logfmt, text string) string {
	var parts []string
	d.Reset([]byte(text))
	for d.Next() {
		parts = append(parts, fmt.Sprintf("%q=%q", d.Key(), d.Value()))
	}
	if d.Reason() != OK {
		parts = append(parts, d.Reason().String())
	}
	if len(d.Unparsed()) > 0 {
		parts = append(parts, fmt.Sprintf("%q", d.Unparsed()))
	}
	return strings.Join(parts, " ")
}

// slowLogfmt is what readLogfmt returns, from slowPairs.
func slowLogfmt(text string) string {
	pairs, reason, aside, _ := slowPairs(text, false)
	var parts []string
	for _, p := range pairs {
		parts = append(parts, fmt.Sprintf("%q=%q", p.key, p.value))
	}
	if reason != OK {
		parts = append(parts, reason.String())
	}
	if aside != "" {
		parts = append(parts, fmt.Sprintf("%q", aside))
	}
	return strings.Join(parts, " ")
}

// slowPair is a pair of logfmt.
type slowPair struct {
	key, value string
	bare       bool // the value had no quotes
}

// slowStamp is the kernel's time stamp.
var slowStamp = regexp.MustCompile(`^\[ *[0-9]{1,10}\.[0-9]{1,9}\]`)

// slowStampIn finds it anywhere.
var slowStampIn = regexp.MustCompile(slowStamp.String()[1:])

// slowPairs reads logfmt from the contract's words and without any of the tricks: rule 5
// on the one hand, strconv on the other. In text of a console a kernel stamp where a
// pair, or text behind a value, may start ends the record: rest is what is left then.
func slowPairs(text string, console bool) (pairs []slowPair, reason Reason, unparsed, rest string) {
	var aside []string
	setAside := func(s string) {
		aside = append(aside, strings.TrimRightFunc(s, isBlank))
		reason = reason.or(TrailingText)
	}
	word := func(s string) string { // up to the next blank
		if i := strings.IndexFunc(s, isBlank); i >= 0 {
			return s[:i]
		}
		return s
	}
	for {
		text = strings.TrimLeftFunc(text, isBlank)
		if console && slowStamp.MatchString(text) {
			rest = text
			break
		}
		key, after, found := strings.Cut(text, "=")
		if !found {
			if text != "" {
				setAside(text)
			}
			break
		}
		pair := text
		keyed := true
		if len(key) > maxKey || key == "" {
			words := strings.LastIndexFunc(key, isBlank) + 1
			if last := key[words:]; last == "" || len(last) > maxKey {
				keyed = false // damage, with its value
			} else {
				setAside(key[:words])
				key = last
			}
		}
		var value, behind string
		bare := !strings.HasPrefix(after, `"`)
		stamped := -1
		if !bare {
			body := after[1:]
			end := 0
			for end < len(body) && body[end] != '"' {
				if body[end] == '\\' {
					end++
				}
				end++
			}
			if end >= len(body) {
				end = len(body)
				reason = reason.or(UnterminatedQuote)
			}
			var ok bool
			if value, ok = slowUnquote(body[:end]); !ok {
				reason = reason.or(BadEscape)
			}
			if end < len(body) {
				end++
			}
			text = body[end:]
			if console && slowStamp.MatchString(text) {
				stamped = 0
			} else {
				behind = word(text)
				text = text[len(behind):]
			}
		} else {
			value = word(after)
			for i := range value {
				if console && slowStamp.MatchString(after[i:]) {
					stamped = i
					break
				}
			}
			if stamped >= 0 {
				value = value[:stamped]
			}
			text = after[len(value):]
		}
		if keyed {
			pairs = append(pairs, slowPair{key, value, bare})
			if behind != "" {
				setAside(behind)
			}
		} else {
			setAside(pair[:len(pair)-len(text)])
		}
		if stamped >= 0 {
			rest = text
			break
		}
	}
	return pairs, reason, strings.Join(aside, " "), rest
}

func isBlank(r rune) bool { return r <= ' ' }

// slowUnquote unquotes with strconv, one escape at a time.
func slowUnquote(body string) (string, bool) {
	ok := true
	var b []byte
	for body != "" {
		if body[0] != '\\' {
			b = append(b, body[0])
			body = body[1:]
			continue
		}
		r, multibyte, tail, err := strconv.UnquoteChar(body, '"')
		switch {
		case err != nil:
			ok = false
			b = append(b, '\\')
			tail = body[1:]
		case multibyte:
			b = utf8.AppendRune(b, r)
		default:
			b = append(b, byte(r))
		}
		body = tail
	}
	return string([]rune(string(b))), ok
}

// corpus are messages to start fuzzing from: what real programs printed, the
// rows of testdata/rows, and what the generator makes.
func corpus(t testing.TB) (texts []string) {
	t.Helper()
	lines, err := os.ReadFile("../testdata/corpus/programs.log")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		if len(line) < 2000 {
			texts = append(texts, strings.TrimSuffix(line, "\n"))
		}
	}
	for _, theme := range []string{"producers", "chains", "damage", "trust", "fields", "options"} {
		for _, r := range readRows(t, "testdata/rows/"+theme+".txt") {
			texts = append(texts, string(r.m.Text))
		}
	}
	g := gen.New(1, 20)
	for range 300 {
		if r := g.Record(); len(r.Get("MESSAGE")) < 2000 {
			texts = append(texts, r.Get("MESSAGE")+r.Get("log"))
		}
	}
	return texts
}

// nested are the texts that the texts of the corpus carry, layer by layer.
func nested(texts []string) (inner []string) {
	var d Logfmt
	for _, text := range texts {
		d.Reset([]byte(text))
		for d.Next() {
			if v := string(d.Value()); len(v) > 24 {
				inner = append(inner, v)
			}
		}
	}
	slices.Sort(inner)
	return slices.Compact(inner)
}

func FuzzLogfmt(f *testing.F) {
	texts := corpus(f)
	for _, text := range append(texts, nested(texts)...) {
		f.Add(text)
	}
	f.Add(strings.Repeat(`a="b"c d=e f="\n"g\" `, 40) + strings.Repeat(`key=value a="b"c"d" `, 60))
	f.Fuzz(func(t *testing.T, text string) {
		var d Logfmt
		text = string([]rune(text)) // U+FFFD for what is not UTF-8
		got := readLogfmt(&d, text)
		if want := slowLogfmt(text); got != want {
			t.Fatalf("%q\ngot  %s\nwant %s", text, got, want)
		}
		if !utf8.ValidString(got) {
			t.Fatalf("%q gave bytes that are not UTF-8", text)
		}
	})
}
