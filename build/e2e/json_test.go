//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// decodeJSON keeps numbers as they are written.
func decodeJSON(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(v)
}

// plain turns JSON's numbers into those that msgpack has: int64 and float64.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}

// jsonRecord reads a record, its numbers as they are written.
func jsonRecord(t *testing.T, line string) (record map[string]any) {
	t.Helper()
	if err := decodeJSON([]byte(line), &record); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return record
}

// jsonEvents reads records with their times, which are under the name date:
// seconds, or text as in RFC 3339.
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
		events = append(events, event{time: at, body: plain(body).(map[string]any)})
	}
	return events
}
