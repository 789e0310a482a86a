package main

import (
	"math"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	now := time.Date(2024, 5, 6, 12, 30, 0, 0, zone)
	for text, want := range map[string]string{
		"2024-05-06 07:08:09":       "2024-05-06T07:08:09+02:00",
		"2024-05-06 07:08:09.25":    "2024-05-06T07:08:09.25+02:00",
		"2024-05-06T07:08:09":       "2024-05-06T07:08:09+02:00",
		"2024-05-06 07:08":          "2024-05-06T07:08:00+02:00",
		"2024-05-06":                "2024-05-06T00:00:00+02:00",
		"2024-05-06T07:08:09.5Z":    "2024-05-06T07:08:09.5Z",
		"2024-05-06 07:08:09+01:00": "2024-05-06T07:08:09+01:00",
		"07:08":                     "2024-05-06T07:08:00+02:00",
		"07:08:09":                  "2024-05-06T07:08:09+02:00",
		"now":                       "2024-05-06T12:30:00+02:00",
		"today":                     "2024-05-06T00:00:00+02:00",
		"yesterday":                 "2024-05-05T00:00:00+02:00",
		"tomorrow":                  "2024-05-07T00:00:00+02:00",
		"-1h30m":                    "2024-05-06T11:00:00+02:00",
		"2d ago":                    "2024-05-04T12:30:00+02:00",
		"1w 1d ago":                 "2024-04-28T12:30:00+02:00",
		"10 min ago":                "2024-05-06T12:20:00+02:00",
		"+5m":                       "2024-05-06T12:35:00+02:00",
		"@1714979289.5":             "2024-05-06T07:08:09.5Z",
	} {
		got, err := parseTime(text, now)
		w, e := time.Parse(time.RFC3339Nano, want)
		if err != nil || e != nil || !got.Equal(w) {
			t.Errorf("%s: %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "soon", "1h", "--1h", "-", "ago", "25:00", "2024-13-01", "@x", "@-1", "-1x", "1d2x ago", "1000000w ago", "-99999999h", "@1e300", "@nan"} {
		if got, err := parseTime(text, now); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
	for year, want := range map[int]int64{1: 0, 1969: 0, 1970: 0, 9999: math.MaxInt64} {
		if got := nanoseconds(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)); got != want {
			t.Errorf("year %d: %d, want %d", year, got, want)
		}
	}
	if boot, err := parseTime("boot", now); err != nil || boot.After(time.Now()) {
		t.Errorf("boot: %v, %v", boot, err)
	}
}
