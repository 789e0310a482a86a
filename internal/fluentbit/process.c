/*
 * The process that the library is loaded into: its functions, log and signals,
 * and whether it has forked since.
 */
#define _GNU_SOURCE
#include "fluentbit.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void (*log_print)(int level, const char *file, int line, const char *fmt, ...);

static pid_t loaded_by;
static int first_stderr = -1;   /* a duplicate of standard error, until an instance starts */
static struct sigaction before, of_go;

/* Go sets its handlers in a constructor that runs between these two; see runtime.c. */
__attribute__((constructor(101))) static void remember_signal(void)
{
    sigaction(SIGSEGV, NULL, &before);
}

__attribute__((constructor)) static void remember_process(void)
{
    loaded_by = getpid();
    first_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    sigaction(SIGSEGV, NULL, &of_go);
}

/* Returns whether a handler is a function of the program that loaded the library. */
static int is_of_program(const struct sigaction *action)
{
    Dl_info handler, program;

    return dladdr((void *) (uintptr_t) action->sa_sigaction, &handler) &&
           dladdr((void *) (uintptr_t) log_print, &program) && handler.dli_fbase == program.dli_fbase;
}

/*
 * Go turns the SIGSEGV of a nil pointer into a panic, which can be recovered
 * from, and forwards one that did not come from its own code to the handler that
 * was installed before. Fluent Bit installs its own handlers again on a hot
 * reload, and whenever it receives SIGCONT; from then on such a panic would end
 * the process. So Go's handler is installed again if Fluent Bit's has replaced
 * it, or that of a library that was loaded before this one: it forwards to
 * either. The handler of a library that was loaded later stays, since it forwards
 * to this one.
 */
void kata_keep_signal(void)
{
    struct sigaction now;

    if (sigaction(SIGSEGV, NULL, &now) != 0 || now.sa_sigaction == of_go.sa_sigaction) {
        return;
    }
    if (now.sa_sigaction == before.sa_sigaction || is_of_program(&now)) {
        sigaction(SIGSEGV, &of_go, NULL);
    }
}

/*
 * Fluent Bit's daemon mode forks after it has loaded its plugins. A fork copies
 * only the thread that called it: the child has the Go runtime's memory but none
 * of its threads, so that the first call into Go would hang, and SIGTERM would
 * not end it. So no Go function may be called there, not even to log the reason.
 *
 * The daemon also closes standard error, and without a log file it has no log.
 * The reason is written to a duplicate of standard error that was made before.
 */
int kata_forked(void)
{
    return getpid() != loaded_by;
}

int kata_lookup(void *slot, const char *name)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);

    memcpy(slot, &symbol, sizeof(symbol));
    return symbol ? 0 : -1;
}

int kata_find(void *slot, const char *name)
{
    if (kata_lookup(slot, name) != 0) {
        fprintf(stderr, "kata: this program has no function %s; Fluent Bit 2.2 or later is needed\n", name);
        return -1;
    }
    return 0;
}

int kata_may_register(void)
{
    static const char refusal[] =
        "kata does not run in daemon mode (-d, Daemon On): it would hang. "
        "Start Fluent Bit in the foreground and let systemd or a container run it\n";

    if (kata_find(&log_print, "flb_log_print") != 0) {
        return -1;
    }
    if (!kata_forked()) {
        return 0;
    }
    kata_log(KATA_LOG_ERROR, refusal, sizeof(refusal) - 2); /* the log adds the newline */
    if (first_stderr >= 0 && write(first_stderr, refusal, sizeof(refusal) - 1) < 0) {
        /* nothing else can be done */
    }
    return -1;
}

int kata_may_start(void)
{
    int refused = kata_may_register();

    if (first_stderr >= 0) {
        close(first_stderr);
        first_stderr = -1;
    }
    return refused;
}

void kata_log(int level, const char *text, size_t size)
{
    log_print(level, NULL, 0, "%.*s", (int) size, text);
}
