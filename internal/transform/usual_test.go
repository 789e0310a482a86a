package transform

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// TestWriteUsual compares writeUsual with its twin, with room for all fields and for
// some.
func TestWriteUsual(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	names := make([]strName, 40)
	for n := range names {
		names[n].set(strings.Repeat("k", n))
	}
	text := make([]byte, 300)
	for i := range text {
		text[i] = byte(r.Uint32())
	}
	written := 0
	for range 50_000 {
		fields := make([]parser.Field, r.IntN(8))
		for i := range fields {
			f := &fields[i]
			at, size := r.IntN(150), r.IntN(50)
			if r.IntN(4) == 0 {
				size = r.IntN(80)
			}
			f.Value = text[at : at+size]
			if r.IntN(16) == 0 {
				f.Value = f.Value[: size : size+r.IntN(40)]
			}
			f.Place = int32(r.IntN(32))
			if r.IntN(16) == 0 {
				f.Place = []int32{-1, 39, 40, math.MaxInt32, math.MinInt32, 31}[r.IntN(6)]
			}
			if r.IntN(4) == 0 {
				f.Type = parser.Type(r.IntN(6))
			}
			f.Num = r.Uint64() >> r.IntN(64)
			if r.IntN(4) == 0 {
				f.Num = []uint64{0, 127, 128, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxUint64}[r.IntN(10)]
			}
		}
		room := usualRoom * 8
		if r.IntN(2) == 0 {
			room = r.IntN(room)
		}
		a, b := make([]byte, room+64), make([]byte, room+64)
		m, sizeA := writeUsual(fields, names, a[:room:room])
		n, sizeB := writeUsualGo(fields, names, b[:room:room])
		if m != n || sizeA != sizeB || !bytes.Equal(a[:sizeA], b[:sizeB]) {
			t.Fatalf("%d fields, room %d: %d of them in % x, its twin %d in % x\n%+v", len(fields), room, m, a[:sizeA], n, b[:sizeB], fields)
		}
		if sizeA > room || !bytes.Equal(a[room:], make([]byte, 64)) {
			t.Fatalf("it wrote behind its room of %d", room)
		}
		written += m

		// The same fields as spans.
		var spans []parser.Span
		for _, f := range fields {
			at, size := r.IntN(150), r.IntN(80)
			s := parser.Span{Place: f.Place & 31, Start: int32(at), End: int32(at + size)}
			if f.Type != parser.Text {
				s.Start, s.Num = -1, uint32(f.Num)
			}
			spans = append(spans, s)
		}
		memory := text[:150+r.IntN(100)]
		m, sizeA = writeUsualSpans(spans, memory, names, a[:room:room])
		n, sizeB = writeUsualSpansGo(spans, memory, names, b[:room:room])
		if m != n || sizeA != sizeB || !bytes.Equal(a[:sizeA], b[:sizeB]) {
			t.Fatalf("%d spans, room %d: %d of them in % x, its twin %d in % x\n%+v", len(spans), room, m, a[:sizeA], n, b[:sizeB], spans)
		}
		if sizeA > room || !bytes.Equal(a[room:], make([]byte, 64)) {
			t.Fatalf("spans were written behind the room of %d", room)
		}
		written += m
	}
	if written < 40_000 {
		t.Errorf("only %d fields were usual", written)
	}
}

// TestSpans: what the parser gives as spans is written as fields are.
func TestSpans(t *testing.T) {
	for _, mode := range []gen.Mode{gen.Logfmt, gen.Mix} {
		for i, o := range []*options.Options{options.Default(), fuzzOptions(5), fuzzOptions(6), fuzzOptions(7)} {
			o.Duplicates = options.KeepDuplicates
			spans, fields := New(o), New(o)
			fields.plan.config.Spans = false
			if !spans.plan.config.Spans {
				t.Fatal("there are no spans")
			}
			g := gen.New(uint64(i), 50)
			g.Mode = mode
			for range 20 {
				var chunk []byte
				for range 50 {
					r := g.Record()
					chunk = r.Append(chunk)
				}
				var got, want event.Buffer
				if a, b := spans.Process(nil, chunk, &got), fields.Process(nil, chunk, &want); a != b || !bytes.Equal(got.B, want.B) {
					t.Fatalf("options %d: %d bytes, with fields %d", i, len(got.B), len(want.B))
				}
			}
		}
	}
}
