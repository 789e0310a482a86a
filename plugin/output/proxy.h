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

/* The functions that the proxy passes to an output. */
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
 * Sets the config map in the argument of FLBPluginRegister, if there is memory for it.
 */
void kata_output_set_config_map(struct kata_proxy_def *def);

/* Returns whether there was: then Fluent Bit checks the names of options. */
int kata_output_names_checked(void);

/*
 * Sets an option of Fluent Bit's own for an instance, whatever the configuration says.
 * Returns 0, or -1 if Fluent Bit has no function for it, or refuses it.
 */
int kata_output_set(struct kata_proxy_plugin *plugin, const char *name, const char *value);

/* Returns the struct cmt of an instance, or NULL if there is none. */
void *kata_output_metrics(struct kata_proxy_plugin *plugin);

#endif
