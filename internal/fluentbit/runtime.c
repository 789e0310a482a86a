/*
 * The timer slack of the Go runtime's threads, which makes the runtime cheaper in
 * a program that calls it now and then.
 *
 * When a call comes after a pause, Go's monitor thread (sysmon) wakes up every 20
 * microseconds, fifty times, then less and less often: in all a quarter of what
 * this library cost. With a timer slack of 20 milliseconds the kernel wakes it up
 * together with others. What is late then is what only sysmon does: to retake the
 * P of a thread that has left Go. No thread waits for that (see runtime.go).
 *
 * The slack is longer than the pauses between the calls of a busy input, so that
 * there is mostly nothing to retake: with 10 milliseconds that and the threads that
 * sysmon woke cost 0.2 microseconds a record, with 20 it is 0.08. More would cost
 * less still, but if there are more threads than Ps, some do wait: with 24 threads
 * calls take twice as long at 50.
 *
 * A thread inherits its timer slack from the thread that creates it, so it is set
 * around the start of the runtime, which is one of the library's constructors:
 * those with a priority run first, the others in the order of linking, in which
 * Go's are before these. If that changed, the slack would just not be set.
 */
#include <sys/prctl.h>

static int of_caller;

__attribute__((constructor(101))) static void before_go(void)
{
    of_caller = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    if (of_caller > 0) {
        prctl(PR_SET_TIMERSLACK, 20000000, 0, 0, 0);
    }
}

__attribute__((constructor)) static void after_go(void)
{
    if (of_caller > 0) {
        prctl(PR_SET_TIMERSLACK, of_caller, 0, 0, 0);
    }
}
