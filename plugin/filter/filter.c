/*
 * The callbacks, and the object with which they are registered.
 *
 * Each callback is one call into Go, and memory that crosses over is handled
 * on this side of it: whatever happens in Go, what is not handed to Fluent Bit
 * is freed here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"
#include "config_map.h"
#include "filter.h"

/* What Fluent Bit keeps for an instance. */
struct context {
    uintptr_t handle;           /* the instance in Go */
    _Atomic size_t growth;      /* 256ths of its size that a chunk is expected to become */
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
    context->growth = 384; /* half as much again, until a chunk was seen */
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

    /* An estimate: Go asks for more when it is too low, also after a failure. */
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

#define ROW(kind, option, standard, help) \
    { .type = kind, .name = option, .def_value = standard, .desc = help },

static const struct kata_config_row_2_2 config_map_2_2[] = { KATA_CONFIG_MAP(ROW) { 0 } };
static const struct kata_config_row_5_0_3 config_map_5_0_3[] = { KATA_CONFIG_MAP(ROW) { 0 } };

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
 * Fluent Bit copies the object as soon as the library is open, so the map with
 * the rows of its size has to be chosen now. Longer rows and this function
 * came with one change.
 */
__attribute__((constructor)) static void choose_config_map(void)
{
    if (dlsym(RTLD_DEFAULT, "flb_config_map_get_raw")) {
        filter_kata_plugin.config_map = config_map_5_0_3;
    }
}
