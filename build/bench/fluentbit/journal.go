package fluentbit

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kata-logs/fluent-bit-kata/internal/gen"
)

// journal writes a real journal of records as in the how-to.
func (b *Bench) journal(records int) error {
	remote := os.Getenv("SYSTEMD_JOURNAL_REMOTE")
	for _, path := range []string{"systemd-journal-remote", "/usr/lib/systemd/systemd-journal-remote", "/lib/systemd/systemd-journal-remote"} {
		if full, err := exec.LookPath(path); err == nil && remote == "" {
			remote = full
		}
	}
	if remote == "" {
		return fmt.Errorf("systemd-journal-remote is needed to make a journal (SYSTEMD_JOURNAL_REMOTE=/path/to/it)")
	}
	dir := filepath.Join(b.dir, "journal")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	cmd := exec.Command(remote, "-o", filepath.Join(dir, "bench.journal"), "-")
	export, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	var errs strings.Builder
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		return err
	}
	werr := writeExport(export, records)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, errs.String())
	}
	return werr
}

// writeExport writes records in the journal export format. Flush returns the first error.
func writeExport(to io.WriteCloser, records int) error {
	defer func() { _ = to.Close() }()
	g := gen.New(1, 100)
	g.Mode = gen.Logfmt
	w := bufio.NewWriterSize(to, 1<<16)
	var entry []byte
	for range records {
		r := g.Record()
		entry = r.AppendExport(entry[:0])
		_, _ = w.Write(entry)
	}
	return w.Flush()
}
