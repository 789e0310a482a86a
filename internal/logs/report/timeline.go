package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
)

// Step is one phase that a sandbox has reached.
type Step struct {
	Phase     string        `json:"phase"`
	Container string        `json:"container,omitempty"`
	Time      time.Time     `json:"time"`
	After     time.Duration `json:"after_ns"`    // since the first record of the sandbox
	Duration  time.Duration `json:"duration_ns"` // until the next step, or the last record
	Gap       time.Duration `json:"gap_ns"`      // the longest time without a record in it
	Slowest   bool          `json:"slowest,omitempty"`
	File      string        `json:"file"`
	Line      uint64        `json:"line"`
	Guest     bool          `json:"guest,omitempty"` // an agent has written the message
	Records   uint64        `json:"records"`         // in it

	last  int64 // the time of the last record in it
	shown shown
}

// Life is the timeline of one sandbox.
type Life struct {
	Sandbox   string    `json:"sandbox"`
	Pod       string    `json:"pod,omitempty"`
	Namespace string    `json:"namespace,omitempty"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Crashed   bool      `json:"guest_crashed"`
	Steps     []*Step   `json:"steps"`

	reached         map[string]bool // phases, with the container
	named, nameless map[int]int     // how often a phase was reached by containers with and without a name
	before          Step            // what comes before the first phase
}

// current returns the step that the next record belongs to.
func (l *Life) current() *Step {
	if n := len(l.Steps); n > 0 {
		return l.Steps[n-1]
	}
	return &l.before
}

// Timeline collects the timelines of the sandboxes whose records it gets, in the order of time.
type Timeline struct {
	Names *choose.Names
	Known *choose.Known
	Files []string
	Keep  bool // records are kept for WriteHTML
	Full  bool // there were more sandboxes than are kept

	lives map[string]*Life
	order []*Life
	kept  int // how many records are
}

const (
	maxLives = 1024 // sandboxes
	maxSteps = 4096 // of one sandbox
)

// Record takes a record.
func (t *Timeline) Record(r *record.Record) error {
	id := r.Text(t.Names.Sandbox)
	if len(id) == 0 || isCut(t.Names, r, id) || r.Flags&record.NoTime != 0 {
		return nil
	}
	l := t.lives[string(id)]
	when := time.Unix(0, r.Nano).UTC()
	if l == nil {
		if len(t.order) >= maxLives {
			t.Full = true
			return nil
		}
		if t.lives == nil {
			t.lives = map[string]*Life{}
		}
		l = &Life{Sandbox: string(id), First: when, Last: when, reached: map[string]bool{}, named: map[int]int{}, nameless: map[int]int{}}
		t.lives[l.Sandbox] = l
		t.order = append(t.order, l)
	}
	l.Last = when
	l.Crashed = l.Crashed || isCrash(t.Names, r)
	if n := len(l.Steps); n > 0 {
		s := l.Steps[n-1]
		s.Gap = max(s.Gap, time.Duration(r.Nano-s.last))
		s.last = r.Nano
	}
	t.begin(l, r, when)
	s := l.current()
	s.Records++
	if t.Keep {
		t.keep(s, r)
	}
	return nil
}

// begin adds a step if a phase begins with a record.
func (t *Timeline) begin(l *Life, r *record.Record, when time.Time) {
	p := phaseOf(t.Names, r)
	if p < 0 || len(l.Steps) >= maxSteps {
		return
	}
	container := ""
	if Phases[p].Container {
		container = string(r.Text(t.Names.Container))
	}
	if !Phases[p].Repeats && !l.isNew(p, container) {
		return
	}
	l.Steps = append(l.Steps, &Step{
		Phase: Phases[p].Name, Container: container, Time: when, File: t.file(r), Line: r.Line, Guest: r.Bool(t.Names.Guest), last: r.Nano,
	})
}

// isNew reports whether a sandbox, or a container of it, has not reached a phase before. Some messages
// do not say which container they are of: each is taken for the next one of those that are known by
// name, before or later.
func (l *Life) isNew(phase int, container string) bool {
	name := Phases[phase].Name
	if Phases[phase].Container && container == "" {
		l.nameless[phase]++
		return l.nameless[phase] > l.named[phase]
	}
	key := name + "\x00" + container
	if l.reached[key] {
		return false
	}
	l.reached[key] = true
	l.named[phase]++
	if container != "" && l.named[phase] <= l.nameless[phase] {
		for _, s := range l.Steps {
			if s.Phase == name && s.Container == "" {
				s.Container = container
				break
			}
		}
		return false
	}
	return true
}

func (t *Timeline) file(r *record.Record) string {
	if int(r.File) < len(t.Files) {
		return t.Files[r.File]
	}
	return ""
}

// Lives returns the timelines.
func (t *Timeline) Lives() []*Life {
	for _, l := range t.order {
		if s := t.Known.Sandbox([]byte(l.Sandbox)); s != nil {
			l.Pod, l.Namespace = s.Pod, s.Namespace
		}
		var slowest *Step
		for i, s := range l.Steps {
			end := l.Last
			if i+1 < len(l.Steps) {
				end = l.Steps[i+1].Time
			}
			s.After, s.Duration, s.Slowest = s.Time.Sub(l.First), end.Sub(s.Time), false
			// How long a sandbox runs is not how long it takes to do something.
			if i+1 < len(l.Steps) && !isRunning(s, l.Steps[i+1]) && (slowest == nil || s.Duration > slowest.Duration) {
				slowest = s
			}
		}
		if slowest != nil {
			slowest.Slowest = true
		}
	}
	return t.order
}

// isRunning reports whether the time between two steps is that in which containers run.
func isRunning(s, next *Step) bool {
	return (s.Phase == "container started" || s.Phase == "exec") && (next.Phase != "container created" && next.Phase != "container started")
}

func (l *Life) name() string {
	if l.Pod == "" {
		return l.Sandbox
	}
	return l.Namespace + "/" + l.Pod + " (" + l.Sandbox + ")"
}

// WriteText writes the timelines as tables, with times of a zone.
func (t *Timeline) WriteText(w io.Writer, zone *time.Location) error {
	for i, l := range t.Lives() {
		if i > 0 {
			_, _ = fmt.Fprintln(w)
		}
		guest := ""
		if l.Crashed {
			guest = ", the guest crashed"
		}
		_, _ = fmt.Fprintf(w, "%s, %s to %s%s\n", escaped(l.name()), l.First.In(zone).Format("2006-01-02 15:04:05.000000"),
			l.Last.In(zone).Format("2006-01-02 15:04:05.000000"), guest)
		tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
		_, _ = fmt.Fprintln(tw, "AFTER\tTAKES\tLONGEST GAP\tPHASE\tCONTAINER\tLINE\t")
		for _, s := range l.Steps {
			mark := ""
			if s.Slowest {
				mark = "<- slowest"
			}
			container := "-"
			if s.Container != "" {
				container = escaped(shortID(s.Container))
			}
			_, _ = fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s:%d\t%s\n", seconds(s.After), seconds(s.Duration), seconds(s.Gap), s.Phase, container, escaped(s.File), s.Line, mark)
		}
		if err := tw.Flush(); err != nil {
			return err
		}
		if missing := l.missing(); len(missing) > 0 {
			if _, err := fmt.Fprintf(w, "not in the logs: %s\n", strings.Join(missing, ", ")); err != nil {
				return err
			}
		}
	}
	return nil
}

// missing returns the phases that every sandbox has and the logs do not show.
func (l *Life) missing() (names []string) {
	for i := range Phases {
		p := &Phases[i]
		if !p.Repeats && !slices.ContainsFunc(l.Steps, func(s *Step) bool { return s.Phase == p.Name }) {
			names = append(names, p.Name)
		}
	}
	return names
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.6fs", d.Seconds()) }

// WriteJSON writes one object a line for each sandbox.
func (t *Timeline) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	for _, l := range t.Lives() {
		if err := e.Encode(l); err != nil {
			return err
		}
	}
	return nil
}
