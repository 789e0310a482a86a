package transform

import (
	"bufio"
	"bytes"
	"os"
	"reflect"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// appendEvent appends an event of strings, key and value in turn, as a current
// Fluent Bit frames it.
func appendEvent(b []byte, sec, nsec uint32, pairs ...string) []byte {
	b = event.AppendTime(append(b, 0x92, 0x92), sec, nsec)
	b = event.AppendMapHeader(append(b, 0x80), len(pairs)/2)
	for _, s := range pairs {
		b = event.AppendStr(b, []byte(s))
	}
	return b
}

// tornPrograms are the lines of programs.log that get an error code, and which.
var tornPrograms = map[int]string{
	3: "agent_logfmt", // kernel text in the middle of an agent's line: the rest is the next line
}

// TestPrograms reads what real programs of Kata printed.
func TestPrograms(t *testing.T) {
	text, err := os.ReadFile("../../testdata/corpus/programs.log")
	if err != nil {
		t.Fatal(err)
	}
	var chunk []byte
	s := bufio.NewScanner(bytes.NewReader(text))
	s.Buffer(nil, 1<<20)
	lines := 0
	for ; s.Scan(); lines++ {
		chunk = appendEvent(chunk, 1, 0, "SYSLOG_IDENTIFIER", "kata", "MESSAGE", s.Text())
	}
	out, _ := run(t, New(options.Default()), chunk)
	events := contract.Events(t, out)
	if len(events) != lines {
		t.Fatalf("%d lines, %d events", lines, len(events))
	}
	for i, e := range events {
		got, _ := e.Body["kata_parse_error"].(string)
		if want := tornPrograms[i]; got != want {
			t.Errorf("line %d: parse error %q, want %q: %v", i+1, got, want, e.Body["MESSAGE"])
		}
		if e.Body["kata_level"] == nil || e.Body["kata_msg"] == nil && e.Body["kata_error"] == nil {
			t.Errorf("line %d gave %v", i+1, e.Body)
		}
	}
}

// TestInputs reads what journald and the tail input made of lines that are hard to read: nothing
// is lost or changed, and what is Kata's is parsed or gets an error code.
func TestInputs(t *testing.T) {
	for file, parsed := range map[string]int{"journald-edges.msgpack": 11, "tail.msgpack": 3} {
		chunk, err := os.ReadFile("../../testdata/corpus/" + file)
		if err != nil {
			t.Fatal(err)
		}
		before := contract.Events(t, chunk)
		out, _ := run(t, New(options.Default()), chunk)
		after := contract.Events(t, out)
		if len(before) != len(after) {
			t.Fatalf("%s: %d events came, %d went", file, len(before), len(after))
		}
		n := 0
		for i := range before {
			for key, value := range before[i].Body {
				if !reflect.DeepEqual(after[i].Body[key], value) {
					t.Errorf("%s: event %d: %s changed", file, i, key)
				}
			}
			if len(after[i].Body) > len(before[i].Body) {
				n++
			}
		}
		if n != parsed {
			t.Errorf("%s: %d records of %d got fields, want %d", file, n, len(before), parsed)
		}
	}
}
