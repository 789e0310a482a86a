/* The C functions of the input for its Go code. */
#ifndef KATA_INPUT_H
#define KATA_INPUT_H

#include "proxy.h"

/*
 * To be called first when an instance starts. Returns 0 if Go may be entered and
 * Fluent Bit has what the functions below need. Otherwise the reason has been
 * reported, and the instance must not start.
 */
int kata_input_start(void);

/* Returns the alias or name of an instance. The memory is Fluent Bit's. */
const char *kata_input_name(struct kata_proxy_plugin *plugin);

/* Returns the log level of an instance. */
int kata_input_level(struct kata_proxy_plugin *plugin);

/* Returns the struct cmt of an instance, or NULL if there is none. */
void *kata_input_metrics(struct kata_proxy_plugin *plugin);

/* Fluent Bit's own counters of an instance; each is negative if there is none. */
struct kata_input_counters {
    double records;             /* taken by the engine */
    double queued, failed;      /* writes to the queue to the engine */
};

/* Reads the counters from a struct cmt, which may be NULL. */
struct kata_input_counters kata_input_count(void *metrics);

/* To be called when an instance starts: after a reload the engine is another thread. */
void kata_input_forget_engine(void);

/*
 * Returns 1 if the engine waits for events, or is the calling thread; 0 if it does something
 * else; -1 if that is not known.
 */
int kata_input_engine(void);

#endif
