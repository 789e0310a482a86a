package gen

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// AppendExport appends the record as an entry in the journal export format, from which
// systemd-journal-remote makes a journal (systemd, docs/JOURNAL_EXPORT_FORMATS.md). Its time is
// the record's, in microseconds.
func (r *Record) AppendExport(dst []byte) []byte {
	dst = fmt.Appendf(dst, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%[1]d\n", uint64(r.Sec)*1_000_000+uint64(r.Nsec)/1000)
	for _, f := range r.Fields {
		dst = append(dst, f.Key...)
		if strings.ContainsFunc(f.Value, func(c rune) bool { return c < ' ' }) {
			// A value with newlines or binary data: its size, then its bytes.
			dst = binary.LittleEndian.AppendUint64(append(dst, '\n'), uint64(len(f.Value)))
		} else {
			dst = append(dst, '=')
		}
		dst = append(append(dst, f.Value...), '\n')
	}
	return append(dst, '\n')
}
