//go:build e2e

package e2e

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// appendExport appends a journal entry in the journal export format.
func appendExport(b []byte, usec int64, record map[string]any) []byte {
	b = fmt.Appendf(b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%[1]d\n", usec)
	for _, key := range slices.Sorted(maps.Keys(record)) {
		value := record[key].(string)
		b = append(b, key...)
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' }) {
			// A value with newlines or binary data: its size, then its bytes.
			b = binary.LittleEndian.AppendUint64(append(b, '\n'), uint64(len(value)))
		} else {
			b = append(b, '=')
		}
		b = append(append(b, value...), '\n')
	}
	return append(b, '\n')
}

// journal writes a journal file from the export format and returns its directory.
func journal(t *testing.T, export []byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	writeJournal(t, filepath.Join(dir, "e2e.journal"), export)
	return dir
}

func writeJournal(t *testing.T, path string, export []byte) {
	t.Helper()
	cmd := exec.Command(journalRemote, "-o", path, "-")
	cmd.Stdin = bytes.NewReader(export)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}
