package transform

import (
	"bytes"
	"strings"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// Journal fields that say something about the message. With Lowercase On the
// systemd input gives them in small letters, with Strip_Underscores On without
// the underscore at the start.
const (
	identifierName = "SYSLOG_IDENTIFIER"
	lineBreakName  = "_LINE_BREAK"
	streamName     = "_STREAM_ID"
	transportName  = "_TRANSPORT"
	commandName    = "_CMDLINE"
	programName    = "_COMM"
	userName       = "_UID"
	realtimeName   = "_SOURCE_REALTIME_TIMESTAMP"
	priorityName   = "PRIORITY"
	nameName       = "NAME"
	messageName    = "MESSAGE"
	pidName        = "PID"
)

// lineMax is the value of _LINE_BREAK in an entry that the next one of its stream goes
// on (systemd.journal-fields(7)).
const lineMax = "line-max"

// specialNames are the names that look has an eye on, beside those of key_name.
var specialNames = [...]string{
	identifierName, nameName, commandName, programName, userName,
	lineBreakName, lineBreakName[1:], streamName, streamName[1:], transportName, transportName[1:],
}

// found is where a record has what is looked for: indexes of the wanted pairs, -1
// for none. It follows from the keys alone.
type found struct {
	layout     uint64 // of the records for that it is so; see event.Event
	message    int
	rank       int // the message's place in key_name
	identifier int
	name       int  // NAME
	lineBreak  int  // _LINE_BREAK
	stream     int  // _STREAM_ID
	command    int  // _CMDLINE
	program    int  // _COMM
	user       int  // _UID
	lower      bool // the systemd input put the keys in small letters
	ours       bool // a key starts with the prefix
}

// look finds what is of interest in the event, which the walk has chosen.
func (w *worker) look() *found {
	if w.ev.Layout == 0 {
		w.lookAt(&w.found)
		return &w.found
	}
	own := &w.known[w.ev.Layout%event.Layouts]
	if own.layout != w.ev.Layout {
		w.lookAt(own)
	}
	return own
}

func (w *worker) lookAt(own *found) {
	*own = found{
		layout: w.ev.Layout, message: -1, rank: len(w.KeyName), identifier: -1, name: -1,
		lineBreak: -1, stream: -1, command: -1, program: -1, user: -1,
	}
	// Fields of journald's own whose underscore the systemd input took, and whether it
	// did: every entry has a transport. Those that are trusted are not among them, since
	// any process may write a field of such a name.
	bareLineBreak, bareStream, bareTransport, transport := -1, -1, false, false
	lower := make([]int, 0, 8)
	for i := range w.ev.Pairs {
		p := &w.ev.Pairs[i]
		if p.KeyKind != event.Str {
			continue
		}
		key := w.chunk[p.Key:p.Value]
		for rank, name := range w.KeyName[:own.rank] {
			if string(key) == name {
				own.message, own.rank = i, rank
				break
			}
		}
		switch string(key) {
		case identifierName:
			own.identifier, own.lower = i, false
		case "syslog_identifier":
			if own.identifier < 0 {
				own.identifier, own.lower = i, true
			}
		case nameName:
			own.name = i
		case lineBreakName:
			own.lineBreak = i
		case lineBreakName[1:], "line_break":
			bareLineBreak = i
		case streamName:
			own.stream = i
		case streamName[1:], "stream_id":
			bareStream = i
		case transportName, "_transport":
			transport = true
		case transportName[1:], "transport":
			bareTransport = true
		case commandName:
			own.command = i
		case programName:
			own.program = i
		case userName:
			own.user = i
		case "name", "_line_break", "_stream_id", "_cmdline", "_comm", "_uid":
			lower = append(lower, i)
		}
		if len(w.prefix) > 0 && bytes.HasPrefix(key, w.prefix) {
			own.ours = true
		}
	}
	// With Lowercase On all names are in small letters. One that is so beside others is
	// not journald's: another filter put it there.
	for _, i := range lower {
		key := string(w.chunk[w.ev.Pairs[i].Key:w.ev.Pairs[i].Value])
		if place := own.place(key); *place < 0 && (own.lower || own.identifier < 0) {
			*place = i
		}
	}
	if bareTransport && !transport {
		own.lineBreak, own.stream = max(own.lineBreak, bareLineBreak), max(own.stream, bareStream)
	}
}

// place is where the index of a field is kept, by its name in small letters.
func (own *found) place(name string) *int {
	switch name {
	case "name":
		return &own.name
	case "_line_break":
		return &own.lineBreak
	case "_stream_id":
		return &own.stream
	case "_cmdline":
		return &own.command
	case "_comm":
		return &own.program
	}
	return &own.user
}

// isJournal reports whether key is a journal field's name, in capitals or, if lower, in
// small letters, with the underscore at its start or without.
func isJournal(key []byte, name string, lower bool) bool {
	if len(key) != len(name) {
		name = strings.TrimPrefix(name, "_")
	}
	if len(key) != len(name) {
		return false
	}
	if lower {
		return bytes.EqualFold(key, []byte(name)) && isLower(key)
	}
	return string(key) == name
}

func isLower(key []byte) bool {
	for _, c := range key {
		if 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// text is the text of a pair's value: its own, or the first of a list. nil when
// it has none.
func (w *worker) text(p *event.Pair) []byte {
	switch p.Kind {
	case event.Str:
		return w.chunk[p.Text:p.End]
	case event.Array:
		if text, ok := event.FirstText(w.chunk, int(p.Value)); ok {
			return text
		}
	}
	return nil
}

// wanted is the text of a wanted pair, nil for the index -1.
func (w *worker) wanted(i int) []byte {
	if i < 0 {
		return nil
	}
	return w.text(&w.ev.Pairs[i])
}

// role is what a pair is to a record of runtime-rs.
type role uint8

const (
	field role = iota // of the logger's or of the logging call
	pid               // such a field too
	priority
	realtime
)

// part is a pair of a record of runtime-rs that has a role.
type part struct {
	index int // among all pairs
	role  role
}

// parts are those of the records of one layout.
type parts struct {
	layout uint64
	list   []part
}

// readNative gathers the journal fields of a record of runtime-rs in w.native.
func (w *worker) readNative(lower bool) {
	n := &w.native
	*n = parser.Native{Fields: n.Fields[:0]}
	of := &w.parts[w.ev.Layout%event.Layouts]
	if w.ev.Layout == 0 || of.layout != w.ev.Layout {
		w.walk.All(&w.ev)
		w.assign(of, lower)
	}
	var own event.Pair
	for _, part := range of.list {
		p := &own
		if w.ev.Layout != 0 {
			w.walk.Pair(p, part.index)
		} else {
			p = &w.ev.Pairs[part.index]
		}
		var text []byte
		switch part.role {
		case priority:
			n.Priority = w.text(p)
		case realtime:
			n.Realtime = w.one(p)
		case pid:
			text = w.one(p)
		case field:
			text = w.text(p)
		}
		if text != nil {
			n.Fields = append(n.Fields, parser.NativeField{Name: w.chunk[p.Key:p.Value], Value: text})
		}
	}
}

// assign gives the event's pairs, which are all listed, their roles.
func (w *worker) assign(of *parts, lower bool) {
	of.layout, of.list = w.ev.Layout, of.list[:0]
	stripped := w.isStripped(lower)
	for i := range w.ev.Pairs {
		p := &w.ev.Pairs[i]
		key := w.chunk[p.Key:p.Value]
		r := field
		switch {
		case p.KeyKind != event.Str:
			continue
		case isJournal(key, priorityName, lower):
			r = priority
		case isJournal(key, realtimeName, lower):
			r = realtime
		case !isCallField(key, lower) || stripped && isTrusted(key):
			continue
		case isJournal(key, pidName, lower):
			r = pid
		}
		of.list = append(of.list, part{i, r})
	}
}

// isStripped says whether the systemd input took the underscore from the
// journal's own fields: every entry has a _TRANSPORT.
func (w *worker) isStripped(lower bool) bool {
	const name = transportName
	stripped := false
	for i := range w.ev.Pairs {
		p := &w.ev.Pairs[i]
		key := w.chunk[p.Key:p.Value]
		if len(key) != len(name) && len(key) != len(name)-1 || !isJournal(key, name, lower) {
			continue
		}
		if len(key) == len(name) {
			return false
		}
		stripped = true
	}
	return stripped
}

// one is the text of a value where two fields may have met in a list (PID and
// _PID with Strip_Underscores On): the text that is there twice, or the only one.
func (w *worker) one(p *event.Pair) []byte {
	if p.Kind != event.Array {
		return w.text(p)
	}
	var seen [8][]byte
	var twice []byte
	n := 0
	event.Texts(w.chunk, int(p.Value), func(text []byte) {
		for _, s := range seen[:min(n, len(seen))] {
			if twice == nil && bytes.Equal(s, text) {
				twice = text
			}
		}
		if n < len(seen) {
			seen[n] = text
		}
		n++
	})
	if n == 1 {
		return seen[0]
	}
	return twice
}

// isCallField says whether a journal field of a record of runtime-rs holds a key
// of the logger's or of the logging call. Other filters add names of another
// shape, which are left alone.
func isCallField(key []byte, lower bool) bool {
	for _, c := range key {
		switch {
		case c == '_' || '0' <= c && c <= '9':
		case 'A' <= c && c <= 'Z' && !lower:
		case 'a' <= c && c <= 'z' && lower:
		default:
			return false
		}
	}
	if len(key) == 0 || key[0] == '_' {
		return false
	}
	for _, prefix := range []string{"CODE_", "SYSLOG_", "OBJECT_"} {
		if len(key) >= len(prefix) && bytes.EqualFold(key[:len(prefix)], []byte(prefix)) {
			return false
		}
	}
	return !bytes.EqualFold(key, []byte(messageName)) && !bytes.EqualFold(key, []byte("MESSAGE_ID"))
}

// trusted are the fields that journald adds to an entry (systemd.journal-fields(7)),
// without their underscore. PID is not among them: a record of runtime-rs has
// one of its own.
var trusted = map[string]bool{}

func init() {
	for _, name := range strings.Fields(`
		UID GID COMM EXE CMDLINE CAP_EFFECTIVE AUDIT_SESSION AUDIT_LOGINUID SYSTEMD_CGROUP SYSTEMD_SLICE
		SYSTEMD_UNIT SYSTEMD_USER_UNIT SYSTEMD_USER_SLICE SYSTEMD_SESSION SYSTEMD_OWNER_UID SELINUX_CONTEXT
		SOURCE_REALTIME_TIMESTAMP SOURCE_BOOTTIME_TIMESTAMP SOURCE_MONOTONIC_TIMESTAMP BOOT_ID MACHINE_ID SYSTEMD_INVOCATION_ID HOSTNAME
		TRANSPORT STREAM_ID LINE_BREAK NAMESPACE RUNTIME_SCOPE KERNEL_DEVICE KERNEL_SUBSYSTEM UDEV_SYSNAME
		UDEV_DEVNODE UDEV_DEVLINK`) {
		trusted[name] = true
		trusted[strings.ToLower(name)] = true
	}
}

func isTrusted(key []byte) bool { return trusted[string(key)] }
