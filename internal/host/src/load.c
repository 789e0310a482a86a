/* The two interfaces by which Fluent Bit loads and calls a library. */
#include "host.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>

struct library {
    void *handle;
    struct flb_filter_plugin filter;            /* Fluent Bit's copy */
    struct flb_plugin_proxy_def *def;           /* of an output or an input */
    void (*unregister)(struct flb_plugin_proxy_def *);
    struct flbgo_output_plugin symbols;         /* of an output, without an instance */
    struct input_symbols input;                 /* of an input */
};

static void *output_get_cmt_instance(struct flb_output_instance *ins)
{
    return ins->cmt;
}

static void *input_get_cmt_instance(struct flb_input_instance *ins)
{
    return ins->cmt;
}

static struct flb_api api = {
    .output_get_property = flb_output_get_property,
    .input_get_property = flb_input_get_property,
    .input_get_cmt_instance = input_get_cmt_instance,
    .input_log_check = flb_input_log_check,
    .output_get_cmt_instance = output_get_cmt_instance,
    .log_print = flb_log_print,
    .output_log_check = flb_output_log_check,
};

static void *find(struct library *lib, const char *name, int needed)
{
    void *symbol = dlsym(lib->handle, name);

    if (!symbol && needed) {
        fprintf(stderr, "host: %s\n", dlerror());
        exit(2);
    }
    return symbol;
}

/* With memcpy, since C has no cast from void * to a function pointer. */
#define FIND(lib, slot, name, needed)                   \
    do {                                                \
        void *symbol_ = find(lib, name, needed);        \
        memcpy(&(slot), &symbol_, sizeof(symbol_));     \
    } while (0)

struct library *library_open(const char *path)
{
    const char *slash = strrchr(path, '/');
    int is_native = strncmp(slash ? slash + 1 : path, "flb-", 4) == 0;
    struct library *lib = calloc(1, sizeof(*lib));
    int (*reg)(struct flb_plugin_proxy_def *);
    char full[PATH_MAX];
    int slack;

    if (!realpath(path, full)) {        /* dlopen would search for a name without a slash */
        fprintf(stderr, "host: %s: %s\n", path, strerror(errno));
        exit(2);
    }
    slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    lib->handle = dlopen(full, RTLD_LAZY);
    if (!lib->handle) {
        fprintf(stderr, "host: %s\n", dlerror());
        exit(2);
    }
    if (prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0) != slack) {
        fprintf(stderr, "host: the library changed how late this thread may be\n");
        exit(1);
    }
    if (is_native) {
        memcpy(&lib->filter, find(lib, "filter_kata_plugin", 1), sizeof(lib->filter));
        return lib;
    }
    lib->def = calloc(1, sizeof(*lib->def));
    FIND(lib, reg, "FLBPluginRegister", 1);
    if (reg(lib->def) == -1) {
        fprintf(stderr, "host: the library did not register\n");
        exit(1);
    }
    FIND(lib, lib->unregister, "FLBPluginUnregister", 1);
    if (lib->def->proxy != FLB_PROXY_GOLANG) {
        fprintf(stderr, "host: the library registered for proxy %d\n", lib->def->proxy);
        exit(1);
    }
    if (lib->def->type == FLB_PROXY_INPUT_PLUGIN) {
        FIND(lib, lib->input.init, "FLBPluginInit", 1);
        FIND(lib, lib->input.collect, "FLBPluginInputCallback", 1);
        FIND(lib, lib->input.cleanup, "FLBPluginInputCleanupCallback", 1);
        FIND(lib, lib->input.pause, "FLBPluginInputPause", 1);
        FIND(lib, lib->input.resume, "FLBPluginInputResume", 1);
        FIND(lib, lib->input.exit, "FLBPluginExit", 1);
        return lib;
    }
    FIND(lib, lib->symbols.cb_init, "FLBPluginInit", 1);
    FIND(lib, lib->symbols.cb_flush_ctx, "FLBPluginFlushCtx", 1);
    FIND(lib, lib->symbols.cb_exit_ctx, "FLBPluginExitCtx", 1);
    lib->symbols.name = lib->def->name;
    lib->symbols.api = &api;
    return lib;
}

static int start_filter(struct library *lib, struct instance *ins, int id, int level)
{
    struct flb_filter_instance *f = calloc(1, sizeof(*f));

    ins->library = lib;
    ins->filter = f;
    f->event_type = 1;
    f->id = id;
    f->log_level = level;
    f->log_suppress_interval = -1;
    f->p = &lib->filter;
    snprintf(f->name, sizeof(f->name), "%s.%i", lib->filter.name, id);
    for (int i = 0; i < ins->given.count; i++) {
        if (!take_global(&ins->given.list[i], &f->log_level, &f->alias)) {
            f->given.list[f->given.count++] = ins->given.list[i];
        }
    }
#if OTHER_LAYOUT == 1
    f->news = f;                /* a pointer to something else */
#elif OTHER_LAYOUT == 2
    f->news = (void *) 8;       /* no pointer */
#endif
    f->cmt = cmt_new();
    f->cmt_records = cmt_counter_create(f->cmt, "fluentbit", "filter", "records_total", "All.", 1, (char *[]) { "name" });
    if (check_properties(lib->filter.name, &f->given, lib->filter.config_map) != 0) {
        return -1;
    }
    if (lib->filter.cb_init(f, NULL, NULL) != 0) {
        flb_log_print(FLB_LOG_ERROR, NULL, 0, "Failed initialize filter %s", f->name);
        return -1;
    }
    f->cmt->complete = 1;
    return 0;
}

static int start_output(struct library *lib, struct instance *ins, int id, int level)
{
    struct flb_output_instance *o = calloc(1, sizeof(*o));
    struct flbgo_output_plugin *p = malloc(sizeof(*p));

    ins->library = lib;
    ins->output = o;
    ins->proxy = p;
    o->log_level = level;
    snprintf(o->name, sizeof(o->name), "%s.%i", lib->def->name, id);
    for (int i = 0; i < ins->given.count; i++) {
        if (!take_global(&ins->given.list[i], &o->log_level, &o->alias)) {
            o->given.list[o->given.count++] = ins->given.list[i];
        }
    }
    o->cmt = cmt_new();
#ifndef BEFORE_5_0_3
    if (lib->def->config_map && check_properties(lib->def->name, &o->given, lib->def->config_map) != 0) {
        return -1;
    }
#endif
    *p = lib->symbols;
    p->o_ins = o;
    p->context = calloc(1, sizeof(*p->context));
    if (p->cb_init(p) != FLB_OK) {
        flb_log_print(FLB_LOG_ERROR, NULL, 0, "[go proxy]: plugin '%s' failed to initialize", p->name);
        return -1;
    }
    if (o->set[0] && getenv("SHOW_SET")) {
        flb_log_print(FLB_LOG_INFO, NULL, 0, "host: %s has set%s", o->name, o->set);
    }
    o->cmt->complete = 1;
    return 0;
}

static struct cmt_counter *input_counter(struct flb_input_instance *i, char *name)
{
    struct cmt_counter *c = cmt_counter_create(i->cmt, "fluentbit", "input", name, "Fluent Bit's.", 1, (char *[]) { "name" });

    cmt_counter_set(c, 1000000000, 0, 1, (char *[]) { (char *) flb_input_name(i) });
    return c;
}

static int start_input(struct library *lib, struct instance *ins, int id, int level, const struct input_plan *plan)
{
    struct flb_input_instance *i = calloc(1, sizeof(*i));

    ins->library = lib;
    ins->source = i;
    i->log_level = level;
    i->threaded = 1;
    snprintf(i->name, sizeof(i->name), "%s.%i", lib->def->name, id);
    for (int k = 0; k < ins->given.count; k++) {
        const struct property *p = &ins->given.list[k];

        if (!strcasecmp(p->key, "threaded")) {
            i->threaded = is_on(p->value);
        } else if (!take_global(p, &i->log_level, &i->alias)) {
            i->given.list[i->given.count++] = *p;
        }
    }
    i->cmt = cmt_new();
    i->records = input_counter(i, "records_total");
#ifndef BEFORE_5_0_3
    i->writes = input_counter(i, "ring_buffer_writes_total");
    i->failed = input_counter(i, "ring_buffer_retry_failures_total");
    if (lib->def->config_map && check_properties(lib->def->name, &i->given, lib->def->config_map) != 0) {
        return -1;
    }
#endif
    ins->input = input_new(i, &lib->input, lib->def->name, &api, plan);
    return input_start(ins->input);
}

int library_start(struct library *lib, struct instance *ins, int id, int level, const struct input_plan *plan)
{
    if (lib->def && lib->def->type == FLB_PROXY_INPUT_PLUGIN) {
        return start_input(lib, ins, id, level, plan);
    }
    return lib->def ? start_output(lib, ins, id, level) : start_filter(lib, ins, id, level);
}

int library_call(struct instance *ins, struct chunk in, void **out, size_t *out_size)
{
    struct library *lib = ins->library;
    char tag[] = "kata.host", longer[] = "kata.host goes on"; /* the tag of a filter need not end with NUL */

    *out = NULL;
    *out_size = 0;
    if (lib->def) {
        return ins->proxy->cb_flush_ctx(ins->proxy->context->remote_context, in.data, in.size, tag);
    }
    return lib->filter.cb_filter(in.data, in.size, longer, (int) strlen(tag), out, out_size,
                                 ins->filter, NULL, ins->filter->context, NULL);
}

/* Prints an instance's metrics, if asked to, and frees them. Returns whether they were misused. */
static int finish(struct cmt *cmt, int print)
{
    if (print) {
        cmt_print(cmt);
    }
    return cmt_free(cmt);
}

int library_stop(struct instance *ins, int metrics)
{
    int wrong = 0;

    if (ins->filter) {
        if (ins->filter->context) {
            ins->library->filter.cb_exit(ins->filter->context, NULL);
        }
        wrong = finish(ins->filter->cmt, metrics);
        free(ins->filter);
        ins->filter = NULL;
    }
    if (ins->output) {
        ins->proxy->cb_exit_ctx(ins->proxy->context->remote_context);
        wrong = finish(ins->output->cmt, metrics);
        free(ins->proxy->context);
        free(ins->proxy);
        free(ins->output);
        ins->output = NULL;
    }
    if (ins->source) {
        if (ins->input) input_free(ins->input);
        wrong = finish(ins->source->cmt, metrics);
        free(ins->source);
        ins->source = NULL;
        ins->input = NULL;
    }
    return wrong;
}

void library_describe(const struct library *lib)
{
    fprintf(stderr, "%s: %s\n", lib->def ? lib->def->name : lib->filter.name,
            lib->def ? lib->def->description : lib->filter.description);
}

void library_close(struct library *lib)
{
    if (lib->def) {
        lib->unregister(lib->def);
        free(lib->def);
    }
    dlclose(lib->handle);
    free(lib);
}
