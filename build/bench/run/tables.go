package main

import (
	"fmt"
	"strings"

	"github.com/kata-logs/fluent-bit-kata/build/bench/internal/page"
	"github.com/kata-logs/fluent-bit-kata/build/bench/internal/stat"
)

// short returns a benchmark's name without that of its function.
func (r *result) short() string { return r.name[strings.IndexByte(r.name, '/')+1:] }

// peers returns a table of benchmarks that do the same work; the first is kata's.
func peers(group results) string {
	if len(group) == 0 {
		return ""
	}
	unit := group[0].unit()
	var rows [][]string
	for _, r := range group {
		x := r.figure()
		rows = append(rows, []string{
			r.short(), page.Number(stat.Least(x)), page.Number(stat.Median(x)),
			page.Number(stat.Median(stat.Ratios(x, group[0].figure()))),
			fmt.Sprintf("%.0f", stat.Median(r.figures["allocs/op"])),
			fmt.Sprintf("%.0f", stat.Median(r.figures["B/op"])),
		})
	}
	return page.Table([]string{"", "ns/" + unit + ", least", "median", "against " + group[0].short(), "allocations a chunk", "bytes a chunk"}, rows)
}

// lengths returns a table of the costs by length and shape of a message.
func lengths(group results) string {
	var shapes, sizes []string
	for _, r := range group {
		shape, size, _ := strings.Cut(r.short(), "/")
		if len(sizes) == 0 || sizes[len(sizes)-1] != size {
			sizes = append(sizes, size)
		}
		if len(sizes) == 1 {
			shapes = append(shapes, shape)
		}
	}
	head := []string{"length"}
	for _, shape := range shapes {
		head = append(head, shape+", ns/byte, least", "median")
	}
	var rows [][]string
	for _, size := range sizes {
		row := []string{size}
		for _, shape := range shapes {
			x := group.get("Length/" + shape + "/" + size).figure()
			row = append(row, page.Number(stat.Least(x)), page.Number(stat.Median(x)))
		}
		rows = append(rows, row)
	}
	return page.Table(head, rows)
}

// hostile returns a table of the costs by shape of a message; the first two shapes are common.
func hostile(group results) string {
	head := []string{"shape", "ns/byte, least", "median"}
	for _, common := range group[:2] {
		head = append(head, "against "+common.short())
	}
	var rows [][]string
	for _, r := range group {
		x := r.figure()
		row := []string{r.short(), page.Number(stat.Least(x)), page.Number(stat.Median(x))}
		for _, common := range group[:2] {
			row = append(row, page.Number(stat.Median(stat.Ratios(x, common.figure()))))
		}
		rows = append(rows, row)
	}
	return page.Table(head, rows)
}

// worst returns the benchmark of a function that costs most compared with another, and the
// ratio.
func (all results) worst(function, suffix, by string) (worst *result, ratio float64) {
	for _, r := range all.group(function) {
		if strings.HasSuffix(r.name, suffix) {
			if x := all.ratio(r.name, strings.ReplaceAll(by, "*", strings.TrimSuffix(r.short(), suffix))); worst == nil || x > ratio {
				worst, ratio = r, x
			}
		}
	}
	return worst, ratio
}

// goals returns a table of the project's goals and the results.
func goals(all results) string {
	shape, hostile := all.worst("Hostile", "", "Hostile/how-to")
	long, growth := all.worst("Length", "/1MB", "Length/*/10KB")
	allocations := 0.0
	for _, name := range []string{"Logfmt/kata", "Filter/kata", "FilterMixed/kata"} {
		allocations = max(allocations, stat.Median(all.get(name).figures["allocs/op"]))
	}
	throughput := stat.Median(stat.Ratios(all.get("Threads/one").wall(), all.get("Threads/two").wall()))
	times := func(x float64) string { return page.Number(x) + " times" }
	return page.Table([]string{"measure", "goal", "measured"}, [][]string{
		{"decoder against go-logfmt reading one stream", "4 times as fast", times(all.ratio("Logfmt/go-logfmt-stream", "Logfmt/kata"))},
		{"decoder against Loki's with Reset", "4 times as fast", times(all.ratio("Logfmt/loki-reset", "Logfmt/kata"))},
		{"whole filter against go-logfmt only decoding", "below 1", times(all.ratio("Filter/kata", "Filter/go-logfmt-stream"))},
		{"a mixed record against one of logfmt", "at most 1.5", times(all.ratio("FilterMixed/kata", "Filter/kata"))},
		{"allocations", "0", fmt.Sprintf("%.0f", allocations)},
		{"throughput of two threads against one", "at least 1.8", times(throughput)},
		{"1 MB of " + strings.TrimSuffix(long.short(), "/1MB") + " against 10 KB, per byte", "about 1", times(growth)},
		{"worst hostile message (" + shape.short() + ") against the how-to's records, per byte of message", "at most 3", times(hostile)},
	})
}
