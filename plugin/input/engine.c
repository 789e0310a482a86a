/* What Fluent Bit's engine does. */
#define _GNU_SOURCE
#include "input.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * How many events the engine waits for, and for how long: by both it is known from other threads
 * that wait for events, such as those of servers that it has started, which have its name and
 * wait for 256 events, too, but for 250 ms.
 */
enum { ENGINE_EVENTS = 256, ENGINE_TIMEOUT = -1 };

/*
 * Returns 1 if a thread waits for the events of the engine, 0 if it does something else, and
 * -1 if it is not named as the engine's thread is, or the kernel does not say what it does.
 */
static int waits(const char *thread)
{
    char name[KATA_THREAD_NAME];
    struct kata_wait wait;
    int result;

    if (kata_thread_name(thread, name) != 0 || strcmp(name, "flb-pipeline") != 0) {
        return -1;
    }
    if (atol(thread) == syscall(SYS_gettid)) {
        return 1;
    }
    result = kata_thread_waits(thread, &wait);
    return result == 1 ? wait.events == ENGINE_EVENTS && wait.timeout == ENGINE_TIMEOUT : result;
}

static atomic_long engine;              /* thread that was seen to wait, or 0 */

void kata_input_forget_engine(void)
{
    atomic_store(&engine, 0);
}

/*
 * Not only the engine's thread has its name, but also those that were started on it, such as
 * those of a Go runtime or of the HTTP server: these never wait as it does.
 */
int kata_input_engine(void)
{
    DIR *threads;
    struct dirent *thread;
    char known[24];
    int result;

    snprintf(known, sizeof(known), "%ld", atomic_load(&engine));
    result = known[0] == '0' ? -1 : waits(known);
    if (result >= 0) {
        return result;
    }
    threads = opendir("/proc/self/task");
    while (result != 1 && threads && (thread = readdir(threads))) {
        int one = thread->d_name[0] == '.' ? -1 : waits(thread->d_name);

        if (one == 1) {
            atomic_store(&engine, atol(thread->d_name));
        }
        if (one > result) {
            result = one;
        }
    }
    if (threads) {
        closedir(threads);
    }
    return result;
}
