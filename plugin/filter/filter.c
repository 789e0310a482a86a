/*
 * The callbacks, and the object that registers them.
 *
 * Each callback makes one call into Go. The output of a chunk is allocated and
 * freed here, not in Go: whatever happens in Go, what Fluent Bit does not take over
 * is freed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"
#include "config_map.h"
#include "filter.h"

/* An instance's context, which Fluent Bit passes to the later callbacks. */
struct context {
    uintptr_t handle;           /* of the instance in Go */
    _Atomic size_t growth;      /* expected size of the output, in 256ths of the chunk's */
};

static int filter_init(void *ins, void *config, void *data)
{
    struct context *context;

    (void) config;
    (void) data;

    if (kata_filter_start() != 0) {
        return -1;
    }
    context = calloc(1, sizeof(*context));
    if (!context) {
        return -1;
    }
    context->handle = kataFilterInit(ins);
    if (!context->handle) {
        free(context);
        return -1;
    }
    context->growth = 384; /* 1.5 times, for the first chunk */
    kata_filter_set_context(ins, context);
    return 0;
}

static int filter_run(const void *data, size_t size, const char *tag, int tag_len,
                      void **out, size_t *out_size, void *ins, void *input_ins,
                      void *context, void *config)
{
    struct context *self = context;
    struct kata_call call = { .tag = tag, .tag_size = tag_len, .in = data, .in_size = size };

    (void) ins;
    (void) input_ins;
    (void) config;

    if (size == 0) {
        return KATA_FILTER_NOTOUCH;
    }

    kata_keep_signal();

    /* An estimate: Go reserves more if it is too low, or if there is no memory here. */
    kata_reserve(&call, size / 256 * self->growth + size / 16 + 4096);

    if (kataFilterRun(self->handle, &call) != KATA_FILTER_MODIFIED) {
        free(call.out);
        return KATA_FILTER_NOTOUCH;
    }
    if (call.out_size == 0) {
        free(call.out);
        call.out = NULL;
    }
    self->growth = size < 256 ? 384 : call.out_size / (size / 256);
    *out = call.out;
    *out_size = call.out_size;
    return KATA_FILTER_MODIFIED;
}

static int filter_exit(void *context, void *config)
{
    struct context *self = context;

    (void) config;

    if (self && !kata_forked()) {
        kataFilterExit(self->handle);
        free(self);
    }
    return 0;
}

int kata_reserve(struct kata_call *call, size_t cap)
{
    void *moved;

    if (kata_out_of_memory(call)) {
        return -1;
    }
    moved = realloc(call->out, cap);
    if (!moved) {
        return -1;
    }
    call->out = moved;
    call->out_cap = cap;
    return 0;
}

static const struct kata_config_row_2_2 config_map_2_2[] = { KATA_CONFIG_MAP(KATA_CONFIG_INIT) { 0 } };
static const struct kata_config_row_5_0_3 config_map_5_0_3[] = { KATA_CONFIG_MAP(KATA_CONFIG_INIT) { 0 } };

__attribute__((visibility("default"))) struct kata_registration filter_kata_plugin = {
    .event_type  = KATA_FILTER_LOGS,
    .name        = "kata",
    .description = "Parse the log records of Kata Containers (version " KATA_VERSION ")",
    .config_map  = config_map_2_2,
    .cb_init     = filter_init,
    .cb_filter   = filter_run,
    .cb_exit     = filter_exit,
};

/*
 * Fluent Bit copies the object as soon as it has opened the library, so the map
 * with rows of the right size has to be chosen in a constructor. The commit that
 * made the rows longer also added the function.
 */
__attribute__((constructor)) static void choose_config_map(void)
{
    if (dlsym(RTLD_DEFAULT, "flb_config_map_get_raw")) {
        filter_kata_plugin.config_map = config_map_5_0_3;
    }
}
