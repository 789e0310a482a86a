package lines

import (
	"bytes"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// partial is the start of a message that a container runtime has cut.
type partial struct {
	text      []byte
	sec, nsec uint32
	line      uint64
}

// appendContainer appends the record of a line of /var/log/pods: time, stream, P for a part or F
// for the end, message. The parts are joined: they are of one stream of one container, and the
// runtime says which belong together.
func (r *Reader) appendContainer(b, line []byte, flags record.Flags) ([]byte, bool) {
	when, rest, _ := bytes.Cut(line, []byte(" "))
	stream, rest, ok := bytes.Cut(rest, []byte(" "))
	if !ok || string(stream) != "stdout" && string(stream) != "stderr" {
		return b, false
	}
	tag, message, ok := bytes.Cut(rest, []byte(" "))
	if !ok && string(rest) != "F" && string(rest) != "P" || len(tag) == 0 || tag[0] != 'F' && tag[0] != 'P' || len(tag) > 1 && tag[1] != ':' {
		return b, false
	}
	sec, nsec, ok := r.clock.iso(when, r.o.Zone)
	if !ok {
		return b, false
	}
	p := r.partials[string(stream)]
	if tag[0] == 'P' || p != nil && len(p.text) > 0 {
		if p == nil {
			if r.partials == nil {
				r.partials = map[string]*partial{}
			}
			p = &partial{}
			r.partials[string(stream)] = p
		}
		if len(p.text) == 0 {
			p.sec, p.nsec, p.line = sec, nsec, r.line
		}
		p.text = append(p.text, message...)
		if tag[0] == 'P' && len(p.text) < record.MaxLine {
			return b, true
		}
		b = r.appendWhole(b, stream, p.text, p.sec, p.nsec, p.line, flags)
		if p.text = p.text[:0]; cap(p.text) > keptBuffer {
			p.text = nil
		}
		return b, true
	}
	return r.appendWhole(b, stream, message, sec, nsec, r.line, flags), true
}

func (r *Reader) appendWhole(b, stream, message []byte, sec, nsec uint32, line uint64, flags record.Flags) []byte {
	b = record.AppendHeader(b, sec, nsec, record.Position{File: r.o.File, Line: line, Flags: flags}, 2)
	b = event.AppendStr(appendKey(b, "stream"), stream)
	return appendPair(b, "MESSAGE", message)
}

func appendKey(b []byte, key string) []byte {
	return append(event.AppendStrHeader(b, len(key)), key...)
}

// flushPartials appends what there is of messages that have no end.
func (r *Reader) flushPartials(b []byte) []byte {
	for _, stream := range []string{"stderr", "stdout"} {
		if p := r.partials[stream]; p != nil && len(p.text) > 0 {
			b = r.appendWhole(b, []byte(stream), p.text, p.sec, p.nsec, p.line, record.Torn)
			p.text = nil
		}
	}
	return b
}
