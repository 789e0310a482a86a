package contract

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

// TestReadValue has each format of the msgpack specification, written by hand.
func TestReadValue(t *testing.T) {
	f := func(text string, kind Kind, want any) {
		t.Helper()
		const more = "\xc1"
		v, rest, ok := ReadValue([]byte(text + more))
		if !ok || string(rest) != more || string(v.Raw) != text || v.Kind != kind {
			t.Fatalf("%x: read %v, kind %d of %x, %x is left", text, ok, v.Kind, v.Raw, rest)
		}
		if got := v.Any(); !reflect.DeepEqual(got, want) {
			t.Errorf("%x: %#v, want %#v", text, got, want)
		}
		for i := range len(text) {
			if v, _, ok := ReadValue([]byte(text[:i])); ok {
				t.Errorf("%x is cut, and was read as %v", text[:i], v.Any())
			}
		}
	}
	f("\xc0", Scalar, nil)
	f("\xc2", Scalar, false)
	f("\xc3", Scalar, true)
	f("\x00", Scalar, int64(0))
	f("\x7f", Scalar, int64(127))
	f("\xe0", Scalar, int64(-32))
	f("\xff", Scalar, int64(-1))
	f("\xcc\xff", Scalar, int64(255))
	f("\xcd\x01\x02", Scalar, int64(258))
	f("\xce\xff\xff\xff\xff", Scalar, int64(math.MaxUint32))
	f("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", Scalar, int64(math.MaxInt64))
	f("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", Scalar, uint64(math.MaxUint64))
	f("\xd0\x80", Scalar, int64(-128))
	f("\xd1\xff\x00", Scalar, int64(-256))
	f("\xd2\x7f\xff\xff\xff", Scalar, int64(math.MaxInt32))
	f("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", Scalar, int64(math.MinInt64))
	f("\xca\x3f\xc0\x00\x00", Scalar, 1.5)
	f("\xcb\xbf\xf8\x00\x00\x00\x00\x00\x00", Scalar, -1.5)
	f("\xa0", Str, "")
	f("\xbf"+strings.Repeat("x", 31), Str, strings.Repeat("x", 31))
	f("\xd9\x01x", Str, "x")
	f("\xda\x00\x01x", Str, "x")
	f("\xdb\x00\x00\x00\x01x", Str, "x")
	f("\xc4\x01x", Bin, []byte("x"))
	f("\xc5\x00\x01x", Bin, []byte("x"))
	f("\xc6\x00\x00\x00\x01x", Bin, []byte("x"))
	f("\x90", Array, []any{})
	f("\x92\x01\xa1x", Array, []any{int64(1), "x"})
	f("\xdc\x00\x01\x90", Array, []any{[]any{}})
	f("\xdd\x00\x00\x00\x01\xc0", Array, []any{nil})
	f("\x80", Map, map[string]any{})
	f("\x82\xa1x\x01\x05\xc0", Map, map[string]any{"x": int64(1), "5": nil})
	f("\xde\x00\x01\xa1x\x80", Map, map[string]any{"x": map[string]any{}})
	f("\xdf\x00\x00\x00\x01\xa1x\xc2", Map, map[string]any{"x": false})
	for head, size := range map[string]int{
		"\xd4": 1, "\xd5": 2, "\xd6": 4, "\xd7": 8, "\xd8": 16, "\xc7\x03": 3, "\xc8\x00\x03": 3, "\xc9\x00\x00\x00\x03": 3,
	} {
		data := strings.Repeat("x", size)
		text := head + "\xfe" + data
		f(text, Ext, Value{Raw: []byte(text), Kind: Ext, Text: []byte(data), Type: -2})
	}
}

func TestEvents(t *testing.T) {
	const body = "\x81\xa1k\xa1v"
	chunk := "\x92\x92\xd7\x00\x00\x00\x00\x05\x00\x00\x00\x07\x80" + body + "\x92\xd7\x00\x00\x00\x00\x06\x3b\x9a\xc9\xff" + body + "\x92\x08" + body
	var got []string
	for _, e := range Events(t, []byte(chunk)) {
		got = append(got, fmt.Sprint(e.Time, e.Body))
	}
	if want := []string{"5.000000007map[k:v]", "6.999999999map[k:v]", "8map[k:v]"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, text := range []string{"\x01", "\x91\x01", "\x92\x01\x02", "\x93\x01\x80\x80", "\x92\x91\x01\x80", "\x82\x01\x80\x02\x80"} {
		v, _, ok := ReadValue([]byte(text))
		if !ok {
			t.Fatalf("%x was not read", text)
		}
		if _, _, _, err := v.Parts(); err == nil {
			t.Errorf("%x is taken for a log event", text)
		}
	}
}
