/* What Fluent Bit's threads do, as the kernel says in /proc/self/task. */
#define _GNU_SOURCE
#include "fluentbit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Reads the start of a file of a thread into text. Returns 0, or -1. */
static int read_start(const char *thread, const char *file, char *text, size_t size)
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

int kata_thread_name(const char *thread, char name[KATA_THREAD_NAME])
{
    if (read_start(thread, "comm", name, KATA_THREAD_NAME) != 0) {
        return -1;
    }
    name[strcspn(name, "\n")] = '\0';
    return 0;
}

/* The file has the number of the system call that the thread is in, and its arguments, or "running". */
int kata_thread_waits(const char *thread, struct kata_wait *wait)
{
    unsigned long fd, buffer, events, timeout;
    char text[256];
    long call;

    if (read_start(thread, "syscall", text, sizeof(text)) != 0) {
        return -1;
    }
    if (sscanf(text, "%ld %lx %lx %lx %lx", &call, &fd, &buffer, &events, &timeout) != 5) {
        return 0;
    }
    wait->epoll = (int) fd;
    wait->events = (int) events;
    wait->timeout = (int) timeout;
#ifdef SYS_epoll_wait
    if (call == SYS_epoll_wait) {
        return 1;
    }
#endif
    return call == SYS_epoll_pwait;
}
