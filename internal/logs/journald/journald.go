// Package journald reads journald's files for kata-logs: it is all that kata-logs has of package
// journal. Of the entries it gives those of Kata's programs, of container runtimes and of kubelet.
package journald

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/kata-logs/fluent-bit-kata/internal/journalfields"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/input"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/lines"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/internal/options"
	"github.com/kata-logs/fluent-bit-kata/journal"
)

// Identifiers are the programs whose entries are read, by SYSLOG_IDENTIFIER: those that the input
// kata reads, and some more.
var Identifiers = append(slices.Clone(options.Identifiers), "virtiofsd", "k3s", "rke2", "kubelet")

// Local are the folders of the journal of this machine.
var Local = []string{"/var/log/journal", "/run/log/journal"}

// ErrNoEntries is the error for a journal without entries.
var ErrNoEntries = errors.New("the journal has no entries of Kata's programs or of a container runtime; reading it may need root or the group systemd-journal")

// Reader gives the entries of a journal as records. It is a logs.Reader.
type Reader struct {
	r       *journal.Reader
	name    string
	file    uint32
	entry   lines.Entry
	number  []byte
	entries uint64
	follow  bool
}

// Open opens the journals of a source. since, in nanoseconds since 1970, is where it starts, if that
// is not 0. damaged is called for files that cannot be read, or not to their end. With follow a
// journal without entries is no error.
func Open(s *input.Source, file uint32, since int64, follow bool, damaged func(error)) (*Reader, error) {
	r, err := journal.Open(s.Journal, journal.Options{
		MaxField: record.MaxLine, MaxEntry: 4 * record.MaxLine,
		Damaged: func(path string, err error) { damaged(&input.Error{Name: path, Err: err}) },
	})
	if err != nil {
		return nil, &input.Error{Name: s.Name, Err: err}
	}
	for _, id := range Identifiers {
		r.Match(journalfields.SyslogIdentifier.String(), id)
	}
	if since > 0 {
		r.SeekRealtime(uint64(since) / 1000)
	}
	return &Reader{r: r, name: s.Name, file: file, follow: follow}, nil
}

// Read appends the records of entries with about limit bytes.
func (r *Reader) Read(b []byte, limit int) ([]byte, error) {
	for end := len(b) + limit; len(b) < end; {
		if !r.r.Next() {
			if r.entries == 0 && !r.follow {
				return b, &input.Error{Name: r.name, Err: ErrNoEntries}
			}
			return b, io.EOF
		}
		r.entries++
		e := r.r.Entry()
		r.entry.Reset()
		r.number = strconv.AppendUint(r.number[:0], e.Realtime, 10)
		r.entry.Add([]byte("__REALTIME_TIMESTAMP"), r.number)
		flags := record.Flags(0)
		fields := e.Fields()
		for i := range fields {
			r.entry.Add(fields[i].Name, fields[i].Value)
			if fields[i].Truncated {
				flags |= record.Torn
			}
		}
		if e.Damaged {
			flags |= record.Torn
		}
		b = r.entry.Append(b, record.Position{File: r.file, Line: r.entries, Flags: flags})
	}
	return b, nil
}

// Wait waits until there may be another entry.
func (r *Reader) Wait(ctx context.Context) error { return r.r.Wait(ctx) }

// Close closes the files.
func (r *Reader) Close() error {
	r.r.Close()
	return nil
}
