package parser

import (
	"time"

	"github.com/kata-logs/fluent-bit-kata/parser/internal/scan"
)

// Time is the time that a message names.
type Time struct {
	Sec  int64  // since 1970-01-01T00:00:00Z, negative before
	Nsec uint32 // 0 to 999,999,999
	// Whole says that the text had no fraction, so the time is known to the
	// second only.
	Whole bool
}

// Time returns t as a time.Time in UTC.
func (t Time) Time() time.Time { return time.Unix(t.Sec, int64(t.Nsec)).UTC() }

// maxSec is the last second that an event's time can have: the two values above
// it mark groups of events in Fluent Bit, and hide what follows in a chunk.
const maxSec = 0xfffffffd

// parseTime reads the times that Kata and its neighbours write: RFC 3339 with no
// fraction or any number of digits (what is beyond nanoseconds is cut off), with
// "Z" or an offset, and with a space for the "T" (CRI-O up to 1.30). It accepts
// exactly what time.Parse accepts of that, and no "24:00:00" or leap second.
func parseTime(b []byte) (t Time, ok bool) {
	var c clock
	return c.parse(b)
}

// clock reads times, most of which are of the same minute as the one before. The zero
// clock knows the first minute of 1970, so that no text but a minute's own finds one.
type clock struct {
	minute [2]uint64 // the minute of the last time as it was written, xor epochMinute
	start  int64     // when it starts
}

// epochMinute is "1970-01-01T00:00", the first byte lowest.
var epochMinute = [2]uint64{scan.Load([]byte("1970-01-"), 0), scan.Load([]byte("01T00:00"), 0)}

// parse is parseTime.
func (c *clock) parse(b []byte) (t Time, ok bool) {
	// 2006-01-02T15:04:05Z
	// 01234567890123456789
	if len(b) < 20 || b[16] != ':' {
		return t, false
	}
	x, y := scan.Load(b, 0), scan.Load(b, 8)
	if minute := [2]uint64{x ^ epochMinute[0], y ^ epochMinute[1]}; minute != c.minute {
		start, ok := minuteStart(x, y)
		if !ok {
			return t, false
		}
		c.minute, c.start = minute, start
	}
	seconds := two(b, 17)
	if seconds > 59 {
		return t, false
	}

	i := 19
	t.Whole = true
	if b[i] == '.' || b[i] == ',' {
		i++
		start, scale := i, uint32(1_000_000_000)
		if len(b) >= i+8 {
			x := scan.Load(b, i) ^ scan.Ones*'0'
			n := scan.First((x | (x + scan.Ones*(0x7f-9))) & scan.Highs)
			scale = powers[n&15]
			t.Nsec = uint32(eightDigits(x<<(64-8*uint(n)))) * scale
			i += n
		}
		for ; i < len(b) && isDigit(b[i]); i++ {
			scale /= 10
			t.Nsec += uint32(b[i]-'0') * scale
		}
		if i == start {
			return t, false
		}
		t.Whole = false
	}

	offset, ok := zone(b[i:])
	t.Sec = c.start + int64(seconds) - offset
	return t, ok
}

// minuteStart is when the minute "2006-01-02T15:04" starts in UTC, given as two
// times eight bytes, the first one lowest.
func minuteStart(x, y uint64) (sec int64, ok bool) {
	if c := byte(y >> 16); c != 'T' && c != ' ' {
		return 0, false
	}
	// Without the form "0000-00-00T00:00" digits are 0 to 9 and all else is 0.
	x ^= 0x2d30302d30303030
	y = (y ^ 0x30303a3030543030) &^ (0xff << 16)
	if (x|(x+0x7f76767f76767676)|y|(y+0x76767f76767f7676))&scan.Highs != 0 {
		return 0, false
	}
	x, y = 10*x+x>>8, 10*y+y>>8 // each byte with the next one: two digits
	year := 100*uint32(x&0xff) + uint32(x>>16&0xff)
	month, day := uint32(x>>40&0xff), uint32(y&0xff)
	hours, minutes := uint32(y>>24&0xff), uint32(y>>48&0xff)
	if month-1 > 11 || hours > 23 || minutes > 59 || day-1 > 27 && day-1 >= daysIn(month, year) {
		return 0, false
	}
	return days(year, month, day)*86400 + int64(hours*3600+minutes*60), true
}

// powers are the units in nanoseconds of the last of n digits of a fraction.
var powers = [16]uint32{1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 100, 10}

// zone reads "Z", "+08:00" or "-03:30", the whole of b; the offset is in seconds.
func zone(b []byte) (offset int64, ok bool) {
	if len(b) == 1 && b[0] == 'Z' {
		return 0, true
	}
	if len(b) != 6 || b[3] != ':' || (b[0] != '+' && b[0] != '-') {
		return 0, false
	}
	hour, minute := two(b, 1), two(b, 4)
	if (hour|minute)&bad != 0 || hour > 24 || minute > 60 {
		return 0, false
	}
	offset = int64(hour*3600 + minute*60)
	if b[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// bad is a bit that no number of two digits has.
const bad = 1 << 31

// two is the number that the two digits at b[i:] form, or bad.
func two(b []byte, i int) uint32 {
	d, e := uint32(b[i])-'0', uint32(b[i+1])-'0'
	if d > 9 || e > 9 {
		return bad
	}
	return d*10 + e
}

func daysIn(month, year uint32) uint32 {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// days is the number of days from 1970-01-01 to the given day of the Gregorian
// calendar, counted from March so that the leap day comes last.
func days(year, month, day uint32) int64 {
	y, m := int64(year), int64(month)
	if m < 3 {
		y--
		m += 12
	}
	return 365*y + floorDiv(y, 4) - floorDiv(y, 100) + floorDiv(y, 400) + (153*(m-3)+2)/5 + int64(day) - 719469
}

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return (a - b + 1) / b
	}
	return a / b
}

// isRFC3339 reports whether b is a time in RFC 3339, with the letter T.
func isRFC3339(b []byte) bool {
	_, ok := parseTime(b)
	return ok && b[10] == 'T'
}

// parseMicros reads a whole number of microseconds since 1970, the form of
// journald's _SOURCE_REALTIME_TIMESTAMP (systemd.journal-fields(7)).
func parseMicros(b []byte) (t Time, ok bool) {
	n, ok := parseInt(b)
	if !ok || n < 0 {
		return t, false
	}
	return Time{Sec: n / 1e6, Nsec: uint32(n%1e6) * 1000}, true
}

// inRange reports whether an event can have the time t.
func (t Time) inRange() bool { return t.Sec >= 0 && t.Sec <= maxSec }
