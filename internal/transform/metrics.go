package transform

import (
	"fmt"
	"strings"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/pods"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// Metric is a metric of Fluent Bit's: the counter fluentbit_kata_NAME, or the gauge, with one
// series for each value of the label if it has one.
type Metric struct {
	Name, Help string
	Label      string
	Values     []string
	Gauge      bool
}

// Info is the gauge fluentbit_kata_info. Its value is always 1, its label is the version
// of the plugin.
var Info = Metric{Name: "info", Help: "The version of the plugin that runs.", Label: "version"}

// Metrics returns all counters. Their numbers are those of Counts.Numbers.
func Metrics() []Metric {
	encodings, reasons := words(parser.Encodings()), words(parser.Reasons())
	return []Metric{
		{Name: "records_total", Help: "Records, by what became of them.", Label: "outcome", Values: []string{"parsed", "untouched", "dropped", "error"}},
		{Name: "encoding_total", Help: "Parsed records, by the encoding of their message.", Label: "encoding", Values: encodings},
		{Name: "parse_errors_total", Help: "Records whose message did not parse whole, by reason.", Label: "reason", Values: reasons},
		{Name: "agent_records_total", Help: "Records of the agent in the guest that were unpacked."},
		{Name: "guest_refused_total", Help: "Values of a guest that did not get the name that they wanted."},
		{Name: "duplicates_total", Help: "Second copies of a shim's line."},
		{Name: "pod_lookups_total", Help: "Records that name a sandbox or container, by how their pod was found.", Label: "result", Values: podResults()},
		{Name: "panics_total", Help: "Internal errors, after which a chunk went on as it came."},
		{Name: "in_bytes_total", Help: "Bytes of the chunks that came."},
		{Name: "out_bytes_total", Help: "Bytes of the chunks that went on."},
	}
}

// words returns the names of all values.
func words[T fmt.Stringer](all []T) (words []string) {
	for _, one := range all {
		words = append(words, one.String())
	}
	return words
}

func podResults() (words []string) {
	for i := range pods.Results {
		words = append(words, pods.Result(i).String())
	}
	return words
}

// Numbers appends the numbers of Metrics to to, in the order of the metrics and of their
// labels' values.
func (c *Counts) Numbers(to []uint64) []uint64 {
	to = append(to, c.Parsed, c.Untouched, c.Dropped, c.Errors)
	to = append(to, c.Encoding...)
	to = append(to, c.Reason[parser.OK+1:]...)
	to = append(to, c.Agent, c.Refused, c.Duplicates)
	to = append(to, c.Pods[:]...)
	return append(to, c.Panics, c.InBytes, c.OutBytes)
}

// String returns the line for the log: what Describe returns, and the corrupt chunks.
func (c *Counts) String() string {
	return fmt.Sprintf("%s corrupt_chunks=%d", Describe(Metrics(), c.Numbers(nil)), c.Corrupt)
}

// Describe returns the names and numbers of metrics. Of a metric with a label it has only the
// numbers that are not zero.
func Describe(metrics []Metric, numbers []uint64) string {
	var all []string
	for _, m := range metrics {
		name := strings.TrimSuffix(m.Name, "_total")
		if m.Label == "" {
			all = append(all, fmt.Sprintf("%s=%d", name, numbers[0]))
			numbers = numbers[1:]
			continue
		}
		var some []string
		for i, value := range m.Values {
			if numbers[i] > 0 {
				some = append(some, fmt.Sprintf("%s=%d", value, numbers[i]))
			}
		}
		all = append(all, fmt.Sprintf("%s{%s}", name, strings.Join(some, ",")))
		numbers = numbers[len(m.Values):]
	}
	return strings.Join(all, " ")
}

// Reporter decides when a running instance logs its Counts: when something went wrong
// since it last did, but at most once in an interval. It is not safe for use by several
// goroutines at once.
type Reporter struct {
	interval time.Duration
	last     time.Time
	wrong    uint64
}

// NewReporter returns a Reporter whose first interval starts at now.
func NewReporter(interval time.Duration, now time.Time) Reporter {
	return Reporter{interval: interval, last: now}
}

// Due reports whether c is to be logged now. If so, the caller logs it, and the next
// interval starts.
func (r *Reporter) Due(c *Counts, now time.Time) bool {
	wrong := c.Errors + c.Panics + c.Corrupt
	if wrong == r.wrong || now.Sub(r.last) < r.interval {
		return false
	}
	r.last, r.wrong = now, wrong
	return true
}
