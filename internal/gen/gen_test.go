package gen_test

import (
	"bytes"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

func TestSameSeedSameBytes(t *testing.T) {
	one, n := gen.Chunk(nil, gen.New(7, 50), 1<<20)
	two, _ := gen.Chunk(nil, gen.New(7, 50), 1<<20)
	if !bytes.Equal(one, two) {
		t.Error("the same seed gave other records")
	}
	if other, _ := gen.Chunk(nil, gen.New(8, 50), 1<<20); bytes.Equal(one, other) {
		t.Error("another seed gave the same records")
	}
	if records := count(t, one); records != n {
		t.Errorf("the chunk has %d records, Chunk says %d", records, n)
	}
}

// count returns the number of log events in a chunk.
func count(t *testing.T, chunk []byte) (n int) {
	t.Helper()
	var w event.Walker
	var e event.Event
	w.Reset(chunk)
	for w.Next(&e) {
		if e.Log {
			n++
		}
	}
	if w.Err() != nil {
		t.Fatal(w.Err())
	}
	return n
}

// TestFilter processes the mix with the filter: no record is lost, every encoding is in it,
// and most records parse without an error.
func TestFilter(t *testing.T) {
	for _, sandboxes := range []int{1, 10, 1000} {
		chunk, n := gen.Chunk(nil, gen.New(1, sandboxes), 8<<20)
		f := transform.New(options.Default())
		var out event.Buffer
		if f.Process(nil, chunk, &out) != transform.Changed {
			t.Fatal("nothing changed")
		}
		if got := count(t, out.B); got != n {
			t.Errorf("%d records before, %d after", n, got)
		}
		c := f.Counts()
		if c.Corrupt != 0 || c.Dropped != 0 || c.Parsed+c.Untouched+c.Errors != uint64(n) {
			t.Errorf("%d records, but %+v", n, c)
		}
		if sandboxes < 10 {
			continue // too few for all kinds of programs
		}
		for _, e := range []parser.Encoding{parser.Plain, parser.LogfmtEncoding, parser.JSONEncoding, parser.TerminalEncoding, parser.NativeEncoding} {
			if c.Encoding[e] == 0 {
				t.Errorf("no record was %v", e)
			}
		}
		for _, r := range []parser.Reason{parser.UnterminatedQuote, parser.AgentJSON} {
			if c.Reason[r] == 0 {
				t.Errorf("no record had %v", r)
			}
		}
		if c.Agent < uint64(n)/10 || c.Untouched > uint64(n)/10 || c.Errors > uint64(n)/50 {
			t.Errorf("of %d records: %+v", n, c)
		}
	}
}

// TestLogfmt checks sizes and encoding against Kata's how-to.
func TestLogfmt(t *testing.T) {
	g := gen.New(1, 100)
	g.Mode = gen.Logfmt
	const records = 1000
	message, size := 0, 0
	p := parser.New(parser.Config{})
	for range records {
		r := g.Record()
		message += len(r.Get("MESSAGE"))
		size += len(r.Append(nil))
		rec := p.Parse(&parser.Message{Text: []byte(r.Get("MESSAGE")), Origin: parser.OriginOf([]byte(r.Get("SYSLOG_IDENTIFIER")))})
		if rec == nil || rec.Encoding != parser.LogfmtEncoding || rec.Reason != parser.OK || !rec.HasTime {
			t.Fatalf("%q gave %+v", r.Get("MESSAGE"), rec)
		}
	}
	if message /= records; message < 310 || message > 350 {
		t.Errorf("a message has %d bytes", message)
	}
	if size /= records; size < 1100 || size > 1600 {
		t.Errorf("a record has %d bytes", size)
	}
}
