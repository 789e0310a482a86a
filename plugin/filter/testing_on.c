//go:build katatest

#define _GNU_SOURCE
#include <string.h>

#include "filter.h"

/* There is no memory for the output of a chunk that contains this text. */
int kata_out_of_memory(const struct kata_call *call)
{
    static const char text[] = "katatest:memory";

    return memmem(call->in, call->in_size, text, sizeof(text) - 1) != NULL;
}
