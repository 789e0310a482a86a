package parser

import (
	"regexp"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	for _, text := range []string{
		"2020-02-21T10:31:27.810781647Z", "2019-05-06T07:08:09.12Z", "2020-05-06T07:08:09.94243328+08:00",
		"2021-05-06 07:08:09.123456000Z", "1969-12-31T23:59:59.5Z", "2000-02-29T00:00:00-03:30",
		"2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
		"1900-03-01T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:60Z",
		"2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-01-00T00:00:00Z", "2024-01-01T00:00:00",
		"2024-01-01T00:00:00.Z", "2024-01-01T00:00:00.1234567891Z", "2024-01-01T00:00:00+0800", "", "yesterday",
		"2024-01-01T00:00:00.5+24:60", "2024-01-01T00:00:00.5+25:00", "2024-01-01T00:00:00,5Z", "2024-01-01T00:00:00z",
		"0000-01-01  0:00:00+00:00", "2024-01-01T0:00:00Z",
	} {
		checkTime(t, text)
	}
}

// strictTime is the form that is read. time.Parse accepts more: an hour of one
// digit, and several blanks where its layout has one.
var strictTime = regexp.MustCompile(`^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)$`)

// checkTime compares parseTime with time.Parse.
func checkTime(t *testing.T, text string) {
	t.Helper()
	layout := time.RFC3339Nano
	if len(text) > 10 && text[10] == ' ' {
		layout = "2006-01-02 15:04:05.999999999Z07:00"
	}
	want, err := time.Parse(layout, text)
	got, ok := parseTime([]byte(text))
	if !strictTime.MatchString(text) {
		if ok {
			t.Errorf("parseTime(%q) took what nobody writes", text)
		}
		return
	}
	if ok != (err == nil) {
		t.Fatalf("parseTime(%q) = %v, time.Parse says %v", text, ok, err)
	}
	if ok && (got.Sec != want.Unix() || got.Nsec != uint32(want.Nanosecond())) {
		t.Fatalf("parseTime(%q) = %d.%09d, time.Parse says %d.%09d", text, got.Sec, got.Nsec, want.Unix(), want.Nanosecond())
	}
}

func FuzzTime(f *testing.F) {
	f.Add("2020-02-21T10:31:27.810781647Z")
	f.Add("2020-05-06T07:08:09.94243328+08:00")
	f.Add("2021-05-06 07:08:09.123456000Z")
	f.Fuzz(checkTime)
}
