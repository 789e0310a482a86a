#define _GNU_SOURCE
#include "host.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    void (*log_print)(int level, const char *file, int line, const char *fmt, ...);
    const char *(*filter_get_property)(const char *key, void *ins);
    const char *(*filter_name)(void *ins);
    void (*filter_set_context)(void *ins, void *context);
    const char *(*output_name)(void *ins);
} host;

static pid_t loaded_by;
static int first_stderr = -1;   /* standard error as it was then, until an instance starts */
static struct sigaction of_go;

__attribute__((constructor)) static void remember_process(void)
{
    loaded_by = getpid();
    first_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/* Whether a handler is part of the program that loaded the library. */
static int is_of_host(const struct sigaction *action)
{
    Dl_info handler, program;

    return dladdr((void *) (uintptr_t) action->sa_sigaction, &handler) &&
           dladdr((void *) (uintptr_t) host.log_print, &program) && handler.dli_fbase == program.dli_fbase;
}

/*
 * Go turns the signal for a nil pointer into a panic, which can be recovered
 * from, and hands one that did not come from Go code to the handler that was
 * there before it. Fluent Bit puts its own handlers back on a hot reload, and
 * whenever it is sent SIGCONT; from then on such a panic would be the end. So
 * where the host's handler is in the place of Go's again, they change back.
 * Another library's handler stays where it is: that of a Go library hands on
 * what is not its own.
 */
void kata_host_keep_signal(void)
{
    struct sigaction now;

    if (sigaction(SIGSEGV, NULL, &now) != 0 || now.sa_sigaction == of_go.sa_sigaction) {
        return;
    }
    if (of_go.sa_sigaction && is_of_host(&now)) {
        sigaction(SIGSEGV, &of_go, NULL);
    }
}

static void remember_signal(void)
{
    struct sigaction now;

    if (!of_go.sa_sigaction && sigaction(SIGSEGV, NULL, &now) == 0 &&
        (now.sa_flags & SA_SIGINFO) && !is_of_host(&now)) {
        of_go = now;
    }
}

/*
 * Fluent Bit's daemon mode forks after it has loaded its plugins. A fork copies
 * only the thread that called it: the child has the Go runtime's memory and
 * none of its threads, and the first call into Go waits for ever, deaf to
 * SIGTERM. So nothing in Go may be called there, not even to say so.
 *
 * The daemon also closes standard error, and without a log file its log goes
 * nowhere. Whoever started it reads why it does not run because a duplicate was
 * made before.
 */
int kata_host_forked(void)
{
    return getpid() != loaded_by;
}

int kata_host_has(void *slot, const char *name)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);

    memcpy(slot, &symbol, sizeof(symbol));
    return symbol ? 0 : -1;
}

static int find(void *slot, const char *name)
{
    if (kata_host_has(slot, name) != 0) {
        fprintf(stderr, "kata: this program has no function %s; Fluent Bit 2.2 or later is needed\n", name);
        return -1;
    }
    return 0;
}

static int same_process(void)
{
    static const char refusal[] =
        "kata does not run in daemon mode (-d, Daemon On): it would hang. "
        "Start Fluent Bit in the foreground and let systemd or a container run it\n";
    int forked = kata_host_forked();

    if (forked) {
        kata_log(KATA_LOG_ERROR, refusal, sizeof(refusal) - 2); /* which ends the line itself */
    }
    if (first_stderr >= 0) {
        if (forked && write(first_stderr, refusal, sizeof(refusal) - 1) < 0) {
            /* nobody reads it any more */
        }
        close(first_stderr);
        first_stderr = -1;
    }
    return forked ? -1 : 0;
}

int kata_host_for_filter(void)
{
    if (find(&host.log_print, "flb_log_print") || same_process() ||
        find(&host.filter_get_property, "flb_filter_get_property") ||
        find(&host.filter_set_context, "flb_filter_set_context") ||
        find(&host.filter_name, "flb_filter_name")) {
        return -1;
    }
    remember_signal();
    return 0;
}

int kata_host_for_output(void)
{
    if (find(&host.log_print, "flb_log_print") || same_process() ||
        find(&host.output_name, "flb_output_name")) {
        return -1;
    }
    remember_signal();
    return 0;
}

const char *kata_filter_property(void *ins, const char *key)
{
    return host.filter_get_property(key, ins);
}

const char *kata_output_property(struct kata_proxy_plugin *plugin, const char *key)
{
    return plugin->api->output_get_property(key, plugin->ins);
}

const char *kata_filter_name(void *ins)
{
    return host.filter_name(ins);
}

void kata_filter_set_context(void *ins, void *context)
{
    host.filter_set_context(ins, context);
}

const char *kata_output_name(struct kata_proxy_plugin *plugin)
{
    return host.output_name(plugin->ins);
}

int kata_filter_known(void *ins)
{
    const struct kata_filter_instance *head = ins;
    const char *name = host.filter_name(ins);

    /* The host answers its own fields: other addresses mean another layout. */
    return name == head->name || name == head->alias;
}

int kata_filter_level(void *ins)
{
    const struct kata_filter_instance *head = ins;

    if (!kata_filter_known(ins) || head->log_level < KATA_LOG_OFF || head->log_level > KATA_LOG_TRACE) {
        return KATA_LOG_INFO;
    }
    return head->log_level;
}

int kata_output_level(struct kata_proxy_plugin *plugin)
{
    int level = KATA_LOG_OFF;

    while (level < KATA_LOG_TRACE && plugin->api->output_log_check(plugin->ins, level + 1)) {
        level++;
    }
    return level;
}

void kata_log(int level, const char *text, size_t size)
{
    host.log_print(level, NULL, 0, "%.*s", (int) size, text);
}
