package bench

import (
	"bytes"
	"sync"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/gen"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// corpus is a chunk and its messages.
type corpus struct {
	chunk    []byte
	messages [][]byte
}

func (c *corpus) records() int { return len(c.messages) }

// stream returns the messages as lines, for decoders that read streams.
func (c *corpus) stream() []byte { return bytes.Join(c.messages, []byte("\n")) }

// chunkSize is about the size of the systemd input's chunks.
const chunkSize = 1_024_000

var (
	// plain has kata-runtime's logfmt only, as in Kata's how-to.
	plain = sync.OnceValue(func() *corpus { return collect(gen.Logfmt, nil) })
	// mixed has all that the nodes of a cluster log.
	mixed = sync.OnceValue(func() *corpus { return collect(gen.Mix, nil) })
	// objects has the records of mixed whose message is a JSON object.
	objects = sync.OnceValue(func() *corpus {
		return collect(gen.Mix, func(message []byte) bool { return bytes.HasPrefix(message, []byte(`{"`)) })
	})
)

// collect returns a chunk of the generated records that are wanted.
func collect(mode gen.Mode, wanted func(message []byte) bool) *corpus {
	g := gen.New(1, 100)
	g.Mode = mode
	c := new(corpus)
	for len(c.chunk) < chunkSize {
		r := g.Record()
		message := []byte(r.Get("MESSAGE") + r.Get("log")) // no record has both
		if wanted != nil && !wanted(message) {
			continue
		}
		c.chunk = r.Append(c.chunk)
		c.messages = append(c.messages, message)
	}
	return c
}

// filtering runs the whole filter with its default options over a chunk.
//
//go:noinline
func filtering(chunk []byte) func() {
	f := transform.New(options.Default())
	out := event.Buffer{B: make([]byte, 0, 4*len(chunk)+4096)}
	return func() {
		out.B = out.B[:0]
		f.Process(nil, chunk, &out)
	}
}
