//go:build katatest

#define _GNU_SOURCE
#include <string.h>

#include "filter.h"

/* No memory for the output of a chunk that carries this text. */
int kata_out_of_memory(const struct kata_call *call)
{
    static const char text[] = "katatest:memory";

    return memmem(call->in, call->in_size, text, sizeof(text) - 1) != NULL;
}
