package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/kata-logs/fluent-bit-kata/build/bench/internal/page"
	"github.com/kata-logs/fluent-bit-kata/build/bench/internal/stat"
)

// panel is one set of bars with a scale of its own.
type panel struct {
	title string
	group results
}

const (
	plotWidth = 860
	nameWidth = 190
	barWidth  = plotWidth - nameWidth - 130
	rowHeight = 24
	panelHead = 44
)

// plot returns the least processor time per record of the compared benchmarks as an SVG that
// is readable on a light and on a dark page.
func plot(all results) []byte {
	panels := []panel{
		{"Decode logfmt messages", all.group("Logfmt")},
		{"Whole filter beside a decoder that only decodes", all.group("Filter")},
		{"Read JSON messages (the parser also types, unpacks, reads the time)", all.group("JSON")},
		{"Read the events of a chunk", all.group("Chunk")},
	}
	height := 30
	for _, p := range panels {
		height += panelHead + rowHeight*len(p.group)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="13" fill="#1f2328">`+"\n", plotWidth, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", plotWidth, height)
	y := 10
	for _, p := range panels {
		y = p.draw(&b, y)
	}
	fmt.Fprintf(&b, `<text x="10" y="%d" font-size="11" fill="#59636e">Least of all rounds, processor time, shorter is better. Each set has a scale of its own.</text>`+"\n</svg>\n", y+12)
	return b.Bytes()
}

// draw draws a panel from y on and returns where it ends.
func (p *panel) draw(b *bytes.Buffer, y int) int {
	most := 0.0
	for _, r := range p.group {
		most = max(most, stat.Least(r.figure()))
	}
	fmt.Fprintf(b, `<text x="10" y="%d" font-weight="bold">%s</text>`+"\n", y+24, p.title)
	y += panelHead - 10
	for _, r := range p.group {
		least := stat.Least(r.figure())
		fill := "#9aa7b4"
		if strings.HasPrefix(r.short(), "kata") {
			fill = "#1a7f5a"
		}
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`, nameWidth, y+16, r.short())
		width := max(least/most*barWidth, 1)
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="%d" rx="2" fill="%s"/>`, nameWidth+10, y+3, width, rowHeight-6, fill)
		fmt.Fprintf(b, `<text x="%.1f" y="%d">%s ns/%s</text>`+"\n", float64(nameWidth+16)+width, y+16, page.Number(least), r.unit())
		y += rowHeight
	}
	return y + 10
}
