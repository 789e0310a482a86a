package event

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
)

// log appends a log event of strings, keys and values in turn.
func log(b []byte, sec, nsec uint32, pairs ...string) []byte {
	b = AppendTime(append(b, 0x92, 0x92), sec, nsec)
	b = AppendMapHeader(append(b, 0x80), len(pairs)/2)
	for _, s := range pairs {
		b = AppendStr(b, []byte(s))
	}
	return b
}

// walk returns all events of a chunk, with all of their pairs.
func walk(chunk []byte) (events []Event, err error) {
	var w Walker
	var e Event
	w.Reset(chunk)
	for w.Next(&e) {
		if e.Log {
			w.All(&e)
		}
		kept := e
		kept.Pairs = append([]Pair(nil), e.Pairs...)
		events = append(events, kept)
	}
	return events, w.Err()
}

// TestTime reads every form of time in both framings.
func TestTime(t *testing.T) {
	f := func(encoded []byte, sec int64, nsec uint32, isLog bool) {
		t.Helper()
		body := []byte{0x81, 0xa1, 'k', 0xa1, 'v'}
		for _, chunk := range [][]byte{
			append(append([]byte{0x92, 0x92}, encoded...), append([]byte{0x80}, body...)...),
			append(append([]byte{0xdd, 0, 0, 0, 2, 0xdc, 0, 2}, encoded...), append([]byte{0xdf, 0, 0, 0, 0}, body...)...),
			append(append([]byte{0x92}, encoded...), body...),
			append(append([]byte{0x92, 0x92}, encoded...), append([]byte{0xdf, 0, 0, 0, 0}, body...)...),
			append(append([]byte{0x92, 0x92}, encoded...), append([]byte{0xdf, 0, 0, 0, 1, 1, 2}, body...)...),
		} {
			events, err := walk(chunk)
			if err != nil || len(events) != 1 {
				t.Fatalf("%x: %d events, %v", chunk, len(events), err)
			}
			e := events[0]
			if e.Log != isLog || e.End != len(chunk) {
				t.Errorf("%x: log %v, end %d", chunk, e.Log, e.End)
			}
			if !isLog {
				continue
			}
			if e.Sec != sec || e.Nsec != nsec || !bytes.Equal(chunk[e.Time:e.TimeEnd], encoded) {
				t.Errorf("%x: time %d.%09d", chunk, e.Sec, e.Nsec)
			}
			if len(e.Pairs) != 1 || !bytes.Equal(chunk[e.First:e.BodyEnd], body[1:]) {
				t.Errorf("%x: pairs %v", chunk, e.Pairs)
			}
		}
	}
	f([]byte{0xd7, 0, 0, 0, 0, 5, 0, 0, 0, 7}, 5, 7, true)
	f([]byte{0xc7, 8, 0, 0, 0, 0, 5, 0, 0, 0, 7}, 5, 7, true)
	f([]byte{0x05}, 5, 0, true)
	f([]byte{0xcc, 0xff}, 255, 0, true)
	f([]byte{0xcd, 1, 0}, 256, 0, true)
	f([]byte{0xce, 0xff, 0xff, 0xff, 0xfd}, 0xfffffffd, 0, true)
	f([]byte{0xcf, 0, 0, 0, 0, 0, 0, 0, 9}, 9, 0, true)
	f([]byte{0xd2, 0, 0, 1, 0}, 256, 0, true)
	f(AppendFloat(nil, math.Float64bits(1.5)), 1, 500_000_000, true)
	f([]byte{0xca, 0x3f, 0xc0, 0, 0}, 1, 500_000_000, true)

	// Group markers, and values that are no time.
	f([]byte{0xd7, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, 0, 0, false)
	f([]byte{0xd7, 0, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0}, 0, 0, false)
	f([]byte{0xd7, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1}, 0, 0, false)
	f([]byte{0xd7, 1, 0, 0, 0, 5, 0, 0, 0, 7}, 0, 0, false)
	f([]byte{0xd0, 0xff}, 0, 0, false)
	f([]byte{0xff}, 0, 0, false)
	f([]byte{0xc0}, 0, 0, false)
	f(AppendFloat(nil, math.Float64bits(math.NaN())), 0, 0, false)
	f(AppendFloat(nil, math.Float64bits(-1)), 0, 0, false)
	f([]byte{0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0, 0, false)
}

// TestOtherValues: complete msgpack values that are no log events are skipped.
func TestOtherValues(t *testing.T) {
	for _, v := range [][]byte{
		{0xc0}, {0x80}, {0x90}, {0x93, 1, 2, 3}, {0x92, 5, 6}, {0x92, 0x92, 5, 0x80, 0x90}, {0x92, 0x91, 5, 0x80}, {0xa1, 'x'},
	} {
		chunk := log(append(log(nil, 1, 2, "a", "b"), v...), 3, 4, "c", "d")
		events, err := walk(chunk)
		if err != nil || len(events) != 3 || !events[0].Log || events[1].Log || !events[2].Log {
			t.Errorf("%x: %d events, %v", v, len(events), err)
		}
	}
}

// TestCorrupt cuts a chunk at every byte: the events before the cut are read,
// and the walk stops at the start of the one that is cut.
func TestCorrupt(t *testing.T) {
	one := log(nil, 1, 2, "key", "value", "k", string(make([]byte, 300)))
	chunk := append(bytes.Clone(one), one...)
	for cut := range len(chunk) {
		var w Walker
		var e Event
		w.Reset(chunk[:cut])
		n := 0
		for w.Next(&e) {
			n++
		}
		if want := cut / len(one); n != want {
			t.Fatalf("cut at %d: %d events, want %d", cut, n, want)
		}
		if whole := cut%len(one) == 0; (w.Err() == nil) != whole || w.Pos() != cut/len(one)*len(one) {
			t.Fatalf("cut at %d: %v at %d", cut, w.Err(), w.Pos())
		}
	}
	for _, bad := range [][]byte{{0xc1}, {0xdd, 0xff, 0xff, 0xff, 0xff}, {0xdf, 0x80, 0, 0, 0}, {0xdb, 0xff, 0xff, 0xff, 0xff}, bytes.Repeat([]byte{0x91}, 1<<20)} {
		if events, err := walk(append(bytes.Clone(one), bad...)); err == nil || len(events) != 1 {
			t.Errorf("%x…: %d events, %v", bad[:1], len(events), err)
		}
	}
}

// TestDeep: deep nesting needs no deep stack.
func TestDeep(t *testing.T) {
	deep := append(bytes.Repeat([]byte{0x91}, 1<<20), 0xc0)
	chunk := append(AppendTime([]byte{0x92, 0x92}, 1, 2), 0x80, 0x81, 0xa1, 'k')
	events, err := walk(append(chunk, deep...))
	if err != nil || len(events) != 1 || !events[0].Log || events[0].Pairs[0].Kind != Array {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// TestRecorded reads chunks of real Fluent Bits, and finds the same text as package
// contract.
func TestRecorded(t *testing.T) {
	for _, file := range []string{"contract/cases.msgpack", "contract/cases-3.2.msgpack", "corpus/journald-edges.msgpack", "corpus/tail.msgpack"} {
		chunk, err := os.ReadFile("../../testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		events, err := walk(chunk)
		if err != nil || len(events) == 0 {
			t.Fatalf("%s: %d events, %v", file, len(events), err)
		}
		end := 0
		for _, e := range events {
			if e.Start != end || !e.Log {
				t.Fatalf("%s: event at %d, want %d", file, e.Start, end)
			}
			end = e.End
			values := contract.ReadValues(t, chunk[e.Body:e.BodyEnd])
			body, _ := values[0].Any().(map[string]any)
			if len(values) != 1 {
				t.Errorf("%s: the body has %d values", file, len(values))
			}
			if len(body) != len(e.Pairs) {
				t.Errorf("%s: %d pairs, want %d", file, len(e.Pairs), len(body))
			}
			for _, p := range e.Pairs {
				if v, ok := body[string(chunk[p.Key:p.Value])].(string); p.Kind == Str && (!ok || v != string(chunk[p.Text:p.End])) {
					t.Errorf("%s: %q is %q", file, chunk[p.Key:p.Value], chunk[p.Text:p.End])
				}
			}
		}
		if end != len(chunk) {
			t.Errorf("%s: ended at %d of %d", file, end, len(chunk))
		}
	}
}

// TestAppend reads back what is appended, at the limits of every width.
func TestAppend(t *testing.T) {
	read := func(b []byte) any {
		t.Helper()
		v, rest, ok := contract.ReadValue(b)
		if !ok || len(rest) > 0 {
			t.Fatalf("%x: read %v, %d bytes are left", b, ok, len(rest))
		}
		if Skip(b, 0) != len(b) {
			t.Errorf("Skip(%x) = %d", b, Skip(b, 0))
		}
		return v.Any()
	}
	for _, n := range []int64{
		0, 1, 127, 128, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64,
		-1, -32, -33, -128, -129, -32768, -32769, math.MinInt32, math.MinInt32 - 1, math.MinInt64,
	} {
		if v := read(AppendInt(nil, n)); v != n {
			t.Errorf("%d came back as %v", n, v)
		}
	}
	for _, n := range []int{0, 1, 31, 32, 255, 256, 65535, 65536} {
		text := bytes.Repeat([]byte{'x'}, n)
		if v := read(AppendStr(nil, text)); v != string(text) {
			t.Errorf("str of %d bytes came back as %T", n, v)
		}
		array := AppendArrayHeader(nil, n)
		object := AppendMapHeader(nil, n)
		for i := range n {
			array = AppendNil(array)
			object = AppendBool(AppendInt(object, int64(i)), true)
		}
		if v, ok := read(array).([]any); !ok || len(v) != n {
			t.Errorf("array of %d came back as %T", n, v)
		}
		if v, ok := read(object).(map[string]any); !ok || len(v) != n {
			t.Errorf("map of %d came back with %d", n, len(v))
		}
	}
	if v := read(AppendFloat(nil, math.Float64bits(1.25))); v != 1.25 {
		t.Errorf("1.25 came back as %v", v)
	}
}

// TestPutMapLen changes headers of every width, none to another width.
func TestPutMapLen(t *testing.T) {
	for _, f := range []struct {
		header string
		n      int
		want   string
	}{
		{"\x80", 15, "\x8f"}, {"\x8f", 16, ""}, {"\xde\x00\x10", 3, "\xde\x00\x03"}, {"\xde\x00\x10", 65535, "\xde\xff\xff"},
		{"\xde\x00\x10", 65536, ""}, {"\xdf\x00\x00\x00\x10", 65536, "\xdf\x00\x01\x00\x00"},
	} {
		b := []byte(f.header + "rest")
		if ok := PutMapLen(b, f.n); ok != (f.want != "") || ok && string(b) != f.want+"rest" || !ok && string(b) != f.header+"rest" {
			t.Errorf("%x with %d pairs: %v, %x", f.header, f.n, ok, b)
		}
	}
}

// TestReserve: without memory Reserve returns false, and does not try again.
func TestReserve(t *testing.T) {
	calls := 0
	w := Buffer{Grow: func(b []byte, n int) ([]byte, bool) { calls++; return b, false }}
	for range 2 {
		if w.Reserve(1) {
			t.Error("there was memory")
		}
	}
	if calls != 1 {
		t.Errorf("asked for memory %d times", calls)
	}
	var h Buffer
	h.B = append(h.B, "abc"...)
	if !h.Reserve(1000) || string(h.B) != "abc" || cap(h.B) < 1003 {
		t.Errorf("%q of %d", h.B, cap(h.B))
	}
}

// FuzzWalk: the events and pairs of any chunk are without gaps, and the same with layouts.
func FuzzWalk(f *testing.F) {
	for _, file := range []string{"contract/cases.msgpack", "contract/cases-3.2.msgpack", "corpus/tail.msgpack"} {
		chunk, err := os.ReadFile("../../testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(chunk)
	}
	f.Add(log(nil, 1, 2, "a", "b"))
	f.Fuzz(func(t *testing.T, chunk []byte) {
		events, err := walk(chunk)
		end := 0
		for _, e := range events {
			if e.Start != end || e.End <= e.Start || e.End > len(chunk) {
				t.Fatalf("event from %d to %d behind %d", e.Start, e.End, end)
			}
			end = e.End
			if !e.Log {
				continue
			}
			at := e.First
			for _, p := range e.Pairs {
				if int(p.At) != at || p.Key > p.Value || p.Value >= p.End || p.Kind == Str && (p.Text <= p.Value || p.Text > p.End) {
					t.Fatalf("pair %+v behind %d", p, at)
				}
				at = int(p.End)
			}
			if at != e.BodyEnd || at != e.End {
				t.Fatalf("the pairs end at %d, the body at %d, the event at %d", at, e.BodyEnd, e.End)
			}
		}
		if (err == nil) != (end == len(chunk)) {
			t.Fatalf("%v at %d of %d", err, end, len(chunk))
		}
		var w Walker
		w.Want([]string{"MESSAGE", "PRIORITY", "a"}, '_')
		for range 4 {
			sameAsFresh(t, &w, chunk)
		}
		sameAsFresh(t, &w, chunk[:len(chunk)/2])
	})
}

// sameAsFresh reads a chunk with w, whatever layouts it knows, and fails the test where the
// result is not that of a Walker that knows none. It returns how many events match a
// layout.
func sameAsFresh(t *testing.T, w *Walker, chunk []byte) (layouts int) {
	t.Helper()
	var e, want Event
	w.Reset(chunk)
	keys := map[uint64]string{}
	for {
		var fresh Walker
		fresh.Want(w.keys, w.first)
		fresh.Reset(chunk)
		fresh.pos = w.Pos()
		ok := w.Next(&e)
		if ok != fresh.Next(&want) || (w.Err() == nil) != (fresh.Err() == nil) || w.Pos() != fresh.Pos() {
			t.Fatalf("at %d: %v, %v at %d; fresh: %v at %d", e.Start, ok, w.Err(), w.Pos(), fresh.Err(), fresh.Pos())
		}
		if !ok {
			return layouts
		}
		layout := e.Layout
		e.Layout = 0
		if !reflect.DeepEqual(e, want) {
			t.Fatalf("%+v, fresh %+v", e, want)
		}
		if !e.Log {
			continue
		}
		w.Wanted(&e)
		fresh.Wanted(&want)
		if !slices.Equal(e.Pairs, want.Pairs) {
			t.Fatalf("wanted: %+v, fresh %+v", e.Pairs, want.Pairs)
		}
		for i := range e.Pairs {
			text := w.Text(&e.Pairs[i])
			if got, other := w.WantedText(i), fresh.WantedText(i); !bytes.Equal(got, text) || !bytes.Equal(other, text) || (got == nil) != (text == nil) {
				t.Fatalf("the text of wanted pair %d is %q, fresh %q, want %q", i, got, other, text)
			}
		}
		w.All(&e)
		fresh.All(&want)
		if !slices.Equal(e.Pairs, want.Pairs) {
			t.Fatalf("all: %+v, fresh %+v", e.Pairs, want.Pairs)
		}
		if layout != 0 {
			layouts++
			var all string
			for i, p := range e.Pairs {
				all += string(chunk[p.At:p.Value]) + "\n"
				var got Pair
				if w.Pair(&got, i); got != p {
					t.Fatalf("pair %d is %+v, want %+v", i, got, p)
				}
			}
			if old, ok := keys[layout]; ok && old != all {
				t.Fatalf("layout %d: keys %q and %q", layout, old, all)
			}
			keys[layout] = all
		}
	}
}

// TestLayouts changes every byte of a record whose layout is known.
func TestLayouts(t *testing.T) {
	record := func(b []byte, priority, message string, n int) []byte {
		b = log(b, 1, uint32(n), "_BOOT_ID", "0123456789abcdef0123456789abcdef", "_HOSTNAME", "node-1", "PRIORITY", priority, "_UID", "0", "X", "",
			"SYSLOG_IDENTIFIER", "kata", "_PID", strconv.Itoa(n), "MESSAGE", message, "_SOURCE_REALTIME_TIMESTAMP", strconv.Itoa(1000+n), "kata_old", "x")
		return b
	}
	var w Walker
	w.Want([]string{"MESSAGE", "SYSLOG_IDENTIFIER", "PRIORITY"}, 'k')
	var chunk []byte
	for n := 95; n < 105; n++ {
		chunk = record(chunk, strconv.Itoa(n%3), string(make([]byte, 10*(n-95)*(n-95))), n)
	}
	sameAsFresh(t, &w, chunk)
	if n := sameAsFresh(t, &w, chunk); n != 10 {
		t.Fatalf("%d records of 10 matched a layout", n)
	}
	one := record(nil, "6", "hello", 100)
	for i := range one {
		for _, c := range []byte{0, 1, '_', 'k', 0x7f, 0x80, 0x92, one[i] ^ 1, one[i] + 1, one[i] - 1, one[i] ^ 0x20, 0xc1, 0xc4, 0xd9, 0xda, 0xdb, 0xdf, 0xff} {
			bad := bytes.Clone(one)
			bad[i] = c
			sameAsFresh(t, &w, append(bad, one...))
			sameAsFresh(t, &w, bad)
		}
		sameAsFresh(t, &w, one[:i])
		sameAsFresh(t, &w, chunk)
	}
}

// TestOrders has records of the same fields in different orders, which begin alike, as
// journald writes them, with values of different lengths and of equal ones.
func TestOrders(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	value := func() string { return string(make([]byte, rnd.IntN(40))) }
	record := func(b []byte, order int) []byte {
		fields := [][2]string{{"_BOOT_ID", "0123456789abcdef"}, {"PRIORITY", strconv.Itoa(rnd.IntN(8))}, {"_PID", value()}, {"_CMDLINE", value()}, {"MESSAGE", value()}, {"_UID", "0"}, {"kata_x", value()}}
		for i := 3; i > 0; i-- { // each bit swaps two fields
			if order&1 != 0 {
				fields[i], fields[i+1] = fields[i+1], fields[i]
			}
			order >>= 1
		}
		if order&1 != 0 {
			slices.Reverse(fields[3:])
		}
		var pairs []string
		for _, f := range fields {
			pairs = append(pairs, f[0], f[1])
		}
		return log(b, 1, 2, pairs...)
	}
	var w Walker
	w.Want([]string{"MESSAGE", "PRIORITY"}, 'k')
	matched := 0
	for range 100 {
		var chunk []byte
		for range 50 {
			chunk = record(chunk, rnd.IntN(ways))
		}
		matched = sameAsFresh(t, &w, chunk)
		sameAsFresh(t, &w, chunk[:rnd.IntN(len(chunk))])
	}
	if matched != 50 {
		t.Errorf("%d records of 50 matched a layout", matched)
	}
}

// TestManyLayouts has more layouts than a Walker can know, and one that is learned anew.
func TestManyLayouts(t *testing.T) {
	var w Walker
	w.Want([]string{"b"}, 'k')
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var chunk []byte
		for range 20 {
			var pairs []string
			for range rnd.IntN(5) {
				pairs = append(pairs, []string{"a", "b", "c", "kk"}[rnd.IntN(4)], []string{"", "1", "22", string(make([]byte, 40))}[rnd.IntN(4)])
			}
			chunk = log(chunk, 1, 2, pairs...)
		}
		sameAsFresh(t, &w, chunk)
	}
	chunk := log(nil, 1, 2, "a", "1", "b", "2")
	for range 2*maxUses + 10 {
		chunk[len(chunk)-1]++
		w.Reset(chunk)
		w.Next(new(Event))
	}
	if sameAsFresh(t, &w, chunk) != 1 {
		t.Error("the layout was not learned again")
	}
}

// TestNoPairs has records without pairs after records with too much text for a layout.
func TestNoPairs(t *testing.T) {
	var w Walker
	w.Want([]string{"b"}, 'k')
	for n := range 2 * buckets {
		var pairs []string
		for range n {
			pairs = append(pairs, string(make([]byte, maxText)), "x")
		}
		chunk := log(log(nil, 1, 2, pairs...), 3, 4)
		sameAsFresh(t, &w, chunk)
		sameAsFresh(t, &w, chunk)
	}
}

// TestWant: Wanted lists the wanted pairs only, All lists all.
func TestWant(t *testing.T) {
	chunk := log(nil, 1, 2, "a", "1", "bb", "2", "kata_x", "3", "ccc", "4", "", "5", string(make([]byte, 70)), "6")
	f := func(keys []string, first byte, want string) {
		t.Helper()
		var w Walker
		var e Event
		w.Want(keys, first)
		w.Reset(chunk)
		if !w.Next(&e) || e.Len != 6 {
			t.Fatalf("%d pairs, %v", e.Len, w.Err())
		}
		values := func() (s string) {
			for _, p := range e.Pairs {
				s += string(chunk[p.Text:p.End])
			}
			return s
		}
		w.Wanted(&e)
		if got := values(); got != want {
			t.Errorf("%q and %q: %s, want %s", keys, first, got, want)
		}
		w.All(&e)
		if got := values(); got != "123456" {
			t.Errorf("all: %s", got)
		}
	}
	f(nil, 0xff, "")
	f([]string{"a", "ccc"}, 0xff, "14")
	f([]string{"bb"}, 'k', "23")
}
