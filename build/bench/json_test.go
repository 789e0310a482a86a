package bench

import (
	"encoding/json"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	jsoniter "github.com/json-iterator/go"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// BenchmarkJSON reads messages that are JSON objects: runtime-rs's, some of which enclose the
// agent's records, and other programs'. The parser converts values to their types, unpacks
// what guests wrote and parses the time; the others only decode into a map.
func BenchmarkJSON(b *testing.B) {
	c := objects()
	measure(b, c.records(), "record", []candidate{
		{"kata-parser", kataParser(c.messages)},
		{"kata-filter", filtering(c.chunk)},
		{"encoding-json", intoMap(c.messages, json.Unmarshal)},
		// encoding/json/v2 as a module: GOEXPERIMENT=jsonv2 would change encoding/json, too.
		{"encoding-json-v2", intoMap(c.messages, func(b []byte, v any) error { return jsonv2.Unmarshal(b, v) })},
		{"json-iterator", intoMap(c.messages, jsoniter.ConfigCompatibleWithStandardLibrary.Unmarshal)},
		{"json-iterator-fastest", intoMap(c.messages, jsoniter.ConfigFastest.Unmarshal)},
	})
}

// kataParser parses messages of containerd, which writes those of runtime-rs.
//
//go:noinline
func kataParser(lines [][]byte) func() {
	p := parser.New(parser.Config{})
	m := &parser.Message{Origin: parser.Other}
	return func() {
		n := 0
		for _, line := range lines {
			m.Text = line
			if r := p.Parse(m); r != nil {
				n += len(r.Fields)
			}
		}
		sink += n
	}
}

//go:noinline
func intoMap(lines [][]byte, unmarshal func([]byte, any) error) func() {
	return func() {
		n := 0
		for _, line := range lines {
			var object map[string]any
			must(unmarshal(line, &object))
			n += len(object)
		}
		sink += n
	}
}
