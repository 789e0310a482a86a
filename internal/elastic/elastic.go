// Package elastic delivers records to Elasticsearch and OpenSearch so that none is lost and
// none is there twice: with ids that are the same whenever a record is sent, with a memory of
// what of a chunk is done, and with a dead letter for what the server refuses for good.
//
//	elastic.go      a chunk's way to the server
//	id.go           the ids of records
//	ledger.go       what of a chunk is done; equal records
//	bulk.go         bodies of bulk requests
//	response.go     responses to them
//	client.go       the servers: circuit breaker, TLS
//	auth.go         authorization
//	deadletter.go   records that are refused
//	setup.go        what is created on the server
//	template.go     index templates and lifecycle policies
//	counters.go     metrics
//
// It must never import cgo or what is Fluent Bit's.
package elastic

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/limit"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/sink"
)

// budget limits the time of one call of Deliver. Fluent Bit waits for its calls when it ends,
// for 5 seconds unless Grace says otherwise. Each of its workers may have many chunks, and
// passes all of them before it ends. So while nothing can be delivered, calls may wait for one
// second, all of them at once, and then return at once for half a second, in which a worker
// gets through all that it has.
const (
	budget  = 4 * time.Second
	waiting = 4 // a part of the budget
	between = 8
)

// maxRunning limits how many chunks can be under way. Requests go on after a call of Deliver
// has ended, until the timeout, so there can be more of them than workers.
const maxRunning = 16

// Elastic is the sink. It is safe for use by several goroutines at once, except Close.
type Elastic struct {
	log      sink.Logger
	options  *options.Output
	panicked func(any)
	counters counters
	client   *client
	ledger   *ledger
	setup    *setup
	dead     *deadLetter
	bulkPath string
	budget   time.Duration
	failing  atomic.Bool // the last call has failed, and nothing was stored since
	made     time.Time
	opened   atomic.Int64 // since made, in ns: when calls could wait last, while nothing could be delivered

	ctx     context.Context // ends with the instance
	cancel  context.CancelFunc
	running sync.WaitGroup
	slots   chan struct{}

	scratch  spares[scratch]
	batches  spares[batch]
	requests spares[request]

	lines struct{ config, refusedNow, unreadable, tooSlow limit.Lines }
}

// scratch is the memory of one call of Deliver.
type scratch struct {
	*identifier
	encoder encoder
}

// spares keeps some values for later use. Unlike a sync.Pool it keeps them over garbage
// collections: what is in them is megabytes, and to allocate it anew for every few chunks
// costs more than all else in this package.
type spares[T any] struct {
	free  chan *T
	fresh func() *T
}

const (
	maxSpares = 4       // values that are kept
	maxSpare  = 8 << 20 // bytes in each of them
	maxIDs    = 1 << 16 // ids of records, so that a chunk of very many small ones does not occupy memory for good
)

func newSpares[T any](fresh func() *T) spares[T] {
	return spares[T]{make(chan *T, maxSpares), fresh}
}

func (s *spares[T]) get() *T {
	select {
	case t := <-s.free:
		return t
	default:
		return s.fresh()
	}
}

func (s *spares[T]) put(t *T) {
	select {
	case s.free <- t:
	default:
	}
}

// New returns a sink for the servers that o names, and starts to set them up. opts and log
// are kept. panicked is called, from the deferred function itself, with the value of a panic
// that was recovered. version is this plugin's.
func New(opts *options.Options, version string, log sink.Logger, panicked func(any)) (*Elastic, error) {
	o := &opts.Output
	e := &Elastic{log: log, options: o, panicked: panicked, ledger: newLedger(), budget: budget, made: time.Now(), slots: make(chan struct{}, maxRunning)}
	var err error
	if e.client, err = newClient(o, version, log, &e.counters); err != nil {
		return nil, err
	}
	e.counters.down = e.client.down
	e.counters.success(time.Now())
	if e.setup, err = newSetup(opts, e.client, log, e.counters.taken); err != nil {
		return nil, err
	}
	if e.dead, err = newDeadLetter(o, log); err != nil {
		return nil, err
	}
	query := url.Values{"filter_path": {bulkPath}}
	if o.Pipeline != "" {
		query.Set("pipeline", o.Pipeline)
	}
	if o.Routing != "" {
		query.Set("routing", o.Routing)
	}
	e.bulkPath = "_bulk?" + query.Encode()
	hostname, err := os.Hostname()
	if err != nil {
		log.Warnf("no name of this host: %v; equal records of two nodes that do not name theirs would be one", err)
	}
	scalar := mappedScalars(opts)
	e.scratch = newSpares(func() *scratch {
		s := &scratch{identifier: newIdentifier(opts.Prefix, hostname, opts.NestUnder, opts.SandboxMetadataKey)}
		s.encoder = encoder{index: newIndexName(o.Index), size: o.BulkSize, count: o.BulkRecords}
		s.encoder.docs.Scalar = scalar
		return s
	})
	e.batches = newSpares(func() *batch { return new(batch) })
	e.requests = newSpares(func() *request { return new(request) })
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e, nil
}

// errRetry is the error for Fluent Bit to pass a chunk again. What is wrong was logged.
var errRetry = errors.New("not all records are stored")

// Ready reports whether a server may be sent something within the time of a call of Deliver,
// or something else can be done with records.
func (e *Elastic) Ready() bool {
	now := time.Now()
	end := e.deadline(now)
	return e.options.GiveUp > 0 || end.After(now) && !e.client.paused(now).After(end)
}

// deadline returns when a call of Deliver that starts now has to end, which may be over.
func (e *Elastic) deadline(now time.Time) time.Time {
	if !e.failing.Load() {
		return now.Add(e.budget)
	}
	opened, since := e.opened.Load(), int64(now.Sub(e.made))
	if since-opened >= int64(e.budget/waiting+e.budget/between) && e.opened.CompareAndSwap(opened, since) {
		opened = since
	}
	return e.made.Add(time.Duration(opened) + e.budget/waiting)
}

// Deliver returns nil if every record of the chunk is stored, was stored before, or is in the
// dead letter. Otherwise the chunk has to be passed again, and what is not done is sent then.
// It returns within the budget, and at once if no server may be sent anything in that time,
// or if nothing could be delivered and others have waited for that just now.
func (e *Elastic) Deliver(c *sink.Chunk) (err error) {
	if !e.Ready() {
		return errRetry
	}
	deadline := e.deadline(time.Now())
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	s := e.scratch.get()
	s.read(c.Received)
	j := e.ledger.attach(c.Tag, s.ids, time.Now())
	defer func() { // also after a panic, from which the caller recovers
		if !e.ledger.detach(j) {
			err = errRetry
			if !e.failing.Swap(true) {
				e.opened.Store(int64(time.Since(e.made) - e.budget)) // the next call may wait
			}
		}
	}()
	e.deliver(c, s, j, deadline, timer)
	if cap(s.ids) <= maxIDs && cap(s.buf) <= maxSpare {
		e.scratch.put(s) // not deferred: after a panic its state is not known
	}
	return nil
}

func (e *Elastic) deliver(c *sink.Chunk, s *scratch, j *job, deadline time.Time, timer *time.Timer) {
	for {
		end, running := e.ledger.start(j)
		if end != nil {
			if j.isDone() {
				end()
				return
			}
			e.begin(c, s, j, deadline, end, timer)
			return
		}
		// Requests of an earlier call go on.
		select {
		case <-running:
		case <-timer.C:
			return
		}
	}
}

// begin makes the batches of what is not done, and sends them. It waits for the result until
// the timer ends. end is called when all requests have ended.
func (e *Elastic) begin(c *sink.Chunk, s *scratch, j *job, deadline time.Time, end func(), timer *time.Timer) {
	started := false
	select {
	case e.slots <- struct{}{}:
		defer func() {
			if !started { // after a panic
				<-e.slots
				end()
			}
		}()
	case <-timer.C:
		end()
		if held, due := e.lines.tooSlow.Due(time.Now()); due {
			e.log.Warnf("%d chunks wait for a response; records are kept and sent later%s", maxRunning, held)
		}
		return
	}
	d := &delivery{Elastic: e, job: j, tag: string(c.Tag), deadline: deadline}
	var ok bool
	if d.batches, ok = s.encoder.batches(c, s.ids, s.starts, j, e.batches.get); !ok {
		// The transformation and this package disagree on which records there are: deliver
		// them as they came.
		d.batches, _ = s.encoder.batches(&sink.Chunk{Received: c.Received, Events: c.Received}, s.ids, s.starts, j, e.batches.get)
	}
	j.deliveries++
	finished := make(chan struct{})
	started = true
	e.running.Add(1)
	go func() {
		defer e.running.Done()
		defer close(finished)
		defer func() { <-e.slots }()
		defer end()
		defer func() {
			if p := recover(); p != nil {
				e.panicked(p)
			}
		}()
		d.run()
	}()
	select {
	case <-finished:
	case <-timer.C:
	}
}

// Close ends all requests. Chunks that are not done stay with Fluent Bit.
func (e *Elastic) Close() {
	e.cancel()
	e.running.Wait()
	e.dead.close()
	e.client.transport.CloseIdleConnections()
}

// delivery is a chunk on its way. One goroutine has it.
type delivery struct {
	*Elastic
	job      *job
	tag      string
	batches  []*batch
	request  *request
	deadline time.Time
	resume   time.Time // nothing is to be sent before
}

// run sends what is pending, and sends it again, until it is done, or until the call of
// Deliver has ended or would before the next request.
func (d *delivery) run() {
	d.request = d.requests.get()
	for failures := 0; ; {
		d.resume = time.Time{}
		progress := d.round(d.setup.before(d.ctx, &d.resume))
		if d.isDone() {
			break
		}
		if failures++; progress {
			failures = 1
		}
		wait := max(pause(max(failures, d.job.inVain)), time.Until(d.resume))
		if time.Now().Add(wait).After(d.deadline) || !d.sleep(wait) {
			break
		}
	}
	// Not deferred: after a panic their state is not known.
	if max(cap(d.request.response), cap(d.request.body), d.request.zipped.Cap()) > maxSpare {
		d.request = new(request)
	}
	clear(d.request.items)
	clear(d.request.results) // errors of the server's, which quote records
	d.requests.put(d.request)
	for _, b := range d.batches {
		if cap(b.body) <= maxSpare {
			clear(b.items)
			*b = batch{body: b.body[:0], items: b.items[:0]}
			d.Elastic.batches.put(b)
		}
	}
}

// sleep returns false if the instance ends before.
func (d *delivery) sleep(wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-d.ctx.Done():
		return false
	}
}

func (d *delivery) isDone() bool {
	for _, b := range d.batches {
		for i := range b.items {
			if b.items[i].state != done {
				return false
			}
		}
	}
	return true
}

// round sends all that is pending once, if send is true, and then what the server has refused,
// or could not take in the time of the option give_up, to the dead letter. It reports whether
// it came on.
func (d *delivery) round(send bool) (progress bool) {
	giveUp := d.options.GiveUp > 0 && time.Since(d.job.made) > d.options.GiveUp
	// Whether it is not known that what is sent will be taken: one record is enough to see.
	doubt := d.failing.Load() || d.job.inVain > 0
	for _, b := range d.batches {
		items := d.request.items[:0]
		for k := range b.items {
			i := &b.items[k]
			if i.state == pending && giveUp && i.tries > 0 {
				last := i.last
				if last == (itemResult{}) {
					last = d.job.last
				}
				i.state, i.last = dead, itemResult{last.status, "give_up", fmt.Sprintf("not stored within %v; last: %s %s", d.options.GiveUp, last.kind, last.reason)}
			}
			if i.state == pending {
				items = append(items, i)
			}
		}
		d.request.items = items
		if len(items) == 0 || !send || d.ctx.Err() != nil {
			continue
		}
		if len(items) > 1 && (doubt || d.client.toTry(time.Now())) {
			// Any of them: a block on one index is none for the records of others.
			k := rand.IntN(len(items))
			if d.send(b, items[k:k+1]) {
				// It is no progress: that one record was taken says little of many.
				doubt, items = false, slices.Delete(items, k, k+1)
			} else if doubt || !d.client.healthy() {
				send = false
				continue
			}
		}
		if d.send(b, items) {
			progress, d.job.inVain = true, 0
		} else {
			d.job.inVain++
		}
	}
	return d.bury() || progress
}

// send sends some items of a batch and reports whether the server did something with any.
func (d *delivery) send(b *batch, items []*item) bool {
	if until := d.client.paused(time.Now()); !until.IsZero() {
		d.resume = until
		return false
	}
	for _, i := range items {
		if i.tries++; i.tries > 1 {
			d.counters.retried.Add(1)
		}
	}
	r, ok := d.bulk(d.bulkPath, d.request.gather(b, items), len(items) == 1)
	if !ok {
		d.note(items, itemResult{kind: "no_response", reason: "no complete response"})
		return false
	}
	if r.status == http.StatusOK {
		return d.results(b, items, r)
	}
	kind, reason := readFailure(r.body)
	d.note(items, itemResult{r.status, kind, reason})
	switch {
	case r.status == http.StatusRequestEntityTooLarge, r.status == http.StatusBadRequest:
		// It may be one record's fault. Alone it is known which.
		d.client.taken(r.server, true, time.Now())
		if len(items) == 1 {
			items[0].state = dead
			return true
		}
		half := len(items) / 2
		first := d.send(b, items[:half])
		return d.send(b, items[half:]) || first
	case r.status == http.StatusRequestTimeout || r.status == http.StatusTooManyRequests || r.status >= 500:
		if held, due := d.lines.refusedNow.Due(time.Now()); due {
			d.log.Warnf("%s: status %d for a bulk request; its records are sent again%s", r.server.base, r.status, held)
		}
		if !isDown(r.status) {
			d.client.taken(r.server, false, time.Now())
		}
	default:
		d.misconfigured(r.server, r.status, kind)
		d.client.taken(r.server, false, time.Now())
	}
	return false
}

// checkLogin tells what to look at after a status 401.
const checkLogin = "check http_user, api_key or bearer_token_file"

// misconfigured logs that somebody has to do something.
func (e *Elastic) misconfigured(server *server, status int, kind string) {
	if held, due := e.lines.config.Due(time.Now()); due {
		hint := "the server does not take bulk requests: check url, and what is between"
		switch status {
		case http.StatusUnauthorized:
			hint = checkLogin
		case http.StatusForbidden:
			hint = "the user may not write to the index: see the least role in the documentation"
		case http.StatusNotFound:
			hint = "check url, and whether the index may be created"
		}
		if status == http.StatusBadRequest {
			hint = "there is no such pipeline"
		}
		if kind != "" {
			kind = " (" + kind + ")"
		}
		e.log.Errorf("%s: status %d%s: %s; no record is lost, they are sent again%s", server.base, status, kind, hint, held)
	}
}

// note notes what was said of items.
func (d *delivery) note(items []*item, r itemResult) {
	for _, i := range items {
		i.last = r
	}
	d.job.last = r
}

// bulk sends a bulk request, of a single record or of several. It returns false if no complete
// response came.
func (d *delivery) bulk(path string, body []byte, single bool) (response, bool) {
	d.counters.body.Add(uint64(len(body)))
	if d.options.Gzip {
		body = d.request.compress(body)
	}
	r, err := d.client.do(d.ctx, http.MethodPost, path, "application/x-ndjson", body, single, d.options.Gzip, d.request.response)
	var paused errPaused
	if errors.As(err, &paused) {
		d.resume = paused.until
	}
	if r.body != nil {
		d.request.response = r.body[:0]
	}
	return r, err == nil
}

// results takes the results of items, and reports whether any was not refused for now.
func (d *delivery) results(b *batch, items []*item, r response) (progress bool) {
	var err error
	if d.request.results, err = readResults(d.request.results[:0], r.body, len(items)); err != nil {
		if held, due := d.lines.unreadable.Due(time.Now()); due {
			d.log.Warnf("%s: %v; all of its records are sent again%s", r.server.base, err, held)
		}
		d.note(items, itemResult{status: r.status, kind: "bad_response", reason: err.Error()})
		return false
	}
	var stores, duplicates, now uint64
	var last, config itemResult
	for k, i := range items {
		result := d.request.results[k]
		i.last = result
		switch result.verdict() {
		case stored:
			stores++
			d.finish(i)
		case duplicate:
			duplicates++
			d.finish(i)
		case refused:
			if d.options.Pipeline != "" && strings.HasPrefix(result.reason, "pipeline with id [") {
				config = result // it does not exist: no record's fault
				continue
			}
			i.state = dead
			progress = true
		case unauthorised:
			config = result
		case refusedNow:
			now++
			last, d.job.last = result, result
		}
	}
	d.counters.stored.Add(stores)
	d.counters.duplicates.Add(duplicates)
	if stores+duplicates > 0 {
		d.failing.Store(false)
		d.counters.success(time.Now())
		progress = true
	}
	if now > 0 {
		if held, due := d.lines.refusedNow.Due(time.Now()); due {
			d.log.Warnf("%s: refuses %d records for now, with status %d %s; they are sent again%s", r.server.base, now, last.status, last.kind, held)
		}
	}
	if config.status != 0 {
		d.misconfigured(r.server, config.status, config.kind)
	}
	d.client.taken(r.server, config.status == 0 && now < uint64(len(items)) || progress, time.Now())
	return progress
}

// finish marks an item as done.
func (d *delivery) finish(i *item) {
	i.state = done
	d.job.mark(int(i.index))
}
