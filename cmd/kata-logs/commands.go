package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kata-logs/fluent-bit-kata/internal/logs"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/output"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/report"
)

// command returns the command line.
func (a *app) command() *cobra.Command {
	f := &a.flags
	root := &cobra.Command{
		Use:   "kata-logs [flags] [FILE|FOLDER|-]...",
		Short: "Show the logs of Kata Containers",
		Long: `Show the logs of Kata Containers, parsed as the Fluent Bit filter kata parses them.

Inputs are files, folders and - for standard input, in any form in which the logs come to hand, also
compressed with gzip or zstd; without any it is the journal of this machine.`,
		Version:       version,
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(_ *cobra.Command, args []string) error {
			if f.checkOnly {
				return a.check(args)
			}
			return a.show(args, false)
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	f.addInput(root.PersistentFlags())
	f.addOutput(root)
	root.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with what is written to the inputs; records come as they are written")
	root.Flags().BoolVar(&f.unsorted, "no-sort", false, "show records in the order of the input, not of time")
	f.addKataLogParser(root.Flags())

	check := &cobra.Command{
		Use:   "check [flags] [FILE|FOLDER|-]...",
		Short: "List the lines that do not parse whole",
		Long: `List the lines that do not parse whole, each with its file, the number of the line, and the code of
the error. The exit status is 1 if there is any.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return a.check(args) },
	}
	check.Flags().BoolVar(&f.summary, "summary", false, "write only how many records there are, by code and file")
	check.Flags().BoolVar(&f.strict, "strict", false, "text that is no record counts as damage, too")
	check.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "write nothing; the exit status tells")

	merge := &cobra.Command{
		Use:   "merge [flags] FILE|FOLDER|-...",
		Short: "Merge the logs of several nodes in the order of time",
		Long: `Merge the logs of several nodes or files in the order of time. A record that is there twice, as the Go
shim's are in its own log and in that of containerd, is shown once. What is known of the clocks is
written to standard error.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return a.show(args, true) },
	}
	f.addOutput(merge)

	root.AddCommand(check, merge)
	root.AddCommand(a.reports()...)
	return root
}

// addOutput adds the flags of commands that show records.
func (f *flags) addOutput(c *cobra.Command) {
	var names []string
	for _, format := range output.Formats {
		names = append(names, format.Name)
	}
	s := c.Flags()
	s.StringVarP(&f.output, "output", "o", output.Formats[0].Name, "format: "+strings.Join(names, ", "))
	s.BoolVar(&f.utc, "utc", false, "show times in UTC; programs' formats always have UTC")
	s.StringVar(&f.color, "color", "auto", "colours: auto, always, never")
	s.BoolVar(&f.delta, "delta", false, "show the time since the record before")
	s.BoolVar(&f.all, "all", false, "show journald's fields too, and ids in full")
	s.BoolVar(&f.noPager, "no-pager", false, "do not start a pager on a terminal")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp))
}

// useColor reports whether text is coloured.
func (a *app) useColor() (bool, error) {
	switch a.flags.color {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
		return isTerminal(a.stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", nil
	}
	return false, usagef("--color: %q is not one of auto, always, never", a.flags.color)
}

// writer returns where the records are written.
func (a *app) writer(o output.Options) (*output.Writer, error) {
	color, err := a.useColor()
	if err != nil {
		return nil, err
	}
	o.Format, o.Color = a.flags.output, color
	o.Delta, o.All, o.Line = a.flags.delta, a.flags.all, a.flags.follow
	o.Zone = time.Local
	if a.flags.utc {
		o.Zone = time.UTC
	}
	if _, ok := output.New(io.Discard, o); !ok {
		return nil, usagef("--output: there is no format %q", a.flags.output)
	}
	to := a.page()
	if a.flags.output != "text" && isTerminal(a.stdout) {
		to = &output.Guard{To: to}
	}
	w, _ := output.New(to, o)
	return w, nil
}

// show shows records.
func (a *app) show(args []string, merge bool) error {
	l, err := a.logs(args, merge)
	if err != nil {
		return err
	}
	l.Copies, l.Clocks = merge, merge
	w, err := a.writer(output.Options{Names: l.Names, Files: l.Files(), Source: merge && len(l.Inputs) > 1})
	if err != nil {
		return err
	}
	if a.flags.follow {
		return a.follow(l, w)
	}
	sorted := !a.flags.unsorted
	if sorted || l.Learn {
		l.Scan()
		a.lookUp(l)
	}
	each := w.Write
	var copies *report.Deduplicator
	if merge {
		a.clocks(l)
		copies = report.NewDeduplicator(w.Write)
		each = copies.Record
	}
	a.beforeOutput()
	if err := l.Each(sorted, each); err != nil {
		return err
	}
	if err := a.rest(l, each); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if copies != nil && copies.Dropped > 0 {
		a.warn(fmt.Sprintf("left out because they were there twice: %d records", copies.Dropped))
	}
	return nil
}

// check lists damage.
func (a *app) check(args []string) error {
	l, err := a.logs(args, false)
	if err != nil {
		return err
	}
	l.Options.PreserveKey = true // what was parsed is looked at, too
	if l.Learn {
		l.Scan()
		a.lookUp(l)
	}
	out := bufio.NewWriterSize(a.stdout, 64<<10)
	c := &report.Check{Names: l.Names, Files: l.Files(), Logs: l.IsLog, Strict: a.flags.strict}
	if a.flags.checkOnly {
		c.Strict, c.Tolerant = true, !a.flags.strict
	}
	if !a.flags.summary && !a.flags.quiet {
		c.Out = out
	}
	if c.Out != nil {
		a.beforeOutput()
	}
	if err := l.Each(false, c.Record); err != nil {
		return err
	}
	if err := a.rest(l, c.Record); err != nil {
		return err
	}
	if a.flags.summary {
		if err := c.Summary(out); err != nil {
			return err
		}
	}
	a.damaged = c.Damaged > 0
	if f := &a.flags; f.errorIfFileEmpty || f.errorIfNoRecords && c.Records == 0 {
		for _, in := range l.Inputs {
			if c.Counts[in.File] == 0 {
				a.warn(fmt.Sprintf("%q has no records", in.Name))
				a.damaged = true
			}
		}
	}
	return out.Flush()
}

// lookUp asks the node's files for pods.
func (a *app) lookUp(l *logs.Logs) {
	if !l.Learn {
		return
	}
	if !a.flags.noNode {
		for _, text := range l.LookUpPods() {
			a.warn(text)
		}
	}
	if ids := l.Known.Differing(); len(ids) > 0 {
		a.warn(fmt.Sprintf("the pods of %d sandboxes are not known, since the logs name two for each: %s", len(ids), strings.Join(ids[:min(len(ids), 3)], ", ")))
	}
	if l.Known.Full {
		a.warn("there are more sandboxes than are kept; the pods of some records are not known")
	}
}

// rest reads what of standard input and of pipes is beyond the limit of --spool.
func (a *app) rest(l *logs.Logs, f func(*record.Record) error) error {
	for _, in := range l.Inputs {
		text := in.Rest()
		if text == nil {
			continue
		}
		a.warn(fmt.Sprintf("%q has more than %d bytes; what is beyond comes behind all else, in its own order (see --spool)", in.Name, a.flags.spool))
		if err := l.EachOf(in, text, f); err != nil {
			return err
		}
	}
	return nil
}

// follow shows records as they are written.
func (a *app) follow(l *logs.Logs, w *output.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if l.Learn && !a.flags.noNode {
		l.Known.LookUpAlways(l.Options.SandboxMetadataRoots)
		defer l.Known.Close()
	}
	if err := l.Follow(ctx, a.stdin, w.Write); err != nil {
		return err
	}
	return w.Close()
}

// clocks tells what is known of the inputs' clocks.
func (a *app) clocks(l *logs.Logs) {
	for _, in := range l.Earliest() {
		if in.Records == 0 {
			continue
		}
		form := func(nano int64) string { return time.Unix(0, nano).UTC().Format("2006-01-02T15:04:05.000000Z") }
		_, _ = fmt.Fprintf(a.stderr, "%s: %d records from %s to %s", oneLine(in.Name), in.Records, form(in.First), form(in.Last))
		if in.Back > 0 {
			_, _ = fmt.Fprintf(a.stderr, ", steps back in time of up to %s", time.Duration(in.Back).Round(time.Microsecond))
		}
		if in.Late > 0 {
			_, _ = fmt.Fprintf(a.stderr, ", %d records far out of order", in.Late)
		}
		_, _ = fmt.Fprintln(a.stderr)
	}
	for _, text := range l.Skew() {
		_, _ = fmt.Fprintln(a.stderr, oneLine(text))
	}
}
