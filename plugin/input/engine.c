/* What Fluent Bit's engine does, as the kernel says. */
#define _GNU_SOURCE
#include "input.h"

#include <dirent.h>
#include <fcntl.h>
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

static int waits_for_events(long call)
{
#ifdef SYS_epoll_wait
    if (call == SYS_epoll_wait) {
        return 1;
    }
#endif
    return call == SYS_epoll_pwait;
}

/* The engine is a thread of this name. There may be two of them during a reload. */
int kata_input_engine(void)
{
    DIR *threads = opendir("/proc/self/task");
    struct dirent *thread;
    char text[64];
    int result = -1;

    while (threads && (thread = readdir(threads))) {
        if (thread->d_name[0] == '.' || read_of(thread->d_name, "comm", text, sizeof(text)) ||
            strcmp(text, "flb-pipeline\n") != 0) {
            continue;
        }
        if (atol(thread->d_name) == syscall(SYS_gettid)) {
            result = 1;
            continue;
        }
        /* The number of the system call that the thread is in, or "running". */
        if (read_of(thread->d_name, "syscall", text, sizeof(text))) {
            result = -1;
            break;
        }
        if (text[0] < '0' || text[0] > '9' || !waits_for_events(atol(text))) {
            result = 0;
            break;
        }
        result = 1;
    }
    if (threads) {
        closedir(threads);
    }
    return result;
}
