/*
 * The structs of Fluent Bit's Go proxy: 2.2 to 5.1, LP64. fluent-bit-go has the same
 * structs without the later functions, for metrics and the log level. A test compares
 * these with fluent-bit-go's and with internal/host/testdata/layouts.txt.
 */
#ifndef KATA_PROXY_H
#define KATA_PROXY_H

#include "config_row.h"
#include "fluentbit.h"

/* What the callbacks return. */
enum { KATA_PROXY_ERROR = 0, KATA_PROXY_OK = 1 };

/*
 * The argument of FLBPluginRegister. event_type is there from 5.0 on, and config_map
 * from 5.1.1 on: before, the memory that Fluent Bit allocates ends before them.
 */
struct kata_proxy_def {
    int type;
    int proxy;
    int flags;
    char *name;
    char *description;
    int event_type;
    const void *config_map;
};

_Static_assert(offsetof(struct kata_proxy_def, config_map) == 40, "");

/* The functions that the proxy passes to a plugin. */
struct kata_proxy_api {
    const char *(*output_get_property)(const char *key, void *ins);
    const char *(*input_get_property)(const char *key, void *ins);
    void *(*output_get_cmt_instance)(void *ins);
    void *(*input_get_cmt_instance)(void *ins);
    void (*log_print)(int level, const char *file, int line, const char *fmt, ...);
    int (*input_log_check)(void *ins, int level);
    int (*output_log_check)(void *ins, int level);
};

/* The argument of FLBPluginInit. */
struct kata_proxy_plugin {
    char *name;
    struct kata_proxy_api *api;
    void *ins;
    struct {
        void *remote_context;   /* the argument of the later callbacks */
    } *context;
};

/*
 * Sets the config map in the argument of FLBPluginRegister, if there is memory for it:
 * rows of struct kata_config_row_5_0_3.
 */
void kata_set_config_map(struct kata_proxy_def *def, const void *config_map);

#endif
