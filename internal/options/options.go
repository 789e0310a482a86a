// Package options has the table of the plugin's options, and parses their values.
//
// Everything that depends on the options comes from Table: parsing and its error messages,
// the config map by which Fluent Bit checks names (plugin/filter/config_map.h), and the
// table in README.md. Tests compare the copies.
//
// Fluent Bit itself only checks names (set_property is 0 in the config map) and returns NULL
// for an option that is not set, so this package checks values and applies defaults.
//
// It must never import cgo, package net, or another package of this module than the parser,
// whose configuration it sets.
package options

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kata-logs/fluent-bit-kata/parser"
)

// Kind is the form of an option's value.
type Kind int

// The kinds, named as in Fluent Bit's documentation.
const (
	String Kind = iota // any text
	Bool               // on, true, yes / off, false, no
	Int                // a whole number
	Size               // bytes: 512, 64k, 1M, 1G
	List               // comma separated
	Enum               // one of Option.Allowed
	Time               // 90, 90s, 10m, 24h, 30d
)

// String returns the kind as the table in README.md shows it.
func (k Kind) String() string {
	return [...]string{"string", "boolean", "integer", "size", "comma list", "string", "time"}[k]
}

// Duplicates is what is done with the second copy of a line.
type Duplicates uint8

const (
	KeepDuplicates Duplicates = iota
	MarkDuplicates
	DropDuplicates
)

// Options are the options of one instance, checked and with defaults applied. They are not
// changed once an instance uses them, and may be shared by several.
type Options struct {
	Parser            parser.Config
	KeyName           []string
	Prefix            string
	NestUnder         string
	ReserveData       bool
	PreserveKey       bool
	RemoveKeys        []string
	OnlyKeys          []string
	RemoveJournalKeys []string
	MinLevel          int // the lowest level that stays, as its index in parser.Levels; -1 for all
	Duplicates        Duplicates

	SandboxMetadata      bool
	SandboxMetadataRoots []string // absolute paths
	SandboxMetadataKey   string   // empty for fields instead of a map

	Output Output
	Input  Input
}

// Plugin is one of the plugins.
type Plugin string

const (
	FilterPlugin Plugin = "filter" // also as a processor
	OutputPlugin Plugin = "output"
	InputPlugin  Plugin = "input"
)

// Option is one row of Table.
type Option struct {
	Name    string
	Kind    Kind
	Default string   // as a user would write it
	Allowed []string // for Enum, in lower case
	Help    string   // one line; also what `fluent-bit -F kata -h` prints
	Min     int      // lowest value of Int and Size
	Max     int      // highest value of Int and Size

	// Only is the plugin that has the option, or empty if all have it.
	Only Plugin

	set func(o *Options, v value) error
}

// Of reports whether a plugin has the option.
func (row *Option) Of(p Plugin) bool { return row.Only == "" || row.Only == p }

// value is a checked value. Which field is set depends on the kind; text always is.
type value struct {
	text string
	on   bool
	num  int // of Int and Size, in bytes; of Enum the index in Option.Allowed
	list []string
	time time.Duration
}

// Getter returns the text of the option with the given name, which is spelled as in Table,
// and whether it was set at all.
type Getter func(name string) (string, bool)

// Default returns the options of an instance for which nothing was set.
func Default() *Options {
	o, err := Parse(FilterPlugin, func(string) (string, bool) { return "", false })
	if err != nil {
		panic("options: a default in the table is not valid: " + err.Error())
	}
	return o
}

// Parse returns the options that get has of a plugin's, and the defaults of the others. If any
// value is not valid, it returns the errors of all of them, joined with errors.Join; each names
// the option, the value and what is allowed.
func Parse(p Plugin, get Getter) (*Options, error) {
	all := get
	get = func(name string) (string, bool) {
		i := slices.IndexFunc(Table, func(row Option) bool { return row.Name == name })
		if !Table[i].Of(p) {
			return "", false
		}
		return all(name)
	}
	o := new(Options)
	var errs []error
	for i := range Table {
		row := &Table[i]
		text, isSet := get(row.Name)
		if !isSet {
			text = row.Default
		}
		text = strings.TrimSpace(text)
		v, err := row.parse(text)
		if err == nil {
			if err = row.set(o, v); err != nil {
				err = fmt.Errorf("%s: %w", row.Name, err)
			}
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	if err := o.Output.check(func(name string) bool { _, ok := get(name); return ok }); err != nil {
		errs = append(errs, err.(interface{ Unwrap() []error }).Unwrap()...)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return o, nil
}

// parse checks the text of a value.
func (row *Option) parse(text string) (value, error) {
	v := value{text: text}
	switch row.Kind {
	case Bool:
		switch strings.ToLower(text) {
		case "on", "true", "yes":
			v.on = true
		case "off", "false", "no":
		default:
			return v, fmt.Errorf("%s: %q is not a boolean (on, off, true, false, yes, no)", row.Name, text)
		}
	case Enum:
		if v.num = slices.Index(row.Allowed, strings.ToLower(text)); v.num >= 0 {
			return v, nil
		}
		return v, fmt.Errorf("%s: %q is not one of %s", row.Name, text, strings.Join(nonEmpty(row.Allowed), ", "))
	case Int, Size:
		n, ok := number(text, row.Kind == Size)
		if !ok {
			return v, fmt.Errorf("%s: %q is not a %s", row.Name, text, map[Kind]string{Int: "whole number", Size: "size (such as 512k, 1M)"}[row.Kind])
		}
		if n < row.Min || n > row.Max {
			return v, fmt.Errorf("%s: %q is out of range (%d to %d)", row.Name, text, row.Min, row.Max)
		}
		v.num = n
	case Time:
		d, ok := fluentBitTime(text)
		if !ok {
			return v, fmt.Errorf("%s: %q is not a time (such as 90s, 10m, 24h)", row.Name, text)
		}
		v.time = d
	case List:
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				v.list = append(v.list, part)
			}
		}
	}
	return v, nil
}

// nonEmpty returns the texts that are not empty.
func nonEmpty(in []string) (out []string) {
	for _, s := range in {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// number parses an integer that is not negative. With suffix it may have one of Fluent
// Bit's suffixes of sizes: K, KB, M, MB, G, GB, powers of 1024, in any case.
func number(text string, suffix bool) (int, bool) {
	unit := 1
	if suffix {
		t := strings.TrimSuffix(strings.ToUpper(text), "B")
		switch {
		case strings.HasSuffix(t, "K"):
			unit = 1 << 10
		case strings.HasSuffix(t, "M"):
			unit = 1 << 20
		case strings.HasSuffix(t, "G"):
			unit = 1 << 30
		}
		if unit > 1 {
			t = t[:len(t)-1]
		}
		text = t
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > math.MaxInt/unit {
		return 0, false
	}
	return n * unit, true
}

// size formats a number of bytes with the largest suffix that needs no fraction.
func size(n int) string {
	units := []string{"", "K", "M", "G"}
	for n%1024 == 0 && len(units) > 1 {
		n, units = n/1024, units[1:]
	}
	return strconv.Itoa(n) + units[0]
}

// Markdown returns the rows of the table of options that only a plugin has, or of those that
// all have if only is empty.
func Markdown(only Plugin) (rows []string) {
	for i := range Table {
		row := &Table[i]
		if row.Only != only {
			continue
		}
		def := ""
		if row.Default != "" {
			def = "`" + row.Default + "`"
		}
		kind := row.Kind.String()
		if row.Kind == Enum {
			kind = "`" + strings.Join(nonEmpty(row.Allowed), "` `") + "`"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s |", row.Name, kind, def, row.Help))
	}
	return rows
}
