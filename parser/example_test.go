package parser_test

import (
	"fmt"
	"path"
	"strings"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

func printRecord(r *parser.Record) {
	if r.HasTime {
		fmt.Println(r.Time.Time())
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		fmt.Printf("%s = %v (%v)\n", r.Name(f), r.Value(f), f.Type)
	}
}

// value returns the value of the field with the name, nil if there is none.
func value(r *parser.Record, name string) any {
	if i := r.Index([]byte(name)); i >= 0 {
		return r.Value(&r.Fields[i])
	}
	return nil
}

func ExampleParser() {
	p := parser.New(parser.Config{})
	r := p.Parse(&parser.Message{
		Text:   []byte(`time="2020-02-21T10:31:27.810781647Z" level=info msg="release sandbox" name=kata-runtime pid=14314 vm path=/run/vc`),
		Origin: parser.OriginOf([]byte("kata-runtime")),
	})
	printRecord(r)
	// Output:
	// 2020-02-21 10:31:27.810781647 +0000 UTC
	// level = info (string)
	// msg = release sandbox (string)
	// name = kata-runtime (string)
	// pid = 14314 (integer)
	// vm_path = /run/vc (string)
}

// The agent's record stands inside a record of the shim's. It is unpacked and marked, and
// what it says of the sandbox does not take the place of what the host says.
func ExampleParser_guest() {
	p := parser.New(parser.Config{})
	r := p.Parse(&parser.Message{
		Text: []byte(`time="2024-05-06T07:08:10.25Z" level=debug msg="reading guest console" sandbox=55bb source=virtcontainers ` +
			`vmconsole="{\"msg\":\"got uevent\",\"level\":\"INFO\",\"pid\":\"144\",\"source\":\"agent\",\"sandbox\":\"77aa\"}"`),
		Origin: parser.Kata,
	})
	printRecord(r)
	// Output:
	// 2024-05-06 07:08:10.25 +0000 UTC
	// level = info (string)
	// msg = got uevent (string)
	// sandbox = 55bb (string)
	// source = agent (string)
	// guest = true (bool)
	// agent_pid = 144 (integer)
	// agent_sandbox = 77aa (string)
}

// A log file in JSON, with a line that ends early.
func ExampleParser_file() {
	const file = `{"level":"info","msg":"release sandbox","name":"kata-runtime","pid":4242,"time":"2024-05-06T07:08:09Z","tracing":false}
{"level":"warning","msg":"disk full","na
`
	p := parser.New(parser.Config{})
	for line := range strings.Lines(file) {
		r := p.Parse(&parser.Message{Text: []byte(line), Origin: parser.Kata})
		fmt.Printf("%v %v: %v (%q)\n", r.Encoding, value(r, "level"), value(r, "msg"), r.Reason)
	}
	// Output:
	// json info: release sandbox ("")
	// json warning: disk full ("bad_json")
}

// A program that stores records in columns makes what it needs for each key once, and then
// finds it by the key's index. Keys that the parser does not know share one column.
func ExampleParser_Keys() {
	p := parser.New(parser.Config{Types: parser.Types{Extra: map[string]parser.Type{"retries": parser.Integer}}})
	keys := p.Keys()
	columns := make([]string, len(keys))
	for i, key := range keys {
		columns[i] = strings.ToUpper(key.Name) + " " + key.Type.String()
	}
	r := p.Parse(&parser.Message{
		Text:   []byte(`time="2024-05-06T07:08:10Z" level=info msg=start pid=4242 retries=3 color=green`),
		Origin: parser.Kata,
	})
	for i := range r.Fields {
		column := "OTHER string"
		if key := r.Fields[i].Key; key >= 0 {
			column = columns[key]
		}
		fmt.Printf("%s: %v\n", column, r.Value(&r.Fields[i]))
	}
	// Output:
	// LEVEL string: info
	// MSG string: start
	// PID integer: 4242
	// RETRIES integer: 3
	// OTHER string: green
}

// Old shims, and containerd's library inside each shim, do not say whose record it is. A
// program that knows that from elsewhere, here from the name of a file, says so.
func ExampleMessage() {
	file := "/var/log/kata/55bb.log"
	sandbox := []byte(strings.TrimSuffix(path.Base(file), ".log"))
	p := parser.New(parser.Config{})
	for _, line := range []string{
		`time="2024-05-06T07:08:10.25Z" level=warning msg="post event" error="context canceled"`,
		`time="2024-05-06T07:08:10.5Z" level=info msg=stopped ID=77aa`,
	} {
		r := p.Parse(&parser.Message{
			Text: []byte(line), Origin: parser.Kata,
			Sandbox: func() []byte { return sandbox },
		})
		fmt.Println(value(r, "sandbox"), value(r, "msg"))
	}
	// Output:
	// 55bb post event
	// 77aa stopped
}

// Entries of one journal stream. journald has cut the first line, inside what a guest wrote,
// and the guest has made the rest look like a record of the host's.
func ExampleContinuation() {
	type entry struct {
		lineBreak string // _LINE_BREAK, empty for a line that ended with a newline
		message   string
	}
	stream := []entry{
		{"line-max", `time="2024-05-06T07:08:10Z" level=debug msg="reading guest console" sandbox=55bb source=virtcontainers vmconsole="AAAA`},
		{"", `time="2024-05-06T07:08:11Z" level=info msg=forged sandbox=77aa name=kata-runtime`},
		{"", `time="2024-05-06T07:08:12Z" level=info msg=stopped sandbox=55bb name=containerd-shim-v2`},
	}
	p := parser.New(parser.Config{})
	next, parse := parser.NoContinuation, true // what the next entry is, and whether to parse it
	for _, e := range stream {
		var r *parser.Record
		if parse {
			r = p.Parse(&parser.Message{
				Text: []byte(e.message), Origin: parser.Runtime,
				Cut: e.lineBreak != "" && e.lineBreak != "nul", Continuation: next,
			})
		}
		next, parse = parser.NoContinuation, true
		if e.lineBreak == "line-max" {
			if parse = r != nil; parse {
				next = r.Continuation
			}
		}
		if r != nil {
			fmt.Printf("guest %v, sandbox %v, %v\n", r.Guest, value(r, "sandbox"), value(r, "msg"))
		}
	}
	// Output:
	// guest true, sandbox 55bb, AAAA
	// guest true, sandbox <nil>, time="2024-05-06T07:08:11Z" level=info msg=forged sandbox=77aa name=kata-runtime
	// guest false, sandbox 55bb, stopped
}

func ExampleLogfmt() {
	var d parser.Logfmt
	d.Reset([]byte(`level=info vm path=/run/vc msg="a \x1b[0m b" c="d"e`))
	for d.Next() {
		fmt.Printf("%s: %q\n", d.Key(), d.Value())
	}
	fmt.Println(d.Reason(), string(d.Unparsed()))
	// Output:
	// level: "info"
	// vm path: "/run/vc"
	// msg: "a \x1b[0m b"
	// c: "d"
	// trailing_text e
}
