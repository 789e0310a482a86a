// Package sink is what the output plugin delivers with. It has the interface, the sinks
// without network, and the encoding of records as JSON; the sink for Elasticsearch and
// OpenSearch is in package elastic.
//
// It knows nothing of Kata or of Fluent Bit's interfaces: it must never import cgo, package
// net, the parser or package transform.
package sink

// Chunk is what is to be delivered. All of its memory belongs to the caller, and is valid
// until Deliver returns.
type Chunk struct {
	Tag []byte
	// Received are the log events as Fluent Bit has passed them, and Events those to
	// deliver: the same ones in the same order, transformed, without those that options have
	// dropped. Dropped are the offsets of these in Received, in ascending order.
	Received, Events []byte
	Dropped          []int
}

// Sink delivers chunks. It is safe for use by several goroutines at once, except Close.
type Sink interface {
	// Ready reports whether a chunk may be delivered now. If not, Deliver would return an
	// error without a look at it, so that it need not be parsed.
	Ready() bool
	// Deliver delivers a chunk. After an error, which Fluent Bit's log has already and
	// which must contain nothing of a record, the chunk must be passed again.
	Deliver(c *Chunk) error
	// Close ends all that the sink has started, and waits for it. No other method may be
	// called any more.
	Close()
}

// Logger writes lines to the log. They must not contain data of a record.
type Logger interface {
	Debugging() bool
	Debugf(format string, args ...any)
	Infof(format string, args ...any)
	Warnf(format string, args ...any)
	Errorf(format string, args ...any)
}
