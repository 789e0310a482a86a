package main

import (
	"bufio"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kata-logs/fluent-bit-kata/internal/logs"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/output"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/report"
)

// reports returns the commands that show logs as a whole.
func (a *app) reports() []*cobra.Command {
	f := &a.flags
	formats := func(c *cobra.Command, names ...string) {
		c.Flags().StringVarP(&f.output, "output", "o", names[0], "format: "+strings.Join(names, ", "))
		c.Flags().BoolVar(&f.utc, "utc", false, "show times in UTC; JSON and HTML always have UTC")
		_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
		run := c.RunE
		c.RunE = func(c *cobra.Command, args []string) error {
			for _, name := range names {
				if f.output == name {
					return run(c, args)
				}
			}
			return usagef("--output: %s has no format %q", c.Name(), f.output)
		}
	}

	sandboxes := &cobra.Command{
		Use:   "sandboxes [flags] [FILE|FOLDER|-]...",
		Short: "List the sandboxes with their pods, errors and how they ended",
		Args:  cobra.ArbitraryArgs,
		RunE:  func(_ *cobra.Command, args []string) error { return a.sandboxes(args) },
	}
	formats(sandboxes, "text", "json")

	stats := &cobra.Command{
		Use:   "stats [flags] [FILE|FOLDER|-]...",
		Short: "Count records by source and level, and the most frequent messages",
		Args:  cobra.ArbitraryArgs,
		RunE:  func(_ *cobra.Command, args []string) error { return a.stats(args) },
	}
	formats(stats, "text", "json")
	stats.Flags().IntVar(&f.top, "top", 20, "how many messages are shown")

	timeline := &cobra.Command{
		Use:   "timeline [flags] SANDBOX|[NAMESPACE/]POD [FILE|FOLDER|-]...",
		Short: "Show the phases of a sandbox's life, and which took longest",
		Long: `Show the phases of a sandbox's life, how long each took and the longest time without a record in it. The
sandbox is named by the start of its id, or by its pod.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("timeline needs the id of a sandbox, or the name of a pod")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.timeline(args[0], args[1:]) },
	}
	formats(timeline, "text", "json", "html")
	return []*cobra.Command{sandboxes, stats, timeline}
}

// reportZone returns the zone of times in tables.
func (a *app) reportZone() *time.Location {
	if a.flags.utc {
		return time.UTC
	}
	return time.Local
}

// readAll gives all chosen records to f, in the order of time if sorted.
func (a *app) readAll(l *logs.Logs, sorted bool, f func(*record.Record) error) error {
	if sorted || l.Learn {
		l.Scan()
		a.lookUp(l)
	}
	if err := l.Each(sorted, f); err != nil {
		return err
	}
	return a.rest(l, f)
}

// print writes a report. What a terminal would take as commands is escaped, in JSON and HTML too.
func (a *app) print(f func(io.Writer) error) error {
	a.progress.clear()
	var to io.Writer = a.stdout
	if isTerminal(a.stdout) {
		to = &output.Guard{To: to}
	}
	w := bufio.NewWriterSize(to, 64<<10)
	if err := f(w); err != nil {
		return err
	}
	return w.Flush()
}

func (a *app) sandboxes(args []string) error {
	l, err := a.logs(args, true)
	if err != nil {
		return err
	}
	s := &report.Sandboxes{Names: l.Names, Known: &l.Known}
	if err := a.readAll(l, false, s.Record); err != nil {
		return err
	}
	if s.Full {
		a.warn("there are more sandboxes than are listed")
	}
	return a.print(func(w io.Writer) error {
		if a.flags.output == "json" {
			return s.WriteJSON(w)
		}
		return s.WriteText(w, a.reportZone())
	})
}

func (a *app) stats(args []string) error {
	l, err := a.logs(args, false)
	if err != nil {
		return err
	}
	if a.flags.top < 0 {
		return usagef("--top: %d is negative", a.flags.top)
	}
	s := &report.Stats{Names: l.Names, Top: a.flags.top}
	if err := a.readAll(l, false, s.Record); err != nil {
		return err
	}
	return a.print(func(w io.Writer) error {
		if a.flags.output == "json" {
			return s.WriteJSON(w)
		}
		return s.WriteText(w)
	})
}

func (a *app) timeline(name string, args []string) error {
	if isHexPrefix(name) {
		a.flags.sandboxes = append(a.flags.sandboxes, name)
	} else {
		a.flags.pods = append(a.flags.pods, name)
	}
	l, err := a.logs(args, true)
	if err != nil {
		return err
	}
	t := &report.Timeline{Names: l.Names, Known: &l.Known, Files: l.Files(), Keep: a.flags.output == "html"}
	if err := a.readAll(l, true, t.Record); err != nil {
		return err
	}
	if t.Full {
		a.warn("there are more sandboxes than are shown")
	}
	if len(t.Lives()) == 0 {
		a.warn("there is no record of a sandbox or pod " + name)
	}
	return a.print(func(w io.Writer) error {
		switch a.flags.output {
		case "json":
			return t.WriteJSON(w)
		case "html":
			return t.WriteHTML(w)
		}
		return t.WriteText(w, a.reportZone())
	})
}

// isHexPrefix reports whether a name may be the start of a sandbox's id: eight or more hexadecimal
// digits.
func isHexPrefix(name string) bool {
	for _, c := range name {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(name) >= 8
}
