/*
 * The proxy route: what Fluent Bit finds in kata.so.
 *
 * These are C functions rather than exported Go ones because calling any
 * exported Go function enters the Go runtime, which must not happen in a
 * daemon (see kata_host_forked). The host unloads plugins there too, so every
 * one of them looks first.
 *
 * FLBPluginFlush, for hosts that keep no context, is left out: 2.2 and later
 * call FLBPluginFlushCtx.
 */
#include "_cgo_export.h"
#include "host.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int FLBPluginRegister(void *def)
{
    return kata_host_forked() ? -1 : kataOutputRegister(def);
}

EXPORT int FLBPluginInit(struct kata_proxy_plugin *plugin)
{
    uintptr_t handle;

    plugin->context->remote_context = NULL;
    if (kata_host_for_output() != 0) {
        return KATA_PROXY_ERROR;
    }
    handle = kataOutputInit(plugin);
    plugin->context->remote_context = (void *) handle;
    return handle ? KATA_PROXY_OK : KATA_PROXY_ERROR;
}

EXPORT int FLBPluginFlushCtx(void *context, const void *data, size_t size, const char *tag)
{
    (void) tag;
    if (!context) {
        return KATA_PROXY_ERROR;
    }
    kata_host_keep_signal();
    return kataOutputFlush((uintptr_t) context, (void *) data, size);
}

EXPORT int FLBPluginExitCtx(void *context)
{
    if (context && !kata_host_forked()) {
        kataOutputExit((uintptr_t) context);
    }
    return KATA_PROXY_OK;
}

/* For hosts that look for this name only; instances end in FLBPluginExitCtx. */
EXPORT int FLBPluginExit(void)
{
    return KATA_PROXY_OK;
}

EXPORT void FLBPluginUnregister(void *def)
{
    if (!kata_host_forked()) {
        kataOutputUnregister(def);
    }
}
