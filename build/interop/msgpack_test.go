package interop

import (
	"encoding/binary"
	"fmt"
	"os"
	"reflect"
	"testing"

	"github.com/ugorji/go/codec"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// TestCodec decodes chunks of Fluent Bit and of package gen, and what the filter makes of both,
// with a msgpack library: package contract, which this module's tests use, decodes the same.
func TestCodec(t *testing.T) {
	for name, chunk := range chunks(t) {
		for _, nested := range []string{"stringify", "keep"} {
			out := filtered(t, chunk, "nested", nested)
			for _, chunk := range [][]byte{chunk, out} {
				ours, theirs := contract.Events(t, chunk), codecEvents(t, chunk)
				if len(ours) == 0 || len(ours) != len(theirs) {
					t.Fatalf("%s: %d events, the library reads %d", name, len(ours), len(theirs))
				}
				for i := range ours {
					if ours[i].Time != theirs[i].Time || !contract.Same(ours[i].Body, theirs[i].Body) {
						t.Errorf("%s: event %d:\n%v\nthe library reads\n%v", name, i, ours[i], theirs[i])
					}
				}
			}
		}
	}
}

// chunks returns the recorded chunks by file name, and a generated one.
func chunks(t testing.TB) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, file := range []string{"contract/cases.msgpack", "contract/cases-3.2.msgpack", "corpus/tail.msgpack", "corpus/journald-edges.msgpack", "howto.msgpack"} {
		chunk, err := os.ReadFile("../../testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		all[file] = chunk
	}
	all["generated"], _ = gen.Chunk(nil, gen.New(3, 20), 1<<20)
	return all
}

// filtered processes a chunk with the option.
func filtered(t testing.TB, chunk []byte, option, value string) []byte {
	t.Helper()
	o, err := options.Parse(options.FilterPlugin, func(name string) (string, bool) { return value, name == option })
	if err != nil {
		t.Fatal(err)
	}
	var out event.Buffer
	if transform.New(o).Process(nil, chunk, &out) != transform.Changed {
		t.Fatal("nothing changed")
	}
	return out.B
}

// codecEvents decodes a chunk with the library.
func codecEvents(t testing.TB, chunk []byte) (list []contract.Event) {
	t.Helper()
	h := &codec.MsgpackHandle{WriteExt: true}
	h.RawToString = true
	h.MapType = reflect.TypeFor[map[string]any]()
	d := codec.NewDecoderBytes(chunk, h)
	for d.NumBytesRead() < len(chunk) {
		var v []any
		if err := d.Decode(&v); err != nil {
			t.Fatalf("event %d: %v", len(list), err)
		}
		if len(v) != 2 {
			t.Fatalf("event %d has %d elements", len(list), len(v))
		}
		at := v[0]
		if pair, ok := at.([]any); ok {
			at = pair[0]
		}
		time := fmt.Sprint(at)
		if ext, ok := at.(codec.RawExt); ok && ext.Tag == 0 && len(ext.Data) == 8 {
			time = fmt.Sprintf("%d.%09d", binary.BigEndian.Uint32(ext.Data), binary.BigEndian.Uint32(ext.Data[4:]))
		}
		body, ok := v[1].(map[string]any)
		if !ok {
			t.Fatalf("event %d: the body is %T", len(list), v[1])
		}
		list = append(list, contract.Event{Time: time, Body: body})
	}
	return list
}
