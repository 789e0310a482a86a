/*
 * An input for Fluent Bit's Go proxy that reads nothing: it gives the same chunk, from the
 * file that the environment variable READY names, once a second, as often as READY_TIMES
 * says. This is the limit of what an input can cost.
 */
#include <stdio.h>
#include <stdlib.h>

enum { INPUT = 1, GOLANG = 11, OK = 1 };

struct definition { int type, proxy, flags; char *name, *description; };

static char *chunk;
static size_t chunk_size;
static long times;

int FLBPluginRegister(struct definition *def)
{
    def->type = INPUT;
    def->proxy = GOLANG;
    def->name = "ready";
    def->description = "Ready chunks";
    return 0;
}

int FLBPluginInit(void *plugin)
{
    FILE *f = fopen(getenv("READY"), "rb");

    (void) plugin;
    times = atol(getenv("READY_TIMES"));
    if (!f || fseek(f, 0, SEEK_END) != 0) {
        return 0;
    }
    chunk_size = (size_t) ftell(f);
    rewind(f);
    chunk = malloc(chunk_size);
    return chunk && fread(chunk, 1, chunk_size, f) == chunk_size ? OK : 0;
}

int FLBPluginInputCallback(void **data, size_t *size)
{
    *data = chunk;
    *size = times-- > 0 ? chunk_size : 0;
    return OK;
}

int FLBPluginInputCleanupCallback(void *data)
{
    (void) data;
    return OK;
}

int FLBPluginExit(void)
{
    return OK;
}
