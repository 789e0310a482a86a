package parser

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/keys.md and testdata/rows anew")

func TestKeyTable(t *testing.T) {
	written := map[string]string{}
	native := map[string]keyRow{}
	for _, row := range keyRows {
		if row.Name == "" || row.From == "" {
			t.Errorf("row %+v is not complete", row)
		}
		switch row.Type {
		case Text, Integer, Float, Bool:
		default:
			t.Errorf("%q: type %s", row.Name, row.Type)
		}
		name := string(appendName(nil, []byte(row.Name)))
		if first, ok := written[name]; ok {
			t.Errorf("%q and %q are both written %s", first, row.Name, name)
		}
		written[name] = row.Name
		// What comes through the journal cannot be told apart, and neither can
		// keys that differ in case in some stores.
		folded := nativeName(row.Name)
		if first, ok := native[folded]; ok && first.Type != row.Type {
			t.Errorf("%q is %s and %q is %s, both are %s in the journal", first.Name, first.Type, row.Name, row.Type, folded)
		}
		native[folded] = row
	}
	if n := len(keyRows); n > 400 {
		t.Errorf("%d rows: text of the host's programs needs none", n)
	}
}

func TestKeysFind(t *testing.T) {
	k := newKeyTable(Types{})
	for _, row := range keyRows {
		for _, name := range []string{string(appendName(nil, []byte(row.Name))), nativeName(row.Name)} {
			keyID := k.find([]byte(name))
			if keyID == unknown {
				t.Errorf("%q is not found as %s", row.Name, name)
			} else if string(k.name(keyID)) != name || k.rows[keyID].typ != row.Type {
				t.Errorf("%q is found as %s, %s", row.Name, k.name(keyID), k.rows[keyID].typ)
			}
		}
	}
}

// TestKeys: a field's key is an index in Keys, whichever Parser of the same types made it.
func TestKeys(t *testing.T) {
	extra := map[string]Type{"my key": Integer, "my-key": Float, "a.b": Bool, "zeta": Integer, "count": Text, "duplicate": Text}
	for _, types := range []Types{{}, {AllText: true}, {Extra: extra}} {
		p, q := New(Config{Types: types}), New(Config{Types: types})
		keys := q.Keys()
		for i, row := range keyRows {
			want := Key{string(appendName(nil, []byte(row.Name))), row.Type, row.From == fromPlugin}
			if typ, ok := types.Extra[row.Name]; ok {
				want.Type = typ
			}
			if types.AllText {
				want.Type = Text
			}
			if keys[i] != want {
				t.Errorf("%v: key %d is %v, want %v", types, i, keys[i], want)
			}
		}
		for _, key := range keys[len(keyRows):] {
			if key.Added {
				t.Errorf("%v: %s is added", types, key.Name)
			}
		}
		text := []byte(`time="2024-05-06T07:08:10.25Z" level=info my key=1 a.b=true zeta=5 my-key=0.5 other=x count=3 exit_code=1 pid=y`)
		r := p.Parse(&Message{Text: text, Origin: Kata})
		for i := range r.Fields {
			switch f := &r.Fields[i]; {
			case f.Key < 0:
			case keys[f.Key].Name != string(r.Name(f)) || keys[f.Key].Type != f.Type && f.Type != Null:
				t.Errorf("%v: %s of type %v has key %v", types, r.Name(f), f.Type, keys[f.Key])
			}
		}
		if !slices.Equal(keys, p.Keys()) {
			t.Errorf("%v: two parsers have other keys", types)
		}
	}
}

func TestKeyIDs(t *testing.T) {
	for keyID, name := range map[int]string{
		keyTime: "time", keyTs: "ts", keyLevel: "level", keyMsg: "msg", keyName: "name", keySource: "source",
		keySubsystem: "subsystem", keyPid: "pid", keyVersion: "version", keyComponent: "component",
		keySandbox: "sandbox", keyContainer: "container", keyReq: "req", keyVMConsole: "vmconsole",
		keyGuest: "guest", keyParseError: "parse_error", keyUnparsed: "unparsed",
		keyConsoleNoise: "console_noise", keyDuplicate: "duplicate",
		keyAgentPid: "agent_pid", keyAgentTime: "agent_time", keyAgentFields: "agent_fields",
	} {
		if keyRows[keyID].Name != name {
			t.Errorf("key %d is %q, not %q", keyID, keyRows[keyID].Name, name)
		}
		if got := string(newKeyTable(Types{}).name(keyID)); got != name {
			t.Errorf("key %d of the table is %q, not %q", keyID, got, name)
		}
	}
}

// TestKeyTypes checks what the record's contract says of single keys.
func TestKeyTypes(t *testing.T) {
	want := map[Type]string{
		Text: "time|ts|sandbox|container|ID|id|sandboxid|sandbox_id|sandboxID|exec|exec-id|eid|cid|process-id|container-id|" +
			"commit|version|agent-version|agent-commit|api-version|git-commit|name|machine|value|parameter|seqnum|cri-uid|" +
			"pci-path|mac-address|devno|netns|socket permissions|other|host-cpus|numa-nodes|file|error|endpoint|endpoints|" +
			"signal|duration|system-memory|request|req|resp|fields.time|logrus_error|vm path|sandbox:|stream id|mount-point",
		Integer: "pid|qemuPid|StratoVirt Pid|proxy-pid|proxy|exit-code|status|attempt|timeout|vcpus|mem-mb|mem|" +
			"hotplug-memory-mb|memory-sandbox-size-mb|cpus-sandbox|workload mem in MB|default mem|qmp-major-version|" +
			"qmp-minor-version|qmp-micro-version|shm-size|read-bytes|availSpaceInBytes|sandboxMemoryByte|" +
			"guestMemorySizeInBytes|uid|gid|numa-node|bus-nr|device-major|device-minor|channel-size|count|" +
			"sandboxes count|port|mount-flags|child-pid|uevent-seqnum",
		Float: "workload cpu|default cpu",
		Bool: "debug_console|debug|terminal|tracing|hotplug|inside-vm|smtEnabled|ipv6|rollback|proxy-exit-code|" +
			"notified|cold-plug",
	}
	types := map[string]Type{}
	for _, row := range keyRows {
		types[row.Name] = row.Type
	}
	for typ, names := range want {
		for name := range strings.SplitSeq(names, "|") {
			if got, ok := types[name]; !ok || got != typ {
				t.Errorf("%q is %s (in the table: %t), not %s", name, got, ok, typ)
			}
		}
	}
}

// What a guest may not set, in any spelling, and what it may.
func TestReservedKeys(t *testing.T) {
	k := newKeyTable(Types{})
	reserved := func(name string) bool {
		group := k.group(appendSquashed(nil, []byte(name)))
		return group != unknown && k.rows[group].reserved
	}
	for _, name := range []string{
		"sandbox", "sandboxid", "sandbox_id", "sandboxID", "sandbox-id", "ID", "id", "console-url", "console.url", "Console URL",
		"console-protocol", "exec-id", "exec_id", "ExecID", "execid", "time", "TIME", "t-i-m-e",
		"guest", "duplicate", "parse_error", "unparsed", "console_noise", "detected_level", "agent_pid", "agent-pid", "agent_time",
		"agent_fields", "agent_source", "pod_name", "pod_namespace", "pod_uid", "PodUID",
	} {
		if !reserved(name) {
			t.Errorf("%s is not reserved", name)
		}
	}
	for _, name := range []string{"container", "error", "path", "ids", "timeout", "guest-cpus", "agent-version"} {
		if reserved(name) {
			t.Errorf("%s is reserved", name)
		}
	}
}

// TestKeysDoc compares docs/keys.md with the table.
func TestKeysDoc(t *testing.T) {
	const file = "../docs/keys.md"
	text := keysDoc()
	if *update {
		if err := os.MkdirAll("../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(old) != text {
		t.Error("docs/keys.md is not the table's: go test ./parser -run TestKeysDoc -update")
	}
}

const keysIntro = `# The keys of Kata's log records

<!-- Made from parser/keys.go: go test ./parser -run TestKeysDoc -update -->

Kata's programs write their records as ` + "`key=value`" + ` text, as JSON or as journal
fields, and the same key comes as a number in one of them and as a string in
another. An index gives a field one type for ever. So this plugin has a table of
Kata's keys, and the table decides:

- **The type, in every encoding.** A key below is written with the type below,
  whether the message had ` + "`pid=42`, `\"pid\":42` or `\"pid\":\"42\"`" + `. A key that is not
  below is text, also where JSON has a number or a bool: its exact characters.
  JSON's null stays null.
- **Misfits.** A value that does not fit its key's type goes as text to
  ` + "`kata_KEY_text`: `timeout=1m0s` becomes `kata_timeout_text`" + `. The column of
  numbers stays one of numbers, and nothing is lost.
- **What a guest may add.** An agent's key that is below gets its own field. All
  its other keys go together, as one JSON text, into ` + "`kata_agent_fields`" + `: whoever
  runs in a guest cannot make columns. Some of the keys below are the host's
  alone; what a guest says for them goes to ` + "`kata_agent_KEY`" + `.

Ids, commits, versions, durations, endpoints and signals are text even where they
look like numbers: an id may be all digits, or digits around one ` + "`e`" + `.

The written name is the prefix (` + "`kata_`" + ` by default) and the key, with every blank
and dot as ` + "`_`: `vm path`" + ` is ` + "`kata_vm_path`" + `. The Rust runtime's journal fields are
written in lower case with every other sign as ` + "`_`" + `, and have the type of the key
that they come from: ` + "`exit-code` comes as `EXIT_CODE`" + ` and is ` + "`kata_exit_code`" + `, an
integer.

The option ` + "`types`" + ` changes this. ` + "`types string`" + ` makes everything text; pairs come on
top of the table, as in ` + "`types kata,cpus-sandbox:float,my-key:integer`" + `. A key that is
named there is known, so that a guest's key of that name gets a field.

"Written by" names programs: *agent* is the agent in Rust and *agent v1* the one in
Go of Kata 1.x, *runtime* is kata-runtime and containerd-shim-kata-v2 in Go,
*runtime-rs* the shim in Rust. "For example in" is one file with such a logging
call, in the repository kata-containers if it starts with ` + "`src/`" + ` and in the
program's own of Kata 1.x otherwise; newer releases may have moved it.
`

func keysDoc() string {
	var b strings.Builder
	b.WriteString(keysIntro)
	for _, part := range []struct {
		typ   Type
		title string
	}{{Integer, "Integers"}, {Float, "Floats"}, {Bool, "Bools"}, {Text, "Text"}} {
		var rows []keyRow
		for _, row := range keyRows {
			if row.Type == part.typ {
				rows = append(rows, row)
			}
		}
		slices.SortFunc(rows, func(x, y keyRow) int {
			if c := strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)); c != 0 {
				return c
			}
			return strings.Compare(x.Name, y.Name)
		})
		fmt.Fprintf(&b, "\n## %s\n\n| key | written by | for example in |\n|---|---|---|\n", part.title)
		for _, row := range rows {
			who, file, found := strings.Cut(row.From, ": ")
			if found {
				file = "`" + file + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", row.Name, who, file)
		}
	}
	return b.String()
}
