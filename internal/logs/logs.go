// Package logs is kata-logs without its command line: it reads inputs, has the filter parse them,
// and gives the records that are chosen in the order of time. The way of a record:
//
//	input      opens files, folders and standard input, decompressed
//	lines      makes records of text
//	transform  is the filter: it parses the message and adds the fields
//	order      sorts what is not in order
//	choose     decides what is shown
//	output     writes it
//
// There is one representation of a record on this way, that of package record. What the filter
// decides is decided by its code. All inputs are read twice, the first time for the ids that
// are chosen and for the order, unless they are followed.
package logs

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"slices"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/input"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/lines"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/order"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/internal/transform"
)

// Config says what is read and how.
type Config struct {
	Options *options.Options // of the filter
	Choice  choose.Choice    // its Names and Known are set by New
	Zone    *time.Location   // of times that name none
	TempDir string           // for what is sorted on disk; empty for the system's
	Unread  func(error)      // is called for an input that cannot be read, or not to its end
	Read    func(bytes int)  // is called with the number of bytes that were read; may be nil
	Learn   bool             // note which sandboxes there are, see Logs.Known; set if Choice needs it
	Clocks  bool             // compare clocks in the first pass, see Skew
	Copies  bool             // set record.Position.Copy of the records that Each gives
	Journal Opener           // of sources that are journals; nil if they cannot be read
}

var errNoJournal = errors.New("this program cannot read files of journald")

// Opener opens a journal.
type Opener func(s *input.Source, file uint32) (Reader, error)

// Reader gives the records of an input, see lines.Reader.
type Reader interface {
	Read(b []byte, limit int) ([]byte, error)
	Close() error
}

// Logs are the records of some inputs.
type Logs struct {
	Config
	Names  *choose.Names
	Known  choose.Known
	Inputs []*Input

	seed      maphash.Seed  // of record.Position.Copy
	clockView record.Record // of clocks
}

// Input is one input, with what the first pass found.
type Input struct {
	*input.Source
	File        uint32
	Records     uint64
	First, Last int64  // times of the earliest and latest record, in nanoseconds since 1970
	Late        uint64 // records that are too late to be put in order in memory
	Back        int64  // the longest step back in time from one record to the next, in nanoseconds
	Kinds       [lines.Kinds]uint64

	size int64 // bytes of text that the first pass read; -1 before it
	err  error // why it ended

	isLog  *bool // nil if it is not known yet
	clocks clocks
}

// New returns the records of the sources.
func New(sources []*input.Source, c Config) *Logs {
	l := &Logs{Config: c, Names: choose.NewNames(c.Options.Prefix), seed: maphash.MakeSeed()}
	l.Choice.Names, l.Choice.Known = l.Names, &l.Known
	l.Learn = l.Learn || c.Choice.NeedsIDs()
	for i, s := range sources {
		l.Inputs = append(l.Inputs, &Input{Source: s, File: uint32(i), size: -1})
	}
	return l
}

// open opens an input that is text.
func (in *Input) open() (io.ReadCloser, error) {
	if len(in.Journal) > 0 {
		return nil, errNoJournal
	}
	return in.Open()
}

// IsLog reports whether an input, by its index, is the log of a program by itself, see lines.IsLog.
func (l *Logs) IsLog(file uint32) bool {
	in := l.Inputs[file]
	if in.isLog == nil {
		head := make([]byte, 64<<10)
		n := 0
		if text, err := in.open(); err == nil {
			n, _ = io.ReadFull(text, head)
			_ = text.Close()
		}
		is := lines.IsLog(head[:n])
		in.isLog = &is
	}
	return *in.isLog
}

// Files returns the names of the inputs, by Position.File.
func (l *Logs) Files() []string {
	names := make([]string, len(l.Inputs))
	for i, in := range l.Inputs {
		names[i] = in.Name
	}
	return names
}

// batchSize returns how many bytes of an input become one batch: with many inputs less of each is
// in memory. It is the same for both passes.
func (l *Logs) batchSize() int { return max(256<<10, min(1<<20, 4<<20/max(1, len(l.Inputs)))) }

// parser reads an input and has the filter parse it.
type parser struct {
	in     *Input
	l      *Logs
	reader Reader
	lines  *lines.Reader // the same, if it is text
	filter *transform.Filter
	tag    []byte
	raw    []byte
	out    event.Buffer
	pods   []record.Pod // that the batch names
	before int64        // the time of the last record
	err    error
}

// open opens an input. scan leaves out the fields that the first pass does not need.
func (l *Logs) open(in *Input, scan bool) (*parser, error) {
	p := &parser{in: in, l: l, tag: []byte(in.Name)}
	if len(in.Journal) > 0 {
		if l.Journal == nil {
			return nil, &input.Error{Name: in.Name, Err: errNoJournal}
		}
		r, err := l.Journal(in.Source, in.File)
		if err != nil {
			return nil, err
		}
		p.reader = r
	} else {
		text, err := in.open()
		if err != nil {
			return nil, err
		}
		p.setText(text, in.size)
	}
	p.filter = l.newFilter(p, scan)
	return p, nil
}

// newParser returns a parser of a text that is read once.
func (l *Logs) newParser(in *Input, text io.ReadCloser) *parser {
	p := &parser{in: in, l: l, tag: []byte(in.Name)}
	p.filter = l.newFilter(p, false)
	p.setText(text, -1)
	return p
}

// setText sets what is read, up to size bytes of it if that is not negative.
func (p *parser) setText(text io.ReadCloser, size int64) {
	var from io.Reader = text
	if size >= 0 {
		from = io.LimitReader(text, size) // it may have grown since the first pass
	}
	p.lines = lines.NewReader(from, lines.Options{File: p.in.File, Zone: p.l.Zone, Newest: p.in.Newest})
	p.reader = textReader{p.lines, text}
}

type textReader struct {
	*lines.Reader
	io.Closer
}

// newFilter returns the filter of p.
func (l *Logs) newFilter(p *parser, scan bool) *transform.Filter {
	observer := &transform.Observer{Seed: l.seed}
	if l.Learn {
		observer.Pod = p.namedPod
	}
	if !scan {
		if l.Copies {
			observer.Copy = func(event []byte, fingerprint uint64) { record.SetCopy(event, max(1, fingerprint)) }
		}
		return transform.NewObserved(l.Options, observer)
	}
	if l.Clocks {
		p.in.clocks.view = &l.clockView
		observer.Time = p.in.clocks.time
	}
	o := *l.Options
	n := choose.NewNames("")
	o.OnlyKeys = []string{n.Guest} // the time is all that is needed
	if l.Learn {
		o.OnlyKeys = []string{n.Level, n.Sandbox, n.Container, n.Guest}
	}
	o.RemoveKeys = nil
	o.ReserveData, o.PreserveKey = false, false
	return transform.NewObserved(&o, observer)
}

// namedPod notes a pod that a container runtime names, if it is believed: by the filter's rule, or as
// a plain text; not if journald says that another unit wrote it.
func (p *parser) namedPod(event []byte, pod transform.NamedPod) {
	plain := record.FlagsOf(event)&record.Plain != 0 && len(pod.Unit) == 0
	if pod.Runtime || plain {
		p.pods = append(p.pods, record.Pod{
			Sandbox: string(pod.Sandbox), Name: string(pod.Name), Namespace: string(pod.Namespace), UID: string(pod.UID), Plain: !pod.Runtime,
		})
	}
}

func (p *parser) close() {
	_ = p.reader.Close()
	p.filter.Close()
}

// errFault is the error of an input for which this program has panicked.
var errFault = errors.New("this program has a fault, and does not read on in this input; please report it")

// fill makes run the next batch. The error is io.EOF behind the last one. A panic is the error of
// this input, and does not end the others.
func (p *parser) fill(run *record.Run, size int) (err error) {
	defer func() {
		if v := recover(); v != nil {
			p.err = &input.Error{Name: p.in.Name, Err: fmt.Errorf("%w: %v", errFault, v)}
			err = p.err
		}
	}()
	for {
		if p.err != nil {
			return p.err
		}
		p.raw, p.err = p.reader.Read(p.raw[:0], size)
		if p.l.Config.Read != nil {
			p.l.Config.Read(size)
		}
		if len(p.raw) == 0 {
			if p.err == nil {
				continue
			}
			return p.err
		}
		p.process(run)
		if len(run.Entries) > 0 {
			return nil
		}
	}
}

// maxKept is the largest buffer that is kept for the next batch: a long line makes large ones.
const maxKept = 4 << 20

// process has the filter parse p.raw into run.
func (p *parser) process(run *record.Run) {
	p.out.B = run.Bytes[:0]
	if cap(p.out.B) > maxKept {
		p.out.B = nil
	}
	p.pods = run.Pods[:0]
	if p.filter.Process(p.tag, p.raw, &p.out) == transform.Untouched {
		p.out.B, p.raw = p.raw, p.out.B
	}
	run.Pods, p.pods = p.pods, nil
	run.Bytes, p.out.B = p.out.B, nil
	if cap(p.raw) > maxKept {
		p.raw = nil
	}
	p.before = run.Index(p.before)
}

// batches reads ahead of who uses its batches. It is an order.Batches.
type batches struct {
	p    *parser
	full chan filled
	free chan *record.Run
	stop chan struct{}
	done chan struct{}
}

type filled struct {
	run *record.Run
	err error
}

// ahead is how many batches of an input there are: two of a Window, one that is being made, and
// one that waits.
const ahead = 4

func (l *Logs) read(p *parser) *batches {
	b := &batches{
		p: p, full: make(chan filled, ahead), free: make(chan *record.Run, ahead+1),
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	for range ahead {
		b.free <- new(record.Run)
	}
	go b.work(l.batchSize())
	return b
}

func (b *batches) work(size int) {
	defer close(b.done)
	for {
		select {
		case <-b.stop:
			return
		case run := <-b.free:
			err := b.p.fill(run, size)
			if err != nil {
				run = nil
			} else {
				run.Sort()
			}
			b.full <- filled{run, err}
			if err != nil {
				return
			}
		}
	}
}

func (b *batches) Get() (*record.Run, error) {
	f, ok := <-b.full
	if !ok {
		return nil, io.EOF
	}
	if f.err != nil {
		close(b.full)
	}
	return f.run, f.err
}

func (b *batches) Put(run *record.Run) { b.free <- run }

// close ends the reading and frees the input.
func (b *batches) close() {
	close(b.stop)
	<-b.done
	b.p.close()
}

// Scan is the first pass: it reads all inputs for their order and for the ids of sandboxes.
func (l *Logs) Scan() {
	for _, in := range l.Inputs {
		l.scan(in)
	}
}

// learner sees the records of a batch before they are put in order.
type learner struct {
	*batches
	l    *Logs
	view record.Record
}

func (s *learner) Get() (*record.Run, error) {
	run, err := s.batches.Get()
	if err != nil {
		return nil, err
	}
	in := s.p.in
	if s.l.Learn {
		s.l.Known.LearnPods(run.Pods)
		for i := range run.Entries {
			if s.view.Read(run.At(i)) {
				s.l.Known.Learn(s.l.Names, &s.view)
				if id := s.view.Text(s.l.Names.Sandbox); s.l.Clocks && in.File < maxCompared && len(id) > 0 {
					in.clocks.sandbox(id, s.view.Nano)
				}
			}
		}
	}
	in.Back = max(in.Back, run.Back)
	in.Records += uint64(len(run.Entries))
	return run, nil
}

func (l *Logs) scan(in *Input) {
	p, err := l.open(in, true)
	if err != nil {
		in.err = err
		l.Unread(err)
		return
	}
	b := l.read(p)
	defer b.close()
	in.First, in.Last = math.MaxInt64, math.MinInt64
	late := func(_ []byte, nano int64) {
		in.Late++
		in.First = min(in.First, nano)
	}
	w := order.NewWindow(&learner{batches: b, l: l}, late)
	for {
		_, nano, err := w.Next()
		if err != nil {
			if in.err = err; !errors.Is(err, io.EOF) {
				l.Unread(err)
			}
			break
		}
		in.First = min(in.First, nano)
		in.Last = max(in.Last, nano)
	}
	if p.lines != nil {
		in.size = p.lines.Offset()
		in.Kinds = p.lines.Counts
	}
}

// LookUpPods asks the node's files for the pods that the logs do not name, and returns warnings.
func (l *Logs) LookUpPods() []string { return l.Known.LookUp(l.Options.SandboxMetadataRoots) }

// Each calls f with each record that is chosen, in the order of time if sorted and else in that of
// the inputs. The record is valid until f returns. It ends with the error of f.
// Scan has to be called before if sorted.
func (l *Logs) Each(sorted bool, f func(*record.Record) error) error {
	if !sorted {
		return l.eachInput(f)
	}
	var m order.Merge
	var opened []*stream
	defer func() {
		for _, s := range opened {
			s.close()
		}
	}()
	spill := order.NewSpill(l.TempDir, spillMemory)
	defer spill.Close()
	first := int64(math.MaxInt64) // of the records in spill
	inputs, few := l.divide()
	for i, in := range inputs {
		switch {
		case !few[i]:
			l.spillAll(in, spill)
			first = min(first, in.First)
			continue
		case in.Late > 0:
			l.spillLate(in, spill)
			first = min(first, in.First)
		}
		s := &stream{l: l, in: in}
		opened = append(opened, s)
		m.Add(s, in.First, in.File)
	}
	if spill.Len() > 0 {
		s, err := spill.Sorted()
		if err != nil {
			return err
		}
		m.Add(s, first, 0)
	}
	var view record.Record
	for {
		rec, nano, err := m.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !l.Choice.InTime(nano) {
			if l.Choice.Until != 0 && nano >= l.Choice.Until {
				return nil // all that follow are later
			}
			continue
		}
		if view.Read(rec) && l.Choice.Match(&view) {
			if err := f(&view); err != nil {
				return err
			}
		}
	}
}

// openMemory is how many bytes the inputs may need that are open at once. If more would be, the
// smaller ones are sorted on disk, all together.
const openMemory = 20 << 20

// memory returns about how many bytes an input needs that is open.
func (l *Logs) memory(in *Input) int { return (ahead+2)*l.batchSize() + fixedMemory + in.Memory() }

const fixedMemory = 512 << 10 // of a reader and a filter

// divide returns the inputs that have records of the chosen time, and says of each whether it is
// one of the few that are read when their time comes.
func (l *Logs) divide() (inputs []*Input, few []bool) {
	for _, in := range l.Inputs {
		if in.Records > 0 && l.overlaps(in) {
			inputs = append(inputs, in)
		}
	}
	few = make([]bool, len(inputs))
	byFirst := make([]int, len(inputs))
	for i := range inputs {
		few[i], byFirst[i] = true, i
	}
	slices.SortStableFunc(byFirst, func(a, b int) int { return cmp.Compare(inputs[a].First, inputs[b].First) })
	var open []int // at one time
	need := 0
	for _, i := range byFirst {
		open = slices.DeleteFunc(open, func(o int) bool {
			ended := inputs[o].Last < inputs[i].First
			if ended {
				need -= l.memory(inputs[o])
			}
			return ended
		})
		open = append(open, i)
		for need += l.memory(inputs[i]); need > openMemory && len(open) > 1; {
			at := 0
			for k, o := range open {
				if inputs[o].size < inputs[open[at]].size {
					at = k
				}
			}
			few[open[at]] = false
			need -= l.memory(inputs[open[at]])
			open = slices.Delete(open, at, at+1)
		}
	}
	return inputs, few
}

// overlaps reports whether an input has records of the chosen time.
func (l *Logs) overlaps(in *Input) bool {
	c := &l.Choice
	return in.Last >= c.Since && (c.Until == 0 || in.First < c.Until)
}

// spillMemory is how much of what is sorted on disk is sorted in memory at once.
const spillMemory = 4 << 20

// spillLate adds the records of an input that are late.
func (l *Logs) spillLate(in *Input, spill *order.Spill) {
	p, err := l.open(in, false)
	if err != nil {
		l.failed(in, err)
		return
	}
	b := l.read(p)
	defer b.close()
	w := order.NewWindow(b, spill.Add)
	for {
		if _, _, err := w.Next(); err != nil {
			return // stream tells of it
		}
	}
}

// spillAll adds the records of an input that are chosen.
func (l *Logs) spillAll(in *Input, spill *order.Spill) {
	p, err := l.open(in, false)
	if err != nil {
		l.failed(in, err)
		return
	}
	defer p.close()
	var run record.Run
	var view record.Record
	for {
		if err := p.fill(&run, l.batchSize()); err != nil {
			l.failed(in, err)
			return
		}
		for i := range run.Entries {
			if view.Read(run.At(i)) && l.Choice.Match(&view) {
				spill.Add(view.Bytes, view.Nano)
			}
		}
	}
}

// failed tells of an error of an input in the second pass, unless the first one has met it.
func (l *Logs) failed(in *Input, err error) {
	if !errors.Is(err, io.EOF) && errors.Is(in.err, io.EOF) {
		in.err = err
		l.Unread(err)
	}
}

// stream opens an input when it is first read.
type stream struct {
	l  *Logs
	in *Input
	b  *batches
	w  *order.Window
}

func (s *stream) Next() ([]byte, int64, error) {
	if s.w == nil {
		p, err := s.l.open(s.in, false)
		if err != nil {
			s.l.failed(s.in, err)
			return nil, 0, io.EOF
		}
		s.b = s.l.read(p)
		s.w = order.NewWindow(s.b, nil)
	}
	rec, nano, err := s.w.Next()
	if err != nil {
		s.close()
		s.l.failed(s.in, err)
		return nil, 0, io.EOF
	}
	return rec, nano, nil
}

func (s *stream) close() {
	if s.b != nil {
		s.b.close()
		s.b = nil
	}
}

// eachInput reads the inputs one after the other. The records come in their order.
func (l *Logs) eachInput(f func(*record.Record) error) error {
	var view record.Record
	var run record.Run
	for _, in := range l.Inputs {
		if in.err != nil && !errors.Is(in.err, io.EOF) && in.Records == 0 {
			continue // the first pass has told of it
		}
		scanned := in.size >= 0
		p, err := l.open(in, false)
		if err != nil {
			l.Unread(err)
			continue
		}
		unread, err := l.eachRecord(p, &run, &view, f)
		if p.lines != nil {
			in.Kinds = p.lines.Counts
		}
		p.close()
		if err != nil {
			return err
		}
		if unread != nil && !scanned {
			l.Unread(unread)
		}
	}
	return nil
}

// EachOf calls f with the chosen records of a text that belongs to an input, such as the rest of a
// long standard input.
func (l *Logs) EachOf(in *Input, text io.Reader, f func(*record.Record) error) error {
	p := l.newParser(in, io.NopCloser(text))
	defer p.close()
	var run record.Run
	var view record.Record
	unread, err := l.eachRecord(p, &run, &view, f)
	if unread != nil {
		l.Unread(unread)
	}
	return err
}

// eachRecord calls f with the chosen records of an input. It returns the error of the input, nil if
// that was read to its end, and the error of f.
func (l *Logs) eachRecord(p *parser, run *record.Run, view *record.Record, f func(*record.Record) error) (unread, err error) {
	for {
		if err := p.fill(run, l.batchSize()); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return err, nil
		}
		if err := l.eachOf(run, view, f); err != nil {
			return nil, err
		}
	}
}

// eachOf calls f for each record of a batch that is chosen.
func (l *Logs) eachOf(run *record.Run, view *record.Record, f func(*record.Record) error) error {
	if l.Learn {
		l.Known.LearnPods(run.Pods)
	}
	for i := range run.Entries {
		if !view.Read(run.At(i)) {
			continue
		}
		if l.Learn {
			l.Known.Learn(l.Names, view)
		}
		if l.Choice.Match(view) {
			if err := f(view); err != nil {
				return err
			}
		}
	}
	return nil
}

// Earliest returns the inputs in the order of their first records.
func (l *Logs) Earliest() []*Input {
	list := slices.Clone(l.Inputs)
	slices.SortStableFunc(list, func(a, b *Input) int {
		switch {
		case a.First < b.First:
			return -1
		case a.First > b.First:
			return 1
		}
		return 0
	})
	return list
}
