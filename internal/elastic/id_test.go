package elastic

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// oneEvent returns a log event of keys and values in turn.
func oneEvent(sec, nsec uint32, pairs ...string) []byte {
	b := append(event.AppendTime([]byte{0x92, 0x92}, sec, nsec), 0x80)
	b = event.AppendMapHeader(b, len(pairs)/2)
	for _, s := range pairs {
		b = event.AppendStr(b, []byte(s))
	}
	return b
}

func idOf(t testing.TB, d *identifier, chunk []byte) id {
	t.Helper()
	d.read(chunk)
	if len(d.ids) != 1 || len(d.starts) != 1 {
		t.Fatalf("%d ids", len(d.ids))
	}
	return d.ids[0]
}

func TestIDs(t *testing.T) {
	node, other := newIdentifier("kata_", "node"), newIdentifier("kata_", "other")
	base := idOf(t, node, oneEvent(5, 6, "MESSAGE", "m"))
	if text := base.appendText(nil); len(text) != idText || idText > 24 {
		t.Errorf("the id %s has %d characters", text, len(text))
	}
	same := func(what string, got id) {
		t.Helper()
		if got != base {
			t.Errorf("%s: another id", what)
		}
	}
	differs := func(what string, got id) {
		t.Helper()
		if got == base {
			t.Errorf("%s: the same id", what)
		}
	}
	same("again", idOf(t, node, oneEvent(5, 6, "MESSAGE", "m")))
	same("after a filter", idOf(t, node, oneEvent(5, 6, "MESSAGE", "m", "kata_msg", "x", "kata_pid", "7")))
	differs("another text", idOf(t, node, oneEvent(5, 6, "MESSAGE", "n")))
	differs("another key", idOf(t, node, oneEvent(5, 6, "MESSAGF", "m")))
	differs("another time", idOf(t, node, oneEvent(5, 7, "MESSAGE", "m")))
	differs("another node", idOf(t, other, oneEvent(5, 6, "MESSAGE", "m")))
	differs("the second", base.numbered(1))
	differs("only the plugin's own fields", idOf(t, node, oneEvent(5, 6, "kata_msg", "x")))
	if base.numbered(1) == base.numbered(2) || base.numbered(0) != base {
		t.Error("numbers")
	}
	// Where the record names its node, ours makes no difference: a pod's name changes.
	for _, key := range hostKeys {
		if idOf(t, node, oneEvent(5, 6, "MESSAGE", "m", key, "h")) != idOf(t, other, oneEvent(5, 6, "MESSAGE", "m", key, "h")) {
			t.Errorf("%s does not name the node", key)
		}
	}
	nested := newIdentifier("", "node", "kata")
	if idOf(t, nested, oneEvent(5, 6, "MESSAGE", "m", "kata", "x")) != idOf(t, nested, oneEvent(5, 6, "MESSAGE", "m")) {
		t.Error("nest_under is not left out")
	}
	if idOf(t, node, oneEvent(5, 6, "kata_msg", "x")) == idOf(t, node, oneEvent(5, 6, "kata_msg", "y")) {
		t.Error("records of nothing but the plugin's fields have one id")
	}
}

// Ids ascend with the time, in the bytes that the servers store.
func TestIDOrder(t *testing.T) {
	d := newIdentifier("", "node")
	var last []byte
	for sec := range uint32(1000) {
		one := idOf(t, d, oneEvent(sec*4000000, 5, "k", "v"))
		b, err := base64.RawURLEncoding.DecodeString(string(one.appendText(nil)))
		if err != nil || bytes.Compare(b, last) <= 0 {
			t.Fatalf("%x after %x (%v)", b, last, err)
		}
		last = b
	}
}

// The ids of records that a filter has enriched before are those of the records themselves,
// unless the filter has changed the time.
func TestIDsAfterFilter(t *testing.T) {
	chunk, err := os.ReadFile("../../testdata/contract/cases.msgpack")
	if err != nil {
		t.Fatal(err)
	}
	o := options.Default()
	o.Parser.NoTime = true
	var out event.Buffer
	if transform.New(o).Process([]byte("t"), chunk, &out) != transform.Changed {
		t.Fatal("nothing changed")
	}
	before, after := newIdentifier("kata_", "node"), newIdentifier("kata_", "node")
	before.read(chunk)
	after.read(out.B)
	if len(before.ids) < 30 || len(before.ids) != len(after.ids) {
		t.Fatalf("%d and %d records", len(before.ids), len(after.ids))
	}
	for i := range before.ids {
		if before.ids[i] != after.ids[i] {
			t.Errorf("record %d has another id", i)
		}
	}
}

// Records that are two stay two, however they are cut into chunks, and reading them again from
// the start gives the same ids.
func TestEqualRecords(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var all [][]byte
	for i := range 400 {
		one := oneEvent(uint32(i), 0, "MESSAGE", fmt.Sprint("m", i))
		for range 1 + rnd.IntN(2)*rnd.IntN(6) {
			all = append(all, one)
		}
	}
	var first map[id]bool
	for round := range 100 {
		l, d := newLedger(), newIdentifier("", "node")
		ids := map[id]bool{}
		for i := 0; i < len(all); {
			n := min(1+rnd.IntN(30), len(all)-i)
			chunk := bytes.Join(all[i:i+n], nil)
			for try := range 1 + rnd.IntN(3) { // the last one delivers it
				d.read(chunk)
				j := l.attach([]byte("tag"), d.ids, time.Now())
				for k, one := range d.ids {
					if try == 0 && ids[one] {
						t.Fatalf("record %d has the id of another", i+k)
					}
					if try > 0 && !ids[one] {
						t.Fatalf("record %d has another id when it comes again", i+k)
					}
					ids[one] = true
				}
				l.detach(j)
			}
			d.read(chunk)
			j := l.attach([]byte("tag"), d.ids, time.Now())
			for k := range d.ids {
				j.mark(k)
			}
			if !l.detach(j) {
				t.Fatal("it is not done")
			}
			i += n
		}
		if len(ids) != len(all) {
			t.Fatalf("%d ids for %d records", len(ids), len(all))
		}
		if first == nil {
			first = ids
		}
		for one := range ids {
			if !first[one] {
				t.Fatalf("round %d: the ids depend on the chunks", round)
			}
		}
		if len(l.jobs)+len(l.order) != 0 || len(l.edges) > maxEdges || len(l.counts) > 2*maxEdges*edgeRecords {
			t.Fatalf("%d jobs, %d edges, %d counts are kept", len(l.jobs), len(l.edges), len(l.counts))
		}
	}
}

// The same with several workers, which pass chunks in another order than they were made in,
// and again when they could not be delivered, while others are under way.
func TestEqualRecordsInAnyOrder(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	var all [][]byte
	for i := range 2000 {
		one := oneEvent(uint32(i), 0, "MESSAGE", fmt.Sprint("m", i))
		for range 1 + rnd.IntN(2)*rnd.IntN(12) {
			all = append(all, one)
		}
	}
	var first map[id]bool
	for round := range 20 {
		l, d := newLedger(), newIdentifier("", "node")
		ids := map[id]bool{}
		// Chunks with fewer and with more records than have an edge.
		var chunks [][]byte
		for i := 0; i < len(all); {
			n := min(1+rnd.IntN(1000), len(all)-i)
			chunks = append(chunks, bytes.Join(all[i:i+n], nil))
			i += n
		}
		if round == 0 {
			slices.Reverse(chunks)
		}
		type call struct {
			chunk []byte
			job   *job
			ids   []id // of the first call
		}
		var waiting, under []*call // chunks that are to be passed, and those in a call
		for len(chunks)+len(waiting)+len(under) > 0 {
			for len(chunks) > 0 && len(waiting) < 8 {
				waiting = append(waiting, &call{chunk: chunks[0]})
				chunks = chunks[1:]
			}
			if len(waiting) > 0 && len(under) < 4 {
				k := 0
				if round > 0 {
					k = rnd.IntN(len(waiting))
				}
				c := waiting[k]
				waiting = slices.Delete(waiting, k, k+1)
				d.read(c.chunk)
				j := l.attach([]byte("tag"), d.ids, time.Now())
				if c.job != nil && (c.job != j || !slices.Equal(c.ids, d.ids)) {
					t.Fatal("a chunk that comes again has other ids")
				}
				for _, one := range d.ids {
					if c.job == nil && ids[one] {
						t.Fatal("two records have one id")
					}
					ids[one] = true
				}
				c.job, c.ids = j, slices.Clone(d.ids)
				under = append(under, c)
				continue
			}
			k := rnd.IntN(len(under))
			c := under[k]
			under = slices.Delete(under, k, k+1)
			if rnd.IntN(3) > 0 {
				for i := range c.ids {
					c.job.mark(i)
				}
			}
			if !l.detach(c.job) {
				waiting = append(waiting, c)
			}
		}
		if len(ids) != len(all) {
			t.Fatalf("%d ids for %d records", len(ids), len(all))
		}
		if first == nil {
			first = ids
		}
		for one := range ids {
			if !first[one] {
				t.Fatal("the ids depend on the order of the chunks")
			}
		}
	}
}

// What an input reads again, since it was killed when the last records were in a chunk and its position
// was not kept, has the ids that it had, unless its first record has the time of the chunk's last one, or
// of the last one of the chunk before.
func TestReadAgain(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		var all [][]byte
		for i := range 400 + rnd.IntN(1200) {
			one := oneEvent(uint32(i), 0, "MESSAGE", fmt.Sprint("m", i))
			for range 1 + rnd.IntN(20)/19*rnd.IntN(4) { // some come several times
				all = append(all, one)
			}
		}
		l, d := newLedger(), newIdentifier("", "node")
		known := map[id]bool{}
		pass := func(records [][]byte) {
			d.read(bytes.Join(records, nil))
			j := l.attach([]byte("tag"), d.ids, time.Now())
			for i, one := range d.ids {
				known[one] = true
				j.mark(i)
			}
			l.detach(j)
		}
		cut := 0 // up to which the records are in chunks
		for cut < len(all) {
			n := min(1+rnd.IntN(600), len(all)-cut)
			pass(all[cut : cut+n])
			from := cut + rnd.IntN(n)
			cut += n
			if rnd.IntN(2) == 0 || bytes.Equal(all[from], all[cut-1]) || cut > n && bytes.Equal(all[from], all[cut-n-1]) {
				continue
			}
			to := cut + rnd.IntN(2)*rnd.IntN(len(all)-cut+1)
			pass(all[from:to])
			cut = to
		}
		if len(known) != len(all) {
			t.Fatalf("%d ids for %d records", len(known), len(all))
		}
	}
}

// Equal chunks: one that comes while another is in a call, or after it was delivered, is a
// chunk of its own.
func TestEqualChunks(t *testing.T) {
	l, d := newLedger(), newIdentifier("", "node")
	chunk := oneEvent(1, 2, "k", "v")
	attach := func() (*job, id) {
		d.read(chunk)
		return l.attach([]byte("tag"), d.ids, time.Now()), d.ids[0]
	}
	a, idA := attach()
	b, idB := attach()
	if a == b || idA == idB {
		t.Error("two calls at once have one job")
	}
	l.detach(a)
	if c, idC := attach(); c != a || idC != idA {
		t.Error("a chunk that comes again has another job")
	}
	a.mark(0)
	if !l.detach(a) {
		t.Error("it is not done")
	}
	l.detach(b)
	if c, idC := attach(); c != b || idC != idB {
		t.Error("the second chunk has another job")
	}
	b.mark(0)
	l.detach(b)
	if _, idC := attach(); idC == idA || idC == idB {
		t.Error("a third chunk has the id of another")
	}
	d.read(chunk)
	if j := l.attach([]byte("other tag"), d.ids, time.Now()); j == a || j == b {
		t.Error("the tag makes no difference")
	}
}

// The ledger's memory is bounded.
func TestLedgerLimit(t *testing.T) {
	l, d := newLedger(), newIdentifier("", "node")
	var held *job
	for i := range maxJobs + 100 {
		d.read(oneEvent(uint32(i), 0, "k", "v"))
		j := l.attach(nil, d.ids, time.Now())
		if i == 0 {
			held = j // in a call all the time
		} else {
			l.detach(j)
		}
	}
	if len(l.order) != maxJobs || len(l.jobs) != maxJobs || len(l.edges) != maxEdges || len(l.counts) != maxEdges {
		t.Errorf("%d jobs, %d hashes, %d edges, %d counts", len(l.order), len(l.jobs), len(l.edges), len(l.counts))
	}
	held.mark(0)
	if !l.detach(held) || len(l.order) != maxJobs-1 {
		t.Error("a job in a call was forgotten")
	}
}

func BenchmarkIDs(b *testing.B) {
	chunk, err := os.ReadFile("../../testdata/contract/cases.msgpack")
	if err != nil {
		b.Fatal(err)
	}
	d := newIdentifier("kata_", "node")
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		d.read(chunk)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(d.ids)), "ns/record")
}
