package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/kata-logs/fluent-bit-kata/internal/logs"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/input"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/output"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
)

// app is one run of the program.
type app struct {
	stdin, stdout, stderr *os.File
	flags                 flags
	unread                atomic.Bool
	damaged               bool

	pager    *exec.Cmd
	pipe     io.WriteCloser // to the pager
	progress *progress
}

// usageError is an error in the command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// status returns the exit status for the error of a command, and prints the error.
func (a *app) status(err error) int {
	switch {
	case err == nil:
	case errors.Is(err, syscall.EPIPE):
		return statusDone // who reads has seen enough
	default:
		_, _ = fmt.Fprintln(a.stderr, "kata-logs:", oneLine(err.Error()))
		if usage := (usageError{}); errors.As(err, &usage) {
			return statusUsage
		}
		if !a.damaged {
			return statusUnread
		}
	}
	switch {
	case a.unread.Load():
		return statusUnread
	case a.damaged:
		return statusDamaged
	}
	return statusDone
}

// oneLine makes a text fit for a terminal.
func oneLine(text string) string { return string(output.Escape(nil, []byte(text))) }

// warn prints a sentence on standard error.
func (a *app) warn(text string) {
	a.progress.clear()
	_, _ = fmt.Fprintln(a.stderr, "kata-logs:", oneLine(text))
}

// notRead reports an input that cannot be read. A file in a folder that is no text, such as a
// binary in a support bundle, is no failure.
func (a *app) notRead(err error) {
	a.warn(err.Error())
	a.unread.Store(true)
}

// logs opens the inputs of the command line.
func (a *app) logs(args []string, learn bool) (*logs.Logs, error) {
	opts, err := a.options()
	if err != nil {
		return nil, err
	}
	choice, err := a.flags.choice(time.Now())
	if err != nil {
		return nil, err
	}
	zone, err := a.flags.zone()
	if err != nil {
		return nil, err
	}
	sources, err := a.sources(args)
	if err != nil {
		return nil, err
	}
	a.progress = newProgress(a.stderr, isTerminal(a.stderr) && !a.flags.follow)
	return logs.New(sources, logs.Config{
		Options: opts, Choice: choice, Zone: zone, TempDir: a.flags.tempDir, Learn: learn,
		Unread: a.notRead, Read: a.progress.add, Journal: a.journalOpener(choice.Since),
	}), nil
}

// sources lists the inputs. Without any it is the journal of this machine.
func (a *app) sources(args []string) ([]*input.Source, error) {
	journals := a.flags.journals(args)
	if a.flags.spool <= 0 {
		return nil, usagef("--spool: %d is not a positive number of bytes", a.flags.spool)
	}
	stdin := 0
	for _, arg := range args {
		if arg == input.Stdin {
			stdin++
		}
	}
	if stdin > 1 {
		return nil, usagef("- is given twice; there is one standard input")
	}
	if stdin > 0 && isTerminal(a.stdin) {
		a.warn("reading from the terminal; end with Ctrl-D")
	}
	list, errs := input.List(args, input.Options{Stdin: a.stdin, Limit: a.flags.spool, Dir: a.flags.tempDir, Once: a.flags.follow})
	for _, err := range errs {
		if isSkipped(args, err) {
			a.warn(err.Error())
			continue
		}
		a.notRead(err)
	}
	if a.flags.journal == anyJournal && slices.ContainsFunc(list, func(s *input.Source) bool { return len(s.Journal) > 0 }) {
		journals = nil // as in --journal DIR
	}
	return joinJournals(list, journals), nil
}

// isSkipped reports whether the error is of a file in a folder that is no text.
func isSkipped(args []string, err error) bool {
	var e *input.Error
	if !errors.As(err, &e) || !errors.Is(err, input.ErrBinary) && !errors.Is(err, input.ErrCompressed) {
		return false
	}
	for _, arg := range args {
		if arg == e.Name {
			return false
		}
	}
	return true
}

// options returns the filter's options: its defaults, but that a message which was parsed whole is
// not shown beside its fields.
func (a *app) options() (*options.Options, error) {
	set := map[string]string{"preserve_key": "off"}
	known := map[string]bool{}
	for i := range options.Table {
		known[options.Table[i].Name] = true
	}
	for _, text := range a.flags.options {
		name, value, ok := strings.Cut(text, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		switch {
		case !ok:
			return nil, usagef("--option: %q is not NAME=VALUE", text)
		case !known[name]:
			return nil, usagef("--option: the filter has no option %q", name)
		case name == "nest_under":
			return nil, usagef("--option: nest_under is not for kata-logs, which shows fields side by side")
		case name == "prefix" && value == "":
			return nil, usagef("--option: without a prefix parsed fields cannot be told from others")
		}
		set[name] = value
	}
	o, err := options.Parse(options.FilterPlugin, func(name string) (string, bool) {
		value, ok := set[name]
		return value, ok
	})
	if err != nil {
		return nil, usageError{err}
	}
	return o, nil
}

// isTerminal reports whether a file is a terminal.
func isTerminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) }

// page starts a pager if the output goes to a terminal, and returns where to write.
func (a *app) page() io.Writer {
	if a.flags.noPager || a.flags.follow || !isTerminal(a.stdout) {
		return a.stdout
	}
	command, ok := os.LookupEnv("KATA_LOGS_PAGER")
	if !ok {
		if command, ok = os.LookupEnv("PAGER"); !ok {
			command = "less"
		}
	}
	words := strings.Fields(command)
	if len(words) == 0 || words[0] == "cat" {
		return a.stdout
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = a.stdout, a.stderr
	cmd.Env = os.Environ()
	if _, ok := os.LookupEnv("LESS"); !ok {
		cmd.Env = append(cmd.Env, "LESS=FRSXMK")
	}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return a.stdout
	}
	if err := cmd.Start(); err != nil {
		return a.stdout // there is no pager
	}
	a.pager, a.pipe = cmd, pipe
	return pipe
}

// finish waits for the pager.
func (a *app) finish() {
	a.progress.clear()
	if a.pager != nil {
		_ = a.pipe.Close()
		_ = a.pager.Wait()
	}
}

// progress shows on a terminal how much was read. A nil progress shows nothing.
type progress struct {
	to    io.Writer
	bytes atomic.Int64
	shown atomic.Int64 // when it was shown last, in nanoseconds
	begun time.Time
	off   atomic.Bool
}

// beforeOutput ends the progress if the output goes to a terminal, too.
func (a *app) beforeOutput() {
	a.progress.clear()
	if isTerminal(a.stdout) {
		a.progress.off.Store(true)
	}
}

func newProgress(to io.Writer, on bool) *progress {
	p := &progress{begun: time.Now()}
	if on {
		p.to = to
	}
	return p
}

// showAfter is how long work has to take to be shown, and showEvery how often it is then.
const (
	showAfter = time.Second
	showEvery = 200 * time.Millisecond
)

func (p *progress) add(n int) {
	if p == nil || p.to == nil || p.off.Load() {
		return
	}
	total := p.bytes.Add(int64(n))
	since := time.Since(p.begun)
	if since < showAfter || since-time.Duration(p.shown.Load()) < showEvery {
		return
	}
	p.shown.Store(int64(since))
	_, _ = fmt.Fprintf(p.to, "\r%d MiB read, %d s", total>>20, int(since.Seconds()))
}

// clear removes what is shown.
func (p *progress) clear() {
	if p != nil && p.to != nil && p.shown.Swap(0) != 0 {
		_, _ = io.WriteString(p.to, "\r\x1b[K")
	}
}
