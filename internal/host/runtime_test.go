package host

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// A call of either library allocates nothing of Go's once its memory is there: the
// heap stays as it is, and the collector has nothing to do. What the runtime
// does now and then by itself is not in every call.
func TestCallsDoNotAllocate(t *testing.T) {
	path := file(t, append(read(t, contract), read(t, chunk(t, message("info"), "katatest:runtime"))...))
	for _, mode := range []string{"filter", "output"} {
		const calls = 40
		r := run(t, current, "-q", "--log-level", "error", "--metrics", "--repeat", fmt.Sprint(calls), breaking[mode], path)
		none, told := strings.Count(r.log, "allocations: 0,"), strings.Count(r.log, "allocations: ")
		if told != calls || none < calls/2 {
			t.Errorf("%s: %d of %d calls allocated nothing: %s", mode, none, told, r.log)
		}
	}
}

// Go's threads may be late, so that they do not keep a processor awake; the
// host's are as they were: it looks itself.
func TestTimerSlack(t *testing.T) {
	if _, _, err := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_TIMERSLACK, 0, 0); err != 0 {
		t.Skip("this kernel knows no timer slack: ", err)
	}
	everyHost(t, func(t *testing.T, host string) {
		if r := run(t, host, "-q", "--log-level", "error", "--reinit", "1", breaking["filter"], chunk(t, "katatest:runtime")); r.code != 0 || strings.Count(r.log, ", slack: 20000000\n") != 2 {
			t.Errorf("answered %d: %s", r.code, r.log)
		}
	})
}
