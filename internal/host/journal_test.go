package host

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// journalTime is the time of the first entry of a journal of the tests, in microseconds.
const journalTime = 1582281087810781

// entries returns one entry for each message, of the program kata.
func entries(messages ...string) (all [][]string) {
	for _, m := range messages {
		all = append(all, []string{"SYSLOG_IDENTIFIER=kata", "MESSAGE=" + m})
	}
	return all
}

// journal writes a journal file with these entries, given as lists of FIELD=VALUE, one second
// apart, and returns its directory. It has what is read in order, and nothing to search by, so
// that it is read with systemd_filter=all only; package journal tests the whole format.
func journal(t *testing.T, all ...[]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "test.journal"), journalFile(all), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// journalFile returns the bytes of a journal file.
func journalFile(all [][]string) []byte {
	const (
		header, dataObject, entryObject, dataTable, fieldTable, entryArray = 272, 1, 3, 4, 5, 6
	)
	le := binary.LittleEndian
	b := append([]byte(nil), make([]byte, header)...)
	var last uint64
	count := map[byte]uint64{}
	object := func(kind byte, payload []byte) uint64 {
		b = append(b, make([]byte, -len(b)&7)...)
		last = uint64(len(b))
		b = append(b, kind, 0, 0, 0, 0, 0, 0, 0)
		b = append(le.AppendUint64(b, uint64(16+len(payload))), payload...)
		count[kind]++
		return last
	}
	table := make([]byte, 7*16) // of empty chains
	fields := object(fieldTable, table)
	data := object(dataTable, table)
	array := []byte{7: 0}
	offsets := map[string]uint64{}
	boot := []byte("boot id of tests")
	for i, entry := range all {
		var items []byte
		for _, field := range entry {
			if offsets[field] == 0 {
				offsets[field] = object(dataObject, append(make([]byte, 48), field...))
			}
			items = le.AppendUint64(le.AppendUint64(items, offsets[field]), 0)
		}
		var e []byte
		for _, v := range []uint64{uint64(i + 1), journalTime + uint64(i)*1e6, uint64(i+1) * 1e6} {
			e = le.AppendUint64(e, v)
		}
		e = append(append(append(e, boot...), make([]byte, 8)...), items...)
		array = le.AppendUint64(array, object(entryObject, e))
	}
	first := object(entryArray, array)
	b = append(b, make([]byte, -len(b)&7)...)

	n := uint64(len(all))
	copy(b, "LPKSHHRH")
	copy(b[24:], "file id of tests")
	copy(b[40:], "machine of tests")
	copy(b[56:], boot)
	copy(b[72:], "sequence numbers")
	var objects uint64
	for _, k := range count {
		objects += k
	}
	for i, v := range []uint64{
		header, uint64(len(b)) - header, data + 16, uint64(len(table)), fields + 16, uint64(len(table)),
		last, objects, n, n, 1, first, journalTime, journalTime + (n-1)*1e6, n * 1e6,
		count[dataObject], 0, 0, count[entryArray],
	} {
		le.PutUint64(b[88+8*i:], v)
	}
	return b
}
