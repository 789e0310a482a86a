package lines

import (
	"bytes"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// prefix is what a line says before its message.
type prefix struct {
	sec, nsec             uint32
	timed                 bool
	host, identifier, pid []byte
	message               []byte
	indent                int // of the message; 0 without a prefix
}

// prefix reads what journalctl -o short, short-full, short-iso, short-precise, short-iso-precise,
// short-monotonic, short-delta, short-unix and with-unit write before a message, with or without
// the host, and what syslog daemons write to files.
func (r *Reader) prefix(line []byte) (p prefix, ok bool) {
	rest := line
	switch c := line[0]; {
	case c == '[':
		end := bytes.IndexByte(line, ']')
		if end < 0 || end > 64 || !isMonotonic(line[1:end]) {
			return p, false
		}
		rest = line[end+1:]
	case '0' <= c && c <= '9':
		word := rest
		if i := bytes.IndexByte(rest, ' '); i >= 0 {
			word = rest[:i]
		}
		if p.sec, p.nsec, ok = r.clock.iso(word, r.o.Zone); !ok {
			if p.sec, p.nsec, ok = unixTime(word); !ok {
				return p, false
			}
		}
		p.timed = true
		rest = rest[len(word):]
	default:
		n := 0
		if p.sec, p.nsec, n = r.clock.short(line, r.o.Zone, r.o.Newest); n == 0 {
			if p.sec, p.nsec, n = r.clock.full(line, r.o.Zone); n == 0 {
				return p, false
			}
		}
		p.timed = true
		rest = rest[n:]
	}
	if len(rest) == 0 || rest[0] != ' ' {
		return p, false
	}
	if !p.who(rest[1:], line[0] == '[') {
		return p, false
	}
	p.indent = len(line) - len(p.message)
	return p, true
}

// who reads "host identifier[pid]: message" or the same without the host. strict wants a host and
// the number of a process, as there are in nearly all lines: a kernel's line has a time in
// brackets, too.
func (p *prefix) who(text []byte, strict bool) bool {
	for range 2 {
		i := bytes.IndexAny(text, " :[")
		if i <= 0 {
			return false
		}
		word := text[:i]
		switch text[i] {
		case '[':
			end := i + bytes.IndexByte(text[i:], ']') // a ] before the [ is a part of the identifier
			if end < i || strict && p.host == nil || !isNumber(text[i+1:end]) || len(text) < end+2 || text[end+1] != ':' {
				return false
			}
			p.identifier, p.pid = word, text[i+1:end]
			p.message = bytes.TrimPrefix(text[end+2:], []byte(" "))
			return true
		case ':':
			if i+1 < len(text) && text[i+1] != ' ' { // such as of a host that is an IPv6 address
				if j := bytes.IndexByte(text, ' '); j > 0 && p.host == nil {
					p.host, text = text[:j], text[j+1:]
					continue
				}
				return false
			}
			if strict && string(word) != "kernel" {
				return false
			}
			p.identifier = word
			p.message = bytes.TrimPrefix(text[i+1:], []byte(" "))
			return true
		}
		if p.host != nil {
			return false
		}
		p.host, text = word, text[i+1:]
	}
	return false
}

func isNumber(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0 && len(text) <= 10
}

// isMonotonic reports whether text is a time since the start, with the time since the line
// before, or not: "   12.345678" or "   12.345678 <    0.000001 >".
func isMonotonic(text []byte) bool {
	dots := 0
	for _, c := range text {
		switch {
		case c == '.':
			dots++
		case '0' <= c && c <= '9' || c == ' ' || c == '<' || c == '>':
		default:
			return false
		}
	}
	return dots == 1 || dots == 2
}

// unixTime reads seconds since 1970 with six decimals.
func unixTime(word []byte) (sec, nsec uint32, ok bool) {
	whole, fraction, found := bytes.Cut(word, []byte("."))
	if !found || len(whole) < 9 || len(whole) > 10 || len(fraction) == 0 || len(fraction) > 9 {
		return 0, 0, false
	}
	n, ok := digits(whole)
	f, ok2 := digits(fraction)
	if !ok || !ok2 || n >= event.GroupEnd {
		return 0, 0, false
	}
	for range 9 - len(fraction) {
		f *= 10
	}
	return uint32(n), uint32(f), true
}

func digits(text []byte) (n uint64, ok bool) {
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + uint64(c-'0')
	}
	return n, len(text) > 0 && len(text) < 19
}

// clock reads times, and keeps the last minute of each form, since most lines are of the same one.
type clock struct {
	isoMinute   [16]byte
	isoZone     [6]byte
	isoStart    int64
	shortMinute [12]byte // "Jan 02 15:04"
	shortStart  int64
	known       [2]bool
}

// iso reads the times of short-iso and short-iso-precise, those of syslog files and of Fluent
// Bit: RFC 3339, also with a comma, a space, an offset without a colon, or none.
func (c *clock) iso(word []byte, zone *time.Location) (sec, nsec uint32, ok bool) {
	if len(word) < 19 || word[4] != '-' || word[7] != '-' || word[13] != ':' || word[16] != ':' || word[10] != 'T' && word[10] != ' ' {
		return 0, 0, false
	}
	i := 19
	if i < len(word) && (word[i] == '.' || word[i] == ',') {
		i++
		scale := uint32(100_000_000)
		for ; i < len(word) && '0' <= word[i] && word[i] <= '9'; i++ {
			nsec += uint32(word[i]-'0') * scale
			scale /= 10
		}
	}
	var suffix [6]byte
	if n := copy(suffix[:], word[i:]); n < len(word)-i {
		return 0, 0, false
	}
	seconds, ok := digits(word[17:19])
	if !ok || seconds > 60 {
		return 0, 0, false
	}
	if !c.known[0] || c.isoMinute != [16]byte(word) || c.isoZone != suffix {
		layout := "2006-01-02T15:04"
		text := append([]byte(nil), word[:16]...)
		text[10] = 'T'
		switch offset := word[i:]; {
		case len(offset) == 0:
		case len(offset) == 5:
			layout += "-0700"
		default:
			layout += "Z07:00"
		}
		t, err := time.ParseInLocation(layout, string(append(text, word[i:]...)), zone)
		if err != nil {
			return 0, 0, false
		}
		c.isoMinute, c.isoZone, c.isoStart, c.known[0] = [16]byte(word), suffix, t.Unix(), true
	}
	return inRange(c.isoStart+int64(seconds), nsec)
}

func inRange(sec int64, nsec uint32) (uint32, uint32, bool) {
	if sec < 0 || sec >= event.GroupEnd {
		return 0, 0, false
	}
	return uint32(sec), nsec, true
}

// short reads "Jan 02 15:04:05", also with a fraction, and returns its length, 0 if there is none.
func (c *clock) short(line []byte, zone *time.Location, newest time.Time) (sec, nsec uint32, n int) {
	if len(line) < 15 || line[3] != ' ' || line[6] != ' ' || line[9] != ':' || line[12] != ':' {
		return 0, 0, 0
	}
	seconds, ok := digits(line[13:15])
	if !ok || seconds > 60 {
		return 0, 0, 0
	}
	if !c.known[1] || c.shortMinute != [12]byte(line) {
		t, err := time.ParseInLocation("Jan _2 15:04", string(line[:12]), zone)
		if err != nil {
			return 0, 0, 0
		}
		c.shortMinute, c.shortStart, c.known[1] = [12]byte(line), yearOf(t, newest).Unix(), true
	}
	n = 15
	if n < len(line) && line[n] == '.' {
		scale := uint32(100_000_000)
		for n++; n < len(line) && '0' <= line[n] && line[n] <= '9'; n++ {
			nsec += uint32(line[n]-'0') * scale
			scale /= 10
		}
	}
	if sec, nsec, ok = inRange(c.shortStart+int64(seconds), nsec); !ok {
		return 0, 0, 0
	}
	return sec, nsec, n
}

// yearOf returns t, which has the year 0, in the last year in which it is not later than newest
// by more than a day.
func yearOf(t, newest time.Time) time.Time {
	year := newest.Year()
	for ; ; year-- {
		in := time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
		if !in.After(newest.Add(24*time.Hour)) && in.Day() == t.Day() || newest.Year()-year > 4 {
			return in
		}
	}
}

// full reads "Mon 2006-01-02 15:04:05 UTC", of short-full and with-unit.
func (c *clock) full(line []byte, zone *time.Location) (sec, nsec uint32, n int) {
	if len(line) < 25 || line[3] != ' ' || line[8] != '-' || line[14] != ' ' {
		return 0, 0, 0
	}
	end := 4 + 19
	for end < len(line) && line[end] != ' ' { // a fraction
		end++
	}
	if end == len(line) {
		return 0, 0, 0
	}
	name := line[end+1:]
	i := bytes.IndexByte(name, ' ')
	if i <= 0 {
		return 0, 0, 0
	}
	name = name[:i]
	if string(name) == "UTC" {
		zone = time.UTC
	} else if !isZone(name) {
		return 0, 0, 0
	}
	sec, nsec, ok := c.iso(line[4:end], zone)
	c.known[0] = false // it does not have the zone
	if !ok {
		return 0, 0, 0
	}
	return sec, nsec, end + 1 + i
}

// isZone reports whether a word may be the abbreviation of a time zone.
func isZone(word []byte) bool {
	for _, c := range word {
		if (c < 'A' || c > 'Z') && c != '+' && c != '-' && (c < '0' || c > '9') {
			return false
		}
	}
	return len(word) <= 6
}

// klog reads the time of a line of Kubernetes' programs: I0506 07:08:09.123456    1234 kubelet.go:123].
func (r *Reader) klog(line []byte) (sec, nsec uint32, ok bool) {
	if !IsKlog(line) {
		return 0, 0, false
	}
	t, err := time.ParseInLocation("0102 15:04:05.000000", string(line[1:21]), r.o.Zone)
	if err != nil {
		return 0, 0, false
	}
	t = yearOf(t, r.o.Newest)
	return inRange(t.Unix(), uint32(t.Nanosecond()))
}

// IsKlog reports whether a message starts as those of Kubernetes' programs do. The first letter
// is the level then: I, W, E or F.
func IsKlog(line []byte) bool {
	if len(line) < 23 || line[5] != ' ' || line[8] != ':' || line[11] != ':' || line[14] != '.' || line[21] != ' ' {
		return false
	}
	switch line[0] {
	case 'I', 'W', 'E', 'F':
		return isNumber(line[1:5]) && isNumber(line[6:8])
	}
	return false
}

// appendShort appends the record of a line with a prefix.
func (r *Reader) appendShort(b []byte, p *prefix, message []byte, flags record.Flags) []byte {
	n := 2
	if p.host != nil {
		n++
	}
	if p.pid != nil {
		n++
	}
	if !p.timed {
		flags |= record.NoTime
	}
	b = record.AppendHeader(b, p.sec, p.nsec, record.Position{File: r.o.File, Line: r.line, Flags: flags | record.Plain}, n)
	if p.host != nil {
		b = appendPair(b, "_HOSTNAME", p.host)
	}
	b = appendPair(b, "SYSLOG_IDENTIFIER", p.identifier)
	if p.pid != nil {
		b = appendPair(b, "SYSLOG_PID", p.pid)
	}
	return appendPair(b, "MESSAGE", message)
}
