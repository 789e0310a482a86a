package main

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/journald"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// flags are the values of the flags.
type flags struct {
	// input
	journal   string
	follow    bool
	tempDir   string
	spool     int64
	inputZone string
	noNode    bool
	unsorted  bool
	options   []string
	// which records
	pods, sandboxes, containers []string
	level                       string
	since, until                string
	guest, host                 bool
	sources                     []string
	grep                        []string
	errors                      bool
	// output
	output  string
	utc     bool
	color   string
	delta   bool
	all     bool
	noPager bool
	// check
	checkOnly, summary, strict, quiet  bool
	errorIfFileEmpty, errorIfNoRecords bool // with checkOnly
	// others
	top int
}

// anyJournal is the value of --journal without one.
const anyJournal = "local"

// addInput adds the flags that all commands have.
func (f *flags) addInput(s *pflag.FlagSet) {
	s.StringVar(&f.journal, "journal", "", "read journald's files in this folder, or this file; without a value the journal of this machine")
	s.Lookup("journal").NoOptDefVal = anyJournal
	s.StringVar(&f.tempDir, "temp-dir", "", "folder for temporary files; the default is $TMPDIR, or /tmp")
	s.Int64Var(&f.spool, "spool", 4<<30, "how many bytes of standard input, and of a pipe, are kept to be read again")
	s.StringVar(&f.inputZone, "input-zone", "Local", "time zone of times in the input that name none, such as UTC or Europe/Berlin")
	s.BoolVar(&f.noNode, "no-node", false, "do not look up pods in the files of this node")
	s.StringArrayVarP(&f.options, "option", "O", nil, "set an option of the filter, as NAME=VALUE; may be repeated")

	s.StringArrayVar(&f.pods, "pod", nil, "only records of this pod, as [NAMESPACE/]NAME; * and ? stand for any text and any character")
	s.StringArrayVar(&f.sandboxes, "sandbox", nil, "only records of the sandboxes whose id starts so")
	s.StringArrayVar(&f.containers, "container", nil, "only records of the containers whose id starts so")
	s.StringVar(&f.level, "level", "", "only records of this level or a more severe one: "+strings.Join(parser.Levels[:], ", "))
	s.StringVar(&f.since, "since", "", "only records from this time on: 2006-01-02 15:04:05, 15:04, yesterday, today, -1h30m, 2d ago, boot, or RFC 3339")
	s.StringVar(&f.until, "until", "", "only records before this time")
	s.BoolVar(&f.guest, "guest", false, "only what guests wrote")
	s.BoolVar(&f.host, "host", false, "only what the host wrote")
	s.StringArrayVar(&f.sources, "source", nil, "only records of this source, subsystem, program or identifier, and of those below it")
	s.StringArrayVarP(&f.grep, "grep", "g", nil, "only records with a text that matches this regular expression; of several each has to match")
	s.BoolVar(&f.errors, "errors", false, "only records of level error or worse, by their level or by words of console text")
}

// addKataLogParser adds the flags with which scripts call kata-log-parser for a check.
func (f *flags) addKataLogParser(s *pflag.FlagSet) {
	var ignored bool
	for _, b := range []struct {
		to         *bool
		name, help string
	}{
		{&f.checkOnly, "check-only", "check the inputs, as kata-log-parser does"},
		{&f.strict, "strict", "with --check-only: what is broken in a guest's text counts, too"},
		{&f.quiet, "quiet", "with --check-only: write nothing"},
		{&f.errorIfFileEmpty, "error-if-file-empty", "with --check-only: an input without records counts as damage"},
		{&f.errorIfNoRecords, "error-if-no-records", "with --check-only: that no input has a record counts as damage"},
		{&ignored, "ignore-missing-fields", "with --check-only: is always so"},
		{&ignored, "no-agent-unpack", "with --check-only: has no effect"},
		{&ignored, "debug", "with --check-only: has no effect"},
	} {
		s.BoolVar(b.to, b.name, false, b.help)
		_ = s.MarkHidden(b.name)
	}
}

// choice returns which records are chosen.
func (f *flags) choice(now time.Time) (c choose.Choice, err error) {
	c = choose.Choice{Sandboxes: f.sandboxes, Containers: f.containers, Guest: f.guest, Host: f.host, Sources: f.sources, Errors: f.errors, Level: -1}
	if f.guest && f.host {
		return c, usagef("--guest and --host exclude each other")
	}
	for _, text := range f.pods {
		p, err := choose.ParsePod(text)
		if err != nil || p.Name == "" {
			return c, usagef("--pod: %q is not [NAMESPACE/]NAME", text)
		}
		c.Pods = append(c.Pods, p)
	}
	if f.level != "" {
		level := strings.ToLower(f.level)
		if level == "warn" {
			level = "warning"
		}
		if c.Level = parser.LevelRank([]byte(level)); c.Level < 0 {
			return c, usagef("--level: %q is not one of %s", f.level, strings.Join(parser.Levels[:], ", "))
		}
	}
	for _, text := range f.grep {
		g, err := regexp.Compile(text)
		if err != nil {
			return c, usagef("--grep: %v", err)
		}
		c.Grep = append(c.Grep, g)
	}
	for _, t := range []struct {
		name, text string
		to         *int64
	}{{"since", f.since, &c.Since}, {"until", f.until, &c.Until}} {
		if t.text == "" {
			continue
		}
		when, err := parseTime(t.text, now)
		if err != nil {
			return c, usagef("--%s: %v", t.name, err)
		}
		*t.to = max(1, nanoseconds(when))
	}
	if c.Until != 0 && c.Until < c.Since {
		return c, usagef("--until is before --since")
	}
	return c, nil
}

// nanoseconds returns a time in nanoseconds since 1970, or the first or last one that can be said so.
func nanoseconds(t time.Time) int64 {
	switch year := t.Year(); {
	case year < 1970:
		return 0
	case year > 2261:
		return math.MaxInt64
	}
	return t.UnixNano()
}

// zone returns the time zone of the input.
func (f *flags) zone() (*time.Location, error) {
	zone, err := time.LoadLocation(f.inputZone)
	if err != nil {
		return nil, usagef("--input-zone: %v", err)
	}
	return zone, nil
}

// journals returns the journals to read: those of the flag, or without any input that of this
// machine.
func (f *flags) journals(args []string) []string {
	switch {
	case f.journal == anyJournal, f.journal == "" && len(args) == 0:
		return journald.Local
	case f.journal != "":
		return []string{f.journal}
	}
	return nil
}

// parseTime reads a time as a user writes it, in the local zone.
func parseTime(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch text {
	case "now":
		return now, nil
	case "today":
		return day, nil
	case "yesterday":
		return day.AddDate(0, 0, -1), nil
	case "tomorrow":
		return day.AddDate(0, 0, 1), nil
	case "boot":
		return bootTime()
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04:05.999999999", "15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), now.Location()), nil
		}
	}
	if seconds, ok := strings.CutPrefix(text, "@"); ok {
		if f, err := strconv.ParseFloat(seconds, 64); err == nil && f >= 0 && f < 1<<32 {
			return time.Unix(0, int64(f*1e9)), nil
		}
	}
	ago, isAgo := strings.CutSuffix(text, " ago")
	if minus, ok := strings.CutPrefix(ago, "-"); ok && !isAgo {
		ago, isAgo = minus, true
	}
	plus, isPlus := strings.CutPrefix(text, "+")
	if isPlus {
		ago = plus
	}
	if d, ok := parseDuration(ago); ok && (isAgo || isPlus) {
		if isPlus {
			return now.Add(d), nil
		}
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time (such as 2006-01-02 15:04:05, 15:04, today, -1h30m, 2d ago, boot, @1700000000)", text)
}

// parseDuration reads a duration of Go, also with days and weeks, and spaces.
func parseDuration(text string) (total time.Duration, ok bool) {
	text = strings.ReplaceAll(text, " ", "")
	for _, unit := range []struct {
		name string
		is   time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		if number, rest, found := strings.Cut(text, unit.name); found {
			n, err := strconv.ParseUint(number, 10, 20)
			if err != nil || n > uint64(maxDuration/unit.is) {
				return 0, false
			}
			total += time.Duration(n) * unit.is
			ok, text = true, rest
		}
	}
	if text == "" {
		return total, ok
	}
	text = strings.NewReplacer("min", "m", "sec", "s", "hours", "h", "hour", "h").Replace(text)
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxDuration {
		return 0, false
	}
	return total + d, true
}

// maxDuration bounds each part of a duration, so that their sum is one.
const maxDuration = 90 * 365 * 24 * time.Hour

// bootTime returns when this machine was started.
func bootTime() (time.Time, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}, fmt.Errorf("when this machine was started is not known: %w", err)
	}
	for line := range strings.Lines(string(stat)) {
		if text, ok := strings.CutPrefix(line, "btime "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
			if err == nil {
				return time.Unix(n, 0), nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("when this machine was started is not known: /proc/stat has no btime")
}
