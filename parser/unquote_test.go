package parser

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

// unquoted calls a function that unquotes the body of a string, for one without an end.
func unquoted(read func(dst, body []byte, ends *scan.Ending) ([]byte, int, bool), dst, body []byte) ([]byte, bool) {
	out, end, ok := read(dst, body, &scan.NoEnd)
	if end != len(body) {
		return out, false
	}
	return out, ok
}

func TestAppendUnquoted(t *testing.T) {
	f := func(body, want string, ok bool) {
		t.Helper()
		got, gotOK := unquoted(appendUnquoted, []byte("before"), []byte(body))
		if string(got) != "before"+want || gotOK != ok {
			t.Errorf("%s = %q, %v; want %q, %v", body, got, gotOK, "before"+want, ok)
		}
	}
	f(``, "", true)
	f(`plain é`, "plain é", true)
	f(`\a\b\f\n\r\t\v\\\"`, "\a\b\f\n\r\t\v\\\"", true)
	f(`\x00\x7f\x1b\x41`, "\x00\x7f\x1bA", true)
	f(`\101\000\377`, "A\x00�", true)
	f(`\xc3\xa9`, "é", true)
	f(`\xc3é\xa9`, "�é�", true)
	f(`\xed\xa0\x80\xf4\x90\x80\x80`, "�������", true)
	f(`\u00e9\u200b\ufffd\U0010ffff`, "é\u200b�\U0010ffff", true)
	f("a\nb", "a\nb", true)

	f(`\`, `\`, false)
	f(`a\`, `a\`, false)
	f(`\q\'\/`, `\q\'\/`, false)
	f(`\x\x1\xg0`, `\x\x1\xg0`, false)
	f(`\u\u123\ud800\udfff`, `\u\u123\ud800\udfff`, false)
	f(`\U00110000\Uffffffff`, `\U00110000\Uffffffff`, false)
	f(`\400\8\12`, `\400\8\12`, false)
	f(`\q\n`, "\\q\n", false)
}

func FuzzUnquote(f *testing.F) {
	for _, text := range nested(corpus(f)) {
		q := strconv.Quote(text)
		f.Add(q[1 : len(q)-1])
	}
	f.Add(`\xff\u200b\U0001f600\101\q`)
	f.Fuzz(func(t *testing.T, body string) {
		body = string([]rune(body))
		if end := scan.IndexQuote([]byte(body), 0); end < len(body) && body[end] == '"' {
			return // not the body of one string
		}
		got, ok := unquoted(appendUnquoted, nil, []byte(body))
		if !utf8.Valid(got) {
			t.Fatalf("%q gave %q", body, got)
		}
		if slow, slowOK := slowUnquote(body); string(got) != slow || ok != slowOK {
			t.Fatalf("%q gave %q, %v; one escape at a time %q, %v", body, got, ok, slow, slowOK)
		}
		// strconv takes no newline as it is.
		want, err := strconv.Unquote(`"` + strings.ReplaceAll(body, "\n", "") + `"`)
		if strings.Contains(body, "\n") || err != nil && hasBareQuote(body) {
			return
		}
		if ok != (err == nil) || ok && string(got) != string([]rune(want)) {
			t.Fatalf("%q gave %q, %v; strconv.Unquote %q, %v", body, got, ok, want, err)
		}
	})
}

// hasBareQuote reports whether body has a quote that no backslash stands before.
func hasBareQuote(body string) bool {
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '\\':
			i++
		case '"':
			return true
		}
	}
	return false
}

func TestAppendRustUnquoted(t *testing.T) {
	f := func(body, want string, ok bool) {
		t.Helper()
		got, gotOK := unquoted(appendRustUnquoted, []byte("before"), []byte(body))
		if string(got) != "before"+want || gotOK != ok {
			t.Errorf("%s = %q, %v; want %q, %v", body, got, gotOK, "before"+want, ok)
		}
	}
	f(``, "", true)
	f(`plain é`, "plain é", true)
	f(`\"\\\'\n\r\t\0`, "\"\\'\n\r\t\x00", true)
	f(`\u{1b}[0m\u{7f}\u{200b}\u{10ffff}\u{0}`, "\x1b[0m\x7f\u200b\U0010ffff\x00", true)
	f(`\u{00001b}`, "\x1b", true)

	f(`\`, `\`, false)
	f(`\x1b\a\v\u200b`, `\x1b\a\v\u200b`, false)
	f(`\u{}\u{110000}\u{d800}\u{1b`, `\u{}\u{110000}\u{d800}\u{1b`, false)
	f(`\u{000001b}`, `\u{000001b}`, false)
	f(`\u{1g}`, `\u{1g}`, false)
}

// TestEscapeLetters has a backslash before each ASCII character, for the two kinds of
// strings: what is no escape is kept, and said to be none.
func TestEscapeLetters(t *testing.T) {
	for c := byte(1); c < utf8.RuneSelf; c++ {
		body := `\` + string(rune(c)) + "0"
		if c != '"' {
			want, _, wantOK := slowRust(body)
			if got, ok := unquoted(appendRustUnquoted, nil, []byte(body)); string(got) != want || ok != wantOK {
				t.Errorf("Rust: %q = %q, %v; want %q, %v", body, got, ok, want, wantOK)
			}
		}
		want, wantOK := slowUnquote(body)
		if got, ok := unquoted(appendUnquoted, nil, []byte(body)); string(got) != want || ok != wantOK {
			t.Errorf("Go: %q = %q, %v; want %q, %v", body, got, ok, want, wantOK)
		}
	}
}

// rustDebug is what Rust's {:?} prints of a string, without the quotes.
func rustDebug(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == 0:
			b.WriteString(`\0`)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func FuzzRustUnquote(f *testing.F) {
	for _, text := range nested(corpus(f)) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = string([]rune(text))
		if got, ok := unquoted(appendRustUnquoted, nil, []byte(rustDebug(text))); string(got) != text || !ok {
			t.Fatalf("%q came back as %q, %v", text, got, ok)
		}
		got, _ := unquoted(appendRustUnquoted, nil, []byte(text))
		if !utf8.Valid(got) || len(got) > len(text) {
			t.Fatalf("%q gave %q", text, got)
		}
	})
}

// TestUnquoteBlocks compares unquoting in large steps with one escape at a time,
// over bodies of every length around a block's and with every amount of memory
// behind them.
func TestUnquoteBlocks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	pieces := []string{`\"`, `\\`, `\n`, `\z`, `\xc3\xa9`, `\u00e9`, "x", "longer text", "é", `\`}
	for n := range 4 * scan.Block {
		for range 20 {
			body := ""
			few := 1 + rnd.IntN(len(pieces))
			for len(body) < n {
				if rnd.IntN(20) > few {
					body += "."
				} else {
					body += pieces[rnd.IntN(few)]
				}
			}
			body = body[:n]
			if !utf8.ValidString(body) {
				continue
			}
			memory := []byte(body + `" behind \ it` + strings.Repeat(`\"`, rnd.IntN(scan.Block)))
			want, wantOK := slowUnquote(body)
			for _, b := range [][]byte{memory[:n], memory[:n:n]} {
				if got, ok := unquoted(appendUnquoted, []byte("before"), b); string(got) != "before"+want || ok != wantOK {
					t.Fatalf("%s = %q, %v; want %q, %v", body, got, ok, want, wantOK)
				}
			}
			if hasBareQuote(body) || strings.HasSuffix(strings.ReplaceAll(body, `\\`, ""), `\`) {
				continue // it would escape the quote
			}
			if got, read, ok := appendUnquoted(nil, memory, &scan.QuoteEnd); string(got) != want || read != n || ok != wantOK {
				t.Fatalf("%s = %q, %d, %v; want %q, %d, %v", memory, got, read, ok, want, n, wantOK)
			}
		}
	}
}

// TestAppendValid compares with converting to runes, which does the same byte by
// byte, over bytes that are nearly UTF-8.
func TestAppendValid(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	pieces := []string{
		"a", "some text", "é", "€", "😀", "\x80", "\xbf", "\xc0", "\xc1", "\xc2", "\xdf", "\xe0", "\xe0\x9f", "\xe0\xa0", "\xed\x9f", "\xed\xa0",
		"\xef\xbf", "\xf0\x8f\xbf", "\xf0\x90\x80", "\xf4\x8f\xbf", "\xf4\x90\x80", "\xf5", "\xff", strings.Repeat("x", 300),
	}
	p := New(Config{})
	for range 20000 {
		text := ""
		for range rnd.IntN(20) {
			text += pieces[rnd.IntN(len(pieces))]
		}
		want := string([]rune(text))
		if got := string(appendValid([]byte("before"), []byte(text))); got != "before"+want {
			t.Fatalf("%q gave %q, want %q", text, got, want)
		}
		p.rec.arena = p.rec.arena[:0]
		if got := string(p.valid([]byte(text))); got != want {
			t.Fatalf("%q is %q, want %q", text, got, want)
		}
	}
}
