/* Access to the Fluent Bit that has loaded the library. */
#ifndef KATA_FLUENTBIT_H
#define KATA_FLUENTBIT_H

#include <stddef.h>
#include <stdint.h>

#include "version.h"

_Static_assert(sizeof(void *) == 8, "the layouts that are known are those of LP64");

/* Log levels. */
enum {
    KATA_LOG_OFF = 0, KATA_LOG_ERROR, KATA_LOG_WARN, KATA_LOG_INFO,
    KATA_LOG_DEBUG, KATA_LOG_TRACE
};

/*
 * To be called before Go is entered for the first time: kata_may_register by a
 * library that registers itself, kata_may_start by an instance that starts.
 * Returns 0, or -1 if Go must not be entered; the reason has been reported then.
 */
int kata_may_register(void);
int kata_may_start(void);

/*
 * Store the address of one of Fluent Bit's functions in the pointer at slot.
 * Return 0, or -1 if there is no such function, which kata_find reports.
 */
int kata_find(void *slot, const char *name);
int kata_lookup(void *slot, const char *name);

/* Returns whether this process is not the one that loaded the library; see process.c. */
int kata_forked(void);

/* To be called before each chunk; see process.c. */
void kata_keep_signal(void);

enum { KATA_THREAD_NAME = 32 };

/*
 * What a thread waits for: an epoll descriptor, how many events of it at a time, and how long, in
 * milliseconds, or -1 without a limit.
 */
struct kata_wait {
    int epoll, events, timeout;
};

/*
 * Of a thread of this process, which is named by its number. kata_thread_name gets its name
 * and returns 0, or -1. kata_thread_waits returns 1 and what the thread waits for; 0 if it does
 * something else; -1 if the kernel does not say.
 */
int kata_thread_name(const char *thread, char name[KATA_THREAD_NAME]);
int kata_thread_waits(const char *thread, struct kata_wait *wait);

/* Prints one line through Fluent Bit's log, which adds time and level. */
void kata_log(int level, const char *text, size_t size);

/* Returns whether Fluent Bit has the functions that create and set metrics. */
int kata_metrics_available(void);

/*
 * Creates the counter, or the gauge, fluentbit_kata_NAME with the label name and, unless
 * it is NULL, one more label. Returns NULL if it cannot be created.
 */
void *kata_metric(void *metrics, int is_gauge, const char *name, const char *help, const char *label);

/*
 * Creates the gauge fluentbit_kata_NAME with the value 1 and two labels: name, the
 * instance's name, and label, the version. Returns 0, or -1 if it cannot be created.
 */
int kata_info(void *metrics, const char *instance, const char *name, const char *help, const char *label);

/* A counter or a gauge with values of its labels. */
struct kata_series {
    void *metric;
    int is_gauge;
    const char *labels[2];
    int label_count;
    uint64_t shown;             /* the number that Fluent Bit was given last */
};

/* Sets the metrics whose numbers have changed. */
void kata_show(struct kata_series *series, const uint64_t *numbers, size_t count);

#endif
