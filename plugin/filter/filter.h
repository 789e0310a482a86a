/* The C half of the filter as its Go half sees it. */
#ifndef KATA_FILTER_H
#define KATA_FILTER_H

#include "fluentbit.h"
#include "layout.h"

/* What Fluent Bit copies when it loads the library; see filter.c. */
extern struct kata_registration filter_kata_plugin;

/*
 * To be called first when an instance starts: 0 when Go may be entered and
 * Fluent Bit has the functions below. Else the reason has been reported and the
 * instance must not start.
 */
int kata_filter_start(void);

/* Makes context what Fluent Bit hands to the later callbacks. */
void kata_filter_set_context(void *ins, void *context);

/* An option's text, or NULL when it is not set; Fluent Bit's memory. */
const char *kata_filter_property(void *ins, const char *key);

/* The name or alias of an instance; Fluent Bit's memory. */
const char *kata_filter_name(void *ins);

/* The level up to which an instance wants log lines. */
int kata_filter_level(void *ins);

/*
 * The metrics of an instance, to which others can be added. NULL: Fluent Bit
 * has none, or it is not certain where.
 */
void *kata_filter_metrics(void *ins);

/*
 * One call of cb_filter. The output is C memory from the first byte on, since
 * Fluent Bit frees it with free(): out is NULL or from malloc, belongs to the C
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
 * is for tests: there a chunk can ask for them. See internal/fluentbit.
 */
#ifdef KATATEST
int kata_out_of_memory(const struct kata_call *call);
#else
#define kata_out_of_memory(call) 0
#endif

#endif
