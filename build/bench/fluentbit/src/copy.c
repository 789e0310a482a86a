/*
 * A filter that does nothing but hand the chunk back in fresh memory: less than
 * that no filter can do which changes records.
 *
 * The object has the layout of Fluent Bit 2.2 and later, up to the callbacks;
 * Fluent Bit copies more than it uses, so there are zeroes behind it.
 */
#include <stdlib.h>
#include <string.h>

#ifndef OBJECT
#define OBJECT filter_copy_plugin
#endif

static int init(void *ins, void *config, void *data)
{
    (void) ins; (void) config; (void) data;
    return 0;
}

static int filter(const void *data, size_t size, const char *tag, int tag_len, void **out, size_t *out_size,
                  void *ins, void *input, void *context, void *config)
{
    (void) tag; (void) tag_len; (void) ins; (void) input; (void) context; (void) config;
    *out = malloc(size);
    if (!*out) {
        return 2;               /* NOTOUCH */
    }
    memcpy(*out, data, size);
    *out_size = size;
    return 1;                   /* MODIFIED */
}

struct {
    int event_type, flags;
    const char *name, *description;
    const void *config_map, *pre_run;
    int (*init)(void *, void *, void *);
    int (*filter)(const void *, size_t, const char *, int, void **, size_t *, void *, void *, void *, void *);
    void *zeroes[32];
} OBJECT = { .event_type = 1, .name = "copy", .description = "Copy the chunk", .init = init, .filter = filter };
