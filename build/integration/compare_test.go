//go:build integration

package integration

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/build/integration/faults"
	"github.com/kata-logs/fluent-bit-kata/build/integration/servers"
)

// compared are the outputs that are compared, in the order of the columns.
var compared = []output{es, esBest, kata}

// comparison has the tables of the outputs beside each other.
type comparison struct{ lost, work table }

func newComparison() *comparison {
	c := &comparison{lost: table{head: []string{"case"}}, work: table{head: []string{"case"}}}
	for _, o := range compared {
		c.lost.head = append(c.lost.head, o.name)
		c.work.head = append(c.work.head, o.name+", lines", "bytes")
	}
	return c
}

// add adds the result of a case with one of the outputs.
func (m *comparison) add(c *testCase, r *run, res, once result) {
	if c.oursOnly {
		return
	}
	if n := len(m.lost.rows); n == 0 || m.lost.rows[n-1][0] != c.name {
		m.lost.rows = append(m.lost.rows, []string{c.name, "–", "–", "–"}) // which stays if it fails
		m.work.rows = append(m.work.rows, []string{c.name, "–", "–", "–", "–", "–", "–"})
	}
	lost, work := m.lost.rows[len(m.lost.rows)-1], m.work.rows[len(m.work.rows)-1]
	k := slices.IndexFunc(compared, func(o output) bool { return o.name == r.output.name })
	lost[1+k], work[1+2*k], work[2+2*k] = outcome(r, res), fmt.Sprint(res.problems), ratio(res, once)
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

// TestCost measures what each output costs while nothing fails: to a stub that takes every record
// at once, and to each server. With -write it writes its tables into docs/delivery.md. All records
// are in the journal at the start, so many that what starting costs is small beside them.
func TestCost(t *testing.T) {
	if fluentBit == "" {
		t.Skip("it needs FLUENT_BIT")
	}
	t.Run("stub", func(t *testing.T) {
		gzip := func(o output) output {
			options := o.options
			o.name += " gzip"
			o.options = func(r *run) []pair {
				return append(slices.DeleteFunc(options(r), func(p pair) bool { return p.key == "compress" }), pair{"compress", "gzip"})
			}
			return o
		}
		outputs := []output{nothing, es, kata, whole, gzip(es), gzip(kata), gzip(whole)}
		costs, rates := measureCosts(t, outputs, []string{"MB sent"}, func(t *testing.T, o output) result {
			return toStub(t, o)
		}, func(res result) []string { return []string{fmt.Sprintf("%.1f", float64(res.bytes)/1e6)} })
		for _, o := range []output{es, gzip(es)} {
			whole := strings.Replace(o.name, es.name, whole.name, 1)
			if got := rates[whole] / rates[o.name]; got < 1.5 {
				t.Errorf("%s: %.2f times the records per CPU second of %s, want 1.5", whole, got, o.name)
			}
		}
		if *write {
			section(t, "cost", machine(t, fmt.Sprintf("%d records, medians of %d rounds", costRecords, costRounds))+"\n\n"+costs)
		}
	})
	eachServer(t, func(t *testing.T, s *servers.Server) {
		c := &testCase{name: "cost", count: costRecords, play: (*run).deliver}
		costs, _ := measureCosts(t, append([]output{whole}, compared...), []string{"MB sent", "lost / doubled", "log lines"}, func(t *testing.T, o output) result {
			r, res := c.run(t, s, o, filesystem)
			if o.ours && (res.lost != 0 || res.doubled != 0) {
				r.Errorf("%d lost, %d doubled", res.lost, res.doubled)
			}
			return res
		}, func(res result) []string {
			return []string{fmt.Sprintf("%.1f", float64(res.bytes)/1e6), fmt.Sprintf("%d / %d", res.lost, res.doubled), fmt.Sprint(res.problems)}
		})
		if *write {
			section(t, s.Name+" cost", machine(t, fmt.Sprintf("%s %s, %d records, medians of %d rounds", s.Name, s.Version, costRecords, costRounds))+"\n\n"+costs)
		}
	})
}

const (
	costRecords = 200000
	costRounds  = 3
)

// nothing is Fluent Bit's output null behind the filter kata: what reading and parsing cost.
var nothing = output{name: "null", options: func(*run) []pair { return nil }}

// toStub delivers to a stub that takes every record at once.
func toStub(t *testing.T, o output) result {
	r := &run{T: t, server: &servers.Server{}, output: o, storage: filesystem, kind: numbered, count: costRecords, dir: t.TempDir(), index: "kata-cost", settled: true}
	r.proxy = r.newProxy(nil)
	r.url = "http://" + r.proxy.Addr()
	r.more = []pair{{"setup", "off"}}
	store := new(faults.Store)
	r.proxy.Stub("/_bulk", store)
	journal(t, r.kind, r.count)
	r.start()
	if o.name == nothing.name {
		r.settle()
	} else {
		r.wait("all records", func() bool { return store.Records() >= r.count })
	}
	r.stop()
	if n := store.Records(); o.name != nothing.name && n != r.count {
		t.Errorf("%d records of %d", n, r.count)
	}
	state := r.process.cmd.ProcessState
	return result{sent: r.count, bytes: r.proxy.Bytes(), cpu: state.UserTime() + state.SystemTime(), memory: r.process.peak, problems: len(r.process.problems())}
}

// measureCosts measures the processor time and memory of outputs, several times, and returns a table
// of the medians and the records per CPU second by the outputs' names. cells returns what is in more
// columns, with these heads.
func measureCosts(t *testing.T, outputs []output, heads []string, measure func(*testing.T, output) result, cells func(result) []string) (string, map[string]float64) {
	t.Helper()
	all := map[string][]result{}
	for range costRounds {
		for _, o := range outputs { // in turn, so that a busy minute does not fall on one of them
			t.Run(strings.ReplaceAll(o.name, " ", "-"), func(t *testing.T) { all[o.name] = append(all[o.name], measure(t, o)) })
		}
	}
	costs := &table{head: append([]string{"pipeline", "records per CPU second", "CPU µs per record", "peak memory, MB"}, heads...)}
	rates := map[string]float64{}
	for _, o := range outputs {
		if len(all[o.name]) < costRounds {
			t.Fatalf("%s: only %d of %d rounds", o.name, len(all[o.name]), costRounds)
		}
		res := median(all[o.name], func(r result) int64 { return int64(r.cpu) })
		rates[o.name] = float64(res.sent) / res.cpu.Seconds()
		name := "systemd input, filter kata, output " + o.name
		switch {
		case o.input:
			name = "input kata, output " + strings.Replace(o.name, whole.name, "kata", 1)
		case o.ours:
			name = "systemd input, output " + o.name
		}
		row := []string{name, fmt.Sprintf("%.0f", rates[o.name]), fmt.Sprintf("%.1f", 1e6/rates[o.name]),
			fmt.Sprint(median(all[o.name], func(r result) int64 { return r.memory }).memory >> 20)}
		costs.rows = append(costs.rows, append(row, cells(res)...))
	}
	t.Logf("Cost:\n%s", costs)
	return costs.String(), rates
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
func machine(t *testing.T, what string) string {
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
	return fmt.Sprintf("%s, %s, %d cores, %s, %s, load at the end %s.", first, what, runtime.NumCPU(), runtime.GOARCH, time.Now().Format(time.DateOnly), last)
}

// section replaces the text between two comments of docs/delivery.md. Another process may do the
// same for another server.
func section(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(root, "docs", "delivery.md"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(f)
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
	if _, err := f.WriteAt(page, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(int64(len(page))); err != nil {
		t.Fatal(err)
	}
}
