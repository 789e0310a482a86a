/* What Fluent Bit's engine does, as the kernel says. */
#define _GNU_SOURCE
#include "input.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Reads the start of a file of a thread into text. Returns 0, or -1. */
static int read_of(const char *thread, const char *file, char *text, size_t size)
{
    char path[64];
    ssize_t n = -1;
    int fd;

    snprintf(path, sizeof(path), "/proc/self/task/%s/%s", thread, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, text, size - 1);
        close(fd);
    }
    if (n <= 0) {
        return -1;
    }
    text[n] = '\0';
    return 0;
}

/* The size of the engine's event loop, by which it is known from other threads that wait for events. */
#define ENGINE_EVENTS 256

/*
 * Returns whether a thread waits for the events of the engine. The file has the number of the system
 * call that the thread is in, and its arguments, or "running".
 */
static int waits_for_events(const char *file)
{
    unsigned long fd, buffer, events;
    long call;

    if (sscanf(file, "%ld %lx %lx %lx", &call, &fd, &buffer, &events) != 4 || events != ENGINE_EVENTS) {
        return 0;
    }
#ifdef SYS_epoll_wait
    if (call == SYS_epoll_wait) {
        return 1;
    }
#endif
    return call == SYS_epoll_pwait;
}

/*
 * The engine's thread has this name, and so have threads that were started on it, such as those of
 * a Go runtime.
 */
int kata_input_engine(void)
{
    static atomic_int known;            /* the engine was seen to wait */
    DIR *threads = opendir("/proc/self/task");
    struct dirent *thread;
    char text[256];
    int waits = 0;

    while (!waits && threads && (thread = readdir(threads))) {
        if (thread->d_name[0] == '.' || read_of(thread->d_name, "comm", text, sizeof(text)) ||
            strcmp(text, "flb-pipeline\n") != 0) {
            continue;
        }
        waits = atol(thread->d_name) == syscall(SYS_gettid) ||
                (read_of(thread->d_name, "syscall", text, sizeof(text)) == 0 && waits_for_events(text));
    }
    if (threads) {
        closedir(threads);
    }
    if (waits) {
        atomic_store(&known, 1);
    }
    return waits ? 1 : atomic_load(&known) ? 0 : -1;
}
