/*
 * A stand-in for Fluent Bit: it can load plugin libraries, start instances, pass
 * them chunks and check the results.
 *
 * It has Fluent Bit's own names and shares no header with the libraries. Without
 * flags it has the layouts of 5.1; with -DBEFORE_5_0_3 those of 2.2, the oldest
 * that is supported; with -DOTHER_LAYOUT=1 or 2 one that the library cannot know.
 */
#ifndef HOST_H
#define HOST_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { FLB_LOG_OFF, FLB_LOG_ERROR, FLB_LOG_WARN, FLB_LOG_INFO, FLB_LOG_DEBUG, FLB_LOG_TRACE };
enum { FLB_FILTER_MODIFIED = 1, FLB_FILTER_NOTOUCH = 2 };
enum { FLB_PROXY_INPUT_PLUGIN = 1, FLB_PROXY_OUTPUT_PLUGIN = 2, FLB_PROXY_GOLANG = 11 };
enum { FLB_ERROR = 0, FLB_OK = 1, FLB_RETRY = 2 };

struct link { struct link *prev, *next; };

struct flb_config_map {
    int type;
    char *name;
    char *def_value;
    int flags;
    int set_property;
    uintptr_t offset;
    char *desc;
    struct {
        void *val;
#ifndef BEFORE_5_0_3
        void *raw;
#endif
        void *mult;
        struct link head;
    } value;
    struct link head;
};

struct flb_filter_instance;
struct flb_input_instance;

struct flb_filter_plugin {
    int event_type;
    int flags;
    char *name;
    char *description;
    struct flb_config_map *config_map;
    int (*cb_pre_run)(struct flb_filter_instance *, void *config, void *data);
    int (*cb_init)(struct flb_filter_instance *, void *config, void *data);
    int (*cb_filter)(const void *data, size_t size, const char *tag, int tag_len,
                     void **out, size_t *out_size, struct flb_filter_instance *,
                     void *input_ins, void *context, void *config);
    int (*cb_exit)(void *context, void *config);
#ifndef BEFORE_5_0_3
    int (*cb_notification)(struct flb_filter_instance *, void *config, void *data);
#endif
    struct link _head;
};

/* Options as in the configuration. Names are not case-sensitive. */
struct property { const char *key, *value; };
struct properties { struct property list[64]; int count; };

/* A counter or a gauge. Its start has the layout of Fluent Bit's. */
struct cmt_counter {
    char *ns, *subsystem, *name, *description, *fqname;
    int resource_index;
    void *map;
    struct link head;
    struct cmt *cmt;
    struct cmt_counter *next;
    int is_gauge;
    int label_count;
    const char *label_keys[2];
    struct series { char *labels[2]; double value; } series[32];
    int series_count;
};

struct cmt_gauge;               /* for the library a type of its own */

/* The metrics of an instance. */
struct cmt {
    struct cmt_counter *metrics;
    int complete;               /* metrics must not be added any more */
    int wrong;
};

struct flb_filter_instance {
    int event_type;
    int id;
    int log_level;
    int log_suppress_interval;
    char name[32];
    char *alias;
    char *match;
    void *match_regex;
    void *parent_processor;
    void *context;
    void *data;
#if OTHER_LAYOUT == 2
    void *news;
#endif
    struct flb_filter_plugin *p;
    struct link properties;
    void *config_map;
    struct link head;
#if OTHER_LAYOUT == 1
    void *news;
#endif
    struct cmt *cmt;
    struct cmt_counter *cmt_records;
    struct cmt_counter *cmt_others[5];
    struct properties given;        /* from here on not the layout of Fluent Bit */
};

struct flb_output_instance {
    int log_level;
    char name[32];
    char *alias;
    struct cmt *cmt;
    struct properties given;
    char set[256];              /* what the library has set by flb_output_set_property */
};

/* The proxy's structs, with the sizes of this version. */
struct flb_plugin_proxy_def {
    int type;
    int proxy;
    int flags;
    char *name;
    char *description;
#ifndef BEFORE_5_0_3
    int event_type;
    struct flb_config_map *config_map;
#endif
};

struct flb_api {
    const char *(*output_get_property)(const char *, struct flb_output_instance *);
    const char *(*input_get_property)(const char *, struct flb_input_instance *);
    void *(*output_get_cmt_instance)(struct flb_output_instance *);
    void *(*input_get_cmt_instance)(struct flb_input_instance *);
    void (*log_print)(int, const char *, int, const char *, ...);
    int (*input_log_check)(struct flb_input_instance *, int);
    int (*output_log_check)(struct flb_output_instance *, int);
};

struct flb_plugin_proxy_context { void *remote_context; void *proxy; };

struct flbgo_output_plugin {
    char *name;
    void *api;
    void *o_ins;
    struct flb_plugin_proxy_context *context;
    int (*cb_init)(struct flbgo_output_plugin *);
    int (*cb_flush)(const void *, size_t, const char *);
    int (*cb_flush_ctx)(void *, const void *, size_t, char *);
    int (*cb_exit)(void);
    int (*cb_exit_ctx)(void *);
};

struct flb_input_instance {
    int log_level;
    char name[32];
    char *alias;
    int threaded;
    struct cmt *cmt;
    struct cmt_counter *records;            /* that the engine has taken */
    struct cmt_counter *writes, *failed;    /* to the queue; NULL before Fluent Bit 4.1 */
    struct properties given;
};

/* The context of an input has another layout than that of an output. */
struct flb_plugin_input_proxy_context { int coll_fd; void *remote_context; void *proxy; };

struct flbgo_input_plugin {
    char *name;
    void *api;
    void *i_ins;
    struct flb_plugin_input_proxy_context *context;
    int (*cb_init)(struct flbgo_input_plugin *);
    int (*cb_collect)(void **, size_t *);
#ifndef BEFORE_5_0_3
    int (*cb_collect_ctx)(void *, void **, size_t *);
#endif
    int (*cb_cleanup)(void *);
#ifndef BEFORE_5_0_3
    int (*cb_cleanup_ctx)(void *, void *);
#endif
    int (*cb_exit)(void);
};

/* A chunk, in memory where reading beyond its end, or writing, faults. */
struct chunk { const unsigned char *data; size_t size; };

struct library;
struct input;
struct input_plan;

/* An instance of a filter, an output or an input. */
struct instance {
    struct properties given;
    struct library *library;
    struct flb_filter_instance *filter;
    struct flb_output_instance *output;
    struct flbgo_output_plugin *proxy;
    struct flb_input_instance *source;
    struct input *input;
};

/* flb.c: the log, instead of standard error, unless NULL. */
extern FILE *log_file;
/* And the functions that the libraries look up. */
void flb_log_print(int level, const char *file, int line, const char *fmt, ...);
const char *flb_filter_get_property(const char *key, struct flb_filter_instance *ins);
const char *flb_filter_name(struct flb_filter_instance *ins);
void flb_filter_set_context(struct flb_filter_instance *ins, void *context);
const char *flb_output_get_property(const char *key, struct flb_output_instance *ins);
const char *flb_output_name(struct flb_output_instance *ins);
int flb_output_log_check(struct flb_output_instance *ins, int level);
const char *flb_input_get_property(const char *key, struct flb_input_instance *ins);
const char *flb_input_name(struct flb_input_instance *ins);
int flb_input_log_check(struct flb_input_instance *ins, int level);
int flb_output_set_property(struct flb_output_instance *ins, const char *name, const char *value);

/*
 * cmt.c: metrics. The libraries look up the four functions to create and set them.
 * After the start of an instance no metric or label set may be added.
 */
struct cmt *cmt_new(void);
struct cmt_counter *cmt_counter_create(struct cmt *cmt, char *ns, char *subsystem, char *name, char *help,
                                       int label_count, char **label_keys);
int cmt_counter_set(struct cmt_counter *counter, uint64_t timestamp, double value, int label_count, char **labels);
struct cmt_gauge *cmt_gauge_create(struct cmt *cmt, char *ns, char *subsystem, char *name, char *help,
                                   int label_count, char **label_keys);
int cmt_gauge_set(struct cmt_gauge *gauge, uint64_t timestamp, double value, int label_count, char **labels);
int cmt_counter_add(struct cmt_counter *counter, uint64_t timestamp, double value, int label_count, char **labels);
/* Returns the metrics as text, one line for each: TIME NAME{LABELS} = VALUE. */
char *cmt_encode_text_create(struct cmt *cmt);
void cmt_encode_text_destroy(char *text);
/* Prints the metrics to standard error, in the format of the metrics endpoint. */
void cmt_print(const struct cmt *cmt);
/* Frees the metrics. Returns whether they were misused. */
int cmt_free(struct cmt *cmt);

/* Returns the log level with the name, or -1. */
int log_level(const char *name);
/* Sets an option that every instance has. Returns 0 if p is not one. */
int take_global(const struct property *p, int *level, char **alias);
/* Returns whether a value is on, true or yes. */
int is_on(const char *value);
/* Checks names against the config map as Fluent Bit does. Returns 0, or logs and returns -1. */
int check_properties(const char *plugin, const struct properties *given, const struct flb_config_map *map);

/*
 * load.c: libraries. A library is opened once for all of its instances: as a filter
 * if its name starts with flb-, otherwise as what it registers: an output or an input.
 */
struct library *library_open(const char *path);
int library_start(struct library *lib, struct instance *ins, int id, int level, const struct input_plan *plan);
/* Passes a chunk to an instance. Returns FLB_FILTER_*, or FLB_* of an output. */
int library_call(struct instance *ins, struct chunk in, void **out, size_t *out_size);
/* Ends an instance, and prints its metrics if asked to. Returns 0, or 1 if it has misused them. */
int library_stop(struct instance *ins, int metrics);
/* Prints the library's description, which Fluent Bit's help has. */
void library_describe(const struct library *lib);
void library_close(struct library *lib);

/* input.c: what is done with the instances of inputs. */
struct input_plan {
    int calls;                  /* how often each is asked for records */
    int every;                  /* milliseconds between two of these */
    int take;                   /* milliseconds after which the engine takes what is in the queues; -1: never */
    int filter;                 /* milliseconds that the engine needs between counting and printing a batch */
    const char *absent;         /* a file that must not be there before a batch is printed, or NULL */
    int full;                   /* so many first writes to a queue fail */
    int pause_from, pause_to;   /* paused before the call with this number, and resumed before that one */
    int quiet, name;            /* print no events; print the name with each */
    int *wrong;                 /* set if absent was there */
};

/* The functions of a library that is an input. */
struct input_symbols {
    int (*init)(void *plugin);
    int (*collect)(void **data, size_t *size);
    int (*cleanup)(void *data);
    void (*pause)(void), (*resume)(void);
    int (*exit)(void);
};

struct input *input_new(struct flb_input_instance *ins, const struct input_symbols *symbols, char *name,
                        struct flb_api *api, const struct input_plan *plan);
/* Returns 0, or logs and returns -1. */
int input_start(struct input *in);
/* Calls the instances as the plan says, until that is done or *stop is set. */
void inputs_run(struct input **all, int count, const struct input_plan *plan, const volatile sig_atomic_t *stop);
/* Ends an instance and frees it; not the struct flb_input_instance. */
void input_free(struct input *in);

/*
 * json.c: prints the events of a chunk as lines of JSON to a file, if it is not NULL, up to
 * the first byte that is not msgpack. Returns how many bytes were read, and sets how many events.
 */
size_t print_events(const unsigned char *data, size_t size, const char *name, FILE *out, size_t *count);

#endif
