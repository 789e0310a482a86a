// Package pods finds the Kubernetes pod of a sandbox or container from the files of the node:
// the bundles of containerd and CRI-O, and the links of the kubelet to the logs of containers.
// It does not use the API server, nor a socket of the container runtime.
//
//	pods.go   Resolver: the cache, how often files are read, how long a caller waits
//	files.go  the folders of files, their warnings
//	config.go config.json of a sandbox
//	links.go  names of links in /var/log/containers
//
// Callers must pass ids that the host has said, never a guest's: whoever chooses the id
// chooses the pod.
//
// It must never import package net or another package of this module.
package pods

import (
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Pod is a pod as Kubernetes names it. UID may be empty: not all sources have it.
type Pod struct{ Name, Namespace, UID string }

// Result says how Find came to what it returned.
type Result uint8

const (
	Hit        Result = iota // the pod was known
	Miss                     // the pod was found by a look-up
	Unresolved               // there is no pod, or it is not known yet
	Failed                   // there is no pod, and the last look-up met a file that it could not use

	// Results is how many there are.
	Results = int(Failed) + 1
)

// String returns the word for the result in the metric fluentbit_kata_pod_lookups_total.
func (r Result) String() string { return [Results]string{"hit", "miss", "unresolved", "error"}[r] }

const (
	idLen = 64 // digits of an id that is looked up

	maxEntries = 4096             // sandboxes that are remembered, and containers
	keptFor    = 10 * time.Minute // after the last use

	// A look-up that has found nothing is repeated: often at first, since a shim logs before
	// all files are there, then rarely.
	retryOften  = time.Second
	retryRarely = time.Minute
	oftenFor    = 30 * time.Second

	maxRate  = 50          // look-ups in a second; a warning has the number
	maxQueue = 2 * maxRate // look-ups that have not begun

	slowAfter = 5 * time.Second // a look-up that takes longer is worth a warning
)

// MaxWait is how long a chunk may wait for its look-ups.
const MaxWait = 20 * time.Millisecond

// The warnings that are not about one root.
const (
	noRoots   = "none of the folders that sandbox_metadata_roots names is there; in a container, mount those of the node read-only"
	noID      = "an id that is not 64 hexadecimal digits was not looked up"
	tooMany   = "more than 50 look-ups a second; the pods of some records come late, or not at all"
	slowFiles = "reading the files takes long; the pods of some records come late, or not at all"
	panicked  = "internal error in a look-up: "
)

// Resolver finds pods. It is safe for use by several goroutines at once. Files are read on a
// goroutine of its own, which runs only while there is something to read.
type Resolver struct {
	mu         sync.Mutex
	sandboxes  cache
	containers cache
	queue      []*entry
	reading    bool      // the goroutine runs
	began      time.Time // when it began the look-up that it is at
	closed     bool
	budget     float64 // look-ups that may begin now
	budgetAt   time.Time
	panics     uint64
	warnings   warnings

	files files // of the goroutine only
}

// key is an id. As a string it would be allocated for each call.
type key [idLen]byte

// cache has the entries by id, the least recently used first.
type cache struct {
	lru         *simplelru.LRU[key, *entry]
	ofContainer bool
}

// entry is what is known of one id. Of its fields the goroutine that reads files uses id and
// ofContainer only, which do not change.
type entry struct {
	id          string
	ofContainer bool

	pod       *Pod // from a file, or the name of a link
	container string
	told      *Pod          // from the log
	failed    bool          // the last look-up met a file that it could not use
	since     time.Time     // when the id was first seen
	used      time.Time     // when it was last seen
	next      time.Time     // when files are read again
	done      chan struct{} // of the look-up that is queued or runs; nil if none is
}

// New returns a resolver that looks below the given folders, its roots. A root need not exist
// yet. What a root holds is known from what is in it: the state of containerd, the storage of
// CRI-O, or links to logs.
func New(roots []string) *Resolver {
	r := &Resolver{sandboxes: newCache(false), containers: newCache(true), budget: maxRate}
	r.files = newFiles(roots, &r.warnings)
	return r
}

func newCache(ofContainer bool) cache {
	lru, err := simplelru.NewLRU[key, *entry](maxEntries, nil)
	if err != nil {
		panic(err) // only of a size that is not positive
	}
	return cache{lru: lru, ofContainer: ofContainer}
}

// Close frees what the resolver holds. No other method may be called any more. A look-up that
// runs is not waited for.
func (r *Resolver) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if !r.reading {
		r.files.close()
	}
}

// Wait is how long the calls for one chunk may wait for files. The zero Wait does not wait.
type Wait struct {
	now  time.Time
	left time.Duration
}

// NewWait returns the Wait of a chunk whose processing begins now, and which may wait for limit in
// all.
func NewWait(limit time.Duration) Wait { return Wait{now: time.Now(), left: limit} }

// Find returns the pod of a sandbox, and the name of a container of it; nil and empty where they
// are not known. Either id may be empty. Where the sandbox's own files say nothing, the pod is
// that of the container, and then the one that Learn was told. Ids that are not 64 hexadecimal
// digits in lower case are not looked up. What Find returns must not be changed.
//
// Of a pod and a container that are known nothing is allocated. Otherwise Find waits for files as
// long as w allows; what comes later is found by a later call.
func (r *Resolver) Find(sandbox, container []byte, w *Wait) (pod *Pod, name string, result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.entry(&r.sandboxes, sandbox, w.now)
	var c *entry
	if string(container) != string(sandbox) { // the sandbox's own container has no log
		c = r.entry(&r.containers, container, w.now)
	}
	if s == nil && c == nil {
		if len(sandbox)+len(container) > 0 {
			r.warnings.add(noID)
		}
		return nil, "", Unresolved
	}
	result = Hit
	if known(s, c) == nil {
		result = Miss
	}
	for _, e := range [...]*entry{s, c} {
		if e != nil && e.pod == nil {
			r.lookUp(e, w)
		}
	}
	if pod = known(s, c); pod == nil {
		if s != nil && s.failed || c != nil && c.failed {
			return nil, "", Failed
		}
		return nil, "", Unresolved
	}
	if c != nil && c.pod != nil && c.pod.Name == pod.Name && c.pod.Namespace == pod.Namespace {
		name = c.container
	}
	return pod, name, result
}

// known returns the pod of the entries of a sandbox and a container, which may be nil.
func known(s, c *entry) *Pod {
	switch {
	case s != nil && s.pod != nil:
		return s.pod
	case c != nil && c.pod != nil:
		return c.pod
	case s != nil:
		return s.told
	}
	return nil
}

// Learn notes what the container runtime's log says of a sandbox. The first such pod counts, and
// only as long as no file names another. uid may be empty.
func (r *Resolver) Learn(sandbox, name, namespace, uid []byte, w *Wait) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entry(&r.sandboxes, sandbox, w.now)
	if e == nil || e.told != nil {
		return
	}
	if p := (Pod{string(name), string(namespace), string(uid)}); p.valid() {
		e.told = &p
	}
}

// entry returns the entry of an id, new if there was none, or nil if it is no id that is looked up.
func (r *Resolver) entry(c *cache, id []byte, now time.Time) *entry {
	if !isID(id) {
		return nil
	}
	e, ok := c.lru.Get(key(id))
	if ok && now.Sub(e.used) < keptFor {
		e.used = now
		return e
	}
	for { // those that were not used for long
		_, oldest, ok := c.lru.GetOldest()
		if !ok || now.Sub(oldest.used) < keptFor {
			break
		}
		c.lru.RemoveOldest()
	}
	e = &entry{id: string(id), ofContainer: c.ofContainer, since: now, used: now}
	c.lru.Add(key(id), e)
	return e
}

// isID reports whether text is an id as container runtimes make them. No other text becomes a
// part of a path.
func isID(text []byte) bool {
	if len(text) != idLen {
		return false
	}
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// lookUp has files read for an entry if it is time for that, and waits for them.
func (r *Resolver) lookUp(e *entry, w *Wait) {
	if r.reading && w.now.Sub(r.began) > slowAfter {
		r.warnings.add(slowFiles)
	}
	if e.done == nil {
		if w.now.Before(e.next) || !r.mayRead(w.now) {
			return
		}
		e.done = make(chan struct{})
		r.queue = append(r.queue, e)
		if !r.reading {
			r.reading, r.began = true, w.now
			go r.read()
		}
	}
	// A file system that does not reply costs the first calls their time, not all of them.
	if w.left <= 0 || w.now.Sub(r.began) > MaxWait {
		return
	}
	done := e.done
	r.mu.Unlock()
	start := time.Now()
	timer := time.NewTimer(w.left)
	select {
	case <-done:
	case <-timer.C:
	}
	timer.Stop()
	w.now = time.Now()
	w.left -= w.now.Sub(start)
	r.mu.Lock()
}

// mayRead reports whether another look-up may begin.
func (r *Resolver) mayRead(now time.Time) bool {
	if passed := now.Sub(r.budgetAt); passed > 0 {
		r.budget = min(maxRate, r.budget+passed.Seconds()*maxRate)
		r.budgetAt = now
	}
	if len(r.queue) >= maxQueue {
		r.warnings.add(slowFiles)
		return false
	}
	if r.budget < 1 {
		r.warnings.add(tooMany)
		return false
	}
	r.budget--
	return true
}

// read looks up all entries of the queue. It runs on a goroutine of its own.
func (r *Resolver) read() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.queue) > 0 && !r.closed {
		// Links are found by listing a folder, so all of them are looked for at once.
		batch := r.queue[:1:1]
		rest := r.queue[1:]
		if batch[0].ofContainer {
			batch, rest = split(r.queue)
		}
		r.queue = rest
		r.began = time.Now()
		r.mu.Unlock()
		found := r.readBatch(batch)
		r.mu.Lock()
		now := time.Now()
		for i, e := range batch {
			e.pod, e.container, e.failed = found[i].pod, found[i].container, found[i].failed
			e.next = now.Add(retryOften)
			if now.Sub(e.since) >= oftenFor {
				e.next = now.Add(retryRarely)
			}
			close(e.done)
			e.done = nil
		}
	}
	r.reading = false
	if r.closed {
		r.files.close()
	}
}

// split returns the entries of containers and those of sandboxes.
func split(queue []*entry) (containers, sandboxes []*entry) {
	for _, e := range queue {
		if e.ofContainer {
			containers = append(containers, e)
		} else {
			sandboxes = append(sandboxes, e)
		}
	}
	return containers, sandboxes
}

// readBatch reads the files for one sandbox, or for some containers. A panic is a look-up that
// failed: it must not end the process, which is Fluent Bit.
func (r *Resolver) readBatch(batch []*entry) (found []finding) {
	found = make([]finding, len(batch))
	defer func() {
		if p := recover(); p != nil {
			for i := range found {
				found[i] = finding{failed: true}
			}
			r.mu.Lock()
			r.panics++
			r.mu.Unlock()
			r.warnings.add(panicked + fmt.Sprintf("%T", p))
		}
	}()
	ids := make([]string, len(batch))
	for i, e := range batch {
		ids[i] = e.id
	}
	if batch[0].ofContainer {
		r.files.containers(ids, found)
	} else {
		found[0] = r.files.sandbox(ids[0])
	}
	return found
}

// Panics returns how many look-ups ended in a panic.
func (r *Resolver) Panics() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.panics
}

// Warnings returns the warnings since the last call, nil if there are none. There is one of each
// kind and root, and none of them contains anything of a record.
func (r *Resolver) Warnings() []string { return r.warnings.take() }

// warnings are the kinds that there were. The zero value is ready for use. It is safe for use by
// several goroutines at once.
type warnings struct {
	mu   sync.Mutex
	seen map[string]bool
	new  []string
}

// maxWarnings bounds the number of kinds; there are a few for each root.
const maxWarnings = 256

func (w *warnings) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen[text] || len(w.seen) >= maxWarnings {
		return
	}
	if w.seen == nil {
		w.seen = map[string]bool{}
	}
	w.seen[text] = true
	w.new = append(w.new, text)
}

func (w *warnings) take() (texts []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	texts, w.new = w.new, nil
	return texts
}
