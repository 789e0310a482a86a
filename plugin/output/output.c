/*
 * The functions that Fluent Bit looks up.
 *
 * They are C functions, not exported Go ones: a call of any exported Go function
 * enters the Go runtime, which must not happen in a daemon (see kata_forked).
 * Fluent Bit registers, starts and ends plugins there, too, so functions that call
 * Go check first.
 *
 * There is no FLBPluginFlush, which is for versions without contexts: 2.2 and later
 * call FLBPluginFlushCtx.
 */
#include <stdatomic.h>
#include <string.h>

#include "_cgo_export.h"
#include "config_map.h"
#include "output.h"

static const struct kata_config_row_5_0_3 config_map[] = { KATA_CONFIG_MAP(KATA_CONFIG_INIT) { 0 } };

static atomic_int instances;

#define EXPORT __attribute__((visibility("default")))

EXPORT int FLBPluginRegister(void *def)
{
    int result = kata_may_register() == 0 ? kataOutputRegister(def) : -1;

    if (result != -1) {
        kata_set_config_map(def, config_map);
    }
    return result;
}

EXPORT void FLBPluginUnregister(void *def)
{
    if (!kata_forked()) {
        kataOutputUnregister(def);
    }
}

EXPORT int FLBPluginInit(struct kata_proxy_plugin *plugin)
{
    int result;

    plugin->context->remote_context = NULL;
    if (kata_output_start() != 0) {
        return KATA_PROXY_ERROR;
    }
    result = kataOutputInit(plugin);
    if (result == KATA_PROXY_OK) {
        atomic_fetch_add(&instances, 1);
    }
    return result;
}

EXPORT int FLBPluginFlushCtx(void *context, const void *data, size_t size, const char *tag)
{
    if (!context) {
        return KATA_PROXY_ERROR;
    }
    kata_keep_signal();
    return kataOutputFlush(context, (char *) tag, strlen(tag), (void *) data, size);
}

EXPORT int FLBPluginExitCtx(void *context)
{
    if (context && !kata_forked()) {
        kataOutputExit(context);
        if (atomic_fetch_sub(&instances, 1) == 1) {
            kata_output_retire_workers();
        }
    }
    return KATA_PROXY_OK;
}

/* For versions that look up this name only. Instances end in FLBPluginExitCtx. */
EXPORT int FLBPluginExit(void)
{
    return KATA_PROXY_OK;
}
