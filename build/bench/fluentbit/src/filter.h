/*
 * What the filters of this comparison have in common: the object that registers a
 * filter with Fluent Bit 2.2 and later, up to the callbacks. Fluent Bit copies more
 * than that, so zeroes follow.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODIFIED = 1 };

static int init(void *ins, void *config, void *data)
{
    (void) ins; (void) config; (void) data;
    return 0;
}

/* Returns the new chunk in memory from malloc, or NULL if there is none. */
static unsigned char *change(const unsigned char *chunk, size_t size, size_t *new_size);

static int filter(const void *data, size_t size, const char *tag, int tag_len, void **out, size_t *out_size,
                  void *ins, void *input, void *context, void *config)
{
    (void) tag; (void) tag_len; (void) ins; (void) input; (void) context; (void) config;
    *out = change(data, size, out_size);
    if (!*out) {
        fputs("no memory\n", stderr);
        exit(1);
    }
    return MODIFIED;
}

#define FILTER(object, called, does)                                                                                       \
    struct {                                                                                                               \
        int event_type, flags;                                                                                             \
        const char *name, *description;                                                                                    \
        const void *config_map, *pre_run;                                                                                  \
        int (*init)(void *, void *, void *);                                                                               \
        int (*filter)(const void *, size_t, const char *, int, void **, size_t *, void *, void *, void *, void *);         \
        void *zeroes[32];                                                                                                  \
    } object = { .event_type = 1, .name = called, .description = does, .init = init, .filter = filter }
