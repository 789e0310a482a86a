// Package gen generates records as the systemd and tail inputs read them on the nodes of a
// cluster with Kata Containers. The same seed gives the same records.
//
// It is for tests, benchmarks and fuzz seeds: no plugin may import it, and it must never
// import what it is used to test, the parser or package transform.
package gen

import (
	"math/rand/v2"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
)

// Pair is one field of a record.
type Pair struct{ Key, Value string }

// Record is one log event as an input of Fluent Bit emits it.
type Record struct {
	Fields    []Pair
	Sec, Nsec uint32 // the event's time
}

// Mode is which records a Generator generates.
type Mode int

const (
	// Mix is everything that a node logs: all of Kata's programs in all generations,
	// with debug on, other programs, and a few damaged lines.
	Mix Mode = iota
	// Logfmt is kata-runtime's logfmt only, as in Kata's how-to for Fluentd: a MESSAGE of
	// about 335 bytes in a record of about 1.2 KB.
	Logfmt
)

// Generator generates records. It is not safe for use by several goroutines at once.
type Generator struct {
	Mode Mode

	rnd       *rand.Rand
	now       time.Time
	sandboxes []*sandbox
	queue     []Record // records that come next
	boot      string
	machine   string
}

// sandbox is one pod's virtual machine.
type sandbox struct {
	id         string
	containers []string
	stack      stack
	shim       int       // pid of the shim or proxy
	agent      int       // pid of the agent, in the guest
	booted     time.Time // when the guest's kernel started
	crio       bool
	seqnum     int
}

// stack is the generation of the programs that run a sandbox.
type stack int

const (
	kata1    stack = iota // kata-runtime, kata-proxy, kata-shim, agent v1
	goShim                // containerd-shim-kata-v2 in Go, agent v2
	rustJSON              // runtime-rs up to 3.19
	rust                  // runtime-rs that writes journal fields
)

// New returns a generator for a number of sandboxes; a node has 10 to 1000.
func New(seed uint64, sandboxes int) *Generator {
	g := &Generator{
		rnd: rand.New(rand.NewPCG(seed, 0x6b617461)),
		now: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
	}
	g.boot, g.machine = g.hex(32), g.hex(32)
	for range max(sandboxes, 1) {
		s := &sandbox{
			id:     g.hex(64),
			stack:  pick(g, kata1, kata1, goShim, goShim, goShim, goShim, goShim, rustJSON, rust, rust),
			shim:   g.between(2000, 4_000_000),
			agent:  g.between(1, 300),
			booted: g.now.Add(-time.Duration(g.between(0, 3600)) * time.Second),
			crio:   g.rnd.IntN(4) == 0,
		}
		for range 1 + g.rnd.IntN(3) {
			s.containers = append(s.containers, g.hex(64))
		}
		g.sandboxes = append(g.sandboxes, s)
	}
	return g
}

// Record returns the next record. Times increase, roughly.
func (g *Generator) Record() Record {
	if len(g.queue) == 0 {
		g.now = g.now.Add(time.Duration(g.rnd.ExpFloat64() * float64(2*time.Millisecond)))
		if g.Mode == Logfmt {
			g.runtimeState(pick(g, g.sandboxes...))
		} else {
			g.next()
		}
	}
	r := g.queue[0]
	g.queue = g.queue[1:]
	return r
}

// next adds one or more records to the queue.
func (g *Generator) next() {
	switch n := g.rnd.IntN(100); {
	case n < 8:
		g.other()
	case n < 11:
		g.tail()
	case n < 12:
		g.damage()
	default:
		g.kata(pick(g, g.sandboxes...))
	}
}

// kata adds a record of the sandbox's own programs.
func (g *Generator) kata(s *sandbox) {
	switch s.stack {
	case kata1:
		g.kata1(s)
	case goShim:
		g.goShim(s)
	case rustJSON:
		g.rustJSON(s)
	case rust:
		g.rust(s)
	}
}

// Chunk appends events to b, framed as by a current Fluent Bit, until they are size bytes or
// more. It returns the extended slice and the number of events.
func Chunk(b []byte, g *Generator, size int) (chunk []byte, records int) {
	for end := len(b) + size; len(b) < end; records++ {
		r := g.Record()
		b = r.Append(b)
	}
	return b, records
}

// Append appends the record as one event and returns the extended slice.
func (r *Record) Append(b []byte) []byte {
	b = event.AppendTime(event.AppendArrayHeader(event.AppendArrayHeader(b, 2), 2), r.Sec, r.Nsec)
	b = event.AppendMapHeader(event.AppendMapHeader(b, 0), len(r.Fields))
	for _, f := range r.Fields {
		b = event.AppendStr(event.AppendStr(b, []byte(f.Key)), []byte(f.Value))
	}
	return b
}

// Get returns the value of a field, "" if there is none.
func (r *Record) Get(key string) string {
	for _, f := range r.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return ""
}

// pick returns one of several values.
func pick[T any](g *Generator, from ...T) T { return from[g.rnd.IntN(len(from))] }

// between returns a number n with low <= n < high.
func (g *Generator) between(low, high int) int { return low + g.rnd.IntN(high-low) }

// hex returns n hexadecimal digits.
func (g *Generator) hex(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdef"[g.rnd.IntN(16)]
	}
	return string(b)
}
