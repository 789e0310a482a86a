package options

import (
	"errors"
	"fmt"
	"strings"
)

// Input is what the options say that only the input has. The zero value is not useful; see
// Default.
type Input struct {
	Paths            []string       // directories and files of the journal
	Filters          []JournalMatch // any of them has to match; none for all entries
	DB               string         // file of the position; empty for none
	ReadFromTail     bool
	MaxBatch         int // bytes of a chunk, about
	Lowercase        bool
	StripUnderscores bool
}

// JournalMatch is a condition on an entry of the journal: it has a field with this value.
type JournalMatch struct{ Field, Value string }

// Identifiers are those of Kata's own programs and of the container runtimes, which carry what
// its shims log: the meaning of kata in systemd_filter.
var Identifiers = []string{
	"kata", "kata-runtime", "kata-proxy", "kata-shim", "kata-netmon", "kata-monitor",
	"containerd", "crio", "cri-o",
}

// inputTable lists the options that only the input has.
var inputTable = []Option{
	{
		Name: "path", Kind: List, Default: "/var/log/journal,/run/log/journal", Only: InputPlugin,
		Help: "Directories of the journal, or files of it; those that are there, also later.",
		set: func(o *Options, v value) error {
			if len(v.list) == 0 {
				return errors.New("at least one directory or file is needed")
			}
			o.Input.Paths = v.list
			return nil
		},
	},
	{
		Name: "systemd_filter", Kind: List, Default: "kata", Only: InputPlugin,
		Help: "Read the entries that have one of these fields with its value, as FIELD=VALUE; kata stands for the identifiers of Kata's programs and of container runtimes, all for every entry.",
		set:  func(o *Options, v value) (err error) { o.Input.Filters, err = journalMatches(v.list); return err },
	},
	{
		Name: "db", Kind: String, Only: InputPlugin,
		Help: "File that keeps how far the journal was read, for the next start; without it reading starts anew.",
		set:  func(o *Options, v value) error { o.Input.DB = v.text; return nil },
	},
	{
		Name: "read_from_tail", Kind: Bool, Default: "off", Only: InputPlugin,
		Help: "Where no position is kept, start with what comes from now on instead of with the first entry.",
		set:  func(o *Options, v value) error { o.Input.ReadFromTail = v.on; return nil },
	},
	{
		Name: "max_batch", Kind: Size, Default: "4M", Min: 64 << 10, Max: 64 << 20, Only: InputPlugin,
		Help: "Read about this much at a time, before parsing. Fluent Bit asks once a second, so it is the most per second, too.",
		set:  func(o *Options, v value) error { o.Input.MaxBatch = v.num; return nil },
	},
	{
		Name: "lowercase", Kind: Bool, Default: "off", Only: InputPlugin,
		Help: "Write the names of the journal's fields in lower case.",
		set:  func(o *Options, v value) error { o.Input.Lowercase = v.on; return nil },
	},
	{
		Name: "strip_underscores", Kind: Bool, Default: "off", Only: InputPlugin,
		Help: "Leave out the first underscore of the journal's fields.",
		set:  func(o *Options, v value) error { o.Input.StripUnderscores = v.on; return nil },
	},
}

// journalMatches parses the list systemd_filter. It returns nil for all entries.
func journalMatches(list []string) (matches []JournalMatch, err error) {
	if len(list) == 0 {
		return nil, errors.New("it is empty; all reads every entry")
	}
	all := false
	for _, text := range list {
		field, value, ok := strings.Cut(text, "=")
		switch {
		case text == "all":
			all = true
		case text == "kata":
			for _, id := range Identifiers {
				matches = append(matches, JournalMatch{"SYSLOG_IDENTIFIER", id})
			}
		case !ok || !isJournalField(field):
			return nil, fmt.Errorf("%q is neither FIELD=VALUE nor kata nor all", text)
		default:
			matches = append(matches, JournalMatch{field, value})
		}
	}
	if all {
		return nil, nil
	}
	return matches, nil
}

// isJournalField reports whether journald takes a name for a field's: capital letters, digits and
// underscores, no digit at the start, at most 64.
func isJournalField(name string) bool {
	if name == "" || len(name) > 64 || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	return strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}
