/* msgpack to lines of JSON: every type and width. The input need not be valid. */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 256

struct reader { const unsigned char *at, *end; int bad; };

static uint64_t take(struct reader *r, int bytes)
{
    uint64_t n = 0;

    if (r->end - r->at < bytes) {
        r->bad = 1;
        return 0;
    }
    while (bytes-- > 0) {
        n = n << 8 | *r->at++;
    }
    return n;
}

static const unsigned char *take_bytes(struct reader *r, uint64_t size)
{
    const unsigned char *at = r->at;

    if (r->bad || (uint64_t) (r->end - r->at) < size) {
        r->bad = 1;
        return NULL;
    }
    r->at += size;
    return at;
}

/* Returns the length of the UTF-8 sequence at s, 0 if it is not valid. */
static int sequence(const unsigned char *s, uint64_t left)
{
    int n = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;

    if (n == 0 || left < (uint64_t) n) {
        return 0;
    }
    for (int i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
        (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f)) {
        return 0;
    }
    return n;
}

static void string(struct reader *r, uint64_t size, FILE *to)
{
    const unsigned char *s = take_bytes(r, size);

    putc('"', to);
    for (uint64_t i = 0; s && i < size;) {
        int n = sequence(s + i, size - i);

        if (n == 0) {
            fputs("\\ufffd", to);
            n = 1;
        } else if (s[i] < 0x20) {
            fprintf(to, "\\u%04x", s[i]);
        } else if (s[i] == '"' || s[i] == '\\') {
            fprintf(to, "\\%c", s[i]);
        } else {
            fwrite(s + i, 1, (size_t) n, to);
        }
        i += (uint64_t) n;
    }
    putc('"', to);
}

static void extension(struct reader *r, uint64_t size, FILE *to)
{
    int8_t type = (int8_t) take(r, 1);
    const unsigned char *s = take_bytes(r, size);

    fprintf(to, "{\"ext\":%d,\"hex\":\"", type);
    for (uint64_t i = 0; s && i < size; i++) {
        fprintf(to, "%02x", s[i]);
    }
    fputs("\"}", to);
}

static void number(double d, FILE *to)
{
    char text[64];

    if (!isfinite(d)) {
        fputs("null", to);
        return;
    }
    snprintf(text, sizeof(text), "%.17g", d);
    fputs(text, to);
    if (!strpbrk(text, ".e")) {
        fputs(".0", to);        /* so that it stays a float */
    }
}

static double float32(uint64_t bits)
{
    uint32_t low = (uint32_t) bits;
    float f;

    memcpy(&f, &low, sizeof(f));
    return f;
}

static double float64(uint64_t bits)
{
    double d;

    memcpy(&d, &bits, sizeof(d));
    return d;
}

static void value(struct reader *r, int depth, FILE *to);

static void array(struct reader *r, uint64_t count, int depth, FILE *to)
{
    putc('[', to);
    for (uint64_t i = 0; i < count && !r->bad; i++) {
        fputs(i ? "," : "", to);
        value(r, depth + 1, to);
    }
    putc(']', to);
}

static void map(struct reader *r, uint64_t count, int depth, FILE *to)
{
    putc('{', to);
    for (uint64_t i = 0; i < count && !r->bad; i++) {
        fputs(i ? "," : "", to);
        value(r, depth + 1, to);
        putc(':', to);
        value(r, depth + 1, to);
    }
    putc('}', to);
}

static void value(struct reader *r, int depth, FILE *to)
{
    unsigned c = (unsigned) take(r, 1);

    if (r->bad || depth > MAX_DEPTH) {
        r->bad = 1;
        return;
    }
    if (c <= 0x7f) { fprintf(to, "%u", c); return; }
    if (c <= 0x8f) { map(r, c & 15, depth, to); return; }
    if (c <= 0x9f) { array(r, c & 15, depth, to); return; }
    if (c <= 0xbf) { string(r, c & 31, to); return; }
    if (c >= 0xe0) { fprintf(to, "%d", (int8_t) c); return; }
    switch (c) {
    case 0xc0: fputs("null", to); break;
    case 0xc2: fputs("false", to); break;
    case 0xc3: fputs("true", to); break;
    case 0xc4: case 0xc5: case 0xc6: string(r, take(r, 1 << (c - 0xc4)), to); break;
    case 0xc7: case 0xc8: case 0xc9: extension(r, take(r, 1 << (c - 0xc7)), to); break;
    case 0xca: number(float32(take(r, 4)), to); break;
    case 0xcb: number(float64(take(r, 8)), to); break;
    case 0xcc: case 0xcd: case 0xce: case 0xcf:
        fprintf(to, "%llu", (unsigned long long) take(r, 1 << (c - 0xcc))); break;
    case 0xd0: fprintf(to, "%d", (int8_t) take(r, 1)); break;
    case 0xd1: fprintf(to, "%d", (int16_t) take(r, 2)); break;
    case 0xd2: fprintf(to, "%d", (int32_t) take(r, 4)); break;
    case 0xd3: fprintf(to, "%lld", (long long) take(r, 8)); break;
    case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8:
        extension(r, (uint64_t) 1 << (c - 0xd4), to); break;
    case 0xd9: case 0xda: case 0xdb: string(r, take(r, 1 << (c - 0xd9)), to); break;
    case 0xdc: case 0xdd: array(r, take(r, 2 << (c - 0xdc)), depth, to); break;
    case 0xde: case 0xdf: map(r, take(r, 2 << (c - 0xde)), depth, to); break;
    default: r->bad = 1;        /* 0xc1, which is never used */
    }
}

/* Returns the number of elements of the array that comes next; anything else is bad. */
static uint64_t open_array(struct reader *r)
{
    unsigned c = (unsigned) take(r, 1);

    if (c == 0xdc || c == 0xdd) {
        return take(r, 2 << (c - 0xdc));
    }
    if ((c & 0xf0) != 0x90) {
        r->bad = 1;
    }
    return c & 15;
}

/* A time: an EventTime becomes seconds.nanoseconds; others are printed as they are. */
static void timestamp(struct reader *r, FILE *to)
{
    const unsigned char *s = r->at;
    size_t head = r->end - s >= 2 && s[0] == 0xd7 && s[1] == 0 ? 2 :
                  r->end - s >= 3 && s[0] == 0xc7 && s[1] == 8 && s[2] == 0 ? 3 : 0;

    putc('"', to);
    if (head) {
        uint64_t sec, nsec;

        r->at += head;
        sec = take(r, 4);
        nsec = take(r, 4);
        fprintf(to, "%llu.%09llu", (unsigned long long) sec, (unsigned long long) nsec);
    } else {
        value(r, 0, to);
    }
    putc('"', to);
}

static void event(struct reader *r, const char *name, FILE *to)
{
    fputs("{", to);
    if (name) {
        fprintf(to, "\"name\":\"%s\",", name);
    }
    if (open_array(r) != 2 || r->at == r->end) {
        r->bad = 1;
        return;
    }
    fputs("\"time\":", to);
    if ((*r->at & 0xf0) == 0x90 || *r->at == 0xdc || *r->at == 0xdd) {
        if (open_array(r) != 2) {
            r->bad = 1;
            return;
        }
        timestamp(r, to);
        fputs(",\"metadata\":", to);
        value(r, 0, to);
    } else {
        timestamp(r, to);
    }
    fputs(",\"record\":", to);
    value(r, 0, to);
    fputs("}", to);
}

size_t print_events(const unsigned char *data, size_t size, const char *name, FILE *out, size_t *count)
{
    struct reader r = { data, data + size, 0 };
    size_t done = 0;

    *count = 0;
    while (done < size) {
        char *line = NULL;
        size_t length = 0;
        FILE *to = open_memstream(&line, &length);

        event(&r, name, to);
        fclose(to);
        if (!r.bad) {
            if (out) fprintf(out, "%.*s\n", (int) length, line);
            ++*count;
            done = (size_t) (r.at - data);
        }
        __builtin_free(line);
        if (r.bad) {
            break;
        }
    }
    return done;
}
