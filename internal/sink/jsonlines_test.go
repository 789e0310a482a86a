package sink

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

const when = "\xd7\x00\x5e\x4f\xb1\x0f\x30\x53\xe7\x8f" // 1582280975.810805135

func event1(value string) []byte {
	return []byte("\x92\x92" + when + "\x80\x81\xa1k" + value)
}

func TestValues(t *testing.T) {
	f := func(msgpack, want string) {
		t.Helper()
		got := string(AppendJSONLines(nil, event1(msgpack)))
		want = `{"date":1582280975.810805135,"k":` + want + "}\n"
		if got != want {
			t.Errorf("%x:\n got %s\nwant %s", msgpack, got, want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%x: not JSON: %s", msgpack, got)
		}
	}
	f("\xc0", "null")
	f("\xc2", "false")
	f("\xc3", "true")
	f("\x00", "0")
	f("\x7f", "127")
	f("\xff", "-1")
	f("\xe0", "-32")
	f("\xcc\xff", "255")
	f("\xcd\xff\xff", "65535")
	f("\xce\xff\xff\xff\xff", "4294967295")
	f("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615")
	f("\xd0\x80", "-128")
	f("\xd1\x80\x00", "-32768")
	f("\xd2\x80\x00\x00\x00", "-2147483648")
	f("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808")
	f("\xd3\x7f\xff\xff\xff\xff\xff\xff\xff", "9223372036854775807")
	f("\xca\x3f\x80\x00\x00", "1.0")
	f("\xca\x3d\xcc\xcc\xcd", "0.1")
	f("\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", "0.1")
	f("\xcb\x44\xb5\x2d\x02\xc7\xe1\x4a\xf6", "1e+23")
	f("\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", "null")
	f("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "null")
	f("\xa0", `""`)
	f("\xa5a\"\\\n\x01", `"a\"\\\n\u0001"`)
	f("\xd9\x03\xe2\x82\xac", `"€"`)
	f("\xda\x00\x01x", `"x"`)
	f("\xdb\x00\x00\x00\x01x", `"x"`)
	f("\xc4\x04a\xff\xfeb", "\"a\ufffd\ufffdb\"")
	f("\xc5\x00\x01x", `"x"`)
	f("\xc6\x00\x00\x00\x01x", `"x"`)
	f("\xd4\x05\xab", `"05ab"`)
	f("\xd7\x00\x01\x02\x03\x04\x05\x06\x07\x08", `"000102030405060708"`)
	f("\xc7\x02\x05\xab\xcd", `"05abcd"`)
	f("\xc8\x00\x02\x05\xab\xcd", `"05abcd"`)
	f("\xc9\x00\x00\x00\x02\x05\xab\xcd", `"05abcd"`)
	f("\x90", "[]")
	f("\x92\x01\x91\xa1x", `[1,["x"]]`)
	f("\xdc\x00\x02\x01\x02", "[1,2]")
	f("\xdd\x00\x00\x00\x02\x01\x02", "[1,2]")
	f("\x82\xa1a\x01\xa1b\x80", `{"a":1,"b":{}}`)
	f("\xde\x00\x01\xa1a\xc0", `{"a":null}`)
	f("\xdf\x00\x00\x00\x01\xa1a\xc0", `{"a":null}`)
	f("\x82\x07\x01\x91\xa1x\x02", `{"7":1,"91a178":2}`)
}

func TestDeepValues(t *testing.T) {
	line := AppendJSONLines(nil, event1(strings.Repeat("\x91", 100000)+"\xc0"))
	if !json.Valid(line) {
		t.Fatalf("not JSON: %.200s", line)
	}
	if got := bytes.Count(line, []byte("[")); got != maxDepth-1 { // the record itself is one level
		t.Errorf("%d arrays, want %d", got, maxDepth-1)
	}
}

func TestTimes(t *testing.T) {
	f := func(event, want string) {
		t.Helper()
		if got := string(AppendJSONLines(nil, []byte(event))); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f("\x92\xd7\x00\x00\x00\x00\x01\x00\x00\x00\x01\x80", "{\"date\":1.000000001}\n") // the old framing
	f("\x92\xd7\x00\x00\x00\x00\x01\x3b\x9a\xca\x00\x80", "{\"date\":2.000000000}\n") // nanoseconds that are a second
	f("\x92\xce\x5e\x4f\xb1\x0f\x80", "{\"date\":1582280975.000000000}\n")            // an integer
	f("\x92\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\x80", "{\"date\":1.500000000}\n")     // a float
	f("\x92\x92\xd7\x00\xff\xff\xff\xff\x00\x00\x00\x00\x80\x81\xa1k\x01", "")        // the start of a group
	f("\x92\x92\xd7\x00\xff\xff\xff\xfe\x00\x00\x00\x00\x80\x80", "")                 // its end
	f("\x93\x01\x02\x03\x92\x01\x80", "{\"date\":1.000000000}\n")                     // no log event before one
	f("", "")
}

// Of a chunk that is cut anywhere the complete events are written.
func TestCutChunks(t *testing.T) {
	one := event1("\x82\xa1a\x92\x01\xd9\x03abc\xa1b\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00")
	two := append(bytes.Clone(one), one...)
	line := AppendJSONLines(nil, one)
	for n := range two {
		want := ""
		if n >= len(one) {
			want = string(line)
		}
		if got := string(AppendJSONLines([]byte("before\n"), two[:n])); got != "before\n"+want {
			t.Fatalf("first %d bytes of %d: got %q", n, len(two), got)
		}
	}
}

// FuzzAppendJSONLines: any chunk gives one line of JSON for each log event.
func FuzzAppendJSONLines(f *testing.F) {
	f.Add(event1("\x82\xa1a\x92\x01\xd9\x03abc\xa1b\xc7\x02\x05\xab\xcd"))
	f.Add([]byte("\x92\x01\x81\xa1k\xdd\xff\xff\xff\xff"))
	for _, file := range []string{"contract/cases.msgpack", "contract/cases-3.2.msgpack", "corpus/tail.msgpack"} {
		chunk, err := os.ReadFile("../../testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		var w event.Walker
		var e event.Event
		for w.Reset(chunk); w.Next(&e); {
			f.Add(chunk[e.Start:e.End])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		logs := 0
		var w event.Walker
		var e event.Event
		for w.Reset(b); w.Next(&e); {
			if e.Log {
				logs++
			}
		}
		out := AppendJSONLines([]byte("before\n"), b)
		lines := bytes.Split(bytes.TrimPrefix(out, []byte("before\n")), []byte("\n"))
		if last := lines[len(lines)-1]; len(lines) != logs+1 || len(last) != 0 {
			t.Fatalf("%x: %d lines of %d events, and %q", b, len(lines)-1, logs, last)
		}
		for _, line := range lines[:logs] {
			if !json.Valid(line) || !utf8.Valid(line) || !bytes.HasPrefix(line, []byte(`{"date":`)) {
				t.Errorf("%x: no JSON line: %s", b, line)
			}
		}
		// One byte becomes at most six bytes of JSON, a number of five bytes at most 39.
		if len(out) > 8*len(b)+64*logs+len("before\n") {
			t.Errorf("%x: %d bytes became %d", b, len(b), len(out))
		}
	})
}

func BenchmarkAppendJSONLines(b *testing.B) {
	var in []byte
	for i := range 1000 {
		in = append(in, event1(fmt.Sprintf("\xd9\x80time=\"2020-02-21T10:31:27.81078164%dZ\" level=info msg=\"%085d\"", i%10, i))...)
	}
	var out []byte
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		out = AppendJSONLines(out[:0], in)
	}
}

// Every byte, at every offset, is written as encoding/json writes it.
func TestStrings(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			s := []byte(strings.Repeat("x", 20))
			s[at] = byte(c)
			s = append(s[:at+1], append([]byte("é\xe2\x82"), s[at+1:]...)...)
			text := appendTo(nil)
			text.str(s)
			var got string
			if err := json.Unmarshal(text.Buffer(), &got); err != nil {
				t.Fatalf("%q: %s: %v", s, text.Buffer(), err)
			}
			if want := string([]rune(string(s))); got != want {
				t.Errorf("%q is %q, want %q", s, got, want)
			}
		}
	}
}
