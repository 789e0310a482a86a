/*
 * What the output knows of Fluent Bit's proxy for Go: 2.2 to 5.1, LP64. Fluent
 * Bit's own package for Go has the same structs without the later functions,
 * those for metrics and log level. A test compares these with the package's and
 * with internal/host/testdata/layouts.txt.
 */
#ifndef KATA_PROXY_H
#define KATA_PROXY_H

#include "fluentbit.h"

/* What the callbacks return. */
enum { KATA_PROXY_ERROR = 0, KATA_PROXY_OK = 1 };

/* The functions that the proxy hands to an output. */
struct kata_proxy_api {
    const char *(*output_get_property)(const char *key, void *ins);
    const char *(*input_get_property)(const char *key, void *ins);
    void *(*output_get_cmt_instance)(void *ins);
    void *(*input_get_cmt_instance)(void *ins);
    void (*log_print)(int level, const char *file, int line, const char *fmt, ...);
    int (*input_log_check)(void *ins, int level);
    int (*output_log_check)(void *ins, int level);
};

/* What FLBPluginInit is given. */
struct kata_proxy_plugin {
    char *name;
    struct kata_proxy_api *api;
    void *ins;
    struct {
        void *remote_context;   /* what the later callbacks are given */
    } *context;
};

/*
 * To be called first when an instance starts: 0 when Go may be entered and
 * Fluent Bit has the function for the name. Else the reason has been reported
 * and the instance must not start.
 */
int kata_output_start(void);

/* The name or alias of an instance; Fluent Bit's memory. */
const char *kata_output_name(struct kata_proxy_plugin *plugin);

/* The level up to which an instance wants log lines. */
int kata_output_level(struct kata_proxy_plugin *plugin);

/* The metrics of an instance, to which others can be added, or NULL. */
void *kata_output_metrics(struct kata_proxy_plugin *plugin);

#endif
