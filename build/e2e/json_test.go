//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
)

// jsonRecord decodes a record, with numbers as json.Number.
func jsonRecord(t *testing.T, line string) (record map[string]any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&record); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return record
}

// jsonEvents decodes records with their times under the name date: seconds, or text as in
// RFC 3339.
func jsonEvents(t *testing.T, lines []string, date string) (events []event) {
	t.Helper()
	for _, line := range lines {
		body := jsonRecord(t, line)
		at := fmt.Sprint(body[date])
		if text, ok := body[date].(string); ok {
			moment, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				t.Fatal(err)
			}
			at = fmt.Sprintf("%d.%09d", moment.Unix(), moment.Nanosecond())
		}
		delete(body, date)
		events = append(events, event{time: at, body: contract.Numbers(body).(map[string]any)})
	}
	return events
}
