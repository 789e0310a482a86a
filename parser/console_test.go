package parser

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestIsStamp(t *testing.T) {
	for text, want := range map[string]bool{
		"[    1.122452] x": true, "[    1.122452]": true, "[123456.1]": true, "[0.1][    T1]": true, "[99999999.999999]": true,
		"": false, "[": false, "[1]": false, "[1.]": false, "[.1]": false, "[ 1.1 ]": false, "[    1.122452": false, "[\t1.1]": false,
		"[a.1]": false, "[1.a]": false, " [1.1]": false, "[12345678901.1]": false, "[1.1234567890]": false, "[-1.1]": false,
	} {
		if got := isStamp([]byte(text)); got != want {
			t.Errorf("isStamp(%q) = %v", text, got)
		}
	}
}

func TestAppendPlain(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := string(appendPlain([]byte("before"), []byte(text))); got != "before"+want {
			t.Errorf("%q = %q, want %q", text, got, want)
		}
	}
	f("plain é\ttext\n", "plain é\ttext\n")
	f("\x1b[0;1;39mbold\x1b[0m", "bold")
	f("\x1b[mx\x1b[2Jy\x1b[?2004hz\x1b[10;20H", "xyz")
	f("\u009b31mred\u009b0m é\u009a°Â", "red é°Â")
	f("\u0084a\u0085b\u009cc\u0080\u009f", "abc")
	f("\u009d0;title\ax\u009d0;title\u009cy\u0090q\x1b\\z\x1b]0;t\u009c", "xyz")
	f("\u009d\u009b31mx", "x")
	f("\x1b]0;title\ax\x1b]0;title\x1b\\y", "xy")
	f("\x1bPq#0\x1b\\x\x1b^a\ay\x1b_a\az\x1bXa\a", "xyz")
	f("\x1b(Bx\x1b)0y\x1b=z\x1b>\x1bc\x1b7", "xyz")
	f("a\x1b[31", "a")
	f("a\x1b[31;\x01b", "a31;\x01b")
	f("a\x1b", "a")
	f("a\x1b\x1b[0m[0mb", "a[0mb")
	f("a\x1b]no end", "ano end")
	f("a\x1b]"+strings.Repeat("b", 2000)+"\a", "a"+strings.Repeat("b", 2000)+"\a")
	f("a\x1béb", "aéb")
	f("\x07\x08\x7f\x00", "\x07\x08\x7f\x00")
}

// FuzzPlain: no code is left, whatever stripping one brings together, and
// nothing is added.
func FuzzPlain(f *testing.F) {
	for _, text := range nested(corpus(f)) {
		f.Add(text)
	}
	f.Add("\x1b\x1b[0m[31m\xc2\x1b[m\x9b31m")
	f.Fuzz(func(t *testing.T, text string) {
		text = valid(text)
		got := string(appendPlain(nil, []byte(text)))
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return r == 0x1b || r >= 0x80 && r < 0xa0 }) {
			t.Fatalf("%q became %q", text, got)
		}
		rest := text
		for _, c := range []byte(got) { // got is text with pieces taken out
			i := strings.IndexByte(rest, c)
			if i < 0 {
				t.Fatalf("%q became %q", text, got)
			}
			rest = rest[i+1:]
		}
	})
}
