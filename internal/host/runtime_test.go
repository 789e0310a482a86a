package host

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// In steady state a call of either library does no allocation in Go. The runtime itself may
// allocate now and then, so some calls may have one.
func TestAllocations(t *testing.T) {
	path := file(t, append(read(t, contract), read(t, chunk(t, message("info"), "katatest:runtime"))...))
	for _, mode := range []string{"filter", "output"} {
		const calls = 40
		r := run(t, current, "-q", "--log-level", "error", "--metrics", "--repeat", fmt.Sprint(calls), breaking[mode], path)
		none, all := strings.Count(r.log, "allocations: 0,"), strings.Count(r.log, "allocations: ")
		if all != calls || none < calls/2 {
			t.Errorf("%s: %d of %d calls allocated nothing: %s", mode, none, all, r.log)
		}
	}
}

// The Go runtime's threads have a long timer slack; the stand-in checks that its own threads'
// is unchanged.
func TestTimerSlack(t *testing.T) {
	if _, _, err := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_TIMERSLACK, 0, 0); err != 0 {
		t.Skip("this kernel knows no timer slack: ", err)
	}
	everyStandIn(t, func(t *testing.T, standIn string) {
		if r := run(t, standIn, "-q", "--log-level", "error", "--reinit", "1", breaking["filter"], chunk(t, "katatest:runtime")); r.code != 0 || strings.Count(r.log, ", slack: 20000000\n") != 2 {
			t.Errorf("exit code %d: %s", r.code, r.log)
		}
	})
}
