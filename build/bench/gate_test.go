package bench

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/cpu"
)

// The bounds of the ratios on a quiet machine; to be lowered when something became
// faster. What they are is logged by
//
//	go test -run Ratios -v .
const (
	recordedDecoder = 1 / 3.5 // kata's decoder against go-logfmt's, the same lines
	recordedLoki    = 0.31    // kata's decoder against Loki's
	recordedFilter  = 1.4     // the whole filter against go-logfmt, which only decodes
	recordedMixed   = 2.95    // the filter: a record of the mix against one of logfmt
	recordedChunk   = 0.05    // the whole filter against fluent-bit-go, which only decodes
)

// slack is by how much a ratio may be worse. Beside three programs that take all
// that they can get, on two processors, it was worse by a seventh at the most.
const slack = 1.6

// TestRatios fails when something was broken, whatever the machine. Seconds say
// nothing on a machine that does other work as well, so it compares work done in
// turn, the least of many rounds, which are so short that some are not disturbed.
// (Not processor time: under some hypervisors it has steps back.)
func TestRatios(t *testing.T) {
	if !cpu.X86.HasAVX2 {
		t.Skip("the ratios are about amd64 with AVX2")
	}
	logfmt, mix := plain(), mixed()
	decoder := kataDecoder(logfmt.messages)
	goLogfmt := goLogfmtStream(logfmt.stream())
	filter := filtering(logfmt.chunk)
	for _, c := range []struct {
		name      string
		work, by  func()
		units, of int // what one run of each deals with
		recorded  float64
	}{
		{"decoder against go-logfmt", decoder, goLogfmt, 1, 1, recordedDecoder},
		{"decoder against Loki's", decoder, lokiReset(logfmt.messages), 1, 1, recordedLoki},
		{"filter against go-logfmt", filter, goLogfmt, 1, 1, recordedFilter},
		{"mixed record against logfmt record", filtering(mix.chunk), filter, mix.records(), logfmt.records(), recordedMixed},
		{"filter against fluent-bit-go's decoder", filter, fluentBitGo(logfmt.chunk), 1, 1, recordedChunk},
	} {
		scale := float64(c.of) / float64(c.units)
		ratio := compare(c.work, c.by, slack*c.recorded/scale) * scale
		t.Logf("%s: %.3f, recorded %.3f", c.name, ratio, c.recorded)
		if ratio > slack*c.recorded {
			t.Errorf("%s: %.3f is more than %v times the recorded %.3f", c.name, ratio, slack, c.recorded)
		}
	}
}

// compare divides the least time of work by the least time of by. While the
// ratio is above the limit it rests, and goes on: on a busy machine it takes
// longer until both have had a good round.
func compare(work, by func(), limit float64) (ratio float64) {
	least := func(so time.Duration, f func()) time.Duration {
		start := time.Now()
		f()
		return min(so, time.Since(start))
	}
	runtime.GC()
	a, b := time.Hour, time.Hour
	for attempt := range 5 {
		if attempt > 0 {
			time.Sleep(500 * time.Millisecond)
		}
		for range 40 {
			a, b = least(a, work), least(b, by)
		}
		if ratio = float64(a) / float64(b); ratio <= limit {
			break
		}
	}
	return ratio
}

// TestAllocations has none in steady state, in none of what is done for a record.
func TestAllocations(t *testing.T) {
	for _, w := range []way{
		{"decoder", kataDecoder(plain().messages)},
		{"parser, JSON", kataParser(objects().messages)},
		{"walk", walk(plain().chunk, true)},
		{"filter, logfmt", filtering(plain().chunk)},
		{"filter, mixed", filtering(mixed().chunk)},
		{"filter, JSON", filtering(objects().chunk)},
	} {
		w.run()
		if n := testing.AllocsPerRun(5, w.run); n != 0 {
			t.Errorf("%s: %v allocations a chunk", w.name, n)
		}
	}
}
