package transform

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
)

// TestKnownLayouts: what an instance learned of records changes nothing. Each
// record goes through an instance that saw no other, and all of them through one.
func TestKnownLayouts(t *testing.T) {
	shapes := map[string]func(key string) string{
		"as it is": func(key string) string { return key },
		"lower":    strings.ToLower,
		"stripped": func(key string) string { return strings.TrimPrefix(key, "_") },
	}
	for name, shape := range shapes {
		for _, opts := range [][]string{nil, {"reserve_data", "off"}, {"prefix", ""}, {"prefix", "_"}, {"remove_journal_keys", "_*"}, {"key_name", "_CMDLINE,NAME,MESSAGE"}} {
			g := gen.New(3, 20)
			var chunk, want []byte
			for range 150 {
				r := g.Record()
				for i := range r.Fields {
					r.Fields[i].Key = shape(r.Fields[i].Key)
				}
				one := r.Append(nil)
				chunk = append(chunk, one...)
				var out event.Buffer
				if filter(t, opts...).Process(nil, one, &out) == Untouched {
					out.B = one
				}
				want = append(want, out.B...)
			}
			f := filter(t, opts...)
			for range 3 {
				got, verdict := run(t, f, chunk)
				if verdict == Untouched {
					got = chunk
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("%s, %q: %d bytes, want %d", name, opts, len(got), len(want))
				}
			}
		}
	}
}

// TestEmptyKey: a record of runtime-rs may have a key of no bytes.
func TestEmptyKey(t *testing.T) {
	got := one(t, filter(t), "SYSLOG_IDENTIFIER", "kata", "NAME", "kata-runtime", "", "x", "MESSAGE", "hello")
	if want := "=x MESSAGE=hello NAME=kata-runtime SYSLOG_IDENTIFIER=kata kata_msg=hello kata_name=kata-runtime"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
