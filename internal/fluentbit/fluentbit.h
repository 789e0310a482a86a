/* What the libraries know of the Fluent Bit that has loaded them, in C. */
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
 * To be called before Go is entered for the first time: 0, or -1 when it must
 * not be, and then the reason has been reported. kata_may_register is for a
 * library that registers itself, kata_may_start for an instance that starts.
 */
int kata_may_register(void);
int kata_may_start(void);

/*
 * Stores the address of one of Fluent Bit's functions in the pointer at slot:
 * 0, or -1 when there is no such function, which kata_find reports.
 */
int kata_find(void *slot, const char *name);
int kata_lookup(void *slot, const char *name);

/* Whether this process is not the one that loaded the library; see process.c. */
int kata_forked(void);

/* To be called before Go works on records; see process.c. */
void kata_keep_signal(void);

/* Prints one line through Fluent Bit's log, which adds time and level. */
void kata_log(int level, const char *text, size_t size);

/* Whether Fluent Bit has the functions that metrics are made with. */
int kata_metrics_available(void);

/*
 * Makes the counter fluentbit_kata_NAME with the label name and, unless it is
 * NULL, one more. Returns NULL if it cannot be made.
 */
void *kata_counter(void *metrics, const char *name, const char *help, const char *label);

/*
 * Makes the gauge fluentbit_kata_NAME, which is 1, with the labels name, which is
 * that of the instance, and label, which is the version. 0, or -1: it cannot be made.
 */
int kata_info(void *metrics, const char *instance, const char *name, const char *help, const char *label);

/* A counter with certain values of its labels. */
struct kata_series {
    void *counter;
    const char *labels[2];
    int label_count;
    uint64_t shown;             /* the number that Fluent Bit has */
};

/* Gives Fluent Bit those of the numbers that it does not have yet. */
void kata_show(struct kata_series *series, const uint64_t *numbers, size_t count);

#endif
