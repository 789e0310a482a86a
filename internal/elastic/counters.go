package elastic

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// counters are what an instance did. They are safe for use by several goroutines at once.
type counters struct {
	stored, duplicates, dead, discarded, retried atomic.Uint64
	requests                                     [len(statuses)]atomic.Uint64
	body, sent                                   atomic.Uint64
	inFlight                                     atomic.Int64
	lastSuccess                                  atomic.Int64 // seconds since 1970
	down                                         func() int
}

// statuses are the values of the label status: what one looks for, the rest by its class.
var statuses = [...]string{"200", "400", "401", "403", "404", "408", "413", "429", "500", "502", "503", "504", "other", "timeout", "error"}

// request counts a request.
func (c *counters) request(status int, err error) {
	label := strconv.Itoa(status)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		label = "timeout"
	case err != nil:
		label = "error"
	}
	i := slices.Index(statuses[:], label)
	if i < 0 {
		i = slices.Index(statuses[:], "other")
	}
	c.requests[i].Add(1)
}

// taken returns how many records the server has stored, or has had already.
func (c *counters) taken() uint64 { return c.stored.Load() + c.duplicates.Load() }

// success notes that the server has stored records.
func (c *counters) success(now time.Time) { c.lastSuccess.Store(now.Unix()) }

// Metrics returns the metrics of a sink for Elasticsearch and OpenSearch. Their numbers are
// those of Elastic.Numbers.
func Metrics() []transform.Metric {
	return []transform.Metric{
		{Name: "delivered_total", Help: "Records by what became of them at the server.", Label: "outcome", Values: []string{"stored", "duplicate", "dead_letter", "discarded", "retried"}},
		{Name: "requests_total", Help: "Requests to the servers, by the status of their response.", Label: "status", Values: statuses[:]},
		{Name: "request_bytes_total", Help: "Bytes of bulk requests before compression."},
		{Name: "sent_bytes_total", Help: "Bytes of requests as they were sent."},
		{Name: "requests_in_flight", Help: "Requests without a response yet.", Gauge: true},
		{Name: "servers_down", Help: "Servers whose last request failed, or that took none of its records.", Gauge: true},
		{Name: "last_success_timestamp_seconds", Help: "When the server last stored records, in seconds since 1970; at first when the instance started.", Gauge: true},
	}
}

// Numbers appends the numbers of Metrics to to, in the order of the metrics and of their
// labels' values.
func (e *Elastic) Numbers(to []uint64) []uint64 {
	c := &e.counters
	to = append(to, c.stored.Load(), c.duplicates.Load(), c.dead.Load(), c.discarded.Load(), c.retried.Load())
	for i := range c.requests {
		to = append(to, c.requests[i].Load())
	}
	return append(to, c.body.Load(), c.sent.Load(), uint64(max(0, c.inFlight.Load())), uint64(e.client.down()), uint64(c.lastSuccess.Load()))
}
