package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/gen"
)

// TestRecordings runs each command on the corpus of real programs, on a generated node and on the life of a
// sandbox. testdata/recordings has what they write: the start of it, and how long it is.
func TestRecordings(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"programs.log", "tail.jsonl", "journald-edges.export"} {
		text, err := os.ReadFile(filepath.Join("../../testdata/corpus", name))
		if err != nil {
			t.Fatal(err)
		}
		put(name, text)
	}
	var node []byte
	g := gen.New(1, 4)
	for range 400 {
		r := g.Record()
		node = r.AppendExport(node)
	}
	put("node.export", node)
	put("life.log", []byte(lifeOf("Go 3.x")))
	var all bytes.Buffer
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(binary, append(strings.Fields(name), args...)...)
		cmd.Dir, cmd.Env = dir, command().Env
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, _ := cmd.Output()
		_, _ = fmt.Fprintf(&all, "$ kata-logs %s %s\n", name, strings.Join(args, " "))
		lines := strings.SplitAfter(strings.TrimSuffix(string(out), "\n"), "\n")
		for _, line := range lines[:min(len(lines), 8)] {
			line = strings.TrimSuffix(line, "\n")
			if r := []rune(line); len(r) > 200 {
				line = string(r[:200]) + "…"
			}
			all.WriteString(strings.TrimRight(line, " ") + "\n")
		}
		all.WriteString(stderr.String())
		_, _ = fmt.Fprintf(&all, "(%d lines, status %d)\n\n", bytes.Count(out, []byte("\n")), cmd.ProcessState.ExitCode())
	}
	for _, file := range []string{"programs.log", "tail.jsonl", "journald-edges.export", "node.export", "life.log"} {
		for _, words := range []string{
			"--no-node", "--no-node --delta --level warning", "--no-node --guest -o logfmt", "--no-node --errors -o json", "--no-node -o csv --source virtcontainers",
			"check", "check --summary --strict", "--check-only --quiet", "merge --no-node -o json", "sandboxes --no-node", "sandboxes --no-node -o json", "stats --top 4", "stats --top 4 -o json",
		} {
			run(words, file)
		}
	}
	for _, format := range []string{"export", "yaml", "toml", "xml"} {
		run("--no-node -o "+format, "life.log")
	}
	for _, format := range []string{"text", "json", "html"} {
		run("timeline --no-node -o "+format, lifeSandbox[:12], "life.log", "programs.log")
	}
	run("merge --no-node --pod shop/web-0", ".")
	golden(t, "testdata/recordings", all.Bytes())
}
