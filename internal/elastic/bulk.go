package elastic

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/sink"
)

// batch is the body of one bulk request, and the state of its items.
type batch struct {
	body  []byte
	items []item
}

// item is one record in a batch: two lines of the body.
type item struct {
	index      uint32 // of the record in the chunk as it was received
	start, doc uint32 // where its lines start
	end        uint32 // where the second one ends, behind its newline
	state      itemState
	tries      int
	last       itemResult // what the server said of it last, unless it was stored
}

type itemState uint8

const (
	pending itemState = iota
	dead              // to be written to the dead letter
	done
)

// The first line of an item, around the names of its index and its id.
const (
	createIndex = `{"create":{"_index":"`
	createID    = `","_id":"`
	createEnd   = "\"}}\n"
)

// add appends an item. index needs no escapes: see options.checkIndex.
func (b *batch) add(index, one []byte, doc func(dst []byte) []byte) *item {
	b.items = append(b.items, item{start: uint32(len(b.body))})
	i := &b.items[len(b.items)-1]
	b.body = append(b.body, createIndex...)
	b.body = append(b.body, index...)
	b.body = append(b.body, createID...)
	b.body = append(b.body, one...)
	b.body = append(b.body, createEnd...)
	i.doc = uint32(len(b.body))
	b.body = append(doc(b.body), '\n')
	i.end = uint32(len(b.body))
	return i
}

// reserve makes an empty batch large enough for a body and a number of items.
func (b *batch) reserve(body, items int) {
	if cap(b.body) < body {
		b.body = make([]byte, 0, body) // unlike slices.Grow it does not clear the memory
	}
	if cap(b.items) < items {
		b.items = make([]item, 0, items)
	}
}

// names returns the names of an item's index and id, as slices of the body.
func (b *batch) names(i *item) (index, one []byte) {
	line := b.body[i.start:i.doc]
	line = line[len(createIndex) : len(line)-len(createEnd)]
	return line[:len(line)-idText-len(createID)], line[len(line)-idText:]
}

// document returns an item's document, as a slice of the body.
func (b *batch) document(i *item) []byte { return b.body[i.doc : i.end-1] }

// encoder makes batches of chunks. It keeps its memory and is not safe for concurrent use.
type encoder struct {
	index *indexName
	docs  sink.Encoder
	walk  event.Walker
	ev    event.Event
	id    []byte
	size  int // of a batch, in bytes
	count int // and in records
}

// batches returns the batches of what is not done of a chunk, whose records have the given ids
// and start at the given offsets. It returns false if c.Events are not the chunk's records
// without the dropped ones; otherwise these are marked as done.
func (e *encoder) batches(c *sink.Chunk, ids []id, starts []int, j *job, get func() *batch) (all []*batch, ok bool) {
	var b *batch
	next, dropped := 0, c.Dropped
	skip := func() {
		for ; len(dropped) > 0 && next < len(starts) && starts[next] == dropped[0]; next++ {
			dropped = dropped[1:]
		}
	}
	e.walk.Reset(c.Events)
	defer e.walk.Reset(nil)
	for e.walk.Next(&e.ev) {
		if !e.ev.Log {
			continue
		}
		skip()
		if next == len(ids) {
			return all, false
		}
		if j.isMarked(next) {
			next++
			continue
		}
		if b != nil && (len(b.items) >= e.count || len(b.body) >= e.size) {
			b = nil
		}
		if b == nil {
			b = get()
			all = append(all, b)
			// At once, for JSON is longer than msgpack, and each item has a line more: to grow
			// step by step would touch several times the memory. And with something to
			// spare, or each chunk that is larger than all before would take other memory.
			left, items := len(c.Events)-e.ev.Start, len(ids)-next
			b.reserve(min(left+left/2+160*items, e.size+e.size/8), min(items+items/4, e.count))
		}
		before := len(b.body)
		e.id = ids[next].appendText(e.id[:0])
		i := b.add(e.index.at(e.ev.Sec), e.id, func(dst []byte) []byte { return e.docs.Append(dst, c.Events, &e.ev) })
		i.index, i.tries = uint32(next), min(j.deliveries, 1)
		if len(b.body) > e.size && len(b.items) > 1 {
			// It is the first of another batch.
			moved := get()
			moved.body = append(moved.body, b.body[before:]...)
			moved.items = append(moved.items, item{index: i.index, tries: i.tries, doc: i.doc - i.start, end: i.end - i.start})
			b.body, b.items = b.body[:before], b.items[:len(b.items)-1]
			b = moved
			all = append(all, b)
		}
		next++
	}
	skip()
	if next < len(ids) {
		return all, false
	}
	for _, at := range c.Dropped {
		if k, found := slices.BinarySearch(starts, at); found {
			j.mark(k)
		}
	}
	return all, true
}

// request has the memory of one request.
type request struct {
	body     []byte
	zipped   bytes.Buffer
	zip      *gzip.Writer
	response []byte
	results  []itemResult
	items    []*item
}

// gather returns the body of a request with some items of a batch.
func (r *request) gather(b *batch, items []*item) []byte {
	if len(items) == len(b.items) {
		return b.body
	}
	r.body = r.body[:0]
	for _, i := range items {
		r.body = append(r.body, b.body[i.start:i.end]...)
	}
	return r.body
}

// compress returns a body compressed. Speed matters more than the last tenth of the size: the
// node's processors are for its pods.
func (r *request) compress(body []byte) []byte {
	r.zipped.Reset()
	if r.zip == nil {
		r.zip, _ = gzip.NewWriterLevel(&r.zipped, gzip.BestSpeed)
	} else {
		r.zip.Reset(&r.zipped)
	}
	_, _ = r.zip.Write(body) // a bytes.Buffer returns no error
	_ = r.zip.Close()
	return r.zipped.Bytes()
}

// indexName is the name of the index by the time of an event.
type indexName struct {
	format string
	hour   int64 // what name is for
	name   []byte
}

func newIndexName(format string) *indexName { return &indexName{format: format, hour: -1} }

// at returns the name for a time since 1970, in seconds. It is valid until the next call.
func (n *indexName) at(sec int64) []byte {
	sec, _ = sink.ClampTime(sec, 0)
	if hour := sec / 3600; hour != n.hour {
		n.hour, n.name = hour, appendIndex(n.name[:0], n.format, sec)
	}
	return n.name
}

// appendIndex appends the name of an index, whose format options.checkIndex has checked.
func appendIndex(dst []byte, format string, sec int64) []byte {
	digits := func(n, width int) {
		text := strconv.Itoa(n)
		for range width - len(text) {
			dst = append(dst, '0')
		}
		dst = append(dst, text...)
	}
	year, month, day := sink.Date(sec)
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			dst = append(dst, format[i])
			continue
		}
		i++
		switch format[i] {
		case 'Y':
			digits(year, 4)
		case 'y':
			digits(year%100, 2)
		case 'm':
			digits(month, 2)
		case 'd':
			digits(day, 2)
		case 'H':
			digits(int(sec/3600%24), 2)
		case 'j':
			digits(time.Unix(sec, 0).UTC().YearDay(), 3)
		case 'G', 'V':
			isoYear, week := time.Unix(sec, 0).UTC().ISOWeek()
			if format[i] == 'G' {
				digits(isoYear, 4)
			} else {
				digits(week, 2)
			}
		case '%':
			dst = append(dst, '%')
		}
	}
	return dst
}
