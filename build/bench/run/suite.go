package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kata-logs/fluent-bit-kata/build/bench/internal/page"
	"github.com/kata-logs/fluent-bit-kata/build/bench/internal/stat"
)

// benchTime is how long one benchmark runs in one round. It is short, so that a round of all of
// them is short, too.
const benchTime = "50ms"

// result has the figures of one benchmark by unit, one for each round.
type result struct {
	name    string
	figures map[string][]float64
}

// figure returns the processor time per unit, round by round.
func (r *result) figure() []float64 {
	for unit, x := range r.figures {
		if strings.HasPrefix(unit, "cpu-ns/") {
			return x
		}
	}
	return nil
}

// wall returns the elapsed time per unit, round by round.
func (r *result) wall() []float64 {
	for unit, x := range r.figures {
		if strings.HasPrefix(unit, "ns/") && unit != "ns/op" {
			return x
		}
	}
	return nil
}

// unit returns what the benchmark counts: line, record or byte.
func (r *result) unit() string {
	for unit := range r.figures {
		if _, of, ok := strings.Cut(unit, "cpu-ns/"); ok {
			return of
		}
	}
	return ""
}

// results has the results of all benchmarks, in the order of their first run.
type results []*result

func (all results) get(name string) *result {
	for _, r := range all {
		if r.name == name {
			return r
		}
	}
	return nil
}

// group returns the results of one benchmark function.
func (all results) group(function string) (some results) {
	for _, r := range all {
		if strings.HasPrefix(r.name, function+"/") {
			some = append(some, r)
		}
	}
	return some
}

func runSuite(rounds int) error {
	machine := page.Machine()
	all, err := measureSuite(rounds)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s. %d rounds of %s each.\n\n", machine, rounds, benchTime) + goals(all)
	for _, s := range []struct{ name, text string }{
		{"goals", text},
		{"logfmt", peers(all.group("Logfmt"))},
		{"json", peers(all.group("JSON"))},
		{"chunk", peers(all.group("Chunk"))},
		{"filter", peers(all.group("Filter")) + "\nThe mixed chunk:\n\n" + peers(all.group("FilterMixed"))},
		{"length", lengths(all.group("Length"))},
		{"hostile", hostile(all.group("Hostile"))},
	} {
		if err := page.Section(readme, s.name, s.text); err != nil {
			return err
		}
	}
	return os.WriteFile("decoders.svg", plot(all), 0o644)
}

// measureSuite builds the benchmarks once and runs all of them in each round.
func measureSuite(rounds int) (results, error) {
	dir, err := os.MkdirTemp("", "kata-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program := filepath.Join(dir, "bench.test")
	if out, err := exec.Command("go", "test", "-c", "-o", program, ".").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cannot build the benchmarks: %w\n%s", err, out)
	}
	var all results
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "\rround %d of %d", round+1, rounds)
		out, err := exec.Command(program, "-test.run=^$", "-test.bench=.", "-test.benchmem", "-test.benchtime="+benchTime).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("%w\n%s", err, out)
		}
		all = all.read(out)
	}
	fmt.Fprintln(os.Stderr)
	return all, nil
}

// read adds the output of one run of the benchmarks. Its lines have a name, a count, and
// figures with their units.
func (all results) read(out []byte) results {
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 4 || !strings.HasPrefix(words[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(words[0], "Benchmark")
		if i := strings.LastIndexByte(name, '-'); i >= 0 { // the number of processors
			if _, err := strconv.Atoi(name[i+1:]); err == nil {
				name = name[:i]
			}
		}
		r := all.get(name)
		if r == nil {
			r = &result{name: name, figures: map[string][]float64{}}
			all = append(all, r)
		}
		for i := 2; i+1 < len(words); i += 2 {
			if x, err := strconv.ParseFloat(words[i], 64); err == nil {
				r.figures[words[i+1]] = append(r.figures[words[i+1]], x)
			}
		}
	}
	return all
}

// ratio returns the median, over the rounds, of one benchmark's processor time divided by
// another's.
func (all results) ratio(name, by string) float64 {
	return stat.Median(stat.Ratios(all.get(name).figure(), all.get(by).figure()))
}
