//go:build integration

package integration

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/build/integration/servers"
)

// compared are the outputs of TestCompare, the output kata last.
var compared = []output{es, esBest, kata}

// TestCompare runs the cases with Fluent Bit's own output es behind the filter kata, and with
// the output kata, from the same journals to the same server. With -write it writes the tables
// of docs/delivery.md.
func TestCompare(t *testing.T) {
	if fluentBit == "" {
		t.Skip("it needs FLUENT_BIT")
	}
	eachServer(t, func(t *testing.T, s *servers.Server) {
		lost := &table{head: []string{"case"}}
		work := &table{head: []string{"case"}}
		for _, o := range compared {
			lost.head = append(lost.head, o.name)
			work.head = append(work.head, o.name+", lines", "bytes")
		}
		normal := map[string]result{}
		for i := range cases {
			c := &cases[i]
			if c.oursOnly {
				continue
			}
			lostRow, workRow := []string{c.name}, []string{c.name}
			measured := false // -run may leave it out
			for k, o := range compared {
				t.Run(strings.ReplaceAll(c.name+"/"+o.name, " ", "-"), func(t *testing.T) {
					r, res := c.run(t, s, o, filesystem)
					measured = true
					if c.name == "normal" {
						normal[o.name] = res
					}
					lostRow = append(lostRow, outcome(r, res))
					workRow = append(workRow, fmt.Sprint(res.problems), ratio(res, normal[o.name]))
					if o.ours {
						c.verify(r, res)
					}
				})
				if len(lostRow) == k+1 { // it has failed
					lostRow, workRow = append(lostRow, "–"), append(workRow, "–", "–")
				}
			}
			if measured {
				lost.rows, work.rows = append(lost.rows, lostRow), append(work.rows, workRow)
			}
		}
		t.Logf("Lost / doubled:\n%s", lost)
		t.Logf("Log lines of level warn or error, bytes sent in proportion to one delivery:\n%s", work)
		if *write && len(lost.rows) > 0 {
			section(t, s.Name+" lost", machine(t, s)+"\n\n"+lost.String())
			section(t, s.Name+" work", work.String())
		}
	})
}

// outcome describes what was lost and doubled.
func outcome(r *run, res result) string {
	if r.refused {
		return "does not start, and says why"
	}
	text := fmt.Sprintf("%d / %d", res.lost, res.doubled)
	if res.dead > 0 {
		text += fmt.Sprintf(", %d dead letters", res.dead)
	}
	if !res.settled {
		text += ", still retrying"
	}
	if res.stop > 25*time.Second {
		text += ", deaf to SIGTERM"
	} else if res.stop > (grace+2)*time.Second {
		text += fmt.Sprintf(", end %.0f s after SIGTERM", res.stop.Seconds())
	}
	return text
}

// ratio returns the bytes of a run in proportion to those of one delivery of as many records.
func ratio(res, once result) string {
	if once.sent == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", proportion(res, once))
}

func proportion(res, once result) float64 {
	return float64(res.bytes) / float64(once.bytes) * float64(once.sent) / float64(res.sent)
}

// TestCost measures what each output costs while nothing fails. With -write it writes its tables
// into docs/delivery.md.
func TestCost(t *testing.T) {
	if fluentBit == "" {
		t.Skip("it needs FLUENT_BIT")
	}
	eachServer(t, func(t *testing.T, s *servers.Server) {
		if costs := measureCosts(t, s); *write && costs != "" {
			section(t, s.Name+" cost", machine(t, s)+"\n\n"+costs)
		}
	})
}

// nothing is Fluent Bit's output null behind the filter kata: what reading and parsing cost.
var nothing = output{name: "null", options: func(*run) []pair { return nil }}

// measureCosts measures the processor time and memory of each output without a fault, several
// times, and returns a table of the medians. The output kata has to process at least 1.5 times
// as many records in a second of processor time as the filter and es.
func measureCosts(t *testing.T, s *servers.Server) string {
	const times = 5
	c := &testCase{name: "cost", count: burst, play: (*run).deliver}
	all := map[string][]result{}
	outputs := append([]output{nothing}, compared...)
	for range times {
		for _, o := range outputs { // in turn, so that a busy minute does not fall on one of them
			t.Run("cost/"+strings.ReplaceAll(o.name, " ", "-"), func(t *testing.T) {
				_, res := c.run(t, s, o, filesystem)
				if o.name != nothing.name && (res.lost != 0 || res.doubled != 0) {
					t.Errorf("%d lost, %d doubled", res.lost, res.doubled)
				}
				all[o.name] = append(all[o.name], res)
			})
		}
	}
	costs := &table{head: []string{"output", "records per CPU second", "CPU µs per record", "MB sent", "peak memory, MB"}}
	rate := map[string]float64{}
	for _, o := range outputs {
		if len(all[o.name]) < times {
			return ""
		}
		res := median(all[o.name], func(r result) int64 { return int64(r.cpu) })
		rate[o.name] = float64(res.sent) / res.cpu.Seconds()
		name := "filter kata, output " + o.name
		if o.ours {
			name = "output kata"
		}
		costs.rows = append(costs.rows, []string{name, fmt.Sprintf("%.0f", rate[o.name]), fmt.Sprintf("%.1f", 1e6/rate[o.name]),
			fmt.Sprintf("%.1f", float64(res.bytes)/1e6), fmt.Sprint(median(all[o.name], func(r result) int64 { return r.memory }).memory >> 20)})
	}
	t.Logf("Cost:\n%s", costs)
	if got := rate[kata.name] / rate[es.name]; got < 1.5 {
		t.Errorf("%.2f times the records per CPU second of es, want 1.5", got)
	}
	return costs.String()
}

func median(all []result, of func(result) int64) result {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b result) int { return cmp.Compare(of(a), of(b)) })
	return sorted[len(sorted)/2]
}

// table is a table in Markdown; all columns but the first are aligned to the right.
type table struct {
	head []string
	rows [][]string
}

func (t *table) String() string {
	var b strings.Builder
	line := func(cells []string) { _, _ = fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.head)
	b.WriteString("|---|" + strings.Repeat("---:|", len(t.head)-1) + "\n")
	for _, row := range t.rows {
		line(row)
	}
	return b.String()
}

// machine describes what was measured with, and when.
func machine(t *testing.T, s *servers.Server) string {
	t.Helper()
	version, err := exec.Command(fluentBit, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(version), "\n")
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	last := strings.Fields(string(load))[2] // of 15 minutes
	return fmt.Sprintf("%s, %s %s, %d records (burst: 60,000), %d cores, %s, %s, load at the end %s.", first, s.Name, s.Version, records,
		runtime.NumCPU(), runtime.GOARCH, time.Now().Format(time.DateOnly), last)
}

// section replaces the text between two comments of docs/delivery.md.
func section(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(root, "docs", "delivery.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	start, end := fmt.Appendf(nil, "<!-- measured: %s -->\n", name), []byte("<!-- end -->\n")
	before, rest, ok := bytes.Cut(page, start)
	_, after, ok2 := bytes.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal(errors.New("docs/delivery.md has no section " + name))
	}
	page = slices.Concat(before, start, []byte("\n"+strings.TrimSpace(text)+"\n\n"), end, after)
	if err := os.WriteFile(path, page, 0o644); err != nil {
		t.Fatal(err)
	}
}
