/*
 * The proxy route: what Fluent Bit finds in kata.so.
 *
 * These are C functions rather than exported Go ones because calling any
 * exported Go function enters the Go runtime, which must not happen in a
 * daemon (see kata_host_forked). The host ends plugins there too, so what calls
 * Go looks first.
 *
 * Fluent Bit's own binding for Go (github.com/fluent/fluent-bit-go) does the
 * same, but its package brings a codec that brings net/rpc: an HTTP server and
 * TLS in the log agent's process, 9 MB of file and 8 MB of memory. Here it is
 * what the tests compare with.
 *
 * FLBPluginFlush, for hosts that keep no context, is left out: 2.2 and later
 * call FLBPluginFlushCtx.
 */
#include <string.h>

#include "_cgo_export.h"
#include "host.h"

#define EXPORT __attribute__((visibility("default")))

/* The host copies or only reads the texts, and never frees them. */
EXPORT int FLBPluginRegister(struct kata_proxy_def *def)
{
    def->type = KATA_PROXY_OUTPUT;
    def->proxy = KATA_PROXY_GOLANG;
    def->flags = 0;
    def->name = "kata";
    def->description = "Parse the log records of Kata Containers and write them as JSON lines (version " KATA_VERSION ")";
    return 0;
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
    if (!context) {
        return KATA_PROXY_ERROR;
    }
    kata_host_keep_signal();
    return kataOutputFlush((uintptr_t) context, (char *) tag, strlen(tag), (void *) data, size);
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

EXPORT void FLBPluginUnregister(struct kata_proxy_def *def)
{
    (void) def;
}
