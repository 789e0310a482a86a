package collect

import "github.com/kata-logs/fluent-bit-kata/internal/transform"

// Metrics returns the metrics of the input, whose numbers are those of Numbers.
func Metrics() []transform.Metric {
	return []transform.Metric{
		{Name: "journal_entries_total", Help: "Entries of the journal that were read."},
		{Name: "journal_files_total", Help: "Files of the journal with a problem.", Label: "problem", Values: []string{"damaged", "refused", "vanished"}},
		{Name: "journal_lost_total", Help: "What could not be read of the journal: entries, fields, and the ends of fields that are too long.", Label: "what", Values: []string{"entries", "fields", "ends"}},
		{Name: "journal_position_timestamp_seconds", Help: "Time of the last entry that was read.", Gauge: true},
	}
}

// Numbers appends the numbers of Metrics to to. It may be called by any goroutine.
func (c *Collector) Numbers(to []uint64) []uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.stats
	return append(to, s.Entries, s.DamagedFiles, s.RefusedFiles, s.VanishedFiles,
		s.LostEntries+s.DamagedEntries, s.DamagedFields, s.TruncatedFields, c.time/1e6)
}
