package bench

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/cpu"
)

// The ratios on an idle machine, to be lowered if something becomes faster. They are logged by
//
//	go test -run Ratios -v .
const (
	recordedDecoder = 1 / 3.5 // kata's decoder against go-logfmt's, the same lines
	recordedLoki    = 0.31    // kata's decoder against Loki's
	recordedFilter  = 1.36    // the whole filter against go-logfmt, which only decodes
	recordedMixed   = 4.06    // the filter: a record of the mix against go-logfmt's line
	recordedChunk   = 0.05    // the whole filter against fluent-bit-go, which only decodes
)

// slack is the factor by which a ratio may be worse. On two processors, beside three programs
// that used all they could, it was worse by at most a seventh.
const slack = 1.6

// TestRatios fails if something has become much slower, on any machine. Since absolute times
// depend on the machine and its load, it compares candidates that run in turn, by the least
// time of many rounds, which are so short that some are not disturbed. (It does not use the
// processor time, which can go back under some hypervisors.)
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
		units, of int // that one run of each processes
		recorded  float64
	}{
		{"decoder against go-logfmt", decoder, goLogfmt, 1, 1, recordedDecoder},
		{"decoder against Loki's", decoder, lokiReset(logfmt.messages), 1, 1, recordedLoki},
		{"filter against go-logfmt", filter, goLogfmt, 1, 1, recordedFilter},
		{"mixed record against go-logfmt's line", filtering(mix.chunk), goLogfmt, mix.records(), logfmt.records(), recordedMixed},
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

// compare returns the least time of work divided by the least time of by. While the ratio is
// above the limit, it pauses and continues: on a busy machine it takes longer until neither is
// disturbed.
func compare(work, by func(), limit float64) (ratio float64) {
	least := func(least time.Duration, f func()) time.Duration {
		start := time.Now()
		f()
		return min(least, time.Since(start))
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

// TestAllocations: in steady state no step of the work on a record allocates.
func TestAllocations(t *testing.T) {
	for _, w := range []candidate{
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
