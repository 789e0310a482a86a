package bench

import (
	"encoding/json"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	jsoniter "github.com/json-iterator/go"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// BenchmarkJSON reads messages that are JSON objects: runtime-rs's, with the
// agent's records inside, and other programs'. The parser types values, unpacks
// what guests wrote and reads the time; its peers only make a map.
func BenchmarkJSON(b *testing.B) {
	c := objects()
	measure(b, c.records(), "record", []way{
		{"kata-parser", kataParser(c.messages)},
		{"kata-filter", filtering(c.chunk)},
		{"encoding-json", intoMap(c.messages, json.Unmarshal)},
		// encoding/json/v2 as a module: with GOEXPERIMENT=jsonv2 encoding/json would be another one too.
		{"encoding-json-v2", intoMap(c.messages, func(b []byte, v any) error { return jsonv2.Unmarshal(b, v) })},
		{"json-iterator", intoMap(c.messages, jsoniter.ConfigCompatibleWithStandardLibrary.Unmarshal)},
		{"json-iterator-fastest", intoMap(c.messages, jsoniter.ConfigFastest.Unmarshal)},
	})
}

// kataParser reads messages of containerd, which carries runtime-rs's.
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
