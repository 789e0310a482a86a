package report

import (
	"encoding/json"
	"fmt"
	"html/template"
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

	last int64 // the time of the last record in it
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

	reached map[string]bool
}

// Timeline collects the timelines of the sandboxes whose records it gets, in the order of time.
type Timeline struct {
	Names *choose.Names
	Known *choose.Known
	Files []string

	lives map[string]*Life
	order []*Life
}

const (
	maxLives = 1024 // sandboxes
	maxSteps = 4096 // of one sandbox
)

// Record takes a record.
func (t *Timeline) Record(r *record.Record) error {
	id := r.Text(t.Names.Sandbox)
	if len(id) == 0 || r.Flags&record.NoTime != 0 {
		return nil
	}
	l := t.lives[string(id)]
	when := time.Unix(0, r.Nano).UTC()
	if l == nil {
		if len(t.order) >= maxLives {
			return nil
		}
		if t.lives == nil {
			t.lives = map[string]*Life{}
		}
		l = &Life{Sandbox: string(id), First: when, Last: when, reached: map[string]bool{}}
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
	p := phaseOf(t.Names, r)
	if p < 0 || len(l.Steps) >= maxSteps {
		return nil
	}
	container := ""
	if Phases[p].Container {
		container = string(r.Text(t.Names.Container))
	}
	key := Phases[p].Name + "\x00" + container
	if l.reached[key] && !Phases[p].Repeats {
		return nil
	}
	l.reached[key] = true
	file := ""
	if int(r.File) < len(t.Files) {
		file = t.Files[r.File]
	}
	l.Steps = append(l.Steps, &Step{Phase: Phases[p].Name, Container: container, Time: when, File: file, Line: r.Line, last: r.Nano})
	return nil
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

// WriteHTML writes one page that needs nothing from elsewhere.
func (t *Timeline) WriteHTML(w io.Writer) error { return page.Execute(w, t.Lives()) }

var page = template.Must(template.New("timeline").Funcs(template.FuncMap{
	"seconds": seconds,
	"name":    (*Life).name,
	"left":    func(l *Life, s *Step) string { return percent(s.After, l.Last.Sub(l.First)) },
	"width":   func(l *Life, s *Step) string { return percent(s.Duration, l.Last.Sub(l.First)) },
	"missing": (*Life).missing,
	"utc":     func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000 UTC") },
	"escaped": escaped,
}).Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Timeline of Kata sandboxes</title>
<style>
body { font: 14px sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 2px 8px; white-space: nowrap; }
td.bar { width: 50%; position: relative; background: #f4f4f4; }
td.bar span { position: absolute; top: 3px; bottom: 3px; min-width: 2px; background: #4a7; }
tr.slowest td.bar span { background: #c43; }
tr.slowest { font-weight: bold; }
</style></head><body>
<h1>Timeline of Kata sandboxes</h1>
{{range $l := .}}<h2>{{escaped (name $l)}}</h2>
<p>{{utc .First}} to {{utc .Last}}{{if .Crashed}}, <strong>the guest crashed</strong>{{end}}</p>
<table><tr><th>after</th><th>takes</th><th>longest gap</th><th>phase</th><th>container</th><th></th><th>line</th></tr>
{{range .Steps}}<tr{{if .Slowest}} class="slowest"{{end}}><td>{{seconds .After}}</td><td>{{seconds .Duration}}</td><td>{{seconds .Gap}}</td><td>{{.Phase}}{{if .Slowest}} (slowest){{end}}</td><td>{{escaped .Container}}</td><td class="bar"><span style="left: {{left $l .}}; width: {{width $l .}}"></span></td><td>{{escaped .File}}:{{.Line}}</td></tr>
{{end}}</table>
{{with missing $l}}<p>Not in the logs: {{range $i, $p := .}}{{if $i}}, {{end}}{{$p}}{{end}}</p>{{end}}
{{else}}<p>No record of a sandbox.</p>
{{end}}</body></html>
`))

// percent returns a share as CSS has it.
func percent(part, whole time.Duration) string {
	if whole <= 0 {
		return "0%"
	}
	return fmt.Sprintf("%.3f%%", 100*float64(part)/float64(whole))
}
