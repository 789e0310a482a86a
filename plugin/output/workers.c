/*
 * Fluent Bit up to 5.1 starts the workers of an output for its Go proxy twice, in
 * flb_proxy_output_cb_init and in flb_output_init_all, and ends those that it has
 * started last. The others wake up every 1.5 seconds to look at the instance. A
 * reload frees the instance, so that one of them soon ends Fluent Bit by a SIGSEGV.
 *
 * So when the last instance ends, whose workers have ended then, what is left of
 * them gets nothing to wake up for: the events that they wait for are removed. The
 * threads stay.
 */
#define _GNU_SOURCE
#include "output.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_SIZE = 64, TRIES = 100, PAUSE = 1000 /* microseconds */ };

/* Reads the first line of a file of a thread into text. Returns 0, or -1. */
static int read_line(const char *thread, const char *name, char *text, size_t size)
{
    char path[PATH_SIZE];
    FILE *file;
    int result;

    snprintf(path, sizeof(path), "/proc/self/task/%s/%s", thread, name);
    file = fopen(path, "re");
    if (!file) {
        return -1;
    }
    result = fgets(text, (int) size, file) ? 0 : -1;
    fclose(file);
    return result;
}

/*
 * Returns the descriptor of the events that a thread waits for, or -1. The file has
 * the number of the system call that the thread is in, and its arguments.
 */
static int waits_for(const char *thread)
{
    unsigned long descriptor;
    char text[256];
    long call;

    if (read_line(thread, "syscall", text, sizeof(text)) != 0 || sscanf(text, "%ld %lx", &call, &descriptor) != 2) {
        return -1;
    }
#ifdef SYS_epoll_wait
    if (call == SYS_epoll_wait) {
        return (int) descriptor;
    }
#endif
    return call == SYS_epoll_pwait ? (int) descriptor : -1;
}

/* Removes all events of an epoll descriptor. */
static void remove_events(int epoll)
{
    char path[PATH_SIZE], line[256];
    FILE *file;
    int fd;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epoll);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "tfd: %d", &fd) == 1) {
            epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
        }
    }
    if (file) {
        fclose(file);
    }
}

/* Returns when a thread waits for nothing any more, or after a while. */
static void retire(const char *thread)
{
    for (int i = 0; i < TRIES; i++) {
        int epoll = waits_for(thread);

        if (epoll >= 0) {
            remove_events(epoll);
            if (waits_for(thread) == epoll) {
                return;
            }
        }
        usleep(PAUSE);
    }
}

void kata_output_retire_workers(void)
{
    static const char name[] = "flb-out-kata.";
    DIR *threads = opendir("/proc/self/task");
    struct dirent *thread;
    char text[32];

    while (threads && (thread = readdir(threads))) {
        if (thread->d_name[0] != '.' && read_line(thread->d_name, "comm", text, sizeof(text)) == 0 &&
            strncmp(text, name, sizeof(name) - 1) == 0) {
            retire(thread->d_name);
        }
    }
    if (threads) {
        closedir(threads);
    }
}
