package limit

import (
	"testing"
	"time"
)

func TestLines(t *testing.T) {
	var l Lines
	start := time.Unix(1582281087, 0)
	for _, step := range []struct {
		after time.Duration
		held  string
		due   bool
	}{
		{0, "", true},
		{0, "", false},
		{time.Second, "", false},
		{time.Minute - 1, "", false},
		{time.Minute, " (3 more since the last such line)", true},
		{time.Minute + 1, "", false},
		{2*time.Minute - 1, "", false},
		{2 * time.Minute, " (2 more since the last such line)", true},
		{10 * time.Minute, "", true},
		{10*time.Minute + 1, "", false},
		{time.Hour, " (1 more since the last such line)", true},
	} {
		if held, due := l.Due(start.Add(step.after)); held != step.held || due != step.due {
			t.Errorf("after %v: %q, %v, want %q, %v", step.after, held, due, step.held, step.due)
		}
	}
}
