package interop

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-logfmt/logfmt"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// TestGoLogfmt checks that FuzzGoLogfmt compares enough of the corpus.
func TestGoLogfmt(t *testing.T) {
	n := 0
	for _, text := range corpus(t) {
		if compareGoLogfmt(t, text) {
			n++
		}
	}
	if n < 100 {
		t.Errorf("only %d texts were read by both", n)
	}
}

// FuzzGoLogfmt compares the decoder with go-logfmt.
func FuzzGoLogfmt(f *testing.F) {
	for _, text := range corpus(f) {
		f.Add(text)
	}
	f.Add(strings.Repeat(`a="b c" d=e f="\n" `, 40))
	f.Fuzz(func(t *testing.T, text string) {
		compareGoLogfmt(t, string([]rune(text))) // U+FFFD for what is not UTF-8
	})
}

// refused matches what logrus writes and go-logfmt refuses.
var refused = regexp.MustCompile(`\\[^"\\bfnrtu]|[\x00-\x1f\x7f]`)

// compareGoLogfmt compares the decoder with go-logfmt where the text is
// strict logfmt: keys without blanks or quotes, bare values without equal signs
// or quotes, JSON's escapes. It reports whether both read the text.
func compareGoLogfmt(t *testing.T, text string) bool {
	t.Helper()
	var d parser.Logfmt
	var ours []string
	d.Reset([]byte(text))
	strict := true
	for d.Next() {
		ours = append(ours, fmt.Sprintf("%q=%q", d.Key(), d.Value()))
		strict = strict && !bytes.ContainsFunc(d.Key(), func(r rune) bool { return r <= ' ' || r == '"' || r == utf8.RuneError })
	}
	if !strict || d.Reason() != parser.OK || strings.ContainsAny(text, "\n\r") {
		return false
	}
	var theirs []string
	dec := logfmt.NewDecoder(strings.NewReader(text))
	for dec.ScanRecord() {
		for dec.ScanKeyval() {
			theirs = append(theirs, fmt.Sprintf("%q=%q", dec.Key(), dec.Value()))
		}
	}
	if dec.Err() != nil {
		// It must have a reason to refuse: an escape or a byte that only logrus writes, or
		// a bare value that is not strict.
		if !refused.MatchString(text) && !hasLooseValue(text) {
			t.Fatalf("%q: go-logfmt refuses: %v", text, dec.Err())
		}
		return false
	}
	if !slices.Equal(ours, theirs) {
		t.Fatalf("%q\nours     %s\ngo-logfmt %s", text, ours, theirs)
	}
	return len(ours) > 0
}

// hasLooseValue reports whether a bare value has an equal sign or a quote in it.
func hasLooseValue(text string) bool {
	for text != "" {
		_, rest, found := strings.Cut(text, "=")
		if !found {
			return false
		}
		if strings.HasPrefix(rest, `"`) {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return true
			}
			text = rest[len(quoted):]
			continue
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r <= ' ' })
		if end < 0 {
			end = len(rest)
		}
		if strings.ContainsAny(rest[:end], `="`) {
			return true
		}
		text = rest[end:]
	}
	return false
}
