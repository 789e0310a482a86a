//go:build integration

package integration

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/gen"
)

// recordKind is what the records of a case are.
type recordKind string

const (
	// numbered is logfmt as in Kata's how-to; each record has its number in the field SEQUENCE.
	numbered recordKind = "numbered"
	// conflicting is the same with a field CONFLICT, which is no number in one record of a hundred.
	conflicting recordKind = "conflicting"
	// identical has ten equal records in a row, ten microseconds apart from the next ten,
	// and no numbers.
	identical recordKind = "identical"
	// mixed is numbered, with the records of all programs.
	mixed recordKind = "mixed"
)

// conflicts reports whether a record's field CONFLICT is no number.
func conflicts(number int) bool { return number%100 == 50 }

// sequence finds the number of a record in JSON, also in JSON within a JSON string.
var sequence = regexp.MustCompile(`"SEQUENCE\\*":\s*\\*"(\d+)`)

// sequenceOf returns the number of a stored record, or 0.
func sequenceOf(source []byte) int {
	m := sequence.FindSubmatch(source)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

// each calls f with records of a kind.
func each(kind recordKind, count int, f func(gen.Record)) {
	g := gen.New(1, 100)
	if kind != mixed {
		g.Mode = gen.Logfmt
	}
	var r gen.Record
	for i := range count {
		if kind != identical || i%10 == 0 {
			r = g.Record()
		}
		switch kind {
		case conflicting:
			value := "17"
			if conflicts(i + 1) {
				value = "no number"
			}
			r.Fields = append(r.Fields, gen.Pair{Key: "CONFLICT", Value: value})
			fallthrough
		case numbered, mixed:
			r.Fields = append(r.Fields, gen.Pair{Key: "SEQUENCE", Value: strconv.Itoa(i + 1)})
		}
		f(r)
	}
}

var (
	made   = map[string]string{} // by name, the paths in scratch
	making sync.Mutex
)

// once returns the path of a directory in scratch with this name, which make fills if it is not
// there.
func once(t *testing.T, name string, fill func(dir string) error) string {
	t.Helper()
	making.Lock()
	defer making.Unlock()
	if made[name] == "" {
		dir := filepath.Join(scratch, name)
		if err := errors.Join(os.Mkdir(dir, 0o755), fill(dir)); err != nil {
			t.Fatal(err)
		}
		made[name] = dir
	}
	return made[name]
}

// journal returns the directory of a journal of records.
func journal(t *testing.T, kind recordKind, count int) string {
	t.Helper()
	return once(t, fmt.Sprintf("journal-%s-%d", kind, count), func(dir string) error {
		remote, err := journalRemote()
		if err != nil {
			return err
		}
		cmd := exec.Command(remote, "-o", filepath.Join(dir, "integration.journal"), "-")
		export, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		var errs strings.Builder
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			return err
		}
		written := writeExport(export, kind, count)
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("%v: %w\n%s", cmd, err, errs.String())
		}
		return written
	})
}

func journalRemote() (string, error) {
	if path := os.Getenv("SYSTEMD_JOURNAL_REMOTE"); path != "" {
		return exec.LookPath(path)
	}
	for _, path := range []string{"systemd-journal-remote", "/usr/lib/systemd/systemd-journal-remote", "/lib/systemd/systemd-journal-remote"} {
		if full, err := exec.LookPath(path); err == nil {
			return full, nil
		}
	}
	return "", errors.New("systemd-journal-remote is needed to make a journal (SYSTEMD_JOURNAL_REMOTE=/path/to/it)")
}

// writeExport writes records in the journal export format.
func writeExport(to io.WriteCloser, kind recordKind, count int) error {
	w := bufio.NewWriterSize(to, 1<<16)
	var entry []byte
	each(kind, count, func(r gen.Record) {
		entry = r.AppendExport(entry[:0])
		_, _ = w.Write(entry) // Flush returns the first error
	})
	return errors.Join(w.Flush(), to.Close())
}

// chunkSize is about the size of the systemd input's chunks.
const chunkSize = 1 << 20

// chunks returns the paths of files with the records as Fluent Bit's systemd input passes them.
func chunks(t *testing.T, kind recordKind, count int) []string {
	t.Helper()
	dir := once(t, fmt.Sprintf("chunks-%s-%d", kind, count), func(dir string) (err error) {
		var chunk []byte
		files := 0
		flush := func() {
			if len(chunk) > 0 {
				err = errors.Join(err, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d", files)), chunk, 0o644))
				chunk = chunk[:0]
				files++
			}
		}
		each(kind, count, func(r gen.Record) {
			chunk = appendEvent(chunk, r)
			if len(chunk) >= chunkSize {
				flush()
			}
		})
		flush()
		return err
	})
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no chunks: %v", err)
	}
	return paths
}

// appendEvent appends a log event of a chunk.
func appendEvent(b []byte, r gen.Record) []byte {
	b = append(b, 0x92, 0x92, 0xd7, 0x00)
	b = binary.BigEndian.AppendUint32(b, r.Sec)
	b = binary.BigEndian.AppendUint32(b, r.Nsec)
	b = append(b, 0x80, 0xde)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.Fields)))
	for _, f := range r.Fields {
		for _, s := range []string{f.Key, f.Value} {
			b = append(b, 0xdb)
			b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
			b = append(b, s...)
		}
	}
	return b
}
