package transform

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"testing"

	"github.com/ugorji/go/codec"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
)

func handle() *codec.MsgpackHandle {
	h := &codec.MsgpackHandle{WriteExt: true}
	h.RawToString = true
	h.MapType = reflect.TypeFor[map[string]any]()
	return h
}

// decode reads a chunk with a msgpack library that knows nothing of this
// project, and fails the test where the chunk is no run of log events.
func decode(t testing.TB, chunk []byte) []contract.Event {
	t.Helper()
	d := codec.NewDecoderBytes(chunk, handle())
	var list []contract.Event
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
		body, ok := v[1].(map[string]any)
		if !ok {
			t.Fatalf("event %d: the body is %T", len(list), v[1])
		}
		list = append(list, contract.Event{Time: timeText(at), Body: body})
	}
	return list
}

func timeText(v any) string {
	if ext, ok := v.(codec.RawExt); ok && ext.Tag == 0 && len(ext.Data) == 8 {
		return fmt.Sprintf("%d.%09d", binary.BigEndian.Uint32(ext.Data), binary.BigEndian.Uint32(ext.Data[4:]))
	}
	return fmt.Sprint(v)
}
