package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// This file makes the page of a timeline. All of it is in one document: what a record says is
// escaped as for a terminal, and then as HTML. Everything can be read without JavaScript.

//go:embed page/page.html
var pageHTML string

//go:embed page/page.css
var pageCSS string

//go:embed page/page.js
var pageJS string

// shown is what the page shows of a step's records.
type shown struct {
	first  []*line // the first ones
	last   []*line // a ring of the last ones
	next   int     // in last
	severe []*line // of level warning or worse, beyond the first ones
	cells  []cell
	width  int64 // of a cell, in nanoseconds
	start  int64
}

// line is a record that the page shows.
type line struct {
	Nano                         int64
	Level, Source, Message, File string
	Fields                       string // the others that the message has
	Line                         uint64
	Guest                        bool
	class                        int
	After, Delta, Severity       string
}

// cell counts the records of a part of a step, by lane and severity.
type cell struct {
	at int64
	n  [2][classes]uint32 // of the host, of the guest
}

// Severities of records, as the page colours them.
const (
	classQuiet = iota // trace and debug
	classInfo
	classWarning
	classError
	classes
)

var classNames = [classes]string{"quiet", "info", "warning", "error"}

// What is kept for the page is bounded.
const (
	maxFirst   = 40
	maxLast    = 10
	maxSevere  = 100
	maxKept    = 20000 // of all steps
	maxText    = 400   // bytes of a message
	maxCells   = 256
	manySteps  = 64 // in one sandbox: then each has fewer cells
	fewerCells = 16
)

func classOf(rank int) int {
	switch {
	case rank >= parser.LevelRank([]byte("error")):
		return classError
	case rank == parser.LevelRank([]byte("warning")):
		return classWarning
	case rank >= 0 && rank < parser.LevelRank([]byte("info")):
		return classQuiet
	}
	return classInfo
}

// keep keeps of a record what the page shows.
func (t *Timeline) keep(s *Step, r *record.Record) {
	rank := t.Names.Rank(r)
	class, guest := classOf(rank), r.Bool(t.Names.Guest)
	limit := maxCells
	if len(t.order) > 8 || len(t.order[len(t.order)-1].Steps) > manySteps {
		limit = fewerCells
	}
	s.shown.count(r.Nano, guest, class, limit)
	if t.kept >= maxKept {
		return
	}
	h := &s.shown
	n := &line{Nano: r.Nano, Level: "-", Source: cut(t.Names.Program(r)), Message: cut(t.Names.Message(r)), File: t.file(r), Line: r.Line, Guest: guest, class: class}
	if rank >= 0 {
		n.Level = parser.Levels[rank]
	}
	n.Fields = t.fields(r)
	switch {
	case len(h.first) < maxFirst:
		h.first = append(h.first, n)
		t.kept++
	case class >= classWarning && len(h.severe) < maxSevere:
		h.severe = append(h.severe, n)
		t.kept++
	case len(h.last) < maxLast:
		h.last = append(h.last, n)
		t.kept++
	default:
		h.last[h.next] = n
		h.next = (h.next + 1) % maxLast
	}
}

// aside are parsed fields that the page does not show: they are the same in most records, or in a
// column of their own.
var aside = map[string]bool{
	"level": true, "msg": true, "source": true, "subsystem": true, "name": true, "pid": true, "sandbox": true, "guest": true, "version": true,
	"console-protocol": true, "console-url": true, "agent_time": true, "agent_pid": true, "detected_level": true, "component": true, "ID": true, "arch": true,
}

// fields returns the parsed fields of a record that are worth a look, as key=value.
func (t *Timeline) fields(r *record.Record) string {
	var b []byte
	for i := range r.Pairs {
		p := &r.Pairs[i]
		key, ok := bytes.CutPrefix(p.Key, []byte(t.Names.Prefix))
		if !ok || p.Text == nil || aside[string(key)] || len(b) >= maxText {
			continue
		}
		b = append(append(append(append(b, ' '), key...), '='), p.Text...)
	}
	return cut(bytes.TrimPrefix(b, []byte(" ")))
}

// cut returns the start of a text, fit for a page.
func cut(text []byte) string {
	if len(text) <= maxText {
		return escaped(string(text))
	}
	return escaped(string(text[:maxText])) + "…"
}

// count counts a record, which is not earlier than those before.
func (h *shown) count(nano int64, guest bool, class, limit int) {
	if h.width == 0 {
		h.start, h.width = nano, 1e5
	}
	at := (nano - h.start) / h.width
	if n := len(h.cells); n == 0 || h.cells[n-1].at != at {
		h.cells = append(h.cells, cell{at: at})
	}
	lane := 0
	if guest {
		lane = 1
	}
	h.cells[len(h.cells)-1].n[lane][class]++
	for len(h.cells) > limit {
		h.width *= 2
		kept := h.cells[:0]
		for _, c := range h.cells {
			c.at /= 2
			if n := len(kept); n > 0 && kept[n-1].at == c.at {
				for lane := range c.n {
					for class := range c.n[lane] {
						kept[n-1].n[lane][class] += c.n[lane][class]
					}
				}
				continue
			}
			kept = append(kept, c)
		}
		h.cells = kept
	}
}

// Sizes of the drawing, in its own units.
const (
	drawWidth  = 1000
	labelWidth = 150
	rightSpace = 90
	rowHeight  = 22
	laneHeight = 44
	axisHeight = 26
	laneBars   = 200 // at most, in a lane
)

// chart is the drawing of a part of a life.
type chart struct {
	Title         string
	From, To      int64
	Width, Height int
	PlotLeft      int
	PlotWidth     int
	Rows          []*row
	Lanes         []*lane
	Ticks         []mark
	AxisTop       int
	More          string // what of the steps is left out
	MoreY         float64
}

type row struct {
	Index            int // of the step in the life
	Step             *Step
	Y, TextY         float64
	BarX, BarW       float64
	Label, Shown     string // how long it takes; what is written at the bar
	LabelX           float64
	Inside           bool // it is written in the bar
	Text             string
	Container, Class string
}

type lane struct {
	Name            string
	Y, TextY, Base  float64
	Bars            []bar
	Records, Severe uint64
}

type bar struct {
	Step       int
	X, Y, W, H float64
	Class      string
	Text       string
}

type mark struct {
	X    float64
	Text string
}

// view is a life as the page shows it.
type view struct {
	*Life
	ID      int
	Name    string
	Charts  []*chart
	Groups  []*group
	Missing []string
	Records uint64
	Severe  [classes]uint64
	Slow    *Step
	Legend  [][2]string // class and text
}

// legend says what the colours of the drawing mean.
var legend = [][2]string{
	{"host", "phase, as the host says"}, {"guest", "as the guest says"}, {"slowest", "slowest"},
	{"quiet", "debug"}, {"info", "info"}, {"warning", "warning"}, {"error", "error"},
}

// group is a step with its records.
type group struct {
	Index   int
	Step    *Step
	Name    string
	Lines   []*line
	Left    uint64 // records that are not shown
	Slowest bool
}

// WriteHTML writes one page that needs nothing from elsewhere. Keep has to be set before the records
// come.
func (t *Timeline) WriteHTML(w io.Writer) error {
	var views []*view
	for i, l := range t.Lives() {
		views = append(views, t.view(i, l))
	}
	script := sha256.Sum256([]byte(pageJS))
	return pageTemplate.Execute(w, map[string]any{
		"Lives": views, "CSS": template.CSS(pageCSS), "JS": template.JS(pageJS), // both are constant
		"Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(script[:]) + "'",
	})
}

var pageTemplate = template.Must(template.New("timeline").Funcs(template.FuncMap{
	"escaped": escaped,
	"seconds": short,
	"shortID": shortID,
	"base":    filepath.Base,
	"utc":     func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000 UTC") },
	"plural": func(n uint64, word string) string {
		if n != 1 {
			word += "s"
		}
		return fmt.Sprintf("%d %s", n, word)
	},
}).Parse(pageHTML))

// short returns a duration for people.
func short(d time.Duration) string {
	switch s := d.Seconds(); {
	case d < time.Microsecond:
		return "0 s"
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", s*1000)
	case s < 100:
		return fmt.Sprintf("%.2f s", s)
	case s < 2*3600:
		return fmt.Sprintf("%d min %d s", int(s)/60, int(s)%60)
	default:
		return fmt.Sprintf("%d h %d min", int(s)/3600, int(s)/60%60)
	}
}

func (t *Timeline) view(id int, l *Life) *view {
	v := &view{Life: l, ID: id, Name: l.name(), Missing: l.missing(), Records: l.before.Records, Legend: legend}
	steps := l.Steps
	if l.before.Records > 0 {
		l.before.Phase, l.before.Time, l.before.Duration = "before", l.First, l.Last.Sub(l.First)
		if len(steps) > 0 {
			l.before.Duration = steps[0].Time.Sub(l.First)
		}
		v.Groups = append(v.Groups, l.group(-1, &l.before))
	}
	for i, s := range steps {
		v.Records += s.Records
		v.Groups = append(v.Groups, l.group(i, s))
		if s.Slowest {
			v.Slow = s
		}
	}
	for _, g := range v.Groups {
		for _, c := range g.Step.shown.cells {
			for lane := range c.n {
				for class, n := range c.n[lane] {
					v.Severe[class] += uint64(n)
				}
			}
		}
	}
	for _, part := range l.parts() {
		v.Charts = append(v.Charts, l.chart(part))
	}
	return v
}

func (l *Life) group(index int, s *Step) *group {
	g := &group{Index: index, Step: s, Name: s.Phase, Slowest: s.Slowest}
	if index < 0 {
		g.Name = "before the first phase"
	}
	h := &s.shown
	g.Lines = slices.Concat(h.first, h.severe, h.last)
	slices.SortStableFunc(g.Lines, func(a, b *line) int { return cmp.Compare(a.Nano, b.Nano) })
	g.Left = s.Records - uint64(len(g.Lines))
	before := int64(0)
	for i, n := range g.Lines {
		n.After, n.Severity = seconds(time.Duration(n.Nano-l.First.UnixNano())), classNames[n.class]
		if i > 0 {
			n.Delta = "+" + short(time.Duration(n.Nano-before))
		}
		before = n.Nano
	}
	return g
}

// part is a part of a life that has a drawing of its own: while a sandbox runs, time would leave no
// space for what happens when it starts and ends.
type part struct {
	title    string
	from, to int64
}

func (l *Life) parts() []part {
	first, last := l.First.UnixNano(), l.Last.UnixNano()
	if len(l.Steps) == 0 {
		return []part{{"", first, last}}
	}
	started, stopped := int64(0), last+1
	for i, s := range l.Steps {
		switch {
		case s.Phase == "stop" || s.Phase == "VM stopped" || s.Phase == "deleted":
			stopped = min(stopped, s.Time.UnixNano())
		case s.Phase != "exec" && stopped > last && (i == 0 || !isRunning(l.Steps[i-1], s)):
			started = s.Time.UnixNano()
		}
	}
	if started <= first {
		return []part{{"", first, last}}
	}
	running := min(stopped, last) - started
	if running < 2*max(started-first, last-min(stopped, last)) || running < 1e9 {
		return []part{{"", first, last}}
	}
	margin := max((started-first)/8, 1e6)
	list := []part{{"Start", first, min(started+margin, last)}, {"While it runs", started, min(stopped, last)}}
	if stopped <= last {
		list = append(list, part{"End", stopped - max((last-stopped)/8, 1e6), last})
	}
	return list
}

// chart draws a part of a life.
func (l *Life) chart(p part) *chart {
	c := &chart{Title: p.title, From: p.from, To: max(p.to, p.from+1e6), Width: drawWidth, PlotLeft: labelWidth, PlotWidth: drawWidth - labelWidth - rightSpace}
	x := func(nano int64) float64 {
		share := float64(nano-c.From) / float64(c.To-c.From)
		return round(labelWidth + min(1, max(0, share))*float64(c.PlotWidth))
	}
	y := 6.0
	repeated := 0
	for i, s := range l.Steps {
		start, end := s.Time.UnixNano(), s.Time.Add(s.Duration).UnixNano()
		if end < c.From || start > c.To || end == c.From && start < end || start == c.To && start < end {
			continue
		}
		if s.Phase == "exec" {
			if repeated++; repeated > maxRepeats {
				continue
			}
		}
		r := &row{Index: i, Step: s, Y: y + 3, TextY: y + 15, BarX: x(start), Label: short(s.Duration), Text: s.Phase, Class: "host"}
		r.BarW = max(2, round(x(end)-r.BarX))
		if s.Guest {
			r.Class = "guest"
		}
		if s.Container != "" {
			r.Container = escaped(shortID(s.Container))
		}
		r.place(end > c.To)
		c.Rows = append(c.Rows, r)
		y += rowHeight
		if len(c.Rows) == maxRows {
			break
		}
	}
	if more := repeated - maxRepeats; more > 0 {
		c.More, c.MoreY = fmt.Sprintf("%d more exec", more), y+15
		y += rowHeight
	}
	for i, name := range []string{"host", "guest"} {
		c.Lanes = append(c.Lanes, l.lane(c, i, name, y+8, x))
		y += laneHeight + 8
	}
	c.AxisTop = int(y) + 6
	c.Ticks = l.ticks(c, x)
	c.Height = c.AxisTop + axisHeight
	return c
}

// place sets what is written at the bar, and where: behind it, or in it if there is no space behind.
// goesOn says that the step goes on behind the drawing.
func (r *row) place(goesOn bool) {
	const character, gap = 6.8, 6.0 // about the width of one
	r.Shown = r.Label
	if goesOn {
		r.Shown += " ▸"
	}
	for _, text := range []string{r.Shown + " · " + r.Container, r.Shown} {
		if r.Container == "" && text != r.Shown {
			continue
		}
		width := character * float64(utf8.RuneCountInString(text))
		r.Shown, r.LabelX, r.Inside = text, r.BarX+r.BarW+gap, false
		if r.LabelX+width <= drawWidth {
			return
		}
		if width+2*gap <= r.BarW {
			r.LabelX, r.Inside = r.BarX+r.BarW-gap, true
			return
		}
		r.Shown, _, _ = strings.Cut(text, " · ")
	}
}

// maxRows is how many steps a drawing has, and maxRepeats how many of them may be of the one phase that comes
// several times.
const (
	maxRows    = 60
	maxRepeats = 8
)

func round(f float64) float64 { return math.Round(f*10) / 10 }

// lane draws how many records come when, the most severe of them in colour.
func (l *Life) lane(c *chart, number int, name string, y float64, x func(int64) float64) *lane {
	out := &lane{Name: name, Y: y, TextY: y + laneHeight/2 + 4, Base: y + laneHeight}
	type sum struct {
		step int
		n    [classes]uint64
	}
	sums := map[int]*sum{}
	width := float64(c.PlotWidth) / laneBars
	var most float64
	add := func(index int, s *Step) {
		for _, k := range s.shown.cells {
			nano := s.shown.start + k.at*s.shown.width
			if nano+s.shown.width < c.From || nano > c.To {
				continue
			}
			at := min(laneBars-1, int((x(nano)-labelWidth)/width))
			for class, n := range k.n[number] {
				if n == 0 {
					continue
				}
				if sums[at] == nil {
					sums[at] = &sum{step: index}
				}
				sums[at].n[class] += uint64(n)
				out.Records += uint64(n)
				if class >= classWarning {
					out.Severe += uint64(n)
				}
			}
		}
	}
	add(-1, &l.before)
	for i, s := range l.Steps {
		add(i, s)
	}
	total := func(s *sum) (n uint64, worst int) {
		for class, k := range s.n {
			if n += k; k > 0 {
				worst = class
			}
		}
		return n, worst
	}
	for _, s := range sums {
		n, _ := total(s)
		most = max(most, math.Log1p(float64(n)))
	}
	for at := range laneBars {
		s := sums[at]
		if s == nil {
			continue
		}
		n, worst := total(s)
		height := round(max(5, (laneHeight-4)*math.Log1p(float64(n))/most))
		text := fmt.Sprintf("%d records of the %s", n, name)
		if worst >= classWarning {
			text += fmt.Sprintf(", %d %s", s.n[worst], classNames[worst])
		}
		out.Bars = append(out.Bars, bar{
			Step: s.step, X: round(labelWidth + float64(at)*width), Y: round(out.Base - height), W: round(width - 0.8), H: height, Class: classNames[worst], Text: text,
		})
	}
	return out
}

// ticks returns the marks of the axis, in time since the first record.
func (l *Life) ticks(c *chart, x func(int64) float64) (list []mark) {
	step := float64(c.To-c.From) / 6
	scale := math.Pow(10, math.Floor(math.Log10(step)))
	switch f := step / scale; {
	case f > 5:
		step = 10 * scale
	case f > 2:
		step = 5 * scale
	case f > 1:
		step = 2 * scale
	default:
		step = scale
	}
	first := l.First.UnixNano()
	for k := math.Ceil(float64(c.From-first) / step); ; k++ {
		nano := first + int64(k*step)
		if nano > c.To || len(list) > 20 {
			return list
		}
		decimals := max(0, int(math.Ceil(-math.Log10(step/1e9)-1e-9)))
		list = append(list, mark{x(nano), strings.TrimSpace(fmt.Sprintf("%.*f s", decimals, k*step/1e9))})
	}
}
