package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kata-logs/fluent-bit-kata/internal/logs/choose"
	"github.com/kata-logs/fluent-bit-kata/internal/logs/record"
	"github.com/kata-logs/fluent-bit-kata/parser"
)

// Stats counts what the sources write, and which messages come most.
type Stats struct {
	Names *choose.Names
	Top   int // how many messages are shown

	sources  map[string]*Volume
	messages map[string]*Frequent
	buf      []byte
}

// Volume is how much one source wrote at one level. A guest's sources start with "guest:".
type Volume struct {
	Source  string `json:"source"`
	Level   string `json:"level"`
	Records uint64 `json:"records"`
	Bytes   uint64 `json:"bytes"` // of messages
}

// Frequent is a message that came often: ids and numbers in it are '#'.
type Frequent struct {
	Message string `json:"message"`
	Source  string `json:"source"`
	Records uint64 `json:"records"`
}

// Of sources and messages no more than these are told apart: the rest is counted as "(others)".
// A guest may write any number of different ones.
const (
	maxVolumes    = 4096
	maxMessages   = 1 << 15
	maxMessageLen = 200
	others        = "(others)"
)

// Record takes a record.
func (s *Stats) Record(r *record.Record) error {
	if s.sources == nil {
		s.sources, s.messages = map[string]*Volume{}, map[string]*Frequent{}
	}
	level := "unknown"
	if rank := s.Names.Rank(r); rank >= 0 {
		level = parser.Levels[rank]
	}
	source := s.Names.Program(r)
	b := s.buf[:0]
	if r.Bool(s.Names.Guest) {
		b = append(b, "guest:"...)
	}
	b = append(b, source[:min(len(source), maxMessageLen)]...)
	end := len(b)
	b = append(append(b, 0), level...)
	v := s.sources[string(b)]
	if v == nil {
		if len(s.sources) >= maxVolumes {
			b = append(append(b[:0], others...), 0)
			end = len(others)
			b = append(b, level...)
			v = s.sources[string(b)]
		}
		if v == nil {
			v = &Volume{Source: string(b[:end]), Level: level}
			s.sources[string(b)] = v
		}
	}
	msg := s.Names.Message(r)
	v.Records++
	v.Bytes += uint64(len(msg))

	b = append(b[:end], 0)
	b = appendPattern(b, msg[:min(len(msg), maxMessageLen)])
	f := s.messages[string(b)]
	if f == nil {
		if len(s.messages) >= maxMessages {
			b, end = append(append(b[:0], 0), others...), 0
			f = s.messages[string(b)]
		}
		if f == nil {
			f = &Frequent{Source: string(b[:end]), Message: string(b[end+1:])}
			s.messages[string(b)] = f
		}
	}
	f.Records++
	s.buf = b
	return nil
}

// appendPattern appends a message with '#' for each number and for each word that is an id: eight
// or more hexadecimal digits.
func appendPattern(b, msg []byte) []byte {
	for i := 0; i < len(msg); {
		if !isWord(msg[i]) {
			b = append(b, msg[i])
			i++
			continue
		}
		start, digits, hex := i, 0, true
		for ; i < len(msg) && isWord(msg[i]); i++ {
			c := msg[i]
			if '0' <= c && c <= '9' {
				digits++
			} else if (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				hex = false
			}
		}
		word := msg[start:i]
		switch {
		case digits == 0:
			b = append(b, word...)
		case digits == len(word), hex && len(word) >= 8:
			b = append(b, '#')
		default: // a number inside a word
			in := false
			for _, c := range word {
				if '0' <= c && c <= '9' {
					if !in {
						b = append(b, '#')
					}
					in = true
					continue
				}
				in = false
				b = append(b, c)
			}
		}
	}
	return b
}

func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}

// Volumes returns the volumes, the largest first.
func (s *Stats) Volumes() []*Volume {
	list := make([]*Volume, 0, len(s.sources))
	for _, v := range s.sources {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b *Volume) int {
		return cmp.Or(cmp.Compare(b.Records, a.Records), strings.Compare(a.Source, b.Source), strings.Compare(a.Level, b.Level))
	})
	return list
}

// Messages returns the most frequent messages.
func (s *Stats) Messages() []*Frequent {
	list := make([]*Frequent, 0, len(s.messages))
	for _, f := range s.messages {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b *Frequent) int {
		return cmp.Or(cmp.Compare(b.Records, a.Records), strings.Compare(a.Source, b.Source), strings.Compare(a.Message, b.Message))
	})
	return list[:min(len(list), s.Top)]
}

// WriteText writes two tables.
func (s *Stats) WriteText(w io.Writer) error {
	// Flush returns the error of any write.
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "RECORDS\tBYTES\tLEVEL\tSOURCE")
	for _, v := range s.Volumes() {
		_, _ = fmt.Fprintf(t, "%d\t%d\t%s\t%s\n", v.Records, v.Bytes, v.Level, named(v.Source))
	}
	_, _ = fmt.Fprintln(t, "\nRECORDS\tSOURCE\tMESSAGE")
	for _, f := range s.Messages() {
		_, _ = fmt.Fprintf(t, "%d\t%s\t%s\n", f.Records, named(f.Source), escaped(f.Message))
	}
	return t.Flush()
}

// named returns a source for a table, in which no column is empty.
func named(source string) string {
	if source == "" {
		return "-"
	}
	return escaped(source)
}

// WriteJSON writes the rows as one object a line, first the volumes.
func (s *Stats) WriteJSON(w io.Writer) error {
	if err := writeJSON(w, s.Volumes()); err != nil {
		return err
	}
	return writeJSON(w, s.Messages())
}
