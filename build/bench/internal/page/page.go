// Package page writes tables into a Markdown file.
package page

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// Section replaces the text of a section in a file, between the comments that delimit it.
func Section(path, name, text string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	start, end := fmt.Appendf(nil, "<!-- measured: %s -->\n", name), []byte("<!-- end -->\n")
	before, rest, ok := bytes.Cut(page, start)
	_, after, ok2 := bytes.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no section %q … %q", path, start, end)
	}
	return os.WriteFile(path, bytes.Join([][]byte{before, start, []byte("\n" + strings.TrimSpace(text) + "\n\n"), end, after}, nil), 0o644)
}

// Table returns a table in Markdown; all columns but the first are right-aligned numbers.
func Table(head []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(head)
	b.WriteString("|---|" + strings.Repeat("---:|", len(head)-1) + "\n")
	for _, row := range rows {
		line(row)
	}
	return b.String()
}

// Machine describes the machine, and the time of the measurement.
func Machine() string {
	text := fmt.Sprintf("%s, %d cores, %s/%s, %s, %s", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), time.Now().Format(time.DateOnly))
	// Measurements on a busy machine are not reliable, so its load is part of it.
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		one, _, _ := strings.Cut(string(load), " ")
		text += ", load at the start " + one
	}
	return text
}

func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// Number formats a number with three significant digits.
func Number(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}
