package parser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// randomConfig makes a Config of any number.
func randomConfig(n uint32) Config {
	bit := func(i int) bool { return n>>i&1 == 1 }
	c := Config{
		Format:   []Format{Auto, Auto, Auto, Auto, Auto, OnlyLogfmt, OnlyJSON, OnlyNative}[n&7],
		Nested:   []NestedMode{Stringify, KeepNested, DropNested, Stringify}[n>>3&3],
		NoUnpack: bit(5) && bit(6), NoNative: bit(7) && bit(8), KeepTime: bit(9), NoTime: bit(10) && bit(11),
	}
	switch n >> 12 & 3 {
	case 1:
		c.Types.AllText = true
	case 2:
		c.Types.Extra = map[string]Type{"my key": Integer, "msg": Integer, "x": Bool, "agent_pid": Text}
	}
	if bit(14) {
		c.MaxMessage, c.MaxFields, c.MaxDepth = int(n>>20&255)+1, int(n>>16&15)+1, int(n>>17&3)+1
	}
	return c
}

// randomMessage makes a message of text, with journal fields out of it for some
// numbers.
func randomMessage(n uint32, text string) Message {
	m := Message{Text: []byte(text), Origin: Origin(n % 3), Cut: n>>2&3 == 0}
	if n>>4&3 == 0 {
		m.Native = &Native{Priority: []byte{'0' + byte(n>>6&15)}}
		for word := range strings.FieldsSeq(text) {
			name, value, _ := strings.Cut(word, "=")
			m.Native.Fields = append(m.Native.Fields, NativeField{journalName(name), []byte(value)})
		}
		m.Native.Fields = append(m.Native.Fields, NativeField{[]byte("SOURCE"), []byte("55bb")}, NativeField{[]byte("SUBSYSTEM"), []byte("agent")})
		if n>>10&1 == 1 {
			m.Native.Realtime = []byte(text)
		}
	}
	return m
}

// journalName makes a name that a journal field can have.
func journalName(text string) []byte {
	return bytes.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '_'
	}, []byte(text))
}

// FuzzParse parses anything with any options, and checks what holds for every
// record.
func FuzzParse(f *testing.F) {
	texts := corpus(f)
	for i, text := range append(texts, nested(texts)...) {
		f.Add(text, uint32(0), uint32(i))
		f.Add(text, uint32(i)*2654435761, uint32(i)*40503)
	}
	parsers := map[uint32][2]*Parser{}
	other := Message{Text: []byte(consoleLine(`{"msg":"m","level":"INFO","sandbox":"evil","zeta":"1"}`)), Origin: Kata}
	f.Fuzz(func(t *testing.T, text string, options, kind uint32) {
		if len(parsers) > 100 {
			clear(parsers)
		}
		if parsers[options][0] == nil {
			c := randomConfig(options)
			p := New(c)
			c.Spans = true
			parsers[options] = [2]*Parser{p, New(c)}
		}
		p, spans := parsers[options][0], parsers[options][1]
		m := randomMessage(kind, text)
		r := p.Parse(&m)
		got := render(r)
		if r != nil {
			if err := checkRecord(r, &p.cfg, &m); err != nil {
				t.Fatalf("%q with options %d, kind %d: %v\n%s", text, options, kind, err, got)
			}
		}
		// What was parsed before makes no difference.
		p.Parse(&other)
		if again := render(p.Parse(&m)); again != got {
			t.Fatalf("%q with options %d, kind %d:\nfirst\n%s\nthen\n%s", text, options, kind, got, again)
		}
		// Spans are the same record.
		r = spans.Parse(&m)
		if r != nil {
			if err := checkRecord(r, &spans.cfg, &m); err != nil {
				t.Fatalf("%q with options %d, kind %d, as spans: %v\n%s", text, options, kind, err, render(r))
			}
		}
		if same := render(r); same != got {
			t.Fatalf("%q with options %d, kind %d:\nfields\n%s\nspans\n%s", text, options, kind, got, same)
		}
		if r != nil {
			if r.Expand(); len(r.Spans) > 0 || render(r) != got {
				t.Fatalf("%q with options %d, kind %d:\nfields\n%s\nexpanded\n%s", text, options, kind, got, render(r))
			}
		}
	})
}

// checkRecord checks what holds for every record.
func checkRecord(r *Record, c *Config, m *Message) error {
	names := map[string]bool{}
	size := 0
	for i := range r.Len() {
		f := r.Field(i)
		name := string(f.Name)
		size += len(f.Name) + len(f.Value)
		switch {
		case names[name]:
			return fmt.Errorf("%q is there twice", name)
		case !utf8.Valid(f.Name) || !utf8.Valid(f.Value):
			return fmt.Errorf("%q is not UTF-8", name)
		case strings.ContainsAny(name, " ."):
			return fmt.Errorf("%q is not written as names are", name)
		case f.Place >= 0 && r.keys.Name(int(f.Place)) != name || f.Place < 0 && r.keys.find(f.Name) >= 0:
			return fmt.Errorf("%q has place %d", name, f.Place)
		case r.Find(f.Name) != i:
			return fmt.Errorf("%q is not found", name)
		case f.Type == Nested && (c.Nested != KeepNested || !json.Valid(f.Value)):
			return fmt.Errorf("%q is nested: %s", name, f.Value)
		case c.Types.AllText && (f.Type == Integer || f.Type == Float || f.Type == Bool && !IsMark(f.Place)):
			return fmt.Errorf("%q is %v", name, f.Type)
		}
		names[name] = true
	}
	if s := render(r); strings.Contains(s, "\nbut ") {
		return fmt.Errorf("it contradicts itself")
	}
	// The limit is for the message's own fields; msg, level, time and marks may
	// come on top.
	if r.Len() > c.MaxFields+12 {
		return fmt.Errorf("%d fields", r.Len())
	}
	input := len(m.Text)
	if m.Native != nil {
		input += len(m.Text) + len(m.Native.Realtime)
	}
	// A raw byte can become six in JSON: \u0001.
	if size > 7*input+200 {
		return fmt.Errorf("%d bytes became %d", input, size)
	}
	if r.HasTime && (!r.Time.InRange() || r.Time.Nsec > 999_999_999) {
		return fmt.Errorf("its time is %v", r.Time)
	}
	return nil
}

// carriers are lines that carry what a guest wrote.
var carriers = []func(guest string) Message{
	func(guest string) Message { return Message{Text: []byte(consoleLine(guest)), Origin: Kata} },
	func(guest string) Message { return Message{Text: []byte(proxyLine(guest)), Origin: Kata} },
	func(guest string) Message { // a carrier with strange fields
		return Message{Text: []byte(`time="2024-05-06T07:08:10.25Z" level=debug msg="reading guest console" Container=77aa ID=55bb a b=c agent_time=host agent-version=1 count=3 exec-id= pid=x req="container_id:\"a\"" vmconsole=` + logrusValue(guest)), Origin: Other}
	},
	func(guest string) Message {
		return Message{Text: []byte(`{"sandbox":"55bb","x":{"y":1},"level":"debug","msg":"reading guest console","time":"2024-05-06T07:08:10Z","vmconsole":` + string(appendJSONString(nil, []byte(valid(guest)))) + `}`), Origin: Kata}
	},
	func(guest string) Message {
		return Message{Text: []byte(`{"msg":` + string(appendJSONString(nil, []byte(valid(guest)))) + `,"level":"INFO","ts":"2024-05-06T07:08:09.5Z","name":"kata-runtime","source":"55bb","subsystem":"agent","pid":"4242"}`), Origin: Other}
	},
	func(guest string) Message { return nativeMessage(guest) },
	func(guest string) Message { return nativeMessage(`vm console: "` + rustDebug(valid(guest)) + `"`) },
}

func nativeMessage(text string) Message {
	field := func(name, value string) NativeField { return NativeField{[]byte(name), []byte(value)} }
	return Message{Text: []byte(text), Origin: Kata, Native: &Native{
		Priority: []byte("5"), Realtime: []byte("1714979289123456"),
		Fields: []NativeField{field("NAME", "kata-runtime"), field("SOURCE", "55bb"), field("PID", "777"), field("VERSION", "0.1.0"), field("SUBSYSTEM", "agent"), field("COMPONENT", "agent")},
	}}
}

// FuzzGuest puts anything that a guest may write into each carrier: the host's
// fields stay, and no name comes that the guest chose.
func FuzzGuest(f *testing.F) {
	texts := corpus(f)
	for i, text := range append(texts, nested(texts)...) {
		f.Add(text, uint8(i))
	}
	for _, r := range readRows(f, "testdata/rows/trust.txt") {
		for carrier := range carriers {
			f.Add(r.guest, uint8(carrier))
		}
	}
	const keepNested = 128
	unpack := map[uint8]*Parser{0: New(Config{}), keepNested: New(Config{Nested: KeepNested})}
	leave := map[uint8]*Parser{0: New(Config{NoUnpack: true}), keepNested: New(Config{NoUnpack: true, Nested: KeepNested})}
	f.Fuzz(func(t *testing.T, guest string, kind uint8) {
		m := carriers[int(kind&^keepNested)%len(carriers)](guest)
		host := fieldMap(leave[kind&keepNested].Parse(&m))
		if host == nil {
			return // an empty message
		}
		p := unpack[kind&keepNested]
		r := p.Parse(&m)
		if err := checkRecord(r, &p.cfg, &m); err != nil {
			t.Fatalf("%q, kind %d: %v\n%s", guest, kind, err, render(r))
		}
		if err := checkGuest(p, r, host); err != nil {
			t.Fatalf("%q, kind %d: %v\n%s", guest, kind, err, render(r))
		}
	})
}

func fieldMap(r *Record) map[string]string {
	if r == nil {
		return nil
	}
	fields := map[string]string{"event time": fmt.Sprint(r.HasTime, r.Time)}
	for i := range r.Fields {
		fields[string(r.Fields[i].Name)] = renderValue(&r.Fields[i])
	}
	return fields
}

// guestsOwn are the names that an agent's record takes over from its carrier.
var guestsOwn = map[string]bool{"msg": true, "level": true, "name": true, "source": true, "subsystem": true, "vmconsole": true}

// checkGuest compares a record that a guest's text was unpacked from with the
// same without unpacking.
func checkGuest(p *Parser, r *Record, host map[string]string) error {
	got := fieldMap(r)
	for name, value := range host {
		if got[name] != value && (!guestsOwn[name] || !r.Guest) && name != "parse_error" {
			return fmt.Errorf("the host's %s was %s and is %s", name, value, got[name])
		}
	}
	for i := range r.Len() {
		f := r.Field(i)
		name := string(f.Name)
		if _, own := host[name]; own {
			continue
		}
		if _, misfit := host[name+"_text"]; misfit && f.Place >= 0 && p.keys.rows[f.Place].typ != Text {
			return fmt.Errorf("the host's %s did not fit, and is the guest's", name)
		}
		if f.Place >= 0 {
			continue
		}
		if f.Type == Nested {
			return fmt.Errorf("a guest made the map %s", name)
		}
		if base, ok := strings.CutSuffix(name, "_text"); ok {
			if place := p.keys.find([]byte(base)); place >= 0 && p.keys.rows[place].typ != Text {
				continue // a value that does not fit the key's type
			}
		}
		base, ok := strings.CutPrefix(name, "agent_")
		if ok && isReservedFor(base, host) {
			continue
		}
		return fmt.Errorf("the guest made the field %s", name)
	}
	fields, _ := r.Lookup("agent_fields")
	if fields.Value != nil && !json.Valid(fields.Value) {
		return fmt.Errorf("agent_fields is no JSON: %s", fields.Value)
	}
	return nil
}

func isReservedFor(name string, host map[string]string) bool {
	for _, r := range reservedKeys {
		if strings.EqualFold(r, name) {
			return true
		}
	}
	for h := range host {
		if strings.EqualFold(h, name) || strings.EqualFold(h, name+"_text") {
			return true
		}
	}
	return false
}

// TestGuestKeys makes agent records of keys that matter, in any order and
// number, and looks for each value: what a guest wrote is in one field or
// another, or the host said the same.
func TestGuestKeys(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	keys := []string{
		"sandbox", "SANDBOX", "Sandbox", "sAnDbOx", "sandboxid", "sandbox_id", "sandbox.id", "ID", "id", "console-url", "exec-id", "exec_id",
		"time", "ts", "TIME", "pid", "PID", "level", "msg", "name", "source", "subsystem", "Level", "guest", "parse_error", "parse error",
		"agent_pid", "agent_sandbox", "agent_time", "agent_fields", "Agent_x", "foo_text", "count_text", "count", "COUNT", "container", "Container",
		"req", "vmconsole", "my key", "my_key", "MY_KEY", "k.1", "", "é", "uevent-seqnum", "debug_console", "duration", "version", "agent-version", "agent_version",
	}
	values := []string{`"evil"`, `"55bb"`, `5`, `"7"`, `true`, `null`, `{"a":[1,2]}`, `[]`, `""`, `"c"`, `1.50`}
	p, leave := New(Config{}), New(Config{NoUnpack: true})
	for range 2000 {
		guest := `{"msg":"m","level":"INFO"`
		for range rnd.IntN(12) {
			guest += "," + strconv.Quote(keys[rnd.IntN(len(keys))]) + ":" + values[rnd.IntN(len(values))]
		}
		guest += "}"
		for _, carrier := range carriers {
			m := carrier(guest)
			host := fieldMap(leave.Parse(&m))
			r := p.Parse(&m)
			err := checkRecord(r, &p.cfg, &m)
			if err == nil {
				err = checkGuest(p, r, host)
			}
			if err == nil {
				err = checkNothingLost(r, guest, host)
			}
			if err != nil || !r.Agent {
				t.Fatalf("%s\nin %s\n%v\n%s", guest, m.Text, err, render(r))
			}
		}
	}
}

// checkNothingLost looks for the value of every key of the guest's, the first of
// those that are written alike.
func checkNothingLost(r *Record, guest string, host map[string]string) error {
	kept, _ := r.Lookup("agent_fields")
	var o, in objectReader
	var m, other member
	seen := map[string]bool{}
	for o.reset([]byte(guest), 32); o.next(&m); {
		name := string(appendName(nil, m.key))
		if seen[name] {
			continue
		}
		seen[name] = true
		found := false
		for i := range r.Fields {
			f := &r.Fields[i]
			switch field := string(f.Name); {
			case strings.EqualFold(field, name), strings.EqualFold(field, name+"_text"), strings.EqualFold(field, "agent_"+name), strings.EqualFold(field, "agent_"+name+"_text"), field == "agent_time", field == "level":
				found = found || f.isText(m.value) || f.Type == Text && strings.EqualFold(string(f.Value), string(m.value))
			}
		}
		for in.reset(kept.Value, 32); in.next(&other); {
			found = found || string(other.key) == string(m.key) && string(in.token(&other)) == string(o.token(&m))
		}
		if _, hosts := host["agent_"+name]; !found && !hosts {
			return fmt.Errorf("the guest's %s is lost", name)
		}
	}
	return nil
}
