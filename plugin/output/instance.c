/* Access to Fluent Bit's instance of the output. */
#include "proxy.h"

#include <malloc.h>

#include "config_map.h"

static const char *(*output_name)(void *ins);

static int names_checked;

static const struct kata_config_row_5_0_3 config_map[] = { KATA_CONFIG_MAP(KATA_CONFIG_INIT) { 0 } };

/*
 * Fluent Bit allocates its own struct, and older versions a shorter one: the allocator
 * knows how much there is. Where the field is not in the struct, but in memory that is
 * left over behind it, nobody reads it.
 */
void kata_output_set_config_map(struct kata_proxy_def *def)
{
    if (malloc_usable_size(def) >= sizeof(*def)) {
        def->config_map = config_map;
        names_checked = 1;
    }
}

int kata_output_names_checked(void)
{
    return names_checked;
}

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
