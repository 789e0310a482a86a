package parser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
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
	m := Message{Text: []byte(text), Origin: Origin(n % 5), Cut: n>>2&3 == 0}
	if n>>14&7 == 7 {
		m.Continuation = Continuation(n >> 17 % 3)
	}
	if n>>4&3 == 0 {
		m.Native = &Native{Priority: []byte{'0' + byte(n>>6&15)}}
		// A journal entry has no name twice.
		names := map[string]bool{}
		add := func(name, value []byte) {
			if lower := strings.ToLower(string(name)); !names[lower] && len(name) > 0 {
				names[lower] = true
				m.Native.Fields = append(m.Native.Fields, NativeField{name, value})
			}
		}
		for word := range strings.FieldsSeq(text) {
			name, value, _ := strings.Cut(word, "=")
			add(journalName(name), []byte(value))
		}
		add([]byte("SOURCE"), []byte("55bb"))
		add([]byte("SUBSYSTEM"), []byte([]string{"agent", "dmesg", "shim", "cloud-hypervisor"}[n>>11&3]))
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
	for _, text := range []string{
		"INFO[0000] message", "WARN[0001]message  a=b", "\x1b[36mINFO\x1b[0m[0000] message                                       \x1b[36ma b\x1b[0m=\"c d\" \x1b[36mID\x1b[0m=55bb",
		"ERRO[0012] a message of more than 44 columns, which is not padded x=1 pid=7 source=agent name=kata-proxy",
		"\x1b[31mFATA\x1b[0m[0000] \x1b[31mx\x1b[0m=y \x1b[0;1mz\x1b[0m= vmconsole=\"text", "DEBU[0000] é é é é é é é é é é é é é é é é é é é é é é é a=b trailing",
		"INFO[0000] reading guest console                         name=kata-proxy vmconsole=\"{\\\"msg\\\":\\\"m\\\",\\\"level\\\":\\\"INFO\\\"}\"",
		"PANI[0000] m                                            source=agent msg=n level=info time=x", "TRAC[12", "INFO[] x", "\x1b[INFO[0000] x", "\x1b[1",
		`announce: a="b",name="kata-agent",pid="1"`, `announce: a="b" c="d"`, `announce: a="\q",b="c`, `announce: a=b`, `announce: ="a"`, "announce: time=\"x\",msg=\"m\"\r\n",
	} {
		for _, kind := range []uint32{16, 17, 21, 22} { // of Kata and of kata-proxy, cut and not
			f.Add(text, uint32(0), kind)
		}
	}
	parsers := map[uint32]*Parser{}
	other := Message{Text: []byte(consoleLine(`{"msg":"m","level":"INFO","sandbox":"evil","zeta":"1"}`)), Origin: Kata}
	f.Fuzz(func(t *testing.T, text string, options, kind uint32) {
		if len(parsers) > 100 {
			clear(parsers)
		}
		if parsers[options] == nil {
			parsers[options] = New(randomConfig(options))
		}
		p := parsers[options]
		m := randomMessage(kind, text)
		r := p.Parse(&m)
		got := render(r)
		if r != nil {
			if err := checkRecord(r, &p.cfg, &m); err != nil {
				t.Fatalf("%q with options %d, kind %d: %v\n%s", text, options, kind, err, got)
			}
		}
		if options == 0 {
			if diff := slowCompare(&m, r); diff != "" {
				t.Fatalf("%q, kind %d:\n%s", text, kind, diff)
			}
		}
		// What was parsed before makes no difference.
		for _, release := range []func(){func() {}, p.Release} {
			p.Parse(&other)
			release()
			if again := render(p.Parse(&m)); again != got {
				t.Fatalf("%q with options %d, kind %d:\nfirst\n%s\nthen\n%s", text, options, kind, got, again)
			}
		}
	})
}

// checkRecord checks what holds for every record.
func checkRecord(r *Record, c *Config, m *Message) error {
	names := map[string]bool{}
	size := 0
	for i := range r.Fields {
		f := &r.Fields[i]
		name, text := string(r.Name(f)), r.Text(f)
		size += len(name) + len(text)
		switch {
		case names[name]:
			return fmt.Errorf("%q is there twice", name)
		case !utf8.ValidString(name) || !utf8.Valid(text):
			return fmt.Errorf("%q is not UTF-8", name)
		case strings.ContainsAny(name, " ."):
			return fmt.Errorf("%q is not written as names are", name)
		case (f.Key < 0) != (r.keys.find([]byte(name)) < 0):
			return fmt.Errorf("%q has key %d", name, f.Key)
		case r.Index([]byte(name)) != i:
			return fmt.Errorf("%q is not found", name)
		case f.Type == Nested && (c.Nested != KeepNested || !json.Valid(text)):
			return fmt.Errorf("%q is nested: %s", name, text)
		case c.Types.AllText && (f.Type == Integer || f.Type == Float || f.Type == Bool && !isAdded(int(f.Key))):
			return fmt.Errorf("%q is %v", name, f.Type)
		}
		names[name] = true
	}
	if s := render(r); strings.Contains(s, "\nbut ") {
		return fmt.Errorf("it contradicts itself")
	}
	// The limit is for the message's own fields; msg, level, time and marks may
	// come on top.
	if len(r.Fields) > c.MaxFields+12 {
		return fmt.Errorf("%d fields", len(r.Fields))
	}
	input := len(m.Text)
	if m.Native != nil {
		input += len(m.Text) + len(m.Native.Realtime)
	}
	// A raw byte can become six in JSON: \u0001.
	if size > 7*input+200 {
		return fmt.Errorf("%d bytes became %d", input, size)
	}
	if r.HasTime && (!r.Time.inRange() || r.Time.Nsec > 999_999_999) {
		return fmt.Errorf("its time is %v", r.Time)
	}
	return nil
}

// enclosers make records that enclose what a guest wrote.
var enclosers = []func(guest string) Message{
	func(guest string) Message { return Message{Text: []byte(consoleLine(guest)), Origin: Kata} },
	func(guest string) Message { return Message{Text: []byte(proxyLine(guest)), Origin: KataProxy} },
	func(guest string) Message { // a record with strange fields
		return Message{Text: []byte(`time="2024-05-06T07:08:10.25Z" level=debug msg="reading guest console" Container=77aa ID=55bb a b=c agent_time=host agent-version=1 count=3 exec-id= pid=x req="container_id:\"a\"" vmconsole=` + logrusValue(guest)), Origin: Runtime}
	},
	func(guest string) Message {
		return Message{Text: []byte(`{"sandbox":"55bb","x":{"y":1},"level":"debug","msg":"reading guest console","time":"2024-05-06T07:08:10Z","vmconsole":` + string(appendJSONString(nil, []byte(valid(guest)))) + `}`), Origin: Kata}
	},
	func(guest string) Message {
		return Message{Text: []byte(`{"msg":` + string(appendJSONString(nil, []byte(valid(guest)))) + `,"level":"INFO","ts":"2024-05-06T07:08:09.5Z","name":"kata-runtime","source":"55bb","subsystem":"agent","pid":"4242"}`), Origin: Runtime}
	},
	func(guest string) Message { return nativeMessage("agent", guest) },
	func(guest string) Message { return nativeMessage("dmesg", guest) },
	func(guest string) Message {
		return nativeMessage("hypervisor", `vm console: "`+rustDebug(valid(guest))+`"`)
	},
	func(guest string) Message {
		m := nativeMessage("cloud-hypervisor", `"`+rustDebug(valid(guest))+`"`)
		m.Native.Fields = append(m.Native.Fields, NativeField{[]byte("STREAM"), []byte("stdout")})
		return m
	},
}

// nativeMessage is a record of runtime-rs.
func nativeMessage(subsystem, text string) Message {
	field := func(name, value string) NativeField { return NativeField{[]byte(name), []byte(value)} }
	return Message{Text: []byte(text), Origin: Kata, Native: &Native{
		Priority: []byte("5"), Realtime: []byte("1714979289123456"),
		Fields: []NativeField{field("NAME", "kata-runtime"), field("SOURCE", "55bb"), field("PID", "777"), field("VERSION", "0.1.0"), field("SUBSYSTEM", subsystem), field("COMPONENT", "agent")},
	}}
}

// FuzzGuest puts anything that a guest may write into each enclosing record, and compares
// what comes out with slowUnpack.
func FuzzGuest(f *testing.F) {
	texts := corpus(f)
	for i, text := range append(texts, nested(texts)...) {
		f.Add(text, uint8(i))
	}
	for _, r := range readRows(f, "testdata/rows/trust.txt") {
		for encloser := range enclosers {
			f.Add(r.guest, uint8(encloser))
		}
	}
	p, leave := New(Config{}), New(Config{NoUnpack: true})
	f.Fuzz(func(t *testing.T, guest string, kind uint8) {
		checkUnpacked(t, p, leave, guest, int(kind)%len(enclosers))
	})
}

// checkUnpacked compares what a parser makes of a guest's text in an enclosing record with
// slowUnpack of what another makes of that record without unpacking.
func checkUnpacked(t *testing.T, p, leave *Parser, guest string, kind int) *Record {
	t.Helper()
	m := enclosers[kind](guest)
	enclosing := fieldMap(leave.Parse(&m))
	if enclosing == nil {
		return nil // an empty message
	}
	r := p.Parse(&m)
	if err := checkRecord(r, &p.cfg, &m); err != nil {
		t.Fatalf("%q, kind %d: %v\n%s", guest, kind, err, render(r))
	}
	want := slowUnpack(enclosing, valid(guest), p.cfg.MaxDepth)
	if want["guest"] != "" {
		delete(want, "vmconsole")
	}
	if len(want) > p.cfg.MaxFields || strings.Contains(want["parse_error"], "too_many") {
		return r
	}
	if got := fieldMap(r); !maps.Equal(got, want) {
		t.Fatalf("%q, kind %d\n%s", guest, kind, diffMaps(got, want))
	}
	if r.Guest {
		for i := range r.Fields {
			f := &r.Fields[i]
			if _, own := enclosing[string(r.Name(f))]; !own && f.Type == Text && hasCode(r.Text(f)) {
				t.Fatalf("%q, kind %d: %s has a terminal code: %q", guest, kind, r.Name(f), r.Text(f))
			}
		}
	}
	return r
}

func diffMaps(got, want map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			fmt.Fprintf(&b, "%s is %s, want %s\n", name, got[name], want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			fmt.Fprintf(&b, "%s is %s, want none\n", name, got[name])
		}
	}
	return b.String()
}

func fieldMap(r *Record) map[string]string {
	if r == nil {
		return nil
	}
	fields := map[string]string{"event time": fmt.Sprint(r.HasTime, r.Time)}
	for i := range r.Fields {
		fields[string(r.Name(&r.Fields[i]))] = renderValue(r, &r.Fields[i])
	}
	return fields
}

// TestGuestKeys makes guest records of keys that matter, in any order and number.
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
	for range 500 {
		guest := `{"msg":"m","level":"INFO"`
		for range rnd.IntN(12) {
			guest += "," + strconv.Quote(keys[rnd.IntN(len(keys))]) + ":" + values[rnd.IntN(len(values))]
		}
		guest += "}"
		for kind := range enclosers {
			if r := checkUnpacked(t, p, leave, guest, kind); !r.Agent {
				t.Fatalf("%s is no guest record", guest)
			}
		}
	}
}
