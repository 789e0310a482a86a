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
 * Returns 1 if a thread waits for the events of the engine, 0 if it does something else, and
 * -1 if it is not named as the engine's thread is, or the kernel does not say what it does.
 */
static int waits(const char *thread)
{
    char text[256];

    if (read_of(thread, "comm", text, sizeof(text)) || strcmp(text, "flb-pipeline\n") != 0) {
        return -1;
    }
    if (atol(thread) == syscall(SYS_gettid)) {
        return 1;
    }
    return read_of(thread, "syscall", text, sizeof(text)) == 0 ? waits_for_events(text) : -1;
}

static atomic_long engine;              /* thread that was seen to wait, or 0 */

void kata_input_forget_engine(void)
{
    atomic_store(&engine, 0);
}

/*
 * Not only the engine's thread has its name, but also those that were started on it, such as
 * those of a Go runtime: these never wait for its events.
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
