package main

import (
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/logs"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/input"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/journald"
)

// joinJournals makes one source of all journals, since their entries have one order.
func joinJournals(list []*input.Source, paths []string) (out []*input.Source) {
	for _, s := range list {
		if len(s.Journal) > 0 {
			paths = append(paths, s.Journal...)
			continue
		}
		out = append(out, s)
	}
	if len(paths) > 0 {
		out = append(out, &input.Source{Name: "journal", Listed: true, Journal: paths})
	}
	return out
}

// journalOpener returns what opens journals, from a time on. A journal that is followed starts now if
// no time is given.
func (a *app) journalOpener(since int64) logs.Opener {
	if a.flags.follow && since == 0 {
		since = time.Now().UnixNano()
	}
	told := map[string]bool{} // each file is opened twice
	return func(s *input.Source, file uint32) (logs.Reader, error) {
		return journald.Open(s, file, since, a.flags.follow, func(err error) {
			if !told[err.Error()] {
				told[err.Error()] = true
				a.notRead(err)
			}
		})
	}
}
