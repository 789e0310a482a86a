package parser

import (
	"encoding/binary"
	"unicode"
	"unicode/utf8"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

// Levels are the words that a level folds to, lightest first.
var Levels = [...]string{"trace", "debug", "info", "warning", "error", "critical", "fatal", "panic"}

// Ranks of the levels that console text can name.
const (
	rankWarning  = 3
	rankError    = 4
	rankCritical = 5
)

// LevelRank is the index of a folded level in Levels, -1 for any other text.
func LevelRank(level []byte) int {
	if uint(len(level)-1) >= 8 {
		return -1
	}
	if cap(level) >= 8 {
		return rankOf(scan.Load(level[:8], 0), len(level))
	}
	var word [8]byte
	copy(word[:], level)
	return rankOf(scan.Load(word[:], 0), len(level))
}

// rankOf is LevelRank for the first size bytes of x, from the lowest on. size is 1
// to 8.
func rankOf(x uint64, size int) int {
	l := &levelRanks[x&31]
	if l.size != size || (x^l.word)<<((64-8*uint(size))&63) != 0 {
		return -1
	}
	return l.rank
}

// levelRanks are Levels by the low bits of the first letter, which differ.
var levelRanks = func() (t [32]struct {
	word       uint64
	size, rank int
}) {
	for rank, level := range Levels {
		l := &t[level[0]&31]
		l.size, l.rank = len(level), rank
		for i, c := range []byte(level) {
			l.word |= uint64(c) << (8 * i)
		}
	}
	return t
}()

// The words in use: logrus, slog's six short ones, logrus on a terminal
// (four letters). Sources: logrus logrus.go (Level.MarshalText) and
// text_formatter.go, slog lib.rs (LOG_LEVEL_SHORT_NAMES).
var levelWords = map[string]int{
	"trace": 0, "trce": 0, "trac": 0,
	"debug": 1, "debg": 1, "debu": 1,
	"info":    2,
	"warning": 3, "warn": 3,
	"error": 4, "erro": 4,
	"critical": 5, "crit": 5,
	"fatal": 6, "fata": 6,
	"panic": 7, "pani": 7,
}

// foldLevel returns the word of Levels that text stands for, in any case, and
// its rank. Any other text is put in lower case into buf, rank -1.
func foldLevel(buf, text []byte) (level, rest []byte, rank int) {
	if rank := LevelRank(text); rank >= 0 {
		return text, buf, rank // what logrus writes needs no folding
	}
	if len(text) == 4 {
		// slog's words: no table, no copy.
		rank := -1
		switch binary.LittleEndian.Uint32(text) | 0x20202020 {
		case 'i' | 'n'<<8 | 'f'<<16 | 'o'<<24:
			rank = 2
		case 'd' | 'e'<<8 | 'b'<<16 | 'g'<<24:
			rank = 1
		case 'w' | 'a'<<8 | 'r'<<16 | 'n'<<24:
			rank = 3
		case 'e' | 'r'<<8 | 'r'<<16 | 'o'<<24:
			rank = 4
		}
		if rank >= 0 {
			return levelBytes[rank], buf, rank
		}
	}
	start := len(buf)
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			buf = append(buf, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		buf = utf8.AppendRune(buf, unicode.ToLower(r))
		i += size
	}
	lower := buf[start:len(buf):len(buf)]
	if rank, ok := levelWords[string(lower)]; ok {
		return levelBytes[rank], buf[:start], rank
	}
	return lower, buf, -1
}

// levelBytes are Levels as the byte slices that fields hold; never written to.
var levelBytes = func() (b [len(Levels)][]byte) {
	for i, l := range Levels {
		b[i] = constant(l)
	}
	return b
}()

// priorityLevel is the level that the Rust runtime means by a journal priority
// (slog-journald: critical 2, error 3, warning 4, info 5, debug 6, trace 7), -1
// for any other.
func priorityLevel(priority []byte) int {
	if len(priority) != 1 || priority[0] < '2' || priority[0] > '7' {
		return -1
	}
	return [...]int{5, 4, 3, 2, 1, 0}[priority[0]-'2']
}
