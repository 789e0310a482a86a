/* The C functions of the output for its Go code. */
#ifndef KATA_OUTPUT_H
#define KATA_OUTPUT_H

#include "proxy.h"

/*
 * To be called first when an instance starts. Returns 0 if Go may be entered and
 * Fluent Bit has what the functions below need. Otherwise the reason has been
 * reported, and the instance must not start.
 */
int kata_output_start(void);

/* Returns the alias or name of an instance. The memory is Fluent Bit's. */
const char *kata_output_name(struct kata_proxy_plugin *plugin);

/* Returns the log level of an instance. */
int kata_output_level(struct kata_proxy_plugin *plugin);

/*
 * Sets an option of Fluent Bit's own for an instance, whatever the configuration says.
 * Returns 0, or -1 if Fluent Bit has no function for it, or refuses it.
 */
int kata_output_set(struct kata_proxy_plugin *plugin, const char *name, const char *value);

/* To be called when no instance is left; see workers.c. */
void kata_output_retire_workers(void);

/* Returns the struct cmt of an instance, or NULL if there is none. */
void *kata_output_metrics(struct kata_proxy_plugin *plugin);

#endif
