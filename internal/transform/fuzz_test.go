package transform

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// fuzzOptions returns options that depend on one number.
func fuzzOptions(n uint32) *options.Options {
	o := options.Default()
	bit := func(i int) bool { return n>>i&1 != 0 }
	two := func(i int) int { return int(n >> i & 3) }
	c := &o.Parser
	o.ReserveData, o.PreserveKey, c.NoTime, c.KeepTime = !bit(0), !bit(1), bit(2), bit(3)
	c.NoUnpack, c.NoNative = bit(4), bit(5)
	o.Prefix = []string{"kata_", "", "k."}[two(6)%3]
	c.Format = parser.Format(two(8))
	c.Nested = parser.NestedMode(two(10) % 3)
	o.Duplicates = options.Duplicates(two(12) % 3)
	if bit(14) {
		o.NestUnder = "kata"
	}
	if bit(15) {
		o.MinLevel = parser.LevelRank([]byte("warning"))
	}
	if bit(16) {
		o.RemoveKeys, o.RemoveJournalKeys = []string{"m*", "?evel"}, []string{"_*"}
	}
	if bit(17) {
		c.MaxMessage, c.MaxFields, c.MaxDepth = 256, 8, 1
	}
	c.Types.AllText = bit(18)
	if bit(19) {
		o.OnlyKeys = []string{"*e*", "msg"}
	}
	if bit(20) {
		o.KeyName = []string{"log", "SYSLOG_IDENTIFIER", "MESSAGE"}
	}
	if bit(21) {
		c.Types.Extra = map[string]parser.Type{"pid": parser.Text, "sandbox": parser.Integer, "source": parser.Bool, "x": parser.Float}
	}
	// Look-ups run beside the calls, so that coverage differs from run to run, which fuzzing takes
	// for a find: only the seeds have them.
	if bit(22) && flag.Lookup("test.fuzz").Value.String() == "" {
		root, err := filepath.Abs("../../testdata/pods")
		if err != nil {
			panic(err)
		}
		o.SandboxMetadata, o.SandboxMetadataRoots = true, []string{root + "/containerd", root + "/crio", root + "/containers"}
		o.SandboxMetadataKey = []string{"kubernetes", "", "kata_guest"}[two(23)%3]
	}
	return o
}

// fuzzFilters has instances by the number that their options depend on; making one takes
// longer than a call.
type fuzzFilters map[uint32]*Filter

func (all fuzzFilters) get(seed uint32, change func(*options.Options)) *Filter {
	seed = seed % 97 * 2654435761
	if all[seed] == nil {
		o := fuzzOptions(seed)
		change(o)
		all[seed] = New(o)
		all[seed].plan.podWait = time.Minute
	}
	return all[seed]
}

// checkValue fails when a string in v is not UTF-8, or a map has a key twice.
func checkValue(t *testing.T, v *contract.Value) {
	t.Helper()
	if v.Kind == contract.Str && !utf8.Valid(v.Text) {
		t.Fatalf("not UTF-8: %q", v.Text)
	}
	seen := map[string]bool{}
	for i := range v.In {
		checkValue(t, &v.In[i])
		if v.Kind == contract.Map && i%2 == 0 {
			if key := string(v.In[i].Raw); seen[key] {
				t.Fatalf("%q is twice in one map", v.In[i].Text)
			} else {
				seen[key] = true
			}
		}
	}
}

// rawPairs returns the pairs of a map, each as the bytes of its key and value.
func rawPairs(v *contract.Value) (pairs []string) {
	for i := 0; i+1 < len(v.In); i += 2 {
		pairs = append(pairs, string(v.In[i].Raw)+string(v.In[i+1].Raw))
	}
	return pairs
}

// eventParts returns the time, the metadata and the body of a log event.
func eventParts(t *testing.T, chunk []byte) (at, metadata []byte, body *contract.Value) {
	t.Helper()
	v := contract.ReadValues(t, chunk)[0]
	time, meta, body, err := v.Parts()
	if err != nil {
		t.Fatal(err)
	}
	if meta != nil {
		metadata = meta.Raw
	}
	return time.Raw, metadata, body
}

// logEvent returns an event of strings, keys and values in turn.
func logEvent(pairs ...string) []byte {
	b := []byte("\x92\x92\xd7\x00\x5e\x4f\xb1\x0f\x30\x53\xe7\x8f\x80") // 2020-02-21T10:29:35.810805135Z
	b = event.AppendMapHeader(b, len(pairs)/2)
	for _, text := range pairs {
		b = event.AppendStr(b, []byte(text))
	}
	return b
}

// hardChunks returns chunks in which every option changes something.
func hardChunks() [][]byte {
	const line = `time="2020-02-21T10:29:35.5Z" level=info msg="a b" source=virtcontainers pid=1 sandbox=s`
	return [][]byte{
		logEvent("MESSAGE", line, "level", "own", "msg", "own", "kata", "own", "kata_level", "own", "k.level", "own", "_PID", "1"),
		logEvent("MESSAGE", `time="2020-02-21T10:29:35Z" level=info msg="of whole seconds"`),
		logEvent("SYSLOG_IDENTIFIER", "kata", "MESSAGE", line+" container="+appContainer+` vmconsole="text"`, "guest", "own", "kubernetes", "own"),
		logEvent("SYSLOG_IDENTIFIER", "kata", "MESSAGE", strings.TrimSuffix(line, "s")+webSandbox+` vmconsole="text"`, "guest", "own", "pod_name", "own"),
		logEvent("MESSAGE", `{"level":"info","msg":"m","time":"2020-02-21T10:29:35.5Z","name":"kata-runtime","source":"virtcontainers","a":[1.5`+strings.Repeat(",1.5", 200)+`],"b":{"k":1,"k":{"k":[]}},"c d":{}}`),
		slices.Concat(
			logEvent("MESSAGE", line, "_LINE_BREAK", "line-max", "SYSLOG_IDENTIFIER", "kata", "NAME", "kata-runtime"), logEvent("MESSAGE", line),
			logEvent("MESSAGE", "plain text"), logEvent("log", line, "kata_msg", "own"), logEvent("x", "y"), []byte("\x01\x92\xff")),
	}
}

// FuzzProcess processes any chunk with any options.
func FuzzProcess(f *testing.F) {
	for _, file := range []string{"contract/cases.msgpack", "contract/cases-3.2.msgpack", "corpus/tail.msgpack", "corpus/journald-edges.msgpack"} {
		chunk, err := os.ReadFile("../../testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		var w event.Walker
		var e event.Event
		w.Reset(chunk)
		last := 0
		for i := uint32(0); w.Next(&e); i++ {
			f.Add(chunk[e.Start:e.End], i)
			f.Add(chunk[last:e.End], i) // with the one before
			last = e.Start
		}
	}
	g := gen.New(7, 10)
	for i := range uint32(64) {
		r := g.Record()
		f.Add(r.Append(nil), i)
	}
	for _, chunk := range hardChunks() {
		for seed := range uint32(97) {
			f.Add(chunk, seed)
		}
	}
	together, alone := fuzzFilters{}, fuzzFilters{}
	as := func(*options.Options) {}
	execs := 0
	f.Fuzz(func(t *testing.T, chunk []byte, seed uint32) {
		// A tag of its own, for continued lines: what came before is of another stream.
		execs++
		tag := strconv.Itoa(execs)
		kept := bytes.Clone(chunk)
		var starts []int
		var logs []bool
		var w event.Walker
		var e event.Event
		for w.Reset(chunk); w.Next(&e); {
			starts, logs = append(starts, e.Start), append(logs, e.Log)
		}
		end := e.End
		if len(starts) == 0 {
			end = 0
		}
		if n := len(contract.ReadValues(t, chunk[:end])); n != len(starts) {
			t.Fatalf("%d events of %d values", len(starts), n)
		}

		one, all := alone.get(seed, as), together.get(seed, as)
		out, dropped := fuzzOnce(t, all, tag, chunk, logs, w.Err() != nil)
		if !bytes.HasSuffix(out, chunk[end:]) {
			t.Fatalf("the end %x has become %x", chunk[end:], out)
		}
		if n := len(contract.ReadValues(t, out[:len(out)-len(chunk)+end])); n != len(starts)-dropped {
			t.Fatalf("%d events came, %d went, %d were dropped", len(starts), n, dropped)
		}

		// Each event is processed by itself as among others, whatever the
		// instance processed of other tags before.
		var joined []byte
		for i, start := range starts {
			next := end
			if i+1 < len(starts) {
				next = starts[i+1]
			}
			before := chunk[start:next]
			after, _ := fuzzOnce(t, one, tag, before, logs[i:i+1], false)
			checkEvent(t, one, before, after, logs[i])
			joined = append(joined, after...)
		}
		if joined = append(joined, chunk[end:]...); one.duplicates == nil && !bytes.Equal(joined, out) {
			t.Fatalf("one by one\n%q\ntogether\n%q", joined, out)
		}
		if !bytes.Equal(kept, chunk) {
			t.Fatal("the chunk was written to")
		}
	})
}

// fuzzOnce processes a chunk, first with too little memory for the output, then with
// enough. It returns what replaces the chunk, and how many events were dropped.
func fuzzOnce(t *testing.T, f *Filter, tag string, chunk []byte, logs []bool, corrupt bool) (out []byte, dropped int) {
	t.Helper()
	// Memory of exactly the size that is asked for: if the output outgrows what was
	// reserved, it is no longer in this memory.
	var last []byte
	grown, limit := 0, len(chunk)%3
	grow := func(b []byte, n int) ([]byte, bool) {
		if grown++; grown > limit {
			return b, false
		}
		last = make([]byte, len(b), len(b)+n)
		copy(last, b)
		return last, true
	}
	n := 0
	for _, log := range logs {
		if log {
			n++
		}
	}
	was := f.Counts()
	if verdict := f.Process([]byte(tag+" without memory"), chunk, &event.Buffer{Grow: grow}); grown > limit {
		// The chunk and its counts are those of untouched records.
		was.Untouched += uint64(n)
		if corrupt {
			was.Corrupt++
		}
		was.InBytes, was.OutBytes = was.InBytes+uint64(len(chunk)), was.OutBytes+uint64(len(chunk))
		if is := f.Counts(); verdict == Changed || !reflect.DeepEqual(is, was) {
			t.Fatalf("without memory: %v, %v, want %v", verdict, &is, &was)
		}
	}
	limit = 1 << 30
	b := event.Buffer{Grow: grow}
	was = f.Counts()
	verdict := f.Process([]byte(tag), chunk, &b)
	is := f.Counts()
	if len(b.B) > 0 && &b.B[0] != &last[:1][0] {
		t.Fatal("the output outgrew what was reserved")
	}
	dropped = int(is.Dropped - was.Dropped)
	parsed := int(is.Parsed-was.Parsed+is.Errors-was.Errors) + dropped
	if counted := parsed + int(is.Untouched-was.Untouched); counted != n || (verdict == Changed) != (parsed > 0) || (is.Corrupt != was.Corrupt) != corrupt {
		t.Fatalf("%d of %d records counted, %d of them parsed, %d chunks corrupt: %v", counted, n, parsed, is.Corrupt-was.Corrupt, verdict)
	}
	if verdict == Untouched {
		return chunk, 0
	}
	// Each byte of a message can be an empty pair's, or a name's in a map.
	if len(b.B) > 12*len(chunk)+2048*len(logs) {
		t.Fatalf("%d bytes became %d", len(chunk), len(b.B))
	}
	return b.B, dropped
}

// checkEvent compares an event before and after.
func checkEvent(t *testing.T, f *Filter, before, after []byte, log bool) {
	t.Helper()
	if bytes.Equal(before, after) || len(after) == 0 {
		return
	}
	if !log {
		t.Fatalf("no log event, and it changed:\n%x\n%x", before, after)
	}
	at, metadata, body := eventParts(t, before)
	newAt, newMetadata, newBody := eventParts(t, after)
	if !bytes.Equal(metadata, newMetadata) {
		t.Fatalf("the metadata were %x and are %x", metadata, newMetadata)
	}
	if !bytes.Equal(at, newAt) {
		if len(newAt) != 10 || binary.BigEndian.Uint32(newAt[2:]) >= 0xfffffffe || binary.BigEndian.Uint32(newAt[6:]) > 999_999_999 {
			t.Fatalf("the time is %x", newAt)
		}
	}

	own := map[string]bool{}
	names := map[string]int{}
	for i, pair := range rawPairs(body) {
		own[pair] = true
		if key := &body.In[2*i]; key.Kind == contract.Str {
			names[string(key.Text)]++
		}
	}
	left := map[string]bool{}
	for i, pair := range rawPairs(newBody) {
		left[pair] = true
		if own[pair] {
			continue
		}
		key, value := &newBody.In[2*i], &newBody.In[2*i+1]
		name := string(key.Text)
		switch {
		case len(f.plan.podKey) > 0 && name == f.plan.SandboxMetadataKey && value.Kind == contract.Map:
		case key.Kind != contract.Str || !strings.HasPrefix(name, f.plan.Prefix) && len(f.plan.NestUnder) == 0:
			t.Fatalf("the key %q was added", key.Raw)
		case len(f.plan.NestUnder) > 0 && (name != f.plan.NestUnder || value.Kind != contract.Map):
			t.Fatalf("%q was added beside the map", name)
		case len(f.plan.NestUnder) == 0 && len(f.plan.Prefix) == 0 && names[name] > 0:
			t.Fatalf("%q has taken the record's own", name)
		}
		checkValue(t, key)
		checkValue(t, value)
	}
	for i := 0; i < len(newBody.In); i += 2 {
		key := &newBody.In[i]
		n := 0
		for k := 0; k < len(newBody.In); k += 2 {
			if newBody.In[k].Kind == contract.Str && bytes.Equal(newBody.In[k].Text, key.Text) {
				n++
			}
		}
		if key.Kind == contract.Str && n > max(1, names[string(key.Text)]) {
			t.Fatalf("%q is there %d times", key.Text, n)
		}
	}

	if !f.plan.ReserveData || !f.plan.PreserveKey || len(f.plan.RemoveJournalKeys) > 0 {
		return
	}
	// Nothing is taken away, but what this plugin wrote before.
	for i, pair := range rawPairs(body) {
		key := &body.In[2*i]
		ours := key.Kind == contract.Str && (len(f.plan.prefix) > 0 && bytes.HasPrefix(key.Text, f.plan.prefix) || string(key.Text) == f.plan.NestUnder)
		if !left[pair] && !ours {
			t.Fatalf("%q was taken away", key.Text)
		}
	}
}

// enclosingRecords return the records that enclose a guest's text.
var enclosingRecords = []func(guest string) []string{
	func(guest string) []string { // the shim in Go
		return []string{"SYSLOG_IDENTIFIER", "containerd", "MESSAGE", `time="2024-05-06T07:08:10.25Z" level=debug msg="reading guest console" console-protocol=unix ` +
			`console-url=/run/vc/vm/55bb/console.sock name=containerd-shim-v2 pid=4242 sandbox=` + webSandbox + ` source=virtcontainers subsystem=sandbox vmconsole=` + strconv.Quote(guest)}
	},
	func(guest string) []string { // kata-proxy
		return []string{"SYSLOG_IDENTIFIER", "kata-proxy", "MESSAGE", `time="2019-05-06T07:08:09.1Z" level=info msg=` + strconv.Quote(guest+"\n") + ` name=kata-proxy pid=7 sandbox=` + apiSandbox + ` source=agent`}
	},
	func(guest string) []string { // the runtime in Rust
		return []string{"SYSLOG_IDENTIFIER", "kata", "NAME", "kata-runtime", "SUBSYSTEM", "agent", "SOURCE", webSandbox, "PID", "777", "VERSION", "0.1.0", "MESSAGE", guest}
	},
}

// FuzzGuestRecord has a guest write any text: all fields of the host's are as they are
// when the text is not unpacked, and the names of the others are in the key table or start
// with agent_.
func FuzzGuestRecord(f *testing.F) {
	g := gen.New(11, 10)
	for i := range uint32(48) {
		r := g.Record()
		f.Add(string(r.Append(nil)), uint8(i), i)
	}
	for i, guest := range []string{
		`{"msg":"m","level":"INFO","ts":"2024-05-06T07:08:09Z","sandbox":"evil","pid":"1","zeta":"1","kata_sandbox":"2","MESSAGE":"3"}`,
		`time="2019-05-06T07:08:08.4Z" level=fatal msg=m sandbox=evil SANDBOX=evil id=x console-url=evil guest=false _PID=9 name=kata-agent pid=1 source=agent`,
		`{"msg":{"a":{"b":[1]}},"level":"x","parse_error":"no","agent_pid":5,"guest":"no","level":"panic","time":"now","source":5`,
		"[    1.122452] \x1b[31mtext\x1b[0m {\"msg\":\"m\",\"level\":\"INFO\",\"subsystem\":\"s\"}",
	} {
		for enclosing := range enclosingRecords {
			for seed := range uint32(16) {
				f.Add(guest, uint8(enclosing), uint32(i)+6*seed)
			}
		}
	}
	leave, unpack := fuzzFilters{}, fuzzFilters{}
	f.Fuzz(func(t *testing.T, guest string, enclosing uint8, seed uint32) {
		pairs := enclosingRecords[int(enclosing)%len(enclosingRecords)](guest)
		b := logEvent(append(pairs, "_PID", "4242", "_COMM", "x", "sandbox", "own")...)
		as := func(unpack bool) func(o *options.Options) {
			return func(o *options.Options) {
				o.Parser.NoUnpack, o.Duplicates, o.NestUnder = !unpack, options.KeepDuplicates, ""
				o.MinLevel = -1 // a guest's level may drop the record
				if o.SandboxMetadataKey != "" {
					o.SandboxMetadataKey = "kubernetes" // no name of this plugin's own
				}
			}
		}
		filter := unpack.get(seed, as(true))
		enclosingOnly, _ := fuzzOnce(t, leave.get(seed, as(false)), "kata", b, []bool{true}, false)
		both, _ := fuzzOnce(t, filter, "kata", b, []bool{true}, false)
		at, _, was := eventParts(t, enclosingOnly)
		newAt, _, is := eventParts(t, both)
		if !bytes.Equal(at, newAt) {
			t.Fatalf("the time was %x and is %x", at, newAt)
		}
		_, _, record := eventParts(t, b)
		inTable := func(name string) bool {
			return slices.ContainsFunc(filter.plan.keys, func(key parser.Key) bool { return key.Name == name })
		}
		own, old, now := rawPairs(record), rawPairs(was), rawPairs(is)
		for i, pair := range old {
			name := string(was.In[2*i].Text)
			if bare, ok := strings.CutPrefix(name, filter.plan.Prefix); ok && guestsOwn[strings.TrimSuffix(bare, "_text")] {
				continue
			}
			if !slices.Contains(now, pair) {
				t.Fatalf("%q was %q and is not that any more", name, was.In[2*i+1].Text)
			}
		}
		for i, pair := range now {
			if slices.Contains(old, pair) || slices.Contains(own, pair) {
				continue // own: with an error the message stays
			}
			name := string(is.In[2*i].Text)
			bare, ok := strings.CutPrefix(name, filter.plan.Prefix)
			base := strings.TrimSuffix(bare, "_text")
			if !ok || hostsOwn[strings.ToLower(base)] || !inTable(base) && !strings.HasPrefix(bare, "agent_") {
				t.Fatalf("the guest made %q", name)
			}
			if bare == "guest" && !bytes.Equal(is.In[2*i+1].Raw, []byte{0xc3}) {
				t.Fatalf("the flag guest is %x", is.In[2*i+1].Raw)
			}
		}
	})
}

var (
	// guestsOwn are the fields of the enclosing record that a guest record replaces.
	guestsOwn = map[string]bool{"msg": true, "level": true, "name": true, "source": true, "subsystem": true, "vmconsole": true, "parse_error": true}
	// hostsOwn are names that no guest can set, in small letters.
	hostsOwn = map[string]bool{
		"sandbox": true, "sandboxid": true, "sandbox_id": true, "sandbox-id": true, "sandbox:": true, "sandbox_": true, "id": true, "console-url": true, "console-protocol": true,
		"exec-id": true, "time": true, "duplicate": true,
	}
)
