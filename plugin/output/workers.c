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
#include <unistd.h>

enum { TRIES = 100, PAUSE = 1000 /* microseconds */ };

/* Removes all events of an epoll descriptor. */
static void remove_events(int epoll)
{
    char path[64], line[256];
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
    struct kata_wait wait, after;

    for (int i = 0; i < TRIES; i++) {
        if (kata_thread_waits(thread, &wait) == 1) {
            remove_events(wait.epoll);
            if (kata_thread_waits(thread, &after) == 1 && after.epoll == wait.epoll) {
                return;
            }
        }
        usleep(PAUSE);
    }
}

void kata_output_retire_workers(void)
{
    static const char start[] = "flb-out-kata.";
    DIR *threads = opendir("/proc/self/task");
    struct dirent *thread;
    char name[KATA_THREAD_NAME];

    while (threads && (thread = readdir(threads))) {
        if (kata_thread_name(thread->d_name, name) == 0 && strncmp(name, start, sizeof(start) - 1) == 0) {
            retire(thread->d_name);
        }
    }
    if (threads) {
        closedir(threads);
    }
}
