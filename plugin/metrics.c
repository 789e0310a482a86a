/*
 * Counters, and one gauge, among Fluent Bit's own metrics (/api/v2/metrics/prometheus).
 *
 * Fluent Bit hands an output the place where its metrics are, and a filter
 * nothing of the kind: its metrics hang on a field of the instance, whose
 * place has to be found. Nothing is read or called until all that is known of
 * the layout has been seen to be so, and without metrics all else works.
 *
 * Counters are written on whatever thread the host runs the filter, while the
 * host reads them on another. That is how its own inputs and filters do it:
 * the value of a counter is atomic, and the list of label sets, which is not
 * in every version, is complete before the first chunk. The writers of one
 * instance take turns (see metrics.go).
 */
#define _GNU_SOURCE
#include "host.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    void *(*counter_create)(void *cmt, const char *ns, const char *subsystem, const char *name,
                            const char *help, int label_count, const char **label_keys);
    int (*counter_set)(void *counter, uint64_t timestamp, double value,
                       int label_count, const char **labels);
    void *(*gauge_create)(void *cmt, const char *ns, const char *subsystem, const char *name,
                          const char *help, int label_count, const char **label_keys);
    int (*gauge_set)(void *gauge, uint64_t timestamp, double value,
                     int label_count, const char **labels);
} host;

static int has_metrics(void)
{
    return kata_host_has(&host.counter_create, "cmt_counter_create") == 0 &&
           kata_host_has(&host.counter_set, "cmt_counter_set") == 0 &&
           kata_host_has(&host.gauge_create, "cmt_gauge_create") == 0 &&
           kata_host_has(&host.gauge_set, "cmt_gauge_set") == 0;
}

/*
 * Copies memory that may not be there: where a load would be a fault, write
 * answers an error. The pipe has room for all that is asked for here.
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

/* Where the field context is in an instance: in the first word that changes with it. */
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

    if (!has_metrics() || !kata_filter_known(ins) || find_tail(ins, &tail) != 0) {
        return NULL;
    }
    /* It is ours, and the host's own counter says of what it is one. */
    if (peek(&plugin, tail.plugin, known) != 0 || memcmp(&plugin, &filter_kata_plugin, known) != 0 ||
        peek(&records, tail.cmt_records, sizeof(records)) != 0 || records.cmt != tail.cmt) {
        return NULL;
    }
    return tail.cmt;
}

void *kata_output_metrics(struct kata_proxy_plugin *plugin)
{
    if (!has_metrics() || !plugin->api->output_get_cmt_instance) {
        return NULL;
    }
    return plugin->api->output_get_cmt_instance(plugin->ins);
}

void *kata_counter(void *metrics, const char *name, const char *help, const char *label)
{
    const char *keys[] = { "name", label };

    return host.counter_create(metrics, "fluentbit", "kata", name, help, label ? 2 : 1, keys);
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

int kata_info(void *metrics, const char *instance, const char *name, const char *help, const char *label)
{
    const char *keys[] = { "name", label }, *values[] = { instance, KATA_VERSION };
    void *gauge = host.gauge_create(metrics, "fluentbit", "kata", name, help, 2, keys);

    return gauge ? host.gauge_set(gauge, now(), 1, 2, values) : -1;
}

void kata_show(struct kata_series *series, const uint64_t *numbers, size_t count)
{
    uint64_t timestamp = now();

    for (size_t i = 0; i < count; i++) {
        struct kata_series *s = &series[i];

        if (s->shown != numbers[i]) {
            host.counter_set(s->counter, timestamp, (double) numbers[i], s->label_count, s->labels);
            s->shown = numbers[i];
        }
    }
}
