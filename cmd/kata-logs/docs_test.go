package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/output"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/report"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

var update = flag.Bool("update", false, "write the page, the man page and the golden files")

const page = "../../docs/kata-logs.md"

// each calls f for each command that a user sees.
func each(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, sub := range c.Commands() {
		if sub.Name() != "help" && sub.Name() != "completion" {
			each(sub, f)
		}
	}
}

// flagRows returns the rows of the table of flags.
func flagRows() []string {
	type row struct {
		flag     *pflag.Flag
		commands []string
	}
	rows := map[string]*row{}
	root := new(app).command()
	each(root, func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Name == "help" || f.Name == "version" || c != root && root.PersistentFlags().Lookup(f.Name) != nil {
				return
			}
			key := f.Name + f.Usage
			if rows[key] == nil {
				rows[key] = &row{flag: f}
			}
			name := "`" + c.Name() + "`"
			if c == root && root.PersistentFlags().Lookup(f.Name) != nil {
				name = "all"
			}
			rows[key].commands = append(rows[key].commands, name)
		})
	})
	keys := make([]string, 0, len(rows))
	for key := range rows {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	var list []string
	for _, key := range keys {
		r := rows[key]
		name := "`--" + r.flag.Name + "`"
		if r.flag.Shorthand != "" {
			name = "`-" + r.flag.Shorthand + "`, " + name
		}
		value := r.flag.DefValue
		if value != "" && value != "[]" && value != "false" {
			value = "`" + value + "`"
		} else {
			value = ""
		}
		list = append(list, fmt.Sprintf("| %s | %s | %s | %s |", name, value, strings.Join(r.commands, " "), strings.ReplaceAll(r.flag.Usage, "|", "\\|")))
	}
	return list
}

// TestPage compares docs/kata-logs.md with the program: flags, formats, kinds of input, commands,
// error codes.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	rows := flagRows()
	const head = "| flag | default | for | meaning |\n|---|---|---|---|\n"
	before, after, ok := strings.Cut(got, head)
	if !ok {
		t.Fatal("there is no table of flags")
	}
	table, rest, _ := strings.Cut(after, "\n\n")
	if want := strings.Join(rows, "\n"); table != want {
		t.Errorf("the table of flags should be\n%s", want)
		if *update {
			if err := os.WriteFile(page, []byte(before+head+want+"\n\n"+rest), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, f := range output.Formats {
		if !strings.Contains(got, "\n| `"+f.Name+"` |") {
			t.Errorf("the format %s is not described", f.Name)
		}
	}
	each(new(app).command(), func(c *cobra.Command) {
		if !strings.Contains(got, "\n### "+c.CommandPath()+"\n") {
			t.Errorf("the command %s is not described", c.CommandPath())
		}
	})
	for _, level := range parser.Levels {
		if !strings.Contains(got, level) {
			t.Errorf("the level %s is not described", level)
		}
	}
	for _, code := range []string{report.CodeTorn, report.CodeNoRecord} {
		if !strings.Contains(got, "`"+code+"`") {
			t.Errorf("the code %s is not described", code)
		}
	}
	for status := range 4 {
		if !strings.Contains(got, fmt.Sprintf("\n| %d | ", status)) {
			t.Errorf("the exit status %d is not described", status)
		}
	}
	if want := fmt.Sprintf("more than %d MiB", record.MaxLine>>20); !strings.Contains(got, want) {
		t.Errorf("the length of lines is not described")
	}
}

// TestPageCommands runs each command of docs/kata-logs.md. The outputs, together with the exit
// status, are in testdata/page.
func TestPageCommands(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put := func(name string, from ...string) {
		t.Helper()
		var all []byte
		for _, f := range from {
			b, err := os.ReadFile(filepath.Join("../..", f))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b...)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), all, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("node.export", "examples/journal/input.export")
	put("kata.log", "examples/json-files/kata-runtime.log")
	put("damaged.log", "testdata/corpus/programs.log", "testdata/corpus/tail.jsonl")
	journals, err := filepath.Glob("../../testdata/journal/*.journal")
	if err != nil || len(journals) == 0 {
		t.Fatal("no journals", err)
	}
	for _, j := range journals {
		put("journal/"+filepath.Base(j), "testdata/journal/"+filepath.Base(j))
	}
	n := 0
	var all bytes.Buffer
	for block := range strings.SplitSeq(string(text), "```console\n") {
		block, _, ok := strings.Cut(block, "```")
		if !ok || !strings.HasPrefix(block, "$ ") {
			continue
		}
		for line := range strings.Lines(block) {
			shell, ok := strings.CutPrefix(strings.TrimSpace(line), "$ ")
			if !ok {
				continue
			}
			cmd := exec.Command("sh", "-c", shell)
			cmd.Dir = dir
			cmd.Env = append(command().Env, "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
			out, _ := cmd.CombinedOutput()
			fmt.Fprintf(&all, "$ %s\n%s(status %d)\n", shell, out, cmd.ProcessState.ExitCode())
			if len(out) == 0 {
				t.Errorf("%s: no output", shell)
			}
			n++
		}
	}
	if n < 10 {
		t.Errorf("only %d commands", n)
	}
	golden(t, "testdata/page", all.Bytes())
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the program gives; go test -update writes it. It gives\n%s", file, got)
	}
}

// TestManPage compares the man pages with the command line.
func TestManPage(t *testing.T) {
	root := new(app).command()
	root.Version = "" // it is not that of the program
	each(root, func(c *cobra.Command) {
		c.DisableAutoGenTag = true
		var b bytes.Buffer
		header := &doc.GenManHeader{Section: "1", Source: "fluent-bit-kata", Manual: "User Commands", Date: &manDate}
		if err := doc.GenMan(c, header, &b); err != nil {
			t.Fatal(err)
		}
		golden(t, "man/"+strings.ReplaceAll(c.CommandPath(), " ", "-")+".1", b.Bytes())
	})
}

// TestCompletion runs the scripts through the shells that are there.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		r := runWith(t, "", "completion", shell)
		if r.status != 0 || !strings.Contains(r.stdout, "kata-logs") {
			t.Errorf("%s: %+v", shell, r.stderr)
		}
		if path, err := exec.LookPath(shell); err == nil && shell == "bash" {
			cmd := exec.Command(path, "-n")
			cmd.Stdin = strings.NewReader(r.stdout)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v %s", shell, err, out)
			}
		}
	}
	if r := runWith(t, "", "__complete", "-o", ""); !strings.Contains(r.stdout, "logfmt") {
		t.Errorf("formats are not completed: %q", r.stdout)
	}
}

// manDate is the date on the man page: that of the last change to what it says would be another
// thing to forget.
var manDate = time.Unix(0, 0).UTC()
