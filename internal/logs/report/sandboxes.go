package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/output"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// Sandbox is one row of the list of sandboxes.
type Sandbox struct {
	ID        string            `json:"sandbox"`
	Pod       string            `json:"pod,omitempty"`
	Namespace string            `json:"namespace,omitempty"`
	First     time.Time         `json:"first"`
	Last      time.Time         `json:"last"`
	Records   uint64            `json:"records"`
	Levels    map[string]uint64 `json:"levels"`
	Errors    uint64            `json:"errors"`
	Crashed   bool              `json:"guest_crashed"`
	// Clock is how far the guest's clock is ahead of the host's, in nanoseconds, at least: the most
	// that an agent's time was after the time of the host's record that carried it. It is nil if no
	// record has both.
	Clock *time.Duration `json:"guest_clock_ns,omitempty"`
	// Ended is how the sandbox ended as far as the log tells: the last phase of its end, or
	// "not seen" if there is none.
	Ended string `json:"ended"`

	ended  int
	levels [len(parser.Levels) + 1]uint64 // the last one of records without a level that is known
}

// Sandboxes collects the sandboxes.
type Sandboxes struct {
	Names *choose.Names
	Known *choose.Known
	Full  bool // there were more sandboxes than are kept

	list map[string]*Sandbox
}

// maxSandboxes bounds the number of sandboxes.
const maxSandboxes = 1 << 14

// Record takes a record.
func (s *Sandboxes) Record(r *record.Record) error {
	id := r.Text(s.Names.Sandbox)
	if len(id) == 0 || isCut(s.Names, r, id) {
		return nil
	}
	row := s.list[string(id)]
	if row == nil {
		if len(s.list) >= maxSandboxes {
			s.Full = true
			return nil
		}
		if s.list == nil {
			s.list = map[string]*Sandbox{}
		}
		row = &Sandbox{ID: string(id), ended: -1}
		s.list[row.ID] = row
	}
	when := time.Unix(0, r.Nano).UTC()
	if row.Records == 0 || when.Before(row.First) {
		row.First = when
	}
	if when.After(row.Last) {
		row.Last = when
	}
	row.Records++
	rank := s.Names.Rank(r)
	if rank >= 0 {
		row.levels[rank]++
	} else {
		row.levels[len(parser.Levels)]++
	}
	if choose.IsError(rank) {
		row.Errors++
	}
	row.Crashed = row.Crashed || isCrash(s.Names, r)
	if text := r.Text(s.Names.AgentTime); text != nil && r.Flags&record.NoTime == 0 {
		if agent, err := time.Parse(time.RFC3339Nano, string(text)); err == nil {
			if ahead := agent.Sub(when); row.Clock == nil || ahead > *row.Clock {
				row.Clock = &ahead
			}
		}
	}
	if p := phaseOf(s.Names, r); p > row.ended && Phases[p].Ends {
		row.ended = p
	}
	return nil
}

// isCut reports whether the id of a sandbox may be the start of one: the line was cut there.
func isCut(n *choose.Names, r *record.Record, id []byte) bool {
	return len(id) < idLen && r.Field(n.ParseError) != nil
}

// idLen is how many digits the ids of container runtimes have.
const idLen = 64

// isCrash reports whether a record says that the guest has crashed: its kernel or agent on the
// console, or the VMM (QMP's event GUEST_PANICKED).
func isCrash(n *choose.Names, r *record.Record) bool {
	msg := n.Message(r)
	if !r.Bool(n.Guest) {
		return bytes.Contains(msg, []byte("GUEST_PANICKED"))
	}
	return bytes.Contains(msg, []byte("Kernel panic")) || bytes.Contains(msg, []byte("kernel panic")) || bytes.Contains(msg, []byte("panicked at "))
}

// List returns the sandboxes in the order of their first records.
func (s *Sandboxes) List() []*Sandbox {
	list := make([]*Sandbox, 0, len(s.list))
	for _, row := range s.list {
		row.Ended = "not seen"
		row.Levels = map[string]uint64{}
		for i, n := range row.levels {
			switch {
			case n == 0:
			case i < len(parser.Levels):
				row.Levels[parser.Levels[i]] = n
			default:
				row.Levels["unknown"] = n
			}
		}
		if row.ended >= 0 {
			row.Ended = Phases[row.ended].Name
		}
		if k := s.Known.Sandbox([]byte(row.ID)); k != nil {
			row.Pod, row.Namespace = k.Pod, k.Namespace
		}
		list = append(list, row)
	}
	slices.SortFunc(list, func(a, b *Sandbox) int {
		if c := a.First.Compare(b.First); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

// WriteText writes the list as a table, with times of a zone.
func (s *Sandboxes) WriteText(w io.Writer, zone *time.Location) error {
	// Flush returns the error of any write.
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "SANDBOX\tPOD\tFIRST\tLAST\tRECORDS\tLEVELS\tERRORS\tGUEST\tCLOCK\tENDED")
	for _, row := range s.List() {
		pod := "-"
		if row.Pod != "" {
			pod = row.Namespace + "/" + row.Pod
		}
		guest := "ok"
		if row.Crashed {
			guest = "crashed"
		}
		var levels []string
		for _, level := range slices.Backward(append([]string{"unknown"}, parser.Levels[:]...)) {
			if n := row.Levels[level]; n > 0 {
				levels = append(levels, fmt.Sprintf("%s:%d", level, n))
			}
		}
		clock := "-"
		if row.Clock != nil {
			clock = fmt.Sprintf("%+.3fs", row.Clock.Seconds())
		}
		const form = "2006-01-02 15:04:05.000"
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%d\t%s\t%s\t%s\n", escaped(shortID(row.ID)), escaped(pod),
			row.First.In(zone).Format(form), row.Last.In(zone).Format(form), row.Records, strings.Join(levels, " "), row.Errors, guest, clock, row.Ended)
	}
	return t.Flush()
}

// WriteJSON writes the list as one object a line.
func (s *Sandboxes) WriteJSON(w io.Writer) error { return writeJSON(w, s.List()) }

func writeJSON[T any](w io.Writer, list []T) error {
	e := json.NewEncoder(w)
	for _, row := range list {
		if err := e.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

// shortID returns the start of a long id, as container runtimes show it.
func shortID(id string) string {
	if len(id) == idLen {
		return id[:12]
	}
	return id
}

func escaped(text string) string { return string(output.Escape(nil, []byte(text))) }
