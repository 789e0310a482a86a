package gen

import "testing"

func TestAppendExport(t *testing.T) {
	r := Record{Sec: 5, Nsec: 6000, Fields: []Pair{{"MESSAGE", "a=b"}, {"TWO_LINES", "x\ny"}, {"EMPTY", ""}}}
	const want = "before\n__REALTIME_TIMESTAMP=5000006\n__MONOTONIC_TIMESTAMP=5000006\nMESSAGE=a=b\n" +
		"TWO_LINES\n\x03\x00\x00\x00\x00\x00\x00\x00x\ny\nEMPTY=\n\n"
	if got := string(r.AppendExport([]byte("before\n"))); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
