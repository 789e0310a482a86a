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
	realtimeName   = "_SOURCE_REALTIME_TIMESTAMP"
	priorityName   = "PRIORITY"
	programName    = "NAME"
	messageName    = "MESSAGE"
	pidName        = "PID"
)

// specialNames are the names that look has an eye on, beside those of key_name.
var specialNames = [...]string{identifierName, lineBreakName, lineBreakName[1:], programName}

// found is what look saw in the record.
type found struct {
	message    int    // index of the message's pair in the wanted ones, -1 for none
	at         uint32 // where its key starts
	rank       int    // the message's place in key_name
	identifier []byte
	cut        bool // journald cut the line
	kata       bool // NAME is kata-runtime
	lower      bool // the systemd input put the keys in small letters
	ours       bool // a key starts with the prefix
}

// look goes over the keys that may be of interest, which the walk has chosen.
func (w *worker) look() {
	w.own = found{message: -1, rank: len(w.KeyName)}
	for i := range w.ev.Pairs {
		p := &w.ev.Pairs[i]
		if p.KeyKind != event.Str {
			continue
		}
		key := w.chunk[p.Key:p.Value]
		w.lookAt(i, key)
		if key[0] == w.first && bytes.HasPrefix(key, w.prefix) {
			w.own.ours = true
		}
	}
}

func (w *worker) lookAt(i int, key []byte) {
	for rank, name := range w.KeyName[:w.own.rank] {
		if len(key) == len(name) && key[0] == name[0] && string(key) == name {
			w.own.message, w.own.rank, w.own.at = i, rank, w.ev.Pairs[i].At
			break
		}
	}
	// Constants, so that the compiler compares whole words.
	switch len(key) {
	case len(identifierName):
		if lower := string(key) == "syslog_identifier"; lower || string(key) == identifierName {
			w.own.identifier = w.text(i)
			w.own.lower = lower
		}
	case len(programName):
		if string(key) == programName || string(key) == "name" {
			w.own.kata = string(w.text(i)) == "kata-runtime"
		}
	case len(lineBreakName):
		if string(key) == lineBreakName || string(key) == "_line_break" {
			w.own.cut = string(w.text(i)) == "line-max"
		}
	case len(lineBreakName) - 1:
		if string(key) == lineBreakName[1:] || string(key) == "line_break" {
			w.own.cut = string(w.text(i)) == "line-max"
		}
	}
}

// isJournal says whether key is a journal field's name, in capitals or in small
// letters, with the underscore at its start or without.
func isJournal(key []byte, name string) bool {
	if len(key) != len(name) {
		name = strings.TrimPrefix(name, "_")
	}
	if len(key) != len(name) {
		return false
	}
	return string(key) == name || key[len(key)-1] >= 'a' && bytes.EqualFold(key, []byte(name)) && isLower(key)
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
func (w *worker) text(i int) []byte {
	p := &w.ev.Pairs[i]
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

func (w *worker) message() []byte {
	if w.own.message < 0 {
		return nil
	}
	return w.text(w.own.message)
}

// isNative says whether the record is one of runtime-rs's.
func (w *worker) isNative() bool {
	return w.own.kata && string(w.own.identifier) == "kata"
}

// readNative gathers the journal fields of a record of runtime-rs in w.native.
func (w *worker) readNative() {
	w.walk.All(&w.ev)
	lower, stripped := w.own.lower, w.isStripped()
	n := &w.native
	*n = parser.Native{Fields: n.Fields[:0]}
	for i := range w.ev.Pairs {
		p := &w.ev.Pairs[i]
		key := w.chunk[p.Key:p.Value]
		switch {
		case p.KeyKind != event.Str:
		case isJournal(key, priorityName):
			n.Priority = w.text(i)
		case isJournal(key, realtimeName):
			n.Realtime = w.one(i)
		case !isCallField(key, lower) || stripped && isTrusted(key):
		case isJournal(key, pidName):
			if pid := w.one(i); pid != nil {
				n.Fields = append(n.Fields, parser.NativeField{Name: key, Value: pid})
			}
		default:
			if text := w.text(i); text != nil {
				n.Fields = append(n.Fields, parser.NativeField{Name: key, Value: text})
			}
		}
	}
}

// isStripped says whether the systemd input took the underscore from the
// journal's own fields: every entry has a _TRANSPORT.
func (w *worker) isStripped() bool {
	const name = "_TRANSPORT"
	stripped := false
	for i := range w.ev.Pairs {
		p := &w.ev.Pairs[i]
		key := w.chunk[p.Key:p.Value]
		if len(key) != len(name) && len(key) != len(name)-1 || !isJournal(key, name) {
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
func (w *worker) one(i int) []byte {
	p := &w.ev.Pairs[i]
	if p.Kind != event.Array {
		return w.text(i)
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
	if key[0] == '_' {
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
