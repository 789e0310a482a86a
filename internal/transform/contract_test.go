package transform

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// TestContract runs the recorded chunks through the filter: every example adds
// exactly the fields that it lists, and leaves all else as it was.
func TestContract(t *testing.T) {
	for _, file := range []string{"cases.msgpack", "cases-3.2.msgpack"} {
		t.Run(file, func(t *testing.T) {
			chunk, err := os.ReadFile("../../testdata/contract/" + file)
			if err != nil {
				t.Fatal(err)
			}
			before := contract.Events(t, chunk)
			out, verdict := run(t, New(options.Default()), chunk)
			if verdict != Changed {
				t.Fatal("nothing changed")
			}
			after := contract.Events(t, out)
			cases := contract.Load(t)
			if len(before) != len(after) || len(before) != len(cases) {
				t.Fatalf("%d events came, %d went, there are %d examples", len(before), len(after), len(cases))
			}
			for i, c := range cases {
				t.Run(c.Name, func(t *testing.T) {
					if name := before[i].Body["_CASE"]; name != c.Name {
						t.Fatalf("event %d is that of %v", i, name)
					}
					for _, wrong := range c.Compare(before[i], after[i]) {
						t.Error(wrong)
					}
				})
			}
		})
	}
}

// TestReal processes the records of public reports and hostile tests.
func TestReal(t *testing.T) {
	for _, r := range contract.LoadReal(t) {
		t.Run(r.Name, func(t *testing.T) {
			var pairs []string
			for _, name := range slices.Sorted(maps.Keys(r.Options)) {
				pairs = append(pairs, name, r.Options[name])
			}
			f := filter(t, pairs...)
			for i, record := range r.Records {
				chunk := recordEvent(t, record, int64(i))
				before := contract.Events(t, chunk)[0]
				out, verdict := run(t, f, chunk)
				if verdict == Untouched {
					out = chunk
				}
				if i != r.Of {
					continue
				}
				var after *contract.Event
				if events := contract.Events(t, out); len(events) > 0 {
					after = &events[0]
				}
				for _, wrong := range r.Compare(before, after) {
					t.Error(wrong)
				}
			}
		})
	}
}

// recordEvent returns an event of a journal record whose values are strings, milli
// milliseconds later than the first one.
func recordEvent(t testing.TB, record map[string]any, milli int64) []byte {
	t.Helper()
	b := []byte("\x92\x92")
	b = event.AppendTime(b, 1582281087, uint32(milli*1e6))
	b = append(b, 0x80)
	b = event.AppendMapHeader(b, len(record))
	for _, key := range slices.Sorted(maps.Keys(record)) {
		text, ok := record[key].(string)
		if !ok {
			t.Fatalf("%s is no text", key)
		}
		b = event.AppendStr(event.AppendStr(b, []byte(key)), []byte(text))
	}
	return b
}

// run processes a chunk with a filter and returns what was written.
func run(t testing.TB, f *Filter, chunk []byte) ([]byte, Verdict) {
	t.Helper()
	return runTagged(t, f, "kata", chunk)
}

// runTagged is run with a tag.
func runTagged(t testing.TB, f *Filter, tag string, chunk []byte) ([]byte, Verdict) {
	t.Helper()
	kept := bytes.Clone(chunk)
	var out event.Buffer
	verdict := f.Process([]byte(tag), chunk, &out)
	if !bytes.Equal(kept, chunk) {
		t.Fatal("the filter wrote to Fluent Bit's chunk")
	}
	return out.B, verdict
}

// contractChunk returns the chunk of the contract's cases as a current Fluent Bit
// made it.
func contractChunk(t testing.TB) []byte {
	t.Helper()
	chunk, err := os.ReadFile("../../testdata/contract/cases.msgpack")
	if err != nil {
		t.Fatal(err)
	}
	return chunk
}
