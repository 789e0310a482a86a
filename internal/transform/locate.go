package transform

import (
	"bytes"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/journalfields"
)

// located is where an event has its message and the journal fields that are read: their
// indexes among the wanted pairs, -1 for none. It follows from the keys alone, and so
// is the same for all events of one layout.
type located struct {
	layout    uint64 // of the events; see event.Event
	message   int
	keyRank   int                      // the message's place in the option key_name
	index     [journalfields.Count]int // of journald's fields
	lower     bool                     // the systemd input put the keys in small letters
	hasPrefix bool                     // a key starts with the option prefix
	hasPod    bool                     // there is the key of the map with the pod
}

// locate returns where the event that the walker has read last has its pairs. The result
// is valid until the next call.
func (w *worker) locate() *located {
	if w.ev.Layout == 0 {
		w.locateInto(&w.located)
		return &w.located
	}
	loc := &w.known[w.ev.Layout%event.Layouts]
	if loc.layout != w.ev.Layout {
		w.locateInto(loc)
	}
	return loc
}

func (w *worker) locateInto(loc *located) {
	*loc = located{layout: w.ev.Layout, message: -1, keyRank: len(w.KeyName)}
	for field := range loc.index {
		loc.index[field] = -1
	}
	// The fields that count without their underscore, and whether the systemd input took
	// it: every entry has a transport.
	lineBreak, stream, transport, strippedTransport := -1, -1, false, false
	lower := make([]int, 0, 8)
	w.walk.Wanted(&w.ev)
	for i := range w.ev.Pairs {
		p := &w.ev.Pairs[i]
		if p.KeyKind != event.Str {
			continue
		}
		key := w.chunk[p.Key:p.Value]
		for rank, name := range w.KeyName[:loc.keyRank] {
			if string(key) == name {
				loc.message, loc.keyRank = i, rank
				break
			}
		}
		if len(w.podKey) > 0 && bytes.Equal(key, w.podKey) {
			loc.hasPod = true
		}
		field, spelling := journalfields.Identify(key)
		stripped := spelling&journalfields.Stripped != 0
		switch {
		case field == journalfields.None:
		case field == journalfields.Transport:
			strippedTransport = strippedTransport || stripped
			transport = transport || !stripped
		case stripped:
			switch field {
			case journalfields.LineBreak:
				lineBreak = i
			case journalfields.StreamID:
				stream = i
			}
		case spelling == 0:
			loc.index[field] = i
			if field == journalfields.SyslogIdentifier {
				loc.lower = false
			}
		case field != journalfields.SyslogIdentifier:
			lower = append(lower, i)
		case loc.index[field] < 0:
			loc.index[field], loc.lower = i, true
		}
		if len(w.prefix) > 0 && bytes.HasPrefix(key, w.prefix) {
			loc.hasPrefix = true
		}
	}
	// With Lowercase On all names are in small letters. One that is so beside others is
	// not journald's: another filter put it there.
	for _, i := range lower {
		field, _ := journalfields.Identify(w.chunk[w.ev.Pairs[i].Key:w.ev.Pairs[i].Value])
		if loc.index[field] < 0 && (loc.lower || loc.index[journalfields.SyslogIdentifier] < 0) {
			loc.index[field] = i
		}
	}
	if strippedTransport && !transport {
		loc.index[journalfields.LineBreak] = max(loc.index[journalfields.LineBreak], lineBreak)
		loc.index[journalfields.StreamID] = max(loc.index[journalfields.StreamID], stream)
	}
}

// field returns the text of a journal field, nil if the event has none.
func (w *worker) field(loc *located, field journalfields.Field) []byte {
	return w.wantedText(loc.index[field])
}

// wantedText returns the text of the wanted pair with the index, nil for -1.
func (w *worker) wantedText(i int) []byte {
	if i < 0 {
		return nil
	}
	return w.walk.WantedText(i)
}
