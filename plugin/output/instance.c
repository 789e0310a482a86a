/* Access to Fluent Bit's instance of the output. */
#include "output.h"

static const char *(*output_name)(void *ins);

int kata_output_set(struct kata_proxy_plugin *plugin, const char *name, const char *value)
{
    static int (*set_property)(void *ins, const char *name, const char *value);

    if (kata_lookup(&set_property, "flb_output_set_property") != 0) {
        return -1;
    }
    return set_property(plugin->ins, name, value) == 0 ? 0 : -1;
}

int kata_output_start(void)
{
    return kata_may_start() || kata_find(&output_name, "flb_output_name") ? -1 : 0;
}

const char *kata_output_name(struct kata_proxy_plugin *plugin)
{
    return output_name(plugin->ins);
}

int kata_output_level(struct kata_proxy_plugin *plugin)
{
    int level = KATA_LOG_OFF;

    while (level < KATA_LOG_TRACE && plugin->api->output_log_check(plugin->ins, level + 1)) {
        level++;
    }
    return level;
}

void *kata_output_metrics(struct kata_proxy_plugin *plugin)
{
    if (!kata_metrics_available() || !plugin->api->output_get_cmt_instance) {
        return NULL;
    }
    return plugin->api->output_get_cmt_instance(plugin->ins);
}
