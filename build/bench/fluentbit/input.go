package fluentbit

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kata-logs/fluent-bit-kata/build/bench/internal/page"
	"github.com/kata-logs/fluent-bit-kata/build/bench/internal/stat"
	"github.com/kata-logs/fluent-bit-kata/internal/collect"
	"github.com/kata-logs/fluent-bit-kata/internal/event"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// readyBytes is how much the input ready gives at a time.
const readyBytes = 16 << 20

func kataInput(more string) string {
	return `
[INPUT]
    Name            kata
    Tag             kata
    path            ${DIR}/journal
    systemd_filter  all
` + more
}

const kataFilter = `
[FILTER]
    Name   kata
    Match  *
`

// baseline is what the others are compared with.
const baseline = 1

// inputs are ways to read the journal and to parse its records. ready is not among them, since it
// gives not quite as many records.
var inputs = []pipeline{
	{"systemd", "the systemd input, no filter", "", systemd},
	{"systemd and filter", "the systemd input and the filter `kata`", "flb-filter_kata.so", systemd + kataFilter},
	{"kata", "the input `kata`, as it is by default", "in_kata.so", kataInput("")},
	{"kata, 16M", "the same with `max_batch 16M`", "in_kata.so", kataInput("    max_batch 16M\n")},
	{"kata, one thread", "the same with `max_batch 16M` and `threaded off`", "in_kata.so", kataInput("    max_batch 16M\n    threaded off\n")},
	{"ready", "an input that gives ready chunks of 16 MiB: the limit of Fluent Bit", "in_ready.so", "[INPUT]\n    Name  ready\n    Tag   kata\n"},
}

// Inputs runs the inputs on the same journal, round by round, and returns a table in Markdown.
func (b *Bench) Inputs(program string, records, rounds int) (string, error) {
	if err := b.journal(records); err != nil {
		return "", err
	}
	ready, err := b.ready()
	if err != nil {
		return "", err
	}
	times := records / ready
	for name, value := range map[string]string{"READY": filepath.Join(b.dir, "ready.msgpack"), "READY_TIMES": strconv.Itoa(times)} {
		if err := os.Setenv(name, value); err != nil {
			return "", err
		}
	}
	var loop []float64 // CPU seconds of libsystemd
	all := make([]series, len(inputs))
	for round := range rounds {
		for _, i := range rand.Perm(len(inputs)) {
			p := inputs[i]
			fmt.Fprintf(os.Stderr, "\rround %d of %d: %-20s", round+1, rounds, p.name)
			n := records
			if p.name == "ready" {
				n = times * ready
			}
			u, err := b.run(job{program: program, library: p.library, file: "bench.conf", config: service + p.filter + null, records: n, every: time.Second})
			if err != nil {
				return "", fmt.Errorf("%s: %w", p.name, err)
			}
			u.cpu = u.cpu * time.Duration(records) / time.Duration(n)
			all[i].add(u)
		}
		cpu, err := b.libsystemd(records)
		if err != nil {
			return "", err
		}
		loop = append(loop, cpu)
	}
	fmt.Fprintln(os.Stderr)

	perRecord := func(cpu float64) string { return page.Number(cpu / float64(records) * 1e6) }
	rows := [][]string{{"libsystemd alone reads all fields: the limit of reading with it", perRecord(stat.Least(loop)), perRecord(stat.Median(loop)),
		page.Number(stat.Median(stat.Ratios(loop, all[baseline].cpu))), "", ""}}
	for i, p := range inputs {
		s := &all[i]
		rows = append(rows, []string{p.what, perRecord(stat.Least(s.cpu)), perRecord(stat.Median(s.cpu)),
			page.Number(stat.Median(stat.Ratios(s.cpu, all[baseline].cpu))), fmt.Sprintf("%.0f", stat.Median(s.peak)), fmt.Sprintf("%.0f", stat.Median(s.threads))})
	}
	return page.Table([]string{"", "µs a record, least", "median", "against systemd and filter", "peak MiB", "threads"}, rows), nil
}

// ready writes a chunk of the journal's first events, and returns how many it has.
func (b *Bench) ready() (records int, err error) {
	opts, err := options.Parse(options.InputPlugin, func(name string) (string, bool) {
		value, ok := map[string]string{"path": filepath.Join(b.dir, "journal"), "systemd_filter": "all"}[name]
		return value, ok
	})
	if err != nil {
		return 0, err
	}
	c, err := collect.New(&opts.Input, quiet{})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var chunk event.Buffer
	if _, err := c.Read(&chunk, readyBytes); err != nil {
		return 0, err
	}
	return int(c.Numbers(nil)[0]), os.WriteFile(filepath.Join(b.dir, "ready.msgpack"), chunk.B, 0o600)
}

// quiet is a collect.Logger that drops all lines.
type quiet struct{}

func (quiet) Infof(string, ...any) {}
func (quiet) Warnf(string, ...any) {}

// libsystemd returns the CPU seconds of reading with libsystemd.
func (b *Bench) libsystemd(records int) (float64, error) {
	cmd := exec.Command(filepath.Join(b.dir, "loop"), filepath.Join(b.dir, "journal"))
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("%v: %w", cmd.Args, err)
	}
	if n := strings.TrimSpace(string(out)); n != strconv.Itoa(records) {
		return 0, fmt.Errorf("libsystemd has read %s records of %d", n, records)
	}
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), nil
}
