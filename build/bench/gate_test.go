package bench

import (
	"runtime"
	"testing"
	"time"
)

// TestRatios fails when one of the ratios that the project lives by has become
// twice what was recorded: something was broken, whatever the machine. Seconds
// say nothing on a machine that does other work as well, so it compares
// processor time of work done in turn, the least of many short rounds.
func TestRatios(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the ratios were recorded on amd64")
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
		ratio := compare(c.work, c.by, 2*c.recorded/scale) * scale
		t.Logf("%s: %.3f, recorded %.3f", c.name, ratio, c.recorded)
		if ratio > 2*c.recorded {
			t.Errorf("%s: %.3f is more than twice the recorded %.3f", c.name, ratio, c.recorded)
		}
	}
}

// What was measured; to be lowered when something became faster.
const (
	recordedDecoder = 0.5
	recordedLoki    = 0.6
	recordedFilter  = 2.0
	recordedMixed   = 2.4
	recordedChunk   = 0.07
)

// compare divides the least time of work by the least time of by. It does no
// fewer than 30 rounds, and goes on for up to 300 while the ratio is above the
// limit: on a busy machine it takes longer until both have had a good one.
func compare(work, by func(), limit float64) (ratio float64) {
	least := func(so time.Duration, f func()) time.Duration {
		start := processorTime()
		f()
		return min(so, processorTime()-start)
	}
	runtime.GC()
	a, b := time.Hour, time.Hour
	for round := 0; round < 30 || round < 300 && ratio > limit; round++ {
		a, b = least(a, work), least(b, by)
		ratio = float64(a) / float64(b)
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
