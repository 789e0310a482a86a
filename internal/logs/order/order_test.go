package order_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/order"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// item is a record of these tests: when it is, and the how manieth it was.
type item struct{ nano, n int64 }

func (i item) bytes() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(i.nano)), uint64(i.n))
}

func itemOf(b []byte) item {
	return item{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}
}

// source gives items in batches of a size.
type source struct {
	items []item
	size  int
	out   int // batches that are in use
	most  int
}

func (s *source) Get() (*record.Run, error) {
	if len(s.items) == 0 {
		return nil, io.EOF
	}
	run := new(record.Run)
	for _, i := range s.items[:min(s.size, len(s.items))] {
		start := uint32(len(run.Bytes))
		run.Bytes = append(run.Bytes, i.bytes()...)
		run.Entries = append(run.Entries, record.Entry{Nano: i.nano, Start: start, End: start + 16})
	}
	s.items = s.items[len(run.Entries):]
	run.Sort()
	s.out++
	s.most = max(s.most, s.out)
	return run, nil
}

func (s *source) Put(run *record.Run) {
	clear(run.Bytes) // whoever still uses it finds out
	s.out--
}

// random returns items of which some are late: by at most spread items, or anywhere.
func random(r *rand.Rand, n, spread int, anywhere float64) []item {
	items := make([]item, n)
	for i := range items {
		at := i + r.IntN(spread+1)
		if r.Float64() < anywhere {
			at = r.IntN(n)
		}
		items[i] = item{int64(at) / 2, int64(i)} // some have the same time
	}
	return items
}

func all(t *testing.T, s order.Stream) (items []item) {
	t.Helper()
	for {
		rec, nano, err := s.Next()
		if errors.Is(err, io.EOF) {
			return items
		}
		if err != nil {
			t.Fatal(err)
		}
		i := itemOf(rec)
		if i.nano != nano {
			t.Fatalf("the record of %d came with the time %d", i.nano, nano)
		}
		items = append(items, i)
	}
}

// TestOrder compares window, spill and merge with a sort in memory, of items that are in order,
// nearly, or not at all.
func TestOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		size, n := 1+r.IntN(20), r.IntN(400)
		items := random(r, n, []int{0, 3, size, 100}[r.IntN(4)], []float64{0, 0, 0.02, 1}[r.IntN(4)])
		want := slices.Clone(items)
		slices.SortStableFunc(want, func(a, b item) int { return int(a.nano - b.nano) })

		spill := order.NewSpill(t.TempDir(), 200+r.IntN(4000))
		src := &source{items: items, size: size}
		inOrder := all(t, order.NewWindow(src, spill.Add))
		if !slices.IsSortedFunc(inOrder, func(a, b item) int { return int(a.nano - b.nano) }) {
			t.Fatalf("round %d: a window gave %v", round, inOrder)
		}
		if src.most > 2 || src.out != 0 {
			t.Fatalf("round %d: %d batches at a time, %d at the end", round, src.most, src.out)
		}
		if int(spill.Len())+len(inOrder) != n {
			t.Fatalf("round %d: %d in order and %d late, of %d", round, len(inOrder), spill.Len(), n)
		}
		late, err := spill.Sorted()
		if err != nil {
			t.Fatal(err)
		}
		var m order.Merge
		// The second pass leaves out what the first has found late.
		m.Add(order.NewWindow(&source{items: items, size: size}, nil), 0, 0)
		m.Add(late, 0, 0)
		got := all(t, &m)
		spill.Close()
		if len(got) != len(want) {
			t.Fatalf("round %d: %d of %d", round, len(got), len(want))
		}
		for i := range got {
			if got[i].nano != want[i].nano {
				t.Fatalf("round %d: item %d is %v, want %v", round, i, got[i], want[i])
			}
		}
		slices.SortFunc(got, func(a, b item) int { return int(a.n - b.n) })
		for i := range got {
			if got[i] != items[i] {
				t.Fatalf("round %d: an item is missing or there twice: %v", round, got[i])
			}
		}
	}
}

// TestManyRuns checks a spill of more runs than are merged at once.
func TestManyRuns(t *testing.T) {
	const n = 20000
	spill := order.NewSpill(t.TempDir(), 1000)
	defer spill.Close()
	for i := range int64(n) {
		it := item{(n - i) / 3, i}
		spill.Add(it.bytes(), it.nano)
	}
	s, err := spill.Sorted()
	if err != nil {
		t.Fatal(err)
	}
	got := all(t, s)
	if len(got) != n {
		t.Fatalf("%d of %d", len(got), n)
	}
	for i := 1; i < n; i++ {
		if a, b := got[i-1], got[i]; a.nano > b.nano || a.nano == b.nano && a.n > b.n {
			t.Fatalf("%v before %v", a, b)
		}
	}
}

// opened counts when a stream is first read.
type opened struct {
	order.Stream
	at *[]string
	as string
}

func (o *opened) Next() ([]byte, int64, error) {
	if o.as != "" {
		*o.at = append(*o.at, o.as)
		o.as = ""
	}
	return o.Stream.Next()
}

// TestMergeOpensLate checks that a stream is not read before its time.
func TestMergeOpensLate(t *testing.T) {
	var at []string
	var m order.Merge
	for i := range int64(3) {
		from := 100 * (2 - i)
		s := order.NewWindow(&source{items: []item{{from, i}, {from + 50, i}}, size: 1}, nil)
		m.Add(&opened{s, &at, fmt.Sprint(from)}, from, 0)
	}
	for range 2 { // of the first
		if _, _, err := m.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(at) != "[0]" {
		t.Errorf("opened: %v", at)
	}
	if n := len(all(t, &m)); n != 4 || fmt.Sprint(at) != "[0 100 200]" {
		t.Errorf("%d more, opened: %v", n, at)
	}
}

func TestSpillFails(t *testing.T) {
	spill := order.NewSpill("/nonexistent", 100)
	defer spill.Close()
	for i := range int64(100) {
		spill.Add(item{i, i}.bytes(), i)
	}
	if _, err := spill.Sorted(); err == nil {
		t.Error("no error")
	}
}
