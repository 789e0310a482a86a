package transform

import (
	"strings"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// counts returns Counts whose numbers are all different.
func counts() *Counts {
	c := &Counts{Parsed: 1, Untouched: 2, Dropped: 3, Errors: 4, Agent: 5, Refused: 6, Duplicates: 7, Corrupt: 8, Panics: 9, InBytes: 10, OutBytes: 11}
	for i := range c.Pods {
		c.Pods[i] = uint64(300 + i)
	}
	for i := range parser.Encodings() {
		c.Encoding = append(c.Encoding, uint64(100+i))
	}
	for i := range len(parser.Reasons()) + 1 {
		c.Reason = append(c.Reason, uint64(200+i))
	}
	return c
}

// Counts.Numbers has the numbers of Metrics, in the same order.
func TestNumbers(t *testing.T) {
	numbers := counts().Numbers(nil)
	got := map[string]uint64{}
	for _, m := range Metrics() {
		for _, value := range append(m.Values, "")[:max(1, len(m.Values))] {
			got[m.Name+"/"+value], numbers = numbers[0], numbers[1:]
		}
	}
	if len(numbers) != 0 {
		t.Fatalf("%d numbers without a name", len(numbers))
	}
	want := map[string]uint64{
		"records_total/parsed": 1, "records_total/untouched": 2, "records_total/dropped": 3, "records_total/error": 4,
		"agent_records_total/": 5, "guest_refused_total/": 6, "duplicates_total/": 7, "panics_total/": 9,
		"in_bytes_total/": 10, "out_bytes_total/": 11,
		"pod_lookups_total/hit": 300, "pod_lookups_total/miss": 301, "pod_lookups_total/unresolved": 302, "pod_lookups_total/error": 303,
	}
	for _, e := range parser.Encodings() {
		want["encoding_total/"+e.String()] = 100 + uint64(e)
	}
	for _, r := range parser.Reasons() {
		want["parse_errors_total/"+r.String()] = 200 + uint64(r)
	}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s is %d, want %d", name, got[name], n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d metrics, want %d", len(got), len(want))
	}
}

func TestCountsString(t *testing.T) {
	c := &Counts{Parsed: 12, Errors: 1, Encoding: make([]uint64, len(parser.Encodings())), Reason: make([]uint64, len(parser.Reasons())+1), Corrupt: 2, InBytes: 5}
	c.Encoding[parser.LogfmtEncoding] = 13
	c.Reason[parser.BadTime] = 1
	want := "records{parsed=12,error=1} encoding{logfmt=13} parse_errors{bad_time=1} agent_records=0 guest_refused=0" +
		" duplicates=0 pod_lookups{} panics=0 in_bytes=5 out_bytes=0 corrupt_chunks=2"
	if got := c.String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for _, m := range Metrics() {
		if !strings.Contains(c.String(), strings.TrimSuffix(m.Name, "_total")) {
			t.Errorf("the line lacks %s", m.Name)
		}
	}
}

func TestReporter(t *testing.T) {
	start := time.Unix(1000, 0)
	r := NewReporter(5*time.Minute, start)
	for _, step := range []struct {
		name  string
		after time.Duration
		c     Counts
		due   bool
	}{
		{"too early", time.Minute, Counts{Errors: 1}, false},
		{"what came too early", 5 * time.Minute, Counts{Errors: 1}, true},
		{"nothing new", 11 * time.Minute, Counts{Errors: 1, Parsed: 100}, false},
		{"a panic", 12 * time.Minute, Counts{Errors: 1, Panics: 1}, true},
		{"too soon", 16 * time.Minute, Counts{Errors: 1, Panics: 1, Corrupt: 1}, false},
		{"a corrupt chunk", 17 * time.Minute, Counts{Errors: 1, Panics: 1, Corrupt: 1}, true},
	} {
		if due := r.Due(&step.c, start.Add(step.after)); due != step.due {
			t.Errorf("%s: %v", step.name, due)
		}
	}
}
