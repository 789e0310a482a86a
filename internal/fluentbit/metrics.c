/*
 * Counters and gauges among Fluent Bit's own metrics (/api/v2/metrics/prometheus).
 *
 * Counters are set on the threads that run the plugin, and read on another, as
 * those of Fluent Bit's own inputs and filters are: the value of a counter is
 * atomic, and the list of label sets, which is not safe for use by several
 * threads in every version, is complete before the first chunk. A lock of the
 * instance serializes the writers (see instance.go).
 */
#include "fluentbit.h"

#include <time.h>

static struct {
    void *(*counter_create)(void *cmt, const char *ns, const char *subsystem, const char *name,
                            const char *help, int label_count, const char **label_keys);
    int (*counter_set)(void *counter, uint64_t timestamp, double value,
                       int label_count, const char **labels);
    void *(*gauge_create)(void *cmt, const char *ns, const char *subsystem, const char *name,
                          const char *help, int label_count, const char **label_keys);
    int (*gauge_set)(void *gauge, uint64_t timestamp, double value,
                     int label_count, const char **labels);
} flb;

int kata_metrics_available(void)
{
    return kata_lookup(&flb.counter_create, "cmt_counter_create") == 0 &&
           kata_lookup(&flb.counter_set, "cmt_counter_set") == 0 &&
           kata_lookup(&flb.gauge_create, "cmt_gauge_create") == 0 &&
           kata_lookup(&flb.gauge_set, "cmt_gauge_set") == 0;
}

void *kata_metric(void *metrics, int is_gauge, const char *name, const char *help, const char *label)
{
    const char *keys[] = { "name", label };

    return (is_gauge ? flb.gauge_create : flb.counter_create)(metrics, "fluentbit", "kata", name, help, label ? 2 : 1, keys);
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
    void *gauge = flb.gauge_create(metrics, "fluentbit", "kata", name, help, 2, keys);

    return gauge ? flb.gauge_set(gauge, now(), 1, 2, values) : -1;
}

void kata_show(struct kata_series *series, const uint64_t *numbers, size_t count)
{
    uint64_t timestamp = now();

    for (size_t i = 0; i < count; i++) {
        struct kata_series *s = &series[i];

        if (s->shown != numbers[i]) {
            (s->is_gauge ? flb.gauge_set : flb.counter_set)(s->metric, timestamp, (double) numbers[i], s->label_count, s->labels);
            s->shown = numbers[i];
        }
    }
}
