//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestRewriteTag has a filter that drops duplicates process records twice: rewrite_tag emits them
// again, and they pass all filters again. Only the copy that the shim itself wrote is a
// duplicate.
func TestRewriteTag(t *testing.T) {
	t.Parallel()
	const config = classicService + classicJournal + `
[FILTER]
    Name        kata
    Match       *
    Duplicates  drop

[FILTER]
    Name   rewrite_tag
    Match  kata
    Rule   ${MESSAGE}  .  again  false
` + classicForward
	const n = 1000
	// The shim's two copies of a line differ in the zeros that end its time.
	type copied struct{ identifier, layout string }
	shim := copied{"kata", time.RFC3339Nano}
	containerd := copied{"containerd", "2006-01-02T15:04:05.000000000Z07:00"}
	start := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for _, c := range []struct {
		name   string
		copies []copied // of each line
	}{
		{"distinct", []copied{shim}},
		{"pairs", []copied{containerd, shim}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var export []byte
			var want []string
			usec := int64(journalStart)
			for i := range n {
				at := start.Add(time.Duration(i+1) * 10)
				want = append(want, fmt.Sprintf("%d.%09d", at.Unix(), at.Nanosecond()))
				for _, copied := range c.copies {
					export = appendExport(export, usec, map[string]any{
						"_BOOT_ID":          bootID,
						"SYSLOG_IDENTIFIER": copied.identifier,
						"MESSAGE": fmt.Sprintf(`time="%s" level=info msg="release sandbox" name=containerd-shim-v2 pid=4242 sandbox=55bb source=virtcontainers`,
							at.Format(copied.layout)),
					})
					usec++
				}
			}
			events := untilLast(t, "fluent-bit.conf", config, vars{
				"JOURNAL": journal(t, appendLast(export, usec)),
				"MESSAGE": "$MESSAGE",
			})
			var times []string
			for _, e := range events {
				if e.tag != "again" {
					t.Fatalf("rewrite_tag did not emit %v", e)
				}
				if e.body["SYSLOG_IDENTIFIER"] != c.copies[0].identifier {
					t.Errorf("%v is the second copy", e.body)
				}
				times = append(times, e.time)
			}
			if slices.Sort(times); !slices.Equal(times, want) {
				t.Errorf("%d records of %d lines came out", len(times), n)
			}
		})
	}
}
