package lines

import (
	"bytes"
	"math"
	"strconv"

	jsoniter "github.com/json-iterator/go"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// appendJSON appends the record of a line that is a JSON object. It returns Message and b as it
// was if the object is a message by itself, or is broken.
func (r *Reader) appendJSON(b, line []byte, flags record.Flags) ([]byte, Kind) {
	var kind Kind
	own := bytes.HasPrefix(line, ownStart) && bytes.Contains(line, []byte(`,"file":"`)) && bytes.Contains(line, []byte(`","line":`))
	switch {
	case own:
		kind = FluentBit
	case bytes.Contains(line, []byte(`"__REALTIME_TIMESTAMP"`)):
		kind = Journal
	case bytes.Contains(line, []byte(`"MESSAGE"`)), bytes.Contains(line, []byte(`"log"`)),
		bytes.Contains(line, []byte(`"message"`)), bytes.Contains(line, []byte(`"kata_msg"`)),
		bytes.Contains(line, []byte(`"@timestamp"`)), bytes.HasPrefix(line, []byte(`{"date"`)):
		kind = FluentBit
	default:
		return b, Message
	}
	start := len(b)
	o := object{r: r, journal: kind == Journal, own: own, message: own}
	if own {
		o.timeKey = "time"
	} else if !o.journal {
		for i := range keys {
			if bytes.Contains(line, keys[i]) {
				o.timeKey = timeKeys[i]
				break
			}
		}
	}
	b = record.AppendHeader(b, 0, 0, record.Position{File: r.o.File, Line: r.line, Flags: flags}, 0)
	it := r.json
	it.ResetBytes(line)
	it.Error = nil
	b, ok := o.read(b, it)
	if !ok || !o.message {
		return b[:start], Message
	}
	record.SetLen(b[start:], o.n)
	if o.timed {
		record.SetTime(b[start:], o.nano)
	} else {
		record.SetFlags(b[start:], record.NoTime)
	}
	if o.cut {
		record.SetFlags(b[start:], record.Torn)
	}
	if !o.text {
		record.SetFlags(b[start:], record.Parsed)
	}
	return b, kind
}

// object reads the members of a record in JSON.
type object struct {
	r       *Reader
	journal bool
	n       int
	message bool // it is a record
	text    bool // it has a message
	timed   bool
	nano    int64
	timeKey string // the key of the time
	unread  []byte // the value of that key, if it is no time
	own     bool   // the record was written by this program
	cut     bool   // journalctl has left the message out, since it is longer than 4096 bytes
}

// timeKeys are the keys of times in the records of Fluent Bit, of Docker and of this program, the
// best first.
var timeKeys = [...]string{"date", "@timestamp", "time", "timestamp"}

// keys are timeKeys as they are in JSON.
var keys = func() (k [len(timeKeys)][]byte) {
	for i, key := range timeKeys {
		k[i] = []byte(`"` + key + `"`)
	}
	return k
}()

// ownStart is how each record starts that this program has written as JSON.
var ownStart = []byte(`{"time":`)

// read appends the pairs of the object and reports whether it is whole.
func (o *object) read(b []byte, it *jsoniter.Iterator) ([]byte, bool) {
	it.ReadMapCB(func(it *jsoniter.Iterator, key string) bool {
		b = o.member(b, it, key)
		return it.Error == nil
	})
	return b, it.Error == nil
}

// member appends a pair, if the member is one.
func (o *object) member(b []byte, it *jsoniter.Iterator, key string) []byte {
	switch {
	case o.n >= maxFields, o.own && (key == "file" || key == "line"):
		it.Skip()
		return b
	case o.journal && len(key) > 1 && key[:2] == "__":
		if key != "__REALTIME_TIMESTAMP" {
			it.Skip()
		} else if usec, ok := digits([]byte(it.ReadString())); ok && usec/1e6 < event.GroupEnd {
			o.timed, o.nano = true, int64(usec)*1000
		}
		return b
	case !o.journal && o.isTime(key, it):
		return b
	}
	switch key {
	case "MESSAGE":
		o.message, o.text = true, true
		o.cut = o.journal && it.WhatIsNext() == jsoniter.NilValue
	case "message", "log":
		o.message, o.text = true, true
	case "kata_msg", "kata_level":
		o.message = true
	case "time", "file", "line": // the output has fields of these names
		if !o.journal {
			key = "own_" + key
		}
	}
	o.n++
	if o.unread != nil {
		it := jsoniter.ParseBytes(jsoniter.ConfigDefault, o.unread)
		o.unread = nil
		return o.value(appendKey(b, key), it, 0)
	}
	return o.value(appendKey(b, key), it, 0)
}

// isTime takes the value of a key that is the record's time, and reports whether it is one.
func (o *object) isTime(key string, it *jsoniter.Iterator) bool {
	if key != o.timeKey || o.timed {
		return false
	}
	var sec, nsec uint32
	var ok bool
	text := it.SkipAndReturnBytes()
	if n := len(text); n > 1 && text[0] == '"' {
		sec, nsec, ok = o.r.clock.iso(text[1:n-1], o.r.o.Zone)
	} else if sec, nsec, ok = unixTime(text); !ok {
		if f, err := strconv.ParseFloat(string(text), 64); err == nil && f >= 0 && f < event.GroupEnd {
			sec, ok = uint32(f), true
			nsec = uint32((f - float64(sec)) * 1e9)
		}
	}
	if ok {
		o.timed, o.nano = true, int64(sec)*1e9+int64(nsec)
		return true
	}
	if o.own {
		return true // it has none
	}
	o.unread = text
	return false
}

// maxDepth is how deep values may be nested; what is deeper is nil.
const maxDepth = 64

// value appends a value as msgpack.
func (o *object) value(b []byte, it *jsoniter.Iterator, depth int) []byte {
	switch it.WhatIsNext() {
	case jsoniter.StringValue:
		text := it.ReadString()
		return append(event.AppendStrHeader(b, len(text)), text...)
	case jsoniter.NumberValue:
		number := string(it.ReadNumber())
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			return event.AppendInt(b, n)
		}
		if f, err := strconv.ParseFloat(number, 64); err == nil && bytes.ContainsAny([]byte(number), ".eE") {
			return event.AppendFloat(b, math.Float64bits(f))
		}
		return append(event.AppendStrHeader(b, len(number)), number...) // its exact characters
	case jsoniter.BoolValue:
		return event.AppendBool(b, it.ReadBool())
	case jsoniter.NilValue:
		it.ReadNil()
		return event.AppendNil(b)
	}
	if depth == maxDepth {
		it.Skip()
		return event.AppendNil(b)
	}
	n := 0
	start := len(b)
	switch it.WhatIsNext() {
	case jsoniter.ArrayValue:
		octets := o.journal && depth == 0
		b = append(b, 0xdd, 0, 0, 0, 0)
		var text []byte
		for it.ReadArray() {
			if octets && it.WhatIsNext() == jsoniter.NumberValue {
				text = append(text, byte(it.ReadUint16()))
				continue
			}
			octets = false
			b = o.value(b, it, depth+1)
			n++
		}
		if octets && it.Error == nil { // a value that is no text
			return event.AppendStr(b[:start], text)
		}
	case jsoniter.ObjectValue:
		b = append(b, 0xdf, 0, 0, 0, 0)
		it.ReadMapCB(func(it *jsoniter.Iterator, key string) bool {
			b = o.value(appendKey(b, key), it, depth+1)
			n++
			return it.Error == nil
		})
	default:
		it.ReportError("value", "no value")
		return event.AppendNil(b)
	}
	b[start+1], b[start+2], b[start+3], b[start+4] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	return b
}
