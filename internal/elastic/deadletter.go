package elastic

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/limit"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/sink"
)

// deadLetter is where records go that the server refuses for good.
type deadLetter struct {
	kind  options.DeadLetter
	index []byte
	file  *sink.File // of kind DeadLetterFile
	where string     // for log lines

	lines struct{ dead, failed limit.Lines }
}

func newDeadLetter(o *options.Output, log sink.Logger) (*deadLetter, error) {
	d := &deadLetter{kind: o.DeadLetter, index: []byte(o.DeadLetterIndex)}
	switch d.kind {
	case options.DeadLetterIndex:
		d.where = "they are in the index " + o.DeadLetterIndex
	case options.DeadLetterFile:
		d.where = "they are in the file " + o.DeadLetterFile
		var err error
		if d.file, err = sink.OpenFile(o.DeadLetterFile); err != nil {
			return nil, fmt.Errorf("dead_letter_file: %w", err)
		}
	case options.DeadLetterOff:
		d.where = "they are lost, as dead_letter off says"
		log.Infof("dead_letter off: records that the server refuses for good will be lost")
	}
	return d, nil
}

func (d *deadLetter) close() {
	if d.file != nil {
		d.file.Close()
	}
}

// maxReason limits the server's reason, which may quote the record.
const maxReason = 8 << 10

// bury writes the refused records of all batches to the dead letter, and reports whether any
// is there.
func (d *delivery) bury() (progress bool) {
	switch d.dead.kind {
	case options.DeadLetterIndex:
		return d.buryInIndex()
	case options.DeadLetterFile:
		return d.buryInFile()
	}
	n := 0
	var last itemResult
	for _, b := range d.batches {
		for k := range b.items {
			if i := &b.items[k]; i.state == dead {
				d.finish(i)
				d.counters.discarded.Add(1)
				n, last = n+1, i.last
			}
		}
	}
	d.buried(n, last)
	return n > 0
}

// buried logs that records are in the dead letter. The reason is not logged: it may quote the
// record.
func (d *delivery) buried(n int, last itemResult) {
	if n == 0 {
		return
	}
	if held, due := d.dead.lines.dead.Due(time.Now()); due {
		d.log.Warnf("%d records were refused for good, with status %d %s; %s%s", n, last.status, last.kind, d.dead.where, held)
	}
}

func (d *delivery) buryInFile() bool {
	var lines []byte
	n := 0
	var last itemResult
	for _, b := range d.batches {
		for k := range b.items {
			if i := &b.items[k]; i.state == dead {
				lines = append(d.appendLetter(lines, b, i), '\n')
				n, last = n+1, i.last
			}
		}
	}
	if n == 0 {
		return false
	}
	if err := d.dead.file.Append(lines); err != nil {
		if held, due := d.dead.lines.failed.Due(time.Now()); due {
			d.log.Errorf("cannot write to the file of the dead letter: %v; the records are kept and sent again%s", err, held)
		}
		return false
	}
	for _, b := range d.batches {
		for k := range b.items {
			if i := &b.items[k]; i.state == dead {
				d.finish(i)
			}
		}
	}
	d.counters.dead.Add(uint64(n))
	d.buried(n, last)
	return true
}

// buryInIndex sends the refused records to the index of the dead letter, in bulk requests of
// at most the size that the options say.
func (d *delivery) buryInIndex() (progress bool) {
	letters := d.Elastic.batches.get()
	var items []*item // by index in letters
	send := func() {
		if len(items) > 0 {
			progress = d.sendLetters(letters, items, 0, len(items)) || progress
		}
		clear(letters.items)
		*letters = batch{body: letters.body[:0], items: letters.items[:0]}
		items = items[:0]
	}
	for _, b := range d.batches {
		for k := range b.items {
			i := &b.items[k]
			if i.state != dead {
				continue
			}
			if len(items) >= d.options.BulkRecords || len(letters.body) >= d.options.BulkSize {
				send()
			}
			_, one := b.names(i)
			letters.add(d.dead.index, one, func(dst []byte) []byte { return d.appendLetter(dst, b, i) })
			items = append(items, i)
		}
	}
	send()
	if cap(letters.body) <= maxSpare {
		d.Elastic.batches.put(letters)
	}
	return progress
}

// sendLetters sends the letters of items[from:to] and reports whether any is stored.
func (d *delivery) sendLetters(letters *batch, items []*item, from, to int) bool {
	failed := func(format string, args ...any) {
		if held, due := d.dead.lines.failed.Due(time.Now()); due {
			d.log.Errorf("the index of the dead letter, %s: %s; the records are kept and sent again%s", d.dead.index, fmt.Sprintf(format, args...), held)
		}
	}
	// Not through the pipeline, which may be what refuses them.
	r, ok := d.bulk("_bulk?filter_path="+bulkPath, letters.body[letters.items[from].start:letters.items[to-1].end], to-from == 1)
	if !ok || d.ctx.Err() != nil {
		return false
	}
	if r.status == http.StatusRequestEntityTooLarge && to-from > 1 {
		half := (from + to) / 2
		first := d.sendLetters(letters, items, from, half)
		return d.sendLetters(letters, items, half, to) || first
	}
	if r.status != http.StatusOK {
		kind, _ := readFailure(r.body)
		failed("status %d %s", r.status, kind)
		return false
	}
	var err error
	if d.request.results, err = readResults(d.request.results[:0], r.body, to-from); err != nil {
		failed("%v", err)
		return false
	}
	n := 0
	var last itemResult
	for k, i := range items[from:to] {
		switch result := d.request.results[k]; result.verdict() {
		case stored, duplicate:
			d.finish(i)
			n, last = n+1, i.last
		default:
			failed("status %d %s", result.status, result.kind)
		}
	}
	d.counters.dead.Add(uint64(n))
	d.buried(n, last)
	return n > 0
}

// appendLetter appends the document of a refused record: its text, why it was refused, and
// where it was to go.
func (d *delivery) appendLetter(dst []byte, b *batch, i *item) []byte {
	index, one := b.names(i)
	doc := b.document(i)
	const head, at = `{"@timestamp":"`, len("2006-01-02T15:04:05.000000000Z")
	dst = append(dst, doc[:len(head)+at+1]...)
	dst = append(dst, `,"message":`...)
	dst = sink.AppendString(dst, doc)
	dst = append(dst, `,"error":{"type":`...)
	dst = sink.AppendString(dst, []byte(i.last.kind))
	dst = append(dst, `,"message":`...)
	reason := []byte(i.last.reason)
	dst = sink.AppendString(dst, reason[:min(len(reason), maxReason)])
	dst = append(dst, `,"status":`...)
	dst = strconv.AppendInt(dst, int64(i.last.status), 10)
	dst = append(dst, `},"index":`...)
	dst = sink.AppendString(dst, index)
	dst = append(dst, `,"id":`...)
	dst = sink.AppendString(dst, one)
	dst = append(dst, `,"tag":`...)
	dst = sink.AppendString(dst, []byte(d.tag))
	return append(dst, '}')
}
