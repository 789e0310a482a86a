/*
 * Access to Fluent Bit's instance of the filter.
 *
 * No function returns a filter's metrics: they are in a field of the instance, whose
 * offset has to be found. Nothing is used before all that is known of the layout has
 * been verified. Without metrics all else works.
 */
#define _GNU_SOURCE
#include "filter.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct {
    const char *(*get_property)(const char *key, void *ins);
    const char *(*name)(void *ins);
    void (*set_context)(void *ins, void *context);
} flb;

int kata_filter_start(void)
{
    if (kata_may_start() ||
        kata_find(&flb.get_property, "flb_filter_get_property") ||
        kata_find(&flb.set_context, "flb_filter_set_context") ||
        kata_find(&flb.name, "flb_filter_name")) {
        return -1;
    }
    return 0;
}

const char *kata_filter_property(void *ins, const char *key)
{
    return flb.get_property(key, ins);
}

const char *kata_filter_name(void *ins)
{
    return flb.name(ins);
}

void kata_filter_set_context(void *ins, void *context)
{
    flb.set_context(ins, context);
}

/* Returns whether ins starts with struct kata_filter_instance. */
static int is_known(void *ins)
{
    const struct kata_filter_instance *head = ins;
    const char *name = flb.name(ins);

    /* Fluent Bit returns the address of a field: any other means another layout. */
    return name == head->name || name == head->alias;
}

int kata_filter_level(void *ins)
{
    const struct kata_filter_instance *head = ins;

    if (!is_known(ins) || head->log_level < KATA_LOG_OFF || head->log_level > KATA_LOG_TRACE) {
        return KATA_LOG_INFO;
    }
    return head->log_level;
}

/*
 * Copies memory that may not be mapped: where a load would fault, write returns an
 * error. All sizes here fit into a pipe.
 */
static int peek(void *to, const void *from, size_t size)
{
    int ends[2], ret;

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -1;
    }
    ret = write(ends[1], from, size) == (ssize_t) size && read(ends[0], to, size) == (ssize_t) size ? 0 : -1;
    close(ends[0]);
    close(ends[1]);
    return ret;
}

/* Copies the tail of an instance, which starts with the field context: the first word that setting it changes. */
static int find_tail(void *ins, struct kata_filter_instance_tail *tail)
{
    enum { FIRST = sizeof(struct kata_filter_instance) / sizeof(void *), /* match */
           BEFORE = KATA_CONTEXT_END / sizeof(void *) - FIRST,
           WORDS = BEFORE + sizeof(*tail) / sizeof(void *) };
    static char marker;
    const void *const *words = (const void *const *) ins + FIRST;
    const void *before[WORDS], *after[WORDS];
    int at, changed;

    if (peek(before, words, sizeof(before)) != 0) {
        return -1;
    }
    kata_filter_set_context(ins, &marker);
    changed = peek(after, words, sizeof(after));
    kata_filter_set_context(ins, NULL);
    if (changed != 0) {
        return -1;
    }
    for (at = 0; at < BEFORE && after[at] == before[at]; at++) {
    }
    if (at == BEFORE || after[at] != &marker) {
        return -1;
    }
    memcpy(tail, after + at, sizeof(*tail));
    return 0;
}

void *kata_filter_metrics(void *ins)
{
    struct kata_filter_instance_tail tail;
    struct kata_registration plugin;
    struct kata_cmt_counter records;
    const size_t known = offsetof(struct kata_registration, cb_notification);

    if (!kata_metrics_available() || !is_known(ins) || find_tail(ins, &tail) != 0) {
        return NULL;
    }
    /* The plugin must be this one, and Fluent Bit's own counter must belong to the same metrics. */
    if (peek(&plugin, tail.plugin, known) != 0 || memcmp(&plugin, &filter_kata_plugin, known) != 0 ||
        peek(&records, tail.cmt_records, sizeof(records)) != 0 || records.cmt != tail.cmt) {
        return NULL;
    }
    return tail.cmt;
}
