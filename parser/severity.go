package parser

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// severityWords are the words of console text that name a severity, by the first
// letter in lower case. The list is that of the contract: what kernels, systemd, Go's
// and Rust's run-time systems and common programs print.
var severityWords = func() (table [128][]severityWord) {
	for _, w := range []severityWord{
		{"kernel panic", anyCase, rankCritical},
		{"panicked at", anyCase, rankCritical},
		{"BUG:", asSpelled, rankCritical},
		{"Oops", asSpelled, rankCritical},
		{"panic: ", asSpelled, rankCritical},
		{"CRIT", asSpelled, rankCritical},
		{"FATA", asSpelled, rankCritical}, // and FATAL
		{"out of memory", anyCase, rankError},
		{"oom-kill", anyCase, rankError},
		{"segfault", anyCase, rankError},
		{"ERRO", asSpelled, rankError}, // and ERROR
		{"[FAILED]", asSpelled, rankError},
		{"WARN", asSpelled, rankWarning}, // and WARNING
		{"fail", anyCase, rankWarning},
		{"failed", anyCase, rankWarning},
		{"failure", anyCase, rankWarning},
		{"error", anyCase, rankWarning},
		{"cannot", anyCase, rankWarning},
		{"unable", anyCase, rankWarning},
		{"denied", anyCase, rankWarning},
		{"timed out", anyCase, rankWarning},
	} {
		first := w.text[0]
		if 'A' <= first && first <= 'Z' {
			first |= 0x20
		}
		table[first] = append(table[first], w)
	}
	return table
}()

type severityWord struct {
	text string
	form wordForm
	rank int
}

// wordForm is how a severity's word stands in the text. All start where a word does.
type wordForm uint8

const (
	anyCase   wordForm = iota // a whole word, in capitals or small letters
	asSpelled                 // the start of a word, in just these letters
)

// detectSeverity returns the rank of the highest severity, warning or worse, that
// console text names, or -1. The text has no terminal codes.
func detectSeverity(text []byte) int {
	found := -1
	for i := 0; i < len(text); {
		// A word, or a character that belongs to none, starts here.
		class := byteClasses[text[i]]
		if class&startsSeverity != 0 {
			first := text[i]
			if 'A' <= first && first <= 'Z' {
				first |= 0x20
			}
			for w := range severityWords[first] {
				if word := &severityWords[first][w]; word.rank > found && word.startsAt(text, i) {
					if found = word.rank; found == rankCritical {
						return found
					}
				}
			}
		}
		switch {
		case class&inWord != 0:
			for i++; i < len(text) && byteClasses[text[i]]&inWord != 0; i++ {
			}
			for size := wordSize(text, i); size > 0; size = wordSize(text, i) {
				i += size
			}
		case text[i] < utf8.RuneSelf:
			i++
		default:
			size := wordSize(text, i)
			if size == 0 {
				_, size = utf8.DecodeRune(text[i:])
				i += size
				continue
			}
			for ; size > 0; size = wordSize(text, i) {
				i += size
			}
		}
	}
	return found
}

// startsAt reports whether the word stands in text at i, where a word starts.
func (w *severityWord) startsAt(text []byte, i int) bool {
	if len(text)-i < len(w.text) {
		return false
	}
	part := text[i : i+len(w.text)]
	if w.form == asSpelled {
		return string(part) == w.text
	}
	end := i + len(w.text)
	return bytes.EqualFold(part, []byte(w.text)) && wordSize(text, end) == 0
}

// wordSize is the size of the character of text at i if it is one of a word: a letter, a
// digit or '_'; else 0.
func wordSize(text []byte, i int) int {
	switch {
	case i >= len(text):
		return 0
	case text[i] < utf8.RuneSelf:
		return int(byteClasses[text[i]] & inWord)
	}
	r, size := utf8.DecodeRune(text[i:])
	if unicode.IsLetter(r) || unicode.IsDigit(r) {
		return size
	}
	return 0
}

const (
	inWord         = 1 // an ASCII character of a word
	startsSeverity = 2 // the first letter of one of severityWords, in any case
)

// byteClasses has the classes of each byte.
var byteClasses = func() (table [256]uint8) {
	for c := range utf8.RuneSelf {
		if r := rune(c); unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' {
			table[c] |= inWord
		}
		if len(severityWords[unicode.ToLower(rune(c))]) > 0 {
			table[c] |= startsSeverity
		}
	}
	return table
}()
