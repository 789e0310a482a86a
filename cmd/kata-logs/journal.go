package main

import (
	"errors"

	"github.com/kata-logs/fluent-bit-kata/internal/logs"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/input"
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

// openJournal opens the files of a journal.
func openJournal(s *input.Source, file uint32) (logs.Reader, error) {
	return nil, &input.Error{Name: s.Journal[0], Err: errors.New("journald's own files are not supported yet; pass what journalctl -o export prints")}
}
