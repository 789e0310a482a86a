package parser

import (
	"fmt"
	"strings"
	"testing"
)

// hostileSize is long enough for a step that is worse than linear to show.
const hostileSize = 64 << 10

// hostile are texts that a parser may be slow on.
func hostile() map[string]string {
	fill := func(s string) string { return strings.Repeat(s, hostileSize/len(s)) }
	count := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < hostileSize; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	const head = `time="2022-05-06T07:08:09.1Z" level=info `
	return map[string]string{
		"equals":            head + fill("="),
		"quotes":            head + fill(`"`),
		"open quotes":       head + fill(`="`),
		"empty pairs":       head + fill("a= "),
		"short pairs":       head + count("%d=x "),
		"equal pairs":       head + fill("key=value "),
		"blanks":            head + fill(" ") + "=x",
		"words":             head + fill("word ") + "=x",
		"one word":          head + fill("w") + "=x",
		"backslashes":       head + `msg="` + fill(`\\`),
		"bad escapes":       head + `msg="` + fill(`\q`),
		"hex escapes":       head + `msg="` + fill(`\xff`),
		"brackets":          head + `msg=` + fill("["),
		"spaced keys":       head + count("a b %d=x "),
		"table keys":        head + fill("pid=1 count=2 sandbox=3 "),
		"misfits":           head + count("k%d=x pid=y count=z "),
		"terminal codes":    "INFO[0000] " + fill("\x1b["),
		"terminal keys":     "INFO[0000] " + fill(" \x1b[31mx"),
		"terminal words":    "INFO[0000] " + fill("a b"),
		"announce":          "announce: " + count(`k%d="v",`),
		"announce torn":     "announce: " + fill(`a="`),
		"json members":      `{"msg":"x"` + count(`,"k%d":1`) + "}",
		"json equal":        `{"msg":"x"` + fill(`,"k":"v"`) + "}",
		"json nested":       `{"a":` + fill(`[`),
		"json deep":         `{"a":` + strings.Repeat(`[`, hostileSize/2) + strings.Repeat(`]`, hostileSize/2) + `}`,
		"json deep members": `{"msg":"x"` + fill(`,"a":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]`) + "}",
		"json blanks":       `{"a":[` + fill("1 , ") + "1]}",
		"json escapes":      `{"msg":"` + fill(`\u00e9`) + `"}`,
		"json huge key":     `{"msg":"x","` + fill("k") + `":1}`,
		"json braces":       fill(`{"`),
		"bad utf-8":         head + "msg=" + fill("\xff"),
		"plain":             fill("word "),

		"guest unknown":     consoleLine(`{"msg":"x","level":"INFO"` + count(`,"k%d":"v"`) + "}"),
		"guest huge key":    consoleLine(`{"msg":"x","level":"INFO","` + fill("k") + `":1}`),
		"guest refused":     consoleLine(`{"msg":"x","level":"INFO"` + count(`,"agent_%d":"v"`) + "}"),
		"guest reserved":    consoleLine(`{"msg":"x","level":"INFO"` + fill(`,"sandbox":"a","SANDBOX":"b","ID":"c"`) + "}"),
		"guest spellings":   consoleLine(`{"msg":"x","level":"INFO"` + spellings() + "}"),
		"guest open":        consoleLine(fill(`{"`)),
		"guest braces":      consoleLine("[    1.122452] " + fill(`{"msg":`)),
		"guest times":       consoleLine("[    1.122452] " + fill(`time=`)),
		"guest codes":       consoleLine(fill("\x1b]")),
		"guest severities":  consoleLine(fill("err fai pan kernel ")),
		"guest words":       consoleLine(fill("e")),
		"guest unseen":      consoleLine(fill("\x1b[0m\r\x00")),
		"guest unseen text": consoleLine(fill("\x1b[0m\r\x00x")),
		"guest stamp codes": consoleLine("[    1.122452] " + fill("\x1b[0mtime=")),
		"guest C1 fields":   consoleLine(`{"msg":"x","level":"INFO"` + count(",\"k%d\":\"\u0085\"") + "}"),
		"guest codes in it": consoleLine(`{"msg":"x","level":"INFO","error":"` + fill(`\u001b[0mx`) + `"}`),
		"guest spelt":       hostLine(count("h.%06d=1 "), `{"msg":"x","level":"INFO"`+count(`,"H-%06d":"1"`)+"}"),
		"guest csi":         consoleLine(fill("\u009b")),
		"guest csi and esc": consoleLine(fill("\u009b1\x1b")),
		"guest c2":          consoleLine(fill("\u0082") + "\u009b"),
		"guest stamps":      consoleLine(`time="2019-05-06T07:08:08.4Z" level=info msg=` + fill("[1")),
		"guest half stamps": consoleLine(`time="2019-05-06T07:08:08.4Z" level=info ` + fill("k=[   1.1")),
		"guest and host":    hostLine(count("h%06d=1 "), `{"msg":"x","level":"INFO"`+count(`,"h%06dx":"v"`)+"}"),
		"guest v1 unknown":  proxyLine(`time="2019-05-06T07:08:08.4Z" level=info ` + count("k%d=v ")),
		"guest requests":    proxyLine(`time="2019-05-06T07:08:08.4Z" level=info req="` + fill("container_id ") + `"`),
	}
}

// hostLine is a console line with more of the host's fields.
func hostLine(fields, guest string) string {
	return `time="2024-05-06T07:08:10.25Z" level=debug msg="reading guest console" ` + fields + `vmconsole=` + logrusValue(guest)
}

// spellings are members that differ from a name of the host's in case only.
func spellings() string {
	const name = "console-protocol"
	var b strings.Builder
	for i := 0; b.Len() < hostileSize; i++ {
		key := []byte(name)
		for bit := range key {
			if i>>bit&1 == 1 && key[bit] >= 'a' {
				key[bit] -= 'a' - 'A'
			}
		}
		fmt.Fprintf(&b, `,"%s":"v"`, key)
	}
	return b.String()
}

// TestHostile parses them with and without limits: each gives one sound record.
func TestHostile(t *testing.T) {
	for name, text := range hostile() {
		for _, c := range []Config{{}, {MaxFields: 1 << 20, MaxDepth: maxNesting}} {
			p := New(c)
			m := Message{Text: []byte(text), Origin: Kata}
			r := p.Parse(&m)
			if r == nil {
				t.Errorf("%s: nothing", name)
			} else if err := checkRecord(r, &p.cfg, &m); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// BenchmarkHostile shows the cost per byte of texts that a parser may be slow
// on, beside that of a common one. What is linear has a cost per byte of about
// the same size in both lengths.
func BenchmarkHostile(b *testing.B) {
	p := New(Config{})
	run := func(b *testing.B, text string) {
		m := Message{Text: []byte(text), Origin: Kata}
		b.ReportAllocs()
		for b.Loop() {
			p.Parse(&m)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(text)), "ns/B")
	}
	for _, name := range []string{"logfmt", "json", "console", "proxy"} {
		b.Run("common "+name, func(b *testing.B) { run(b, string(common[name].Text)) })
	}
	for name, text := range hostile() {
		b.Run(name, func(b *testing.B) { run(b, text) })
		b.Run(name+", a quarter", func(b *testing.B) { run(b, text[:len(text)/4]) })
	}
}
