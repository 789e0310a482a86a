package parser

import "bytes"

// isStamp says whether b starts with the kernel's time stamp, "[    1.122452] ":
// seconds since boot, padded with spaces to five places, and microseconds.
// Shorter fractions are taken too: people shorten them in what they paste.
func isStamp(b []byte) bool {
	if len(b) < len("[0.1]") || b[0] != '[' {
		return false
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
		return false
	}
	i++
	fraction := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	return i > fraction && i-fraction <= 9 && i < len(b) && b[i] == ']'
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

// AppendPlain appends console text to dst without terminal codes: ESC [ … and
// the same with the one-character CSI, ESC ] … with its end, and the shorter
// ESC sequences (ECMA-48, sections 5.3 to 5.6). Everything else stays, other
// control characters too.
func AppendPlain(dst, text []byte) []byte {
	esc, csi := -1, -1 // where the next of each is
	for pos := 0; ; {
		if esc < pos {
			// Often one code comes after the other.
			if esc = pos; pos < len(text) && text[pos] != escape[0] {
				esc = indexFrom(text, pos, escape)
			}
		}
		if csi < pos {
			csi = indexFrom(text, pos, csiSign)
		}
		i := min(esc, csi)
		dst = append(dst, text[pos:i]...)
		if i == len(text) {
			return dst
		}
		pos = i + codeLen(text[i:])
	}
}

var (
	escape  = []byte{0x1b}
	csiSign = []byte("\u009b")
)

// indexFrom is the index of the first sep in b from i on, or len(b).
func indexFrom(b []byte, i int, sep []byte) int {
	if at := bytes.Index(b[i:], sep); at >= 0 {
		return i + at
	}
	return len(b)
}

// codeLen is the length of the terminal code at the start of b, 1 at least. A
// code without an end takes nothing but its introducer with it.
func codeLen(b []byte) int {
	if len(b) < 2 {
		return 1
	}
	if b[0] != 0x1b { // U+009B, two bytes
		return 2 + csiLen(b[2:])
	}
	switch c := b[1]; {
	case c == '[':
		return 2 + csiLen(b[2:])
	case c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_':
		return 2 + stringLen(b[2:])
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
		return 2
	}
	return 1
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

// stringLen is the length of a control string with its terminator (BEL or
// ESC \), 0 when it has none. The longest looked at is 1 KiB, which keeps many
// starts without an end linear.
func stringLen(b []byte) int {
	b = b[:min(len(b), 1<<10)]
	for i, c := range b {
		switch c {
		case '\a':
			return i + 1
		case 0x1b:
			if i+1 < len(b) && b[i+1] == '\\' {
				return i + 2
			}
			return 0
		}
	}
	return 0
}
