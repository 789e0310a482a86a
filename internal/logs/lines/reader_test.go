package lines_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/lines"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

const (
	logfmtLine = `time="2024-05-06T07:08:09.123456789Z" level=info msg="VM started" name=containerd-shim-v2 pid=4242 sandbox=55bb source=virtcontainers`
	agentLine  = `{"msg":"announce","level":"INFO","ts":"2024-05-06T07:08:09.5Z","name":"kata-agent","source":"agent"}`
)

// read returns the records of a text, each as its time and pairs: "1714979289.5 KEY=value KEY=value".
func read(t *testing.T, from io.Reader) (list []string, r *lines.Reader) {
	t.Helper()
	newest := time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)
	r = lines.NewReader(from, lines.Options{Newest: newest})
	var b []byte
	for {
		var err error
		b, err = r.Read(b, 1<<20)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	run := record.Run{Bytes: b}
	run.Index(0)
	var view record.Record
	for i := range run.Entries {
		if !view.Read(run.At(i)) {
			t.Fatalf("record %d cannot be read", i)
		}
		list = append(list, show(&view))
	}
	return list, r
}

func show(r *record.Record) string {
	var s strings.Builder
	if r.Flags&record.NoTime != 0 {
		s.WriteString("-")
	} else {
		s.WriteString(time.Unix(0, r.Nano).UTC().Format(time.RFC3339Nano))
	}
	if r.Flags&record.Torn != 0 {
		s.WriteString(" torn")
	}
	if r.Flags&record.Piece != 0 {
		s.WriteString(" piece")
	}
	for _, p := range r.Pairs {
		if p.Text != nil {
			fmt.Fprintf(&s, " %s=%s", p.Key, p.Text)
		} else {
			fmt.Fprintf(&s, " %s=%x", p.Key, p.Value)
		}
	}
	return s.String()
}

// TestRecognition has a line of each kind, and what is read of it.
func TestRecognition(t *testing.T) {
	for _, test := range []struct {
		name, text string
		kind       lines.Kind
		want       []string
	}{
		{"logfmt", logfmtLine, lines.Message, []string{"- MESSAGE=" + logfmtLine}},
		{"logrus JSON", `{"level":"info","msg":"x","time":"2024-05-06T07:08:09Z"}`, lines.Message,
			[]string{`- MESSAGE={"level":"info","msg":"x","time":"2024-05-06T07:08:09Z"}`}},
		{"agent's JSON", agentLine, lines.Message, []string{"- MESSAGE=" + agentLine}},
		{"text", "Failed to fire hook: x", lines.Message, []string{"- MESSAGE=Failed to fire hook: x"}},
		{"kernel", "[    0.305113] random: crng init done", lines.Message, []string{"- MESSAGE=[    0.305113] random: crng init done"}},
		{"kernel with a program", "[    0.305113] systemd[1]: x", lines.Message, []string{"- MESSAGE=[    0.305113] systemd[1]: x"}},
		{"short", "May 06 07:08:09 node-1 kata[4242]: " + logfmtLine, lines.Short,
			[]string{"2024-05-06T07:08:09Z _HOSTNAME=node-1 SYSLOG_IDENTIFIER=kata SYSLOG_PID=4242 MESSAGE=" + logfmtLine}},
		{"short, a day with a blank, of the year before", "Dec  6 07:08:09 node-1 kata[1]: x", lines.Short,
			[]string{"2023-12-06T07:08:09Z _HOSTNAME=node-1 SYSLOG_IDENTIFIER=kata SYSLOG_PID=1 MESSAGE=x"}},
		{"short without a number", "May 06 07:08:09 node-1 kernel: x: y", lines.Short,
			[]string{"2024-05-06T07:08:09Z _HOSTNAME=node-1 SYSLOG_IDENTIFIER=kernel MESSAGE=x: y"}},
		{"short without a host", "May 06 07:08:09 kata[1]: x", lines.Short,
			[]string{"2024-05-06T07:08:09Z SYSLOG_IDENTIFIER=kata SYSLOG_PID=1 MESSAGE=x"}},
		{"short-precise", "May 06 07:08:09.123456 node-1 kata[1]: x", lines.Short,
			[]string{"2024-05-06T07:08:09.123456Z _HOSTNAME=node-1 SYSLOG_IDENTIFIER=kata SYSLOG_PID=1 MESSAGE=x"}},
		{"short-full", "Mon 2024-05-06 07:08:09 UTC node-1 kata[1]: x", lines.Short,
			[]string{"2024-05-06T07:08:09Z _HOSTNAME=node-1 SYSLOG_IDENTIFIER=kata SYSLOG_PID=1 MESSAGE=x"}},
		{"with-unit", "Mon 2024-05-06 07:08:09 UTC node-1 containerd.service[1]: x", lines.Short,
			[]string{"2024-05-06T07:08:09Z _HOSTNAME=node-1 SYSLOG_IDENTIFIER=containerd.service SYSLOG_PID=1 MESSAGE=x"}},
		{"short-iso", "2024-05-06T07:08:09+0200 node-1 kata[1]: x", lines.Short,
			[]string{"2024-05-06T05:08:09Z _HOSTNAME=node-1 SYSLOG_IDENTIFIER=kata SYSLOG_PID=1 MESSAGE=x"}},
		{"short-iso-precise", "2024-05-06T07:08:09.123456+02:00 node-1 kata[1]: x", lines.Short,
			[]string{"2024-05-06T05:08:09.123456Z _HOSTNAME=node-1 SYSLOG_IDENTIFIER=kata SYSLOG_PID=1 MESSAGE=x"}},
		{"short-monotonic", "[   12.345678] node-1 kata[1]: x", lines.Short,
			[]string{"- _HOSTNAME=node-1 SYSLOG_IDENTIFIER=kata SYSLOG_PID=1 MESSAGE=x"}},
		{"short-delta", "[   12.345678 <    0.000001 >] node-1 kata[1]: x", lines.Short,
			[]string{"- _HOSTNAME=node-1 SYSLOG_IDENTIFIER=kata SYSLOG_PID=1 MESSAGE=x"}},
		{"short-unix", "1714979289.123456 node-1 kata[1]: x", lines.Short,
			[]string{"2024-05-06T07:08:09.123456Z _HOSTNAME=node-1 SYSLOG_IDENTIFIER=kata SYSLOG_PID=1 MESSAGE=x"}},
		{"the second line of a message", "May 06 07:08:09 node-1 kata[1]: x\n                                 y", lines.Short,
			[]string{
				"2024-05-06T07:08:09Z _HOSTNAME=node-1 SYSLOG_IDENTIFIER=kata SYSLOG_PID=1 MESSAGE=x",
				"2024-05-06T07:08:09Z _HOSTNAME=node-1 SYSLOG_IDENTIFIER=kata SYSLOG_PID=1 MESSAGE=y",
			}},
		{"journal JSON", `{"__REALTIME_TIMESTAMP":"1714979289123456","SYSLOG_IDENTIFIER":"kata","PRIORITY":"6","MESSAGE":"x","N":["a","b"]}`, lines.Journal,
			[]string{"2024-05-06T07:08:09.123456Z SYSLOG_IDENTIFIER=kata PRIORITY=6 MESSAGE=x N=dd00000002a161a162"}},
		{"journal JSON, octets", `{"__REALTIME_TIMESTAMP":"1714979289123456","MESSAGE":[27,91,109,120]}`, lines.Journal,
			[]string{"2024-05-06T07:08:09.123456Z MESSAGE=\x1b[mx"}},
		{"journal JSON without the message", `{"__REALTIME_TIMESTAMP":"1714979289123456","MESSAGE":null}`, lines.Journal,
			[]string{"2024-05-06T07:08:09.123456Z torn MESSAGE=c0"}},
		{"journal json-seq", "\x1e" + `{"__REALTIME_TIMESTAMP":"1714979289123456","MESSAGE":"x"}`, lines.Journal,
			[]string{"2024-05-06T07:08:09.123456Z MESSAGE=x"}},
		{"journal json-sse", `data: {"__REALTIME_TIMESTAMP":"1714979289123456","MESSAGE":"x"}`, lines.Journal,
			[]string{"2024-05-06T07:08:09.123456Z MESSAGE=x"}},
		{"export", "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1714979289123456\nMESSAGE\n\x03\x00\x00\x00\x00\x00\x00\x00a\nb\nN=1\nN=2\n\n", lines.Export,
			[]string{"2024-05-06T07:08:09.123456Z MESSAGE=a\nb N=92a131a132"}},
		{"export, torn", "__REALTIME_TIMESTAMP=1714979289123456\nMESSAGE\n\x09\x00\x00\x00\x00\x00\x00\x00a", lines.Export,
			[]string{"2024-05-06T07:08:09.123456Z torn", "- MESSAGE=a"}},
		{"Fluent Bit", `{"date":1714979289.123456,"MESSAGE":"x","kata_level":"info","n":1.5,"m":{"a":true}}`, lines.FluentBit,
			[]string{"2024-05-06T07:08:09.123456Z MESSAGE=x kata_level=info n=cb3ff8000000000000 m=df00000001a161c3"}},
		{"Fluent Bit, ISO time", `{"@timestamp":"2024-05-06T07:08:09.123456Z","log":"x"}`, lines.FluentBit,
			[]string{"2024-05-06T07:08:09.123456Z log=x"}},
		{"Docker", `{"log":"x\n","stream":"stderr","time":"2024-05-06T07:08:09.123456789Z"}`, lines.FluentBit,
			[]string{"2024-05-06T07:08:09.123456789Z log=x\n stream=stderr"}},
		{"Fluent Bit, fields that the output has too", `{"file":"a","time":"x","line":7,"date":1714979289.1,"log":"x"}`, lines.FluentBit,
			[]string{"2024-05-06T07:08:09.1Z own_file=a own_time=x own_line=07 log=x"}},
		{"Fluent Bit, a time that is none", `{"timestamp":["x"],"log":"x"}`, lines.FluentBit, []string{"- timestamp=dd00000001a178 log=x"}},
		{"this program's", `{"time":"2024-05-06T07:08:09.123456789Z","file":"a","line":7,"kata_msg":"x"}`, lines.FluentBit,
			[]string{"2024-05-06T07:08:09.123456789Z kata_msg=x"}},
		{"JSON, torn", `{"date":1714979289.1,"MESSAGE":"x`, lines.Message, []string{`- torn MESSAGE={"date":1714979289.1,"MESSAGE":"x`}},
		{"container", "2024-05-06T07:08:09.123456789Z stderr F " + logfmtLine, lines.Container,
			[]string{"2024-05-06T07:08:09.123456789Z stream=stderr MESSAGE=" + logfmtLine}},
		{"container, in parts", "2024-05-06T07:08:09.1Z stdout P ab\n2024-05-06T07:08:09.2Z stderr F x\n2024-05-06T07:08:09.3Z stdout F cd", lines.Container,
			[]string{"2024-05-06T07:08:09.2Z stream=stderr MESSAGE=x", "2024-05-06T07:08:09.1Z stream=stdout MESSAGE=abcd"}},
		{"container, the end is missing", "2024-05-06T07:08:09.1Z stdout P ab", lines.Container,
			[]string{"2024-05-06T07:08:09.1Z torn stream=stdout MESSAGE=ab"}},
		{"klog", `I0506 07:08:09.123456    1234 kubelet.go:123] "x" pod="shop/web-0"`, lines.Klog,
			[]string{`2024-05-06T07:08:09.123456Z MESSAGE=I0506 07:08:09.123456    1234 kubelet.go:123] "x" pod="shop/web-0"`}},
		{"containerd", `time="2024-05-06T07:08:09.1Z" level=info msg="RunPodSandbox for x"`, lines.Message,
			[]string{`- SYSLOG_IDENTIFIER=containerd MESSAGE=time="2024-05-06T07:08:09.1Z" level=info msg="RunPodSandbox for x"`}},
		{"CRI-O", `time="2024-05-06 07:08:09.1Z" level=info msg="Ran pod sandbox 55bb with infra container: shop/web-0/POD"`, lines.Message,
			[]string{`- SYSLOG_IDENTIFIER=crio MESSAGE=time="2024-05-06 07:08:09.1Z" level=info msg="Ran pod sandbox 55bb with infra container: shop/web-0/POD"`}},
		{"an impossible time", "May 36 07:08:09 node-1 kata[1]: x", lines.Message, []string{"- MESSAGE=May 36 07:08:09 node-1 kata[1]: x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, r := read(t, strings.NewReader(test.text))
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got\n%q\nwant\n%q", got, test.want)
			}
			if r.Counts[test.kind] == 0 {
				t.Errorf("no record of kind %v: %v", test.kind, r.Counts)
			}
			// The same in one file with other kinds, and byte by byte.
			mixed := logfmtLine + "\n" + test.text + "\n\n" + agentLine
			whole, _ := read(t, strings.NewReader(mixed))
			slow, _ := read(t, iotest.OneByteReader(strings.NewReader(mixed)))
			if strings.Join(whole, "\n") != strings.Join(slow, "\n") {
				t.Errorf("byte by byte\n%q\nat once\n%q", slow, whole)
			}
		})
	}
}

// TestLongLines checks that a line of any length is given in pieces, the whole of it, and that
// none but the first can be taken for a record.
func TestLongLines(t *testing.T) {
	long := strings.Repeat(logfmtLine+" ", 3*record.MaxLine/len(logfmtLine))
	r := lines.NewReader(strings.NewReader(long+"\nshort\n"), lines.Options{})
	var whole []byte
	var view record.Record
	for {
		b, err := r.Read(nil, 1)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !view.Read(b) {
			t.Fatal("no record")
		}
		text := view.Text("MESSAGE")
		if string(text) == "short" {
			if view.Line != 2 {
				t.Errorf("line %d", view.Line)
			}
			continue
		}
		if view.Line != 1 || len(text) > record.MaxLine {
			t.Errorf("line %d, %d bytes", view.Line, len(text))
		}
		last := len(whole)+len(text) == len(long)
		if mark := string(view.Text("_LINE_BREAK")); mark != "line-max" && !last || view.Text("_STREAM_ID") == nil {
			t.Errorf("a piece is not marked: %q", mark)
		}
		whole = append(whole, text...)
	}
	if string(whole) != long {
		t.Errorf("%d bytes of %d came back", len(whole), len(long))
	}
}

// TestBatches checks that an input is divided into batches in the same way whatever its Read returns.
func TestBatches(t *testing.T) {
	text, err := os.ReadFile("../../../testdata/corpus/programs.log")
	if err != nil {
		t.Fatal(err)
	}
	batches := func(from io.Reader) (list []string) {
		r := lines.NewReader(from, lines.Options{})
		for {
			b, err := r.Read(nil, 1000)
			if len(b) > 0 {
				list = append(list, string(b))
			}
			if err != nil {
				return list
			}
		}
	}
	a, b := batches(bytes.NewReader(text)), batches(iotest.HalfReader(bytes.NewReader(text)))
	if len(a) < 5 || strings.Join(a, "|") != strings.Join(b, "|") {
		t.Errorf("%d and %d batches", len(a), len(b))
	}
}

func TestReadError(t *testing.T) {
	broken := errors.New("broken")
	r := lines.NewReader(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), lines.Options{})
	b, err := r.Read(nil, 100)
	var view record.Record
	if !errors.Is(err, broken) || !view.Read(b) || string(view.Text("MESSAGE")) != "a" {
		t.Errorf("%v, %q", err, b)
	}
}

// TestFollow checks that a line which has no end yet waits for it.
func TestFollow(t *testing.T) {
	var text bytes.Buffer
	r := lines.NewReader(&text, lines.Options{Follow: true})
	get := func() string {
		r.Continue()
		b, err := r.Read(nil, 1000)
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		var view record.Record
		if !view.Read(b) {
			return ""
		}
		return string(view.Text("MESSAGE"))
	}
	text.WriteString("one\ntw")
	if got := get(); got != "one" {
		t.Errorf("got %q", got)
	}
	if got := get(); got != "" {
		t.Errorf("got %q", got)
	}
	text.WriteString("o\n")
	if got := get(); got != "two" {
		t.Errorf("got %q", got)
	}
	text.WriteString("thr")
	if got := get(); got != "" {
		t.Errorf("got %q", got)
	}
	r.Finish()
	if got := get(); got != "thr" {
		t.Errorf("got %q", got)
	}
}

// FuzzReader checks that any bytes become valid records, the same however they are read, and that
// no text is lost: each line that is a message by itself is there as it is.
func FuzzReader(f *testing.F) {
	for _, name := range []string{"programs.log", "tail.jsonl", "journald-edges.export"} {
		text, err := os.ReadFile("../../../testdata/corpus/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text[:min(len(text), 8<<10)])
	}
	for _, text := range []string{
		"May 06 07:08:09 h kata[1]: x\n                    y", "[ 1.2] h k[1]: x", "{\"log\":1}", "2024-05-06T07:08:09Z stdout P a",
		"__CURSOR=\nA\n\xff\xff\xff\xff\xff\xff\xff\xff", "{\"MESSAGE\":[1,[{}]],\"\":\"\"}", "1.e {\n", "\x1e\x1edata: {\x1e", "A\x00b\n\r\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		list, r := read(t, bytes.NewReader(text))
		slow, _ := read(t, iotest.OneByteReader(bytes.NewReader(text)))
		if strings.Join(list, "\x00") != strings.Join(slow, "\x00") {
			t.Fatalf("byte by byte %q, at once %q", slow, list)
		}
		if r.Offset() != int64(len(text)) {
			t.Fatalf("%d of %d bytes were read", r.Offset(), len(text))
		}
		if bytes.ContainsAny(text, "_{\x1e") { // other kinds are taken apart
			return
		}
		all := strings.Join(list, "\x00")
		for line := range bytes.SplitSeq(text, []byte("\n")) {
			line = bytes.TrimSuffix(line, []byte("\r"))
			words := bytes.Fields(line)
			if len(words) == 0 || bytes.Contains(line, []byte("std")) { // a line of a container may have no message
				continue
			}
			// An identifier and its process are taken apart, and the message may follow the colon at once.
			last := strings.TrimRight(string(words[len(words)-1]), ":]")
			last = last[strings.LastIndexAny(last, ":[]")+1:]
			if !strings.Contains(all, last) {
				t.Fatalf("%q is not in %q", last, all)
			}
		}
	})
}

// TestRecordsAreEvents checks that the filter can walk over what a reader makes.
func TestRecordsAreEvents(t *testing.T) {
	b, _ := lines.NewReader(strings.NewReader(logfmtLine+"\n"+agentLine+"\n"), lines.Options{File: 3}).Read(nil, 1<<20)
	var w event.Walker
	var e event.Event
	w.Want(nil, 0)
	n := 0
	for w.Reset(b); w.Next(&e); n++ {
		if !e.Log {
			t.Error("no log event")
		}
	}
	if n != 2 || w.Err() != nil {
		t.Errorf("%d events, %v", n, w.Err())
	}
}
