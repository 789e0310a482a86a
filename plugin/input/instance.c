/* Access to Fluent Bit's instance of the input. */
#include "input.h"

#include <stdlib.h>
#include <string.h>

static const char *(*input_name)(void *ins);

/* Fluent Bit's encoder of metrics as text, which has one line for each. */
static char *(*encode)(void *cmt);
static void (*destroy)(char *text);

int kata_input_start(void)
{
    if (kata_may_start() || kata_find(&input_name, "flb_input_name")) {
        return -1;
    }
    if (kata_lookup(&encode, "cmt_encode_text_create") || kata_lookup(&destroy, "cmt_encode_text_destroy")) {
        encode = NULL;
    }
    kata_input_forget_engine();
    return 0;
}

const char *kata_input_name(struct kata_proxy_plugin *plugin)
{
    return input_name(plugin->ins);
}

int kata_input_level(struct kata_proxy_plugin *plugin)
{
    int level = KATA_LOG_OFF;

    while (level < KATA_LOG_TRACE && plugin->api->input_log_check(plugin->ins, level + 1)) {
        level++;
    }
    return level;
}

void *kata_input_metrics(struct kata_proxy_plugin *plugin)
{
    if (!kata_metrics_available() || !plugin->api->input_get_cmt_instance) {
        return NULL;
    }
    return plugin->api->input_get_cmt_instance(plugin->ins);
}

/*
 * Returns the value of a metric with one series, which is the line "TIME NAME{LABELS} = VALUE",
 * or -1. start has the blank before NAME and the brace behind it.
 */
static double value(const char *text, const char *start)
{
    const char *line = strstr(text, start), *end;

    if (!line) {
        return -1;
    }
    end = strchr(line, '\n');
    for (const char *p = end ? end : line + strlen(line); p > line + 3; p--) {
        if (memcmp(p - 3, " = ", 3) == 0) {
            return strtod(p, NULL);
        }
    }
    return -1;
}

struct kata_input_counters kata_input_count(void *metrics)
{
    struct kata_input_counters c = { -1, -1, -1 };
    char *text = metrics && encode ? encode(metrics) : NULL;

    if (text) {
        c.records = value(text, " fluentbit_input_records_total{");
        c.queued = value(text, " fluentbit_input_ring_buffer_writes_total{");
        c.failed = value(text, " fluentbit_input_ring_buffer_retry_failures_total{");
        destroy(text);
    }
    return c;
}
