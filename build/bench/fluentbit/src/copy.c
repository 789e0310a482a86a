/*
 * A filter that only copies the chunk to new memory, which is the least that a
 * filter that changes records has to do.
 */
#include "filter.h"

#ifndef OBJECT
#define OBJECT filter_copy_plugin
#endif

static unsigned char *change(const unsigned char *chunk, size_t size, size_t *new_size)
{
    unsigned char *copy = malloc(size);

    *new_size = size;
    return copy ? memcpy(copy, chunk, size) : NULL;
}

FILTER(OBJECT, "copy", "Copy the chunk");
