package fluentbit

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"

	"github.com/kata-logs/fluent-bit-kata/build/bench/internal/page"
	"github.com/kata-logs/fluent-bit-kata/build/bench/internal/stat"
)

// Version returns the version of a Fluent Bit.
func Version(program string) (string, error) {
	out, err := exec.Command(program, "--version").Output()
	first, _, _ := strings.Cut(string(out), "\n")
	return first, err
}

// series has the figures of one pipeline, one for each round.
type series struct{ cpu, peak, threads []float64 }

func (s *series) add(u usage) {
	s.cpu = append(s.cpu, u.cpu.Seconds())
	s.peak = append(s.peak, float64(u.peak)/(1<<20))
	s.threads = append(s.threads, float64(u.threads))
}

// Compare runs pipelines that differ in their filter on the same journal, round by round, and
// returns a table in Markdown.
func (b *Bench) Compare(program string, records, rounds int) (string, error) {
	if err := b.journal(records); err != nil {
		return "", err
	}
	all := make([]series, len(pipelines))
	for round := range rounds {
		for _, i := range rand.Perm(len(pipelines)) { // the pipeline that runs before may influence the time
			p := pipelines[i]
			fmt.Fprintf(os.Stderr, "\rround %d of %d: %-8s", round+1, rounds, p.name)
			u, err := b.run(job{program: program, library: p.library, file: "bench.conf", config: service + systemd + p.filter + null, records: records})
			if err != nil {
				return "", fmt.Errorf("%s: %w", p.name, err)
			}
			all[i].add(u)
		}
	}
	fmt.Fprintln(os.Stderr)

	figures := map[string][]float64{} // what each adds
	for i, p := range pipelines {
		figures[p.name] = adds(all[i].cpu, all[0].cpu, records)
	}
	kata := stat.Median(figures["kata"])
	var rows [][]string
	for i, p := range pipelines {
		s := &all[i]
		row := []string{"`" + p.name + "`: " + p.what, seconds(stat.Least(s.cpu)), seconds(stat.Median(s.cpu)), "", "", "", fmt.Sprintf("%.0f", stat.Median(s.peak)), fmt.Sprintf("%.0f", stat.Median(s.threads))}
		if i > 0 {
			row[3] = page.Number((stat.Least(s.cpu) - stat.Least(all[0].cpu)) / float64(records) * 1e6)
			row[4] = page.Number(stat.Median(figures[p.name]))
			row[5] = page.Number(stat.Median(figures[p.name]) / kata)
		}
		rows = append(rows, row)
	}
	table := page.Table([]string{"pipeline", "CPU s, least", "median", "added µs a record, by the least", "by the median", "against kata", "peak MiB", "threads"}, rows)
	parser := stat.Median(figures["parser"])
	return table + fmt.Sprintf("\nBy the medians `kata` adds %s of what `parser` adds, and `grow`, less than which no filter with such pairs can add, %s.\n",
		page.Number(kata/parser), page.Number(stat.Median(figures["grow"])/parser)), nil
}

// adds returns how much more a pipeline costs than another, in µs per record, round by round.
func adds(cpu, none []float64, records int) (x []float64) {
	for i := range cpu {
		x = append(x, (cpu[i]-none[i])/float64(records)*1e6)
	}
	return x
}

func seconds(x float64) string { return fmt.Sprintf("%.2f", x) }

// Threads compares two inputs in threads of their own with one: with the processor, and
// without, for Fluent Bit alone.
func (b *Bench) Threads(program string, records, rounds int) (string, error) {
	kinds := []struct{ name, processor, library string }{
		{"without a processor", "", ""},
		{"each with the processor `kata`", "kata", "flb-filter_kata.so"},
	}
	if err := b.journal(records); err != nil {
		return "", err
	}
	rates := make([][2][]float64, len(kinds))
	for round := range rounds {
		for i, k := range kinds {
			for inputs := 1; inputs <= 2; inputs++ {
				fmt.Fprintf(os.Stderr, "\rround %d of %d: %d threads %-30s", round+1, rounds, inputs, k.name)
				u, err := b.run(job{program: program, library: k.library, file: "bench.yaml", config: threaded(inputs, k.processor), records: inputs * records})
				if err != nil {
					return "", fmt.Errorf("%d threads %s: %w", inputs, k.name, err)
				}
				rates[i][inputs-1] = append(rates[i][inputs-1], float64(inputs*records)/u.reading.Seconds()/1000)
			}
		}
	}
	fmt.Fprintln(os.Stderr)
	var rows [][]string
	for i, k := range kinds {
		one, two := rates[i][0], rates[i][1]
		rows = append(rows, []string{k.name, fmt.Sprintf("%.0f", stat.Median(one)), fmt.Sprintf("%.0f", stat.Median(two)), page.Number(stat.Median(stat.Ratios(two, one)))})
	}
	return page.Table([]string{"inputs", "one: thousand records a second", "two", "ratio"}, rows), nil
}
