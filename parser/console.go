package parser

import (
	"bytes"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

// isStamp reports whether b starts with the kernel's time stamp, see stampLen.
func isStamp(b []byte) bool { return stampLen(b) > 0 }

// stampLen is the length of the kernel's time stamp at the start of b, 0 for none:
// "[    1.122452]", seconds since boot, padded with spaces to five places, and
// microseconds. Shorter fractions are taken too: people shorten them in what they paste.
func stampLen(b []byte) int {
	if len(b) < len("[0.1]") || b[0] != '[' {
		return 0
	}
	i := 1
	for i < len(b) && b[i] == ' ' {
		i++
	}
	seconds := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	if i == seconds || i-seconds > 10 || i == len(b) || b[i] != '.' {
		return 0
	}
	i++
	fraction := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	if i == fraction || i-fraction > 9 || i == len(b) || b[i] != ']' {
		return 0
	}
	return i + 1
}

// stampIn is the index in word of the first '[' that starts a kernel stamp in
// text, or -1. The word is the start of text: a stamp holds blanks, so it does
// not end with the word.
func stampIn(word, text []byte) int {
	for at := 0; ; at++ {
		i := bytes.IndexByte(word[at:], '[')
		if i < 0 {
			return -1
		}
		at += i
		if isStamp(text[at:]) {
			return at
		}
	}
}

// appendPlain appends console text, which is valid UTF-8, to dst without terminal
// codes: control sequences, control strings with their ends, and all other ESC
// sequences (ECMA-48, sections 5.3 to 5.6), each in the form of ESC and of a C1 control
// character. Everything else stays, other control characters too. The result has no ESC
// and no C1.
func appendPlain(dst, text []byte) []byte {
	for pos := 0; ; {
		i := pos + indexCode(text[pos:])
		dst = append(dst, text[pos:i]...)
		if i == len(text) {
			return dst
		}
		pos = i + codeLen(text[i:])
	}
}

// hasCode reports whether there is a terminal code in b.
func hasCode(b []byte) bool {
	if scan.ASCIIStart(b) == len(b) { // nearly always
		return bytes.IndexByte(b, 0x1b) >= 0
	}
	return indexCode(b) < len(b)
}

// indexCode is the index of the first terminal code in b, or len(b). It looks no further
// than that, so it may be called for one code after the other.
func indexCode(b []byte) int {
	for i := 0; ; {
		i += indexEscOrC2(b[i:])
		if i == len(b) || b[i] == 0x1b || isC1(b[i:]) {
			return i
		}
		i++
	}
}

// indexEscOrC2 is the index of the first ESC, or first byte that C1 controls start with.
func indexEscOrC2(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		x := scan.Load(b, i)
		if m := scan.Equal(x, 0x1b) | scan.Equal(x, 0xc2); m != 0 {
			return i + scan.First(m)
		}
	}
	for ; i < len(b); i++ {
		if b[i] == 0x1b || b[i] == 0xc2 {
			break
		}
	}
	return i
}

// isC1 reports whether b starts with a C1 control character, U+0080 to U+009F.
func isC1(b []byte) bool {
	return len(b) > 1 && b[0] == 0xc2 && b[1] < 0xa0
}

// codeLen is the length of the terminal code at the start of b, 1 at least. A
// code without an end takes nothing but its introducer with it.
func codeLen(b []byte) int {
	if b[0] == 0xc2 { // a C1, which stands for ESC and a letter
		return 2 + codeBodyLen(b[1]-0x40, b[2:])
	}
	if len(b) < 2 {
		return 1
	}
	switch c := b[1]; {
	case c >= 0x20 && c < 0x30:
		i := 1
		for i < len(b) && b[i] >= 0x20 && b[i] < 0x30 {
			i++
		}
		if i < len(b) && b[i] >= 0x30 && b[i] < 0x7f {
			i++
		}
		return i
	case c >= 0x30 && c < 0x7f:
		return 2 + codeBodyLen(c, b[2:])
	}
	return 1
}

// codeBodyLen is how much of b belongs to the code that ESC and the letter c introduce.
func codeBodyLen(c byte, b []byte) int {
	switch c {
	case '[':
		return csiLen(b)
	case ']', 'P', 'X', '^', '_':
		return stringLen(b)
	}
	return 0
}

// csiLen is the length of the parameters and the final byte of a CSI sequence.
func csiLen(b []byte) int {
	i := 0
	for i < len(b) && b[i] >= 0x20 && b[i] < 0x40 {
		i++
	}
	if i < len(b) && b[i] >= 0x40 && b[i] < 0x7f {
		return i + 1
	}
	if i == len(b) {
		return i // cut in the middle
	}
	return 0
}

// stringLen is the length of a control string with its terminator (BEL, ESC \ or
// U+009C), 0 when it has none. The longest looked at is 1 KiB, which keeps many
// starts without an end linear.
func stringLen(b []byte) int {
	b = b[:min(len(b), 1<<10)]
	for i, c := range b {
		switch {
		case c == '\a':
			return i + 1
		case c == 0x1b:
			if i+1 < len(b) && b[i+1] == '\\' {
				return i + 2
			}
			return 0
		case c == 0xc2 && isC1(b[i:]):
			if b[i+1] == 0x9c {
				return i + 2
			}
			return 0
		}
	}
	return 0
}

// skipUnseen is the index of the first byte of b that a terminal shows: behind
// terminal codes, CR, LF and NUL.
func skipUnseen(b []byte) int {
	for i := 0; ; {
		switch {
		case i == len(b):
			return i
		case b[i] == '\r' || b[i] == '\n' || b[i] == 0:
			i++
		case b[i] == 0x1b || isC1(b[i:]):
			i += codeLen(b[i:])
		default:
			return i
		}
	}
}

// trimUnseen is b without what skipUnseen skips at its end.
func trimUnseen(b []byte) []byte {
	end := len(b)
	if hasCode(b) {
		for i := indexCode(b); i < len(b); {
			next := i + skipUnseen(b[i:])
			if next == len(b) {
				end = i
				break
			}
			i = next + indexCode(b[next:])
		}
	}
	for end > 0 && (b[end-1] == '\r' || b[end-1] == '\n' || b[end-1] == 0) {
		end--
	}
	return b[:end]
}

// indexTime is the index of the first "time=" in b that starts a word, or -1. Behind a
// blank, a control character or a terminal code a word starts, and at the start of b.
func indexTime(b []byte) int {
	if !bytes.Contains(b, timeStart) {
		return -1
	}
	start := true
	for i := 0; i < len(b); {
		switch {
		case b[i] <= ' ':
			start = true
			i++
			continue
		case b[i] == 0x1b || isC1(b[i:]):
			start = true
			i += codeLen(b[i:])
			continue
		case start && bytes.HasPrefix(b[i:], timeStart):
			return i
		}
		start = false
		i++
	}
	return -1
}

var timeStart = []byte("time=")
