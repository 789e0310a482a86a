package sink

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// documents encodes all log events of a chunk with one Encoder.
func documents(e *Encoder, chunk []byte) (docs []string) {
	var w event.Walker
	var ev event.Event
	for w.Reset(chunk); w.Next(&ev); {
		if ev.Log {
			docs = append(docs, string(e.Append(nil, chunk, &ev)))
		}
	}
	return docs
}

func TestDocuments(t *testing.T) {
	e := &Encoder{Scalar: func(name []byte) bool { return string(name) == "kata_req" }}
	f := func(body, want string) {
		t.Helper()
		want = `{"@timestamp":"2020-02-21T10:29:35.810805135Z"` + want + "}"
		if got := documents(e, []byte("\x92\x92"+when+"\x80"+body)); len(got) != 1 || got[0] != want {
			t.Errorf("%x:\n got %s\nwant %s", body, got, want)
		}
	}
	f("\x80", "")
	f("\x82\xa1a\x01\xa1b\xa1x", `,"a":1,"b":"x"`)
	f("\x83\xa1a\x01\xa1a\x02\xa1b\x03", `,"a":1,"b":3`)                                           // the first of two
	f("\x82\xa2a\xff\x01\xa2a\xfe\x02", ",\"a\ufffd\":1")                                          // equal once they are UTF-8
	f("\x82\xa1a\x82\xa1a\x01\xa1a\x02\xa1a\x03", `,"a":{"a":1}`)                                  // in each map by itself
	f("\x81\xa1a\x92\x81\xa1b\x01\x83\xa1b\x02\xa1b\x03\xa1c\x04", `,"a":[{"b":1},{"b":2,"c":4}]`) // also in arrays
	f("\x83\xa1a\x81\xa1b\x01\xa1c\x02\xa1c\x03", `,"a":{"b":1},"c":2`)                            // also behind a map
	f("\x82\xa3_id\x01\xaa@timestamp\x02", `,"__id":1,"_@timestamp":2`)
	f("\x81\xa1a\x81\xa3_id\x01", `,"a":{"_id":1}`) // reserved at the top only
	f("\x81\xa4_PID\x01", `,"_PID":1`)
	f("\x82\xa0\x01\xa1 \x02", `,"_":1`)
	f("\x84\xa3a.b\x01\xa2.a\x02\xa4a..b\x03\xa1.\x04", `,"a.b":1,"_a":2,"a__b":3,"_":4`)
	f("\x81\xa8kata_req\x81\xa1a\x91\xa1x", `,"kata_req":"{\"a\":[\"x\"]}"`)
	f("\x81\xa8kata_req\x92\x01\x02", `,"kata_req":[1,2]`)
	f("\x81\xa8kata_req\x91\x80", `,"kata_req":"[{}]"`)
	f("\x81\x07\x01", `,"7":1`)
}

func TestTimestamps(t *testing.T) {
	f := func(sec int64, nsec uint32, want string) {
		t.Helper()
		if got := string(appendTimestamp(nil, sec, nsec)); got != want {
			t.Errorf("%d.%09d is %s, want %s", sec, nsec, got, want)
		}
	}
	f(0, 0, "1970-01-01T00:00:00.000000000Z")
	f(-1, 0, "1970-01-01T00:00:00.000000000Z")
	f(0xfffffffd, 999999999, "2106-02-07T06:28:13.999999999Z")
	f(1, 2_000_000_003, "1970-01-01T00:00:03.000000003Z")
	f(maxSec, maxNsec, "2262-04-11T23:47:16.854775807Z")
	f(maxSec, maxNsec+1, "2262-04-11T23:47:16.854775807Z")
	f(1<<62, 0, "2262-04-11T23:47:16.854775807Z")
	for sec := int64(0); sec < maxSec; sec += 86400*37 + 12345 {
		f(sec, 1, time.Unix(sec, 1).UTC().Format("2006-01-02T15:04:05.000000000Z"))
	}
}

// Very many names take no quadratic time, and their memory is not kept for good.
func TestManyNames(t *testing.T) {
	var e Encoder
	const n = 100000
	chunk := []byte("\x92\x92" + when + "\x80\xdf\x00\x01\x86\xa0")
	for i := range n {
		chunk = append(chunk, fmt.Sprintf("\xa7%07d\x01", i)...)
	}
	doc := documents(&e, chunk)[0]
	if got := strings.Count(doc, `":1`); got != n {
		t.Errorf("%d names, want %d", got, n)
	}
	if documents(&e, event1("\x01")); len(e.table) != 256 {
		t.Errorf("a table of %d is kept", len(e.table))
	}
}

// FuzzDocument: any record gives one valid document, without equal names in a map.
func FuzzDocument(f *testing.F) {
	f.Add([]byte("\x82\xa1a\x92\x01\xd9\x03abc\xa1b\xc7\x02\x05\xab\xcd"))
	f.Add([]byte("\x82\xa1a\x82\xa1a\x01\xa1a\x02\xa3_id\x03"))
	for _, file := range []string{"contract/cases.msgpack", "contract/cases-3.2.msgpack"} {
		chunk, err := os.ReadFile("../../testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		var w event.Walker
		var e event.Event
		for w.Reset(chunk); w.Next(&e); {
			f.Add(chunk[e.Body:e.BodyEnd])
		}
	}
	e := new(Encoder) // what came before makes no difference
	f.Fuzz(func(t *testing.T, body []byte) {
		chunk := append([]byte("\x92\x92"+when+"\x80"), body...)
		docs, fresh := documents(e, chunk), documents(new(Encoder), chunk)
		for i, doc := range docs {
			if doc != fresh[i] {
				t.Errorf("%q, and by a new Encoder %q", doc, fresh[i])
			}
			if !json.Valid([]byte(doc)) || !utf8.ValidString(doc) || strings.Contains(doc, "\n") {
				t.Errorf("no JSON line: %s", doc)
			}
			if err := uniqueNames(json.NewDecoder(strings.NewReader(doc))); err != nil {
				t.Errorf("%s: %v", doc, err)
			}
		}
	})
}

// uniqueNames reads one value and returns an error for equal or blank names.
func uniqueNames(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	names := map[string]bool{}
	switch token {
	case json.Delim('{'):
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if s := name.(string); names[s] || len(bytes.TrimSpace([]byte(s))) == 0 {
				return fmt.Errorf("the name %q", s)
			}
			names[name.(string)] = true
			if err := uniqueNames(d); err != nil {
				return err
			}
		}
		_, err = d.Token()
	case json.Delim('['):
		for d.More() {
			if err := uniqueNames(d); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	return err
}

func BenchmarkDocument(b *testing.B) {
	chunk, err := os.ReadFile("../../testdata/contract/cases.msgpack")
	if err != nil {
		b.Fatal(err)
	}
	var w event.Walker
	var ev event.Event
	w.Reset(chunk)
	w.Next(&ev)
	var e Encoder
	var out []byte
	b.SetBytes(int64(ev.End - ev.Start))
	b.ReportAllocs()
	for b.Loop() {
		out = e.Append(out[:0], chunk, &ev)
	}
}

// What an Encoder knows of earlier records changes nothing: whatever their keys, in whatever
// order and encoding, and also where it forgets all of it.
func TestKnown(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	str := func(s string) string { // in a format that has more bytes than needed now and then
		switch {
		case len(s) > 31 || rnd.IntN(8) == 0:
			return string([]byte{0xda, byte(len(s) >> 8), byte(len(s))}) + s
		default:
			return string([]byte{0xa0 | byte(len(s))}) + s
		}
	}
	values := []func() string{
		func() string { return str("the same") },
		func() string { return str(fmt.Sprint(rnd.IntN(3))) },
		func() string { return str(strings.Repeat("a \"long\" one\n", rnd.IntN(40))) },
		func() string { return "\x82" + str("k") + "\x01" + str("k") + "\x02" },
		func() string { return "\x93\x01\xc0\xc3" },
	}
	e := &Encoder{Scalar: func(name []byte) bool { return string(name) == "k3" }}
	forgot, most := 0, 0
	for range 3000 {
		keys := 40 // of few kinds, and sometimes of so many that they are forgotten
		if rnd.IntN(8) == 0 {
			keys = 5000
		}
		n := rnd.IntN(30)
		if rnd.IntN(100) == 0 {
			n = maxPairs + 1
		}
		body := string([]byte{0xde, byte(n >> 8), byte(n)})
		for k := range n {
			if keys == 40 && rnd.IntN(4) > 0 {
				body += str(fmt.Sprint("k", k)) // mostly in one order
			} else {
				body += []string{str(fmt.Sprint("k", rnd.IntN(keys))), str("a\xff"), str("a\xfe"), str("_id"), "\x07", str("7"), str("")}[max(0, rnd.IntN(12)-5)]
			}
			body += values[rnd.IntN(len(values))]()
		}
		before := len(e.known)
		chunk := []byte("\x92\x92" + when + "\x80" + body)
		got, want := documents(e, chunk), documents(&Encoder{Scalar: e.Scalar}, chunk)
		if len(got) != 1 || got[0] != want[0] {
			t.Fatalf("%x:\n got %s\nwant %s", body, got, want)
		}
		if err := uniqueNames(json.NewDecoder(strings.NewReader(got[0]))); err != nil {
			t.Fatalf("%s: %v", got[0], err)
		}
		if most = max(most, len(e.known)); len(e.known) < before {
			forgot++
		}
	}
	if forgot < 2 || most > maxKnown {
		t.Errorf("forgot %d times, and knew %d keys", forgot, most)
	}
}

// Records of programs that were seen before need no memory of Go's heap.
func TestNoAllocation(t *testing.T) {
	chunk, err := os.ReadFile("../../testdata/contract/cases.msgpack")
	if err != nil {
		t.Fatal(err)
	}
	var e Encoder
	var w event.Walker
	var ev event.Event
	dst := make([]byte, 0, 1<<20)
	if n := testing.AllocsPerRun(20, func() {
		for w.Reset(chunk); w.Next(&ev); {
			if ev.Log {
				dst = e.Append(dst[:0], chunk, &ev)
			}
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
