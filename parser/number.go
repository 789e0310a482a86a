package parser

import (
	"math"
	"strconv"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

// parseInt reads a whole number in decimal that fits 64 bits with a sign. There
// is no "+", no point and no exponent: Kata's counters have none, and text that
// has them is no counter.
func parseInt(b []byte) (int64, bool) {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	var n uint64
	if len(digits) <= 8 && cap(digits) >= 8 {
		// All at once: numbers are of any length, and a loop's end is a guess.
		var ok bool
		if n, ok = shortInt(scan.Load(digits[:8], 0), len(digits)); !ok {
			return 0, false
		}
	} else {
		for _, c := range digits {
			if !isDigit(c) {
				return 0, false
			}
			n = n*10 + uint64(c-'0')
		}
	}
	if len(digits) < len(b) {
		return -int64(n), n <= -math.MinInt64
	}
	return int64(n), n <= math.MaxInt64
}

// shortInt is the number that the first size bytes of x make, from the lowest on, if
// they are digits. size is 1 to 8.
func shortInt(x uint64, size int) (n uint64, ok bool) {
	shift := 64 - 8*uint(size)
	x = (x ^ 0x3030303030303030) << (shift & 63)
	if (x|(x+0x7676767676767676))&scan.Highs != 0 {
		return 0, false
	}
	return eightDigits(x), true
}

// eightDigits is the number that eight bytes of 0 to 9 form, the first one lowest.
func eightDigits(x uint64) uint64 {
	x = (10*x + x>>8) & 0x00ff00ff00ff00ff
	x = (100*x + x>>16) & 0x0000ffff0000ffff
	return (10000*x + x>>32) & 0xffffffff
}

// parseFloat reads a finite number in decimal: what Go's and Rust's formatters
// write, and JSON's numbers.
func parseFloat(b []byte) (float64, bool) {
	if len(b) == 0 || len(b) > 64 {
		return 0, false
	}
	for _, c := range b {
		if !isDigit(c) && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(string(b), 64)
	return f, err == nil && !math.IsInf(f, 0)
}

// parseBool reads the two words that Go and Rust write.
func parseBool(b []byte) (v, ok bool) {
	switch string(b) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}
