/* The C functions of the filter for its Go code. */
#ifndef KATA_FILTER_H
#define KATA_FILTER_H

#include "fluentbit.h"
#include "layout.h"

/* The registration, which Fluent Bit copies when it loads the library; see filter.c. */
extern struct kata_registration filter_kata_plugin;

/*
 * To be called first when an instance starts. Returns 0 if Go may be entered and
 * Fluent Bit has what the functions below need. Otherwise the reason has been
 * reported, and the instance must not start.
 */
int kata_filter_start(void);

/* Sets the context that Fluent Bit passes to the later callbacks. */
void kata_filter_set_context(void *ins, void *context);

/* Returns an option's text, or NULL if it is not set. The memory is Fluent Bit's. */
const char *kata_filter_property(void *ins, const char *key);

/* Returns the alias or name of an instance. The memory is Fluent Bit's. */
const char *kata_filter_name(void *ins);

/* Returns the log level of an instance. */
int kata_filter_level(void *ins);

/*
 * Returns the struct cmt of an instance, or NULL if there is none or its place is
 * not known.
 */
void *kata_filter_metrics(void *ins);

/*
 * One call of cb_filter. Fluent Bit frees the output with free(), so it is C memory
 * from the start: out is NULL or from malloc, belongs to the C code, and grows by
 * kata_reserve only.
 */
struct kata_call {
    const char *tag;    /* not terminated */
    size_t tag_size;
    const void *in;
    size_t in_size;
    void *out;
    size_t out_size;    /* bytes written */
    size_t out_cap;     /* bytes allocated */
};

/* Reallocates out with cap bytes. Returns 0, or -1 if there is no memory. */
int kata_reserve(struct kata_call *call, size_t cap);

/*
 * Only in a library built with -tags katatest, which is for tests, a chunk can
 * cause failures; see internal/fluentbit.
 */
#ifdef KATATEST
int kata_out_of_memory(const struct kata_call *call);
#else
#define kata_out_of_memory(call) 0
#endif

#endif
