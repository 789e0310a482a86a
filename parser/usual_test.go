package parser

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestUsual has values that are not usual where usual ones came before: they give
// what they give to a new Parser.
func TestUsual(t *testing.T) {
	const usual = `time="2022-05-06T07:08:09.1Z" level=info msg=x pid=14 name=kata-runtime version=3.1.0 component=c sandbox=55bb source=s attempt=2`
	values := []string{
		"", `""`, "0", "007", "-0", "-7", "+7", "12345678", "123456789", "99999999999999999999", "1e3", `"\x001"`, "\"\x001\"", "1 ", `"1"`, "/", ":", "1/", "1:",
		"info", "\"info\x00\"", "inf", "infos", "INFO", "critical", "criticals", `"panic"`, "\"a\n\"", "\"a\r\n\"", "\"\n\"", "\"a\t\"", `"a\n"`, "ü",
	}
	keys := []string{"time", "level", "msg", "pid", "name", "version", "attempt"}
	p, spans, used := New(Config{}), New(Config{Spans: true}), 0
	for _, key := range keys {
		for _, value := range values {
			old := ""
			for field := range strings.FieldsSeq(usual) {
				if strings.HasPrefix(field, key+"=") {
					old = field
				}
			}
			for _, text := range []string{
				strings.Replace(usual, old, key+"="+value, 1),
				usual + " " + key + "=" + value, // for the second time
			} {
				m := Message{Text: constant(text), Origin: Kata}
				before := Message{Text: constant(usual), Origin: Kata}
				p.Parse(&before)
				spans.Parse(&before)
				want := render(New(Config{}).Parse(&m))
				if got := render(p.Parse(&m)); got != want {
					t.Errorf("%q is\n%s\nwant\n%s", text, got, want)
				}
				r := spans.Parse(&m)
				if got := render(r); got != want {
					t.Errorf("%q is as spans\n%s\nwant\n%s", text, got, want)
				}
				used += len(r.Spans)
			}
		}
	}
	if used < 100 {
		t.Errorf("only %d fields were spans", used)
	}
}

// TestMatchPairs compares matchPairs with its twin, over pairs of which some have
// other keys than came before.
func TestMatchPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	keys := NewKeys(Types{})
	order := newSequence(keys)
	matched := 0
	for range 30_000 {
		var text []byte
		edges := []uint32{1<<32 - 1}
		places := make([]int, 1+r.IntN(11))
		for i := range places {
			places[i] = r.IntN(min(keys.Len(), 1+r.IntN(keys.Len())))
			if r.IntN(8) == 0 {
				text = append(text, "strange"...)
			} else {
				text = append(text, keys.Name(places[i])...)
			}
			edges = append(edges, uint32(len(text)))
			text = append(text, '=')
			value := bytes.Repeat([]byte{'v'}, r.IntN(40))
			if r.IntN(2) == 0 {
				value = append(append([]byte{'"'}, value...), '"')
			}
			text = append(text, value...)
			edges = append(edges, uint32(len(text)))
			text = append(text, ' ')
		}
		for i := range len(places) - 1 {
			order.links[places[i]].next = &order.links[places[i+1]]
		}
		first := &order.links[0]
		first.next = &order.links[places[0]]
		memory := text[:len(text):min(cap(text), len(text)+r.IntN(20))]
		rec := Record{Fields: make([]Field, r.IntN(50)), spans: make([]Span, r.IntN(50), 100), at: make([]uint32, keys.Len()), gen: 7 << 16}
		for range r.IntN(3) {
			rec.at[r.IntN(len(rec.at))] = rec.gen
		}
		var d Logfmt
		d.text, d.at = memory, r.IntN(3)
		copy(d.edge[2*d.at:], edges)
		type result struct {
			n       int
			special uint64
		}
		match := func(f func(*Logfmt, *Record, *link, int) (int, uint64)) ([]Span, []uint32, result) {
			rec := rec
			rec.spans, rec.at = slices.Clone(rec.spans[:cap(rec.spans)])[:len(rec.spans)], slices.Clone(rec.at)
			n, special := f(&d, &rec, first, len(places))
			return rec.spans[:len(rec.spans)+n], rec.at, result{n, special}
		}
		spans, marks, got := match(matchPairs)
		wantSpans, wantMarks, want := match(matchPairsGo)
		if got != want || !slices.Equal(spans, wantSpans) || !slices.Equal(marks, wantMarks) {
			t.Fatalf("%q: %v, %v, its twin %v, %v", text, got, spans, want, wantSpans)
		}
		matched += got.n
	}
	if matched < 20_000 {
		t.Errorf("only %d pairs matched", matched)
	}
}
