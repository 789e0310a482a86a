/* The C half of the plugin as its Go half sees it. */
#ifndef KATA_HOST_H
#define KATA_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "fluentbit.h"
#include "version.h"

/*
 * Host functions. They live in the program that loaded the library, and are
 * looked up by name when an instance starts: kata_host_for_* answers 0 when
 * Go may be called and all that this route needs is there. Else the reason has
 * been reported and the instance must not start.
 */
int kata_host_for_filter(void);
int kata_host_for_output(void);

/* A function of the host that can be done without, into the pointer at slot. 0: there it is. */
int kata_host_has(void *slot, const char *name);

/* Whether ins begins as struct kata_filter_instance does. */
int kata_filter_known(void *ins);

/* Whether this process is the one that loaded the library; see host.c. */
int kata_host_forked(void);

/* To be called before Go works on records; see host.c. */
void kata_host_keep_signal(void);

/* Makes context what the host hands to the later callbacks of a filter. */
void kata_filter_set_context(void *ins, void *context);

/* An option's text, or NULL when it is not set; the host's memory. */
const char *kata_filter_property(void *ins, const char *key);
const char *kata_output_property(struct kata_proxy_plugin *plugin, const char *key);

/* The name or alias of an instance; the host's memory. */
const char *kata_filter_name(void *ins);
const char *kata_output_name(struct kata_proxy_plugin *plugin);

/* The level up to which an instance wants log lines. */
int kata_filter_level(void *ins);
int kata_output_level(struct kata_proxy_plugin *plugin);

/*
 * The metrics of an instance, to which others can be added; see metrics.c.
 * NULL: the host has none, or it is not certain where.
 */
void *kata_filter_metrics(void *ins);
void *kata_output_metrics(struct kata_proxy_plugin *plugin);

/*
 * Makes the counter fluentbit_kata_NAME with the label name and, unless it is
 * NULL, one more. NULL: the host could not.
 */
void *kata_counter(void *metrics, const char *name, const char *help, const char *label);

/*
 * Makes the gauge fluentbit_kata_NAME, which is 1, with the labels name, which is
 * that of the instance, and label, which is the version. 0, or -1: the host could not.
 */
int kata_info(void *metrics, const char *instance, const char *name, const char *help, const char *label);

/* A counter with certain values of its labels. */
struct kata_series {
    void *counter;
    const char *labels[2];
    int label_count;
    uint64_t shown;             /* the number that the host has */
};

/* Gives the host those of the numbers that it does not have yet. */
void kata_show(struct kata_series *series, const uint64_t *numbers, size_t count);

/* Prints one line through the host's log, which adds time and level. */
void kata_log(int level, const char *text, size_t size);

/* What the host copies when it loads the library; see filter.c. */
extern struct kata_registration filter_kata_plugin;

/*
 * One call of cb_filter. The output is C memory from the first byte on, since
 * the host frees it with free(): out is NULL or from malloc, belongs to the C
 * side throughout, and is grown by kata_reserve only.
 */
struct kata_call {
    const char *tag;    /* not terminated */
    size_t tag_size;
    const void *in;
    size_t in_size;
    void *out;
    size_t out_size;    /* bytes written */
    size_t out_cap;     /* bytes there are */
};

/* Makes out_cap at least cap, moving what is there. 0, or -1: no memory. */
int kata_reserve(struct kata_call *call, size_t cap);

/*
 * Failures on demand exist only in a library built with -tags katatest, which
 * is for tests: there a chunk can ask for them. See testing_on.go.
 */
#ifdef KATATEST
int kata_out_of_memory(const struct kata_call *call);
#else
#define kata_out_of_memory(call) 0
#endif

#endif
