/*
 * The functions that Fluent Bit looks up.
 *
 * They are C functions, not exported Go ones: a call of any exported Go function
 * enters the Go runtime, which must not happen in a daemon (see kata_forked).
 *
 * Fluent Bit passes no instance to most of them, and to the others only since 4.2.
 * But an input has a thread of its own, unless the configuration says threaded off,
 * on which all of its functions are called: so a variable of the thread has the
 * instance. Without threads there can be one instance only.
 */
#include <string.h>

#include "_cgo_export.h"
#include "config_map.h"
#include "input.h"

static const struct kata_config_row_5_0_3 config_map[] = { KATA_CONFIG_MAP(KATA_CONFIG_INIT) { 0 } };

/*
 * The handle of the instance in Go, or 0. With this model no function of the dynamic
 * loader's has to be called for it, in a library of its own; Go's own variable has it, too.
 */
static _Thread_local uintptr_t instance __attribute__((tls_model("initial-exec")));

#define EXPORT __attribute__((visibility("default")))

EXPORT int FLBPluginRegister(void *def)
{
    int result = kata_may_register() == 0 ? kataInputRegister(def) : -1;

    if (result != -1) {
        kata_set_config_map(def, config_map);
    }
    return result;
}

EXPORT void FLBPluginUnregister(void *def)
{
    if (!kata_forked()) {
        kataInputUnregister(def);
    }
}

EXPORT int FLBPluginInit(struct kata_proxy_plugin *plugin)
{
    static const char second[] =
        "[input:kata] with threaded off there can be one input kata only: Fluent Bit does not say which of several it calls";

    if (kata_input_start() != 0) {
        return KATA_PROXY_ERROR;
    }
    if (instance) {
        kata_log(KATA_LOG_ERROR, second, sizeof(second) - 1);
        return KATA_PROXY_ERROR;
    }
    instance = kataInputInit(plugin);
    return instance ? KATA_PROXY_OK : KATA_PROXY_ERROR;
}

/* Called once a second. The batch stays valid until the next call. */
EXPORT int FLBPluginInputCallback(void **data, size_t *size)
{
    *data = NULL;
    *size = 0;
    if (instance && !kata_forked()) {
        kata_keep_signal();
        kataInputCollect(instance, data, size);
    }
    return KATA_PROXY_OK;
}

/* Called after Fluent Bit has copied the batch. */
EXPORT int FLBPluginInputCleanupCallback(void *data)
{
    (void) data;
    if (instance && !kata_forked()) {
        kataInputGiven(instance);
    }
    return KATA_PROXY_OK;
}

EXPORT void FLBPluginInputPause(void)
{
    if (instance && !kata_forked()) {
        kataInputPause(instance, 1);
    }
}

EXPORT void FLBPluginInputResume(void)
{
    if (instance && !kata_forked()) {
        kataInputPause(instance, 0);
    }
}

EXPORT int FLBPluginExit(void)
{
    if (instance && !kata_forked()) {
        kataInputExit(instance);
        instance = 0;
    }
    return KATA_PROXY_OK;
}
