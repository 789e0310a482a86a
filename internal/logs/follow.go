package logs

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/input"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/lines"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// pollEvery is how often files are looked at for more.
const pollEvery = 200 * time.Millisecond

// followBatch is how many bytes of a file that has much are read at once.
const followBatch = 64 << 10

// Follow calls f with each chosen record of all inputs, as it is written, until the context is
// done or f returns an error. What a file has already comes first. A file that becomes shorter
// is read from its start again, and one that is replaced, as when logs are rotated, is read to its
// end and then the new one. What is compressed, and a pipe, is read to its end. Standard input is read from in. Unread may be called by several goroutines.
func (l *Logs) Follow(ctx context.Context, in io.Reader, f func(*record.Record) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	runs := make(chan *record.Run)
	var wg sync.WaitGroup
	for _, i := range l.Inputs {
		wg.Go(func() {
			fl := &follower{l: l, in: i, runs: runs, done: ctx.Done(), ctx: ctx}
			fl.follow(in)
		})
	}
	go func() {
		wg.Wait()
		close(runs)
	}()
	var view record.Record
	for {
		select {
		case <-ctx.Done():
			return nil
		case run, ok := <-runs:
			if !ok {
				return nil
			}
			if err := l.eachOf(run, &view, f); err != nil {
				return err
			}
		}
	}
}

// follower follows one input.
type follower struct {
	l    *Logs
	in   *Input
	runs chan<- *record.Run
	done <-chan struct{}
	ctx  context.Context
	p    *parser
}

func (f *follower) follow(stdin io.Reader) {
	switch {
	case len(f.in.Journal) > 0:
		f.journal()
	case f.in.Name == input.Stdin:
		f.stream(io.NopCloser(stdin))
	case f.in.Ends():
		text, err := f.in.open()
		if err != nil {
			f.fail(err)
			return
		}
		f.stream(text)
	default:
		f.file()
	}
}

// stream reads a text to its end, as it comes.
func (f *follower) stream(text io.ReadCloser) {
	f.p = f.l.newParser(f.in, text)
	defer f.p.close()
	for {
		if err := f.send(1); err != nil {
			f.fail(err)
			return
		}
	}
}

// journal follows a journal, which can tell when there is more.
func (f *follower) journal() {
	p, err := f.l.open(f.in, false)
	if err != nil {
		f.l.Unread(err)
		return
	}
	f.p = p
	defer p.close()
	for {
		err := f.send(followBatch)
		if errors.Is(err, io.EOF) {
			w, ok := p.reader.(interface{ Wait(context.Context) error })
			if ok && w.Wait(f.ctx) == nil {
				continue
			}
		}
		if err != nil {
			f.fail(err)
			return
		}
	}
}

// fail tells of an error that ends an input.
func (f *follower) fail(err error) {
	if !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
		f.l.Unread(err)
	}
}

// send reads about limit bytes and passes on their records. The error is io.EOF if there are no
// more for now.
func (f *follower) send(limit int) error {
	f.p.err = nil
	run := new(record.Run)
	if err := f.p.fill(run, limit); err != nil {
		return err
	}
	select {
	case f.runs <- run:
		return nil
	case <-f.done:
		return context.Canceled
	}
}

// file follows a file by its path.
func (f *follower) file() {
	for {
		file, err := os.Open(f.in.Path())
		if err == nil {
			err = f.opened(file)
			_ = file.Close()
		}
		if err != nil && !os.IsNotExist(err) {
			f.fail(err)
			return
		}
		if !f.pause() {
			return
		}
	}
}

func (f *follower) pause() bool {
	select {
	case <-f.done:
		return false
	case <-time.After(pollEvery):
		return true
	}
}

// opened follows a file that is open, until it is replaced.
func (f *follower) opened(file *os.File) error {
	f.start(file)
	defer f.p.filter.Close()
	for {
		err := f.send(followBatch)
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) {
			return err
		}
		info, err := file.Stat()
		if err != nil {
			return err
		}
		at, err := file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		switch now, err := os.Stat(f.in.Path()); {
		case info.Size() < at:
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				return err
			}
			f.p.filter.Close()
			f.start(file)
			continue
		case err == nil && !os.SameFile(info, now), err != nil && os.IsNotExist(err):
			if at == info.Size() {
				return f.end()
			}
		}
		if !f.pause() {
			return context.Canceled
		}
		f.p.lines.Continue()
	}
}

// start reads a file from where it is.
func (f *follower) start(file *os.File) {
	f.p = &parser{in: f.in, l: f.l, tag: []byte(f.in.Name)}
	f.p.filter = f.l.newFilter(f.p, false)
	f.p.lines = lines.NewReader(file, lines.Options{File: f.in.File, Zone: f.l.Zone, Newest: time.Now(), Follow: true})
	f.p.reader = textReader{f.p.lines, io.NopCloser(nil)}
}

// end passes on a last line that has no end.
func (f *follower) end() error {
	f.p.lines.Finish()
	for {
		if err := f.send(followBatch); errors.Is(err, context.Canceled) {
			return err
		} else if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
