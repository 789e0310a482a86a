/*
 * A filter that copies each record and appends fixed pairs, as many and as large as
 * those that the how-to's records get from kata, which is the least that a filter
 * that adds such fields has to do. It skips the pairs only to find the end of a
 * record.
 *
 * It knows only the msgpack formats of the suite's records, and exits on others.
 */
#include "filter.h"

#define ID "6b7ae1bf2fdb4589e7731f00339951bc64076572cb2456b203a158353467ec91"

enum { PAIRS = 10 };
static const char pairs[] =
    "\xaa" "kata_level"     "\xa5" "debug"
    "\xa8" "kata_msg"       "\xba" "connecting to the sandbox."
    "\xa9" "kata_arch"      "\xa5" "amd64"
    "\xac" "kata_command"   "\xa5" "start"
    "\xae" "kata_container" "\xd9\x40" ID
    "\xa9" "kata_name"      "\xac" "kata-runtime"
    "\xa8" "kata_pid"       "\xcd\x60\xdc"
    "\xac" "kata_sandbox"   "\xd9\x40" ID
    "\xab" "kata_source"    "\xae" "virtcontainers"
    "\xae" "kata_subsystem" "\xa7" "sandbox";

static void unknown(void)
{
    fputs("grow: a record that is none of the suite's\n", stderr);
    exit(1);
}

static uint32_t number(const unsigned char *p, int bytes)
{
    uint32_t n = 0;

    while (bytes-- > 0) {
        n = n << 8 | *p++;
    }
    return n;
}

/* Skips the header of an array or a map, given its short and 16-bit formats, and returns its length. */
static uint32_t header(const unsigned char **p, int fix, int wide)
{
    const unsigned char *at = *p;

    if ((*at & 0xf0) == fix) {
        *p += 1;
        return *at & 0x0f;
    }
    if (*at == wide || *at == wide + 1) {
        int bytes = *at == wide ? 2 : 4;

        *p += 1 + bytes;
        return number(at + 1, bytes);
    }
    unknown();
    return 0;
}

static const unsigned char *skip_text(const unsigned char *p)
{
    if ((*p & 0xe0) == 0xa0) {
        return p + 1 + (*p & 0x1f);
    }
    switch (*p) {
    case 0xd9:
        return p + 2 + p[1];
    case 0xda:
        return p + 3 + number(p + 1, 2);
    case 0xdb:
        return p + 5 + number(p + 1, 4);
    }
    unknown();
    return p;
}

/* Copies the record at *from, appends the pairs, and skips it. Returns where the copy ends, or NULL without memory. */
static unsigned char *grow(unsigned char *to, const unsigned char *limit, const unsigned char **from)
{
    const unsigned char *start = *from, *p = start, *body, *first;
    uint32_t n, i;
    int metadata;

    header(&p, 0x90, 0xdc);
    metadata = *p != 0xd7;
    if (metadata) {
        header(&p, 0x90, 0xdc);
    }
    p += 10;                    /* the time */
    if (metadata && header(&p, 0x80, 0xde) != 0) {
        unknown();
    }
    body = p;
    n = header(&p, 0x80, 0xde);
    first = p;
    for (i = 0; i < 2 * n; i++) {
        p = skip_text(p);
    }
    if (limit - to < p - start + (ptrdiff_t) sizeof(pairs) + 3) {
        return NULL;
    }
    memcpy(to, start, body - start);
    to += body - start;
    *to++ = 0xde;
    *to++ = (n + PAIRS) >> 8;
    *to++ = n + PAIRS;
    memcpy(to, first, p - first);
    to += p - first;
    memcpy(to, pairs, sizeof(pairs) - 1);
    *from = p;
    return to + sizeof(pairs) - 1;
}

static unsigned char *change(const unsigned char *chunk, size_t size, size_t *new_size)
{
    const unsigned char *p = chunk, *end = p + size;
    size_t capacity = size + size / 2 + 4096;
    unsigned char *start = malloc(capacity), *to = start;

    while (to && p < end) {
        to = grow(to, start + capacity, &p);
    }
    *new_size = (size_t) (to - start);
    return to ? start : NULL;
}

FILTER(filter_grow_plugin, "grow", "Add fixed pairs to each record");
