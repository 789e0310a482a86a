package transform

import (
	"bytes"
	"os"
	"testing"
	"unicode/utf8"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// fuzzOptions makes options from one number.
func fuzzOptions(n uint32) *options.Options {
	o := options.Default()
	bit := func(i int) bool { return n>>i&1 != 0 }
	pick := func(i int, of ...string) string { return of[int(n>>i&3)%len(of)] }
	o.ReserveData, o.PreserveKey, o.UseMessageTime, o.TimeKeep = !bit(0), !bit(1), !bit(2), bit(3)
	o.UnpackAgent, o.NativeFields = !bit(4), !bit(5)
	o.Prefix = pick(6, "kata_", "", "k.")
	o.Format = pick(8, "auto", "logfmt", "json", "native")
	o.Nested = pick(10, "stringify", "keep", "drop")
	o.Duplicates = pick(12, "keep", "mark", "drop")
	if bit(14) {
		o.NestUnder = "kata"
	}
	if bit(15) {
		o.MinLevel = "warning"
	}
	if bit(16) {
		o.RemoveKeys, o.RemoveJournalKeys = []string{"m*", "?evel"}, []string{"_*"}
	}
	if bit(17) {
		o.MaxMessageSize, o.MaxFields, o.MaxDepth = 256, 8, 1
	}
	o.Types.AllText = bit(18)
	return o
}

// shape counts the events of a chunk and says whether it is msgpack to its end.
func shape(t *testing.T, chunk []byte) (events int, whole bool) {
	t.Helper()
	var w event.Walker
	var e event.Event
	w.Reset(chunk)
	for w.Next(&e) {
		events++
	}
	return events, w.Err() == nil
}

// FuzzProcess sends any chunk through an instance with any options.
func FuzzProcess(f *testing.F) {
	for _, file := range []string{"contract/cases.msgpack", "contract/cases-3.2.msgpack", "corpus/tail.msgpack"} {
		chunk, err := os.ReadFile("../../testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		var w event.Walker
		var e event.Event
		w.Reset(chunk)
		for i := uint32(0); w.Next(&e); i++ {
			f.Add(chunk[e.Start:e.End], i)
		}
	}
	g := gen.New(7, 10)
	for i := range uint32(64) {
		r := g.Record()
		f.Add(r.Append(nil), i)
	}
	instances := map[uint32]*Filter{} // making one takes longer than a call
	f.Fuzz(func(t *testing.T, chunk []byte, seed uint32) {
		seed = seed % 199 * 2654435761
		filter := instances[seed]
		if filter == nil {
			filter = New(fuzzOptions(seed))
			instances[seed] = filter
		}
		dropped := filter.Counts().Dropped
		kept := bytes.Clone(chunk)
		in, whole := shape(t, chunk)

		// Memory with nothing behind it, grown by as little as is asked for: a
		// wrong bound shows as memory that is not the buffer's any more.
		var last []byte
		out := event.Buffer{Grow: func(b []byte, n int) ([]byte, bool) {
			last = make([]byte, len(b), len(b)+n)
			copy(last, b)
			return last, true
		}}
		verdict := filter.Process(chunk, &out)
		if !bytes.Equal(kept, chunk) {
			t.Fatal("the chunk was written to")
		}
		if verdict == Untouched {
			return
		}
		if len(out.B) > 0 && &out.B[0] != &last[:1][0] {
			t.Fatal("the output outgrew what was reserved")
		}
		dropped = filter.Counts().Dropped - dropped
		n, ok := shape(t, out.B)
		if ok != whole || n != in-int(dropped) {
			t.Fatalf("%d events came, %d went, %d were dropped; whole: %v, %v", in, n, dropped, whole, ok)
		}
		checkEvents(t, filter, chunk, out.B, dropped == 0)
	})
}

// checkEvents looks at what the filter added to each event.
func checkEvents(t *testing.T, f *Filter, before, after []byte, aligned bool) {
	t.Helper()
	var was, is event.Walker
	var a, b event.Event
	was.Reset(before)
	is.Reset(after)
	for is.Next(&b) {
		if !aligned || !was.Next(&a) || !a.Log || !b.Log || len(f.plan.NestUnder) > 0 {
			continue
		}
		was.All(&a)
		own := map[string]bool{}
		for _, p := range a.Pairs {
			own[string(before[p.At:p.End])] = true
		}
		is.All(&b)
		names := map[string]bool{}
		for _, p := range b.Pairs {
			if own[string(after[p.At:p.End])] {
				continue
			}
			name := string(after[p.Key:p.Value])
			if names[name] {
				t.Fatalf("%q was added twice", name)
			}
			names[name] = true
			if !utf8.ValidString(name) && utf8.ValidString(string(before)) {
				t.Fatalf("the name %q is not UTF-8", name)
			}
			if p.Kind == event.Str && !utf8.Valid(after[p.Text:p.End]) {
				t.Fatalf("%q has a text that is not UTF-8: %q", name, after[p.Text:p.End])
			}
		}
		if !f.plan.ReserveData || !f.plan.PreserveKey || len(f.plan.RemoveJournalKeys) > 0 {
			continue
		}
		// Nothing is taken away, but what this plugin wrote before.
		left := map[string]bool{}
		for _, p := range b.Pairs {
			left[string(after[p.At:p.End])] = true
		}
		for _, p := range a.Pairs {
			ours := len(f.plan.prefix) > 0 && bytes.HasPrefix(before[p.Key:p.Value], f.plan.prefix)
			if !left[string(before[p.At:p.End])] && !ours {
				t.Fatalf("%q was taken away", before[p.Key:p.Value])
			}
		}
	}
}
