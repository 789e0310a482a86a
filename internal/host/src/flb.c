/* The functions of Fluent Bit that the libraries look up. */
#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

FILE *log_file;

static const char *const levels[] = { "off", "error", "warn", "info", "debug", "trace" };

int log_level(const char *name)
{
    for (int i = 0; i < 6; i++) {
        if (strcasecmp(name, levels[i]) == 0) {
            return i;
        }
    }
    return -1;
}

void flb_log_print(int level, const char *file, int line, const char *fmt, ...)
{
    char body[4096];
    va_list args;

    (void) file;
    (void) line;
    va_start(args, fmt);
    vsnprintf(body, sizeof(body), fmt, args);
    va_end(args);
    fprintf(log_file ? log_file : stderr, "[%5s] %s\n", level >= 0 && level < 6 ? levels[level] : "?", body);
}

#ifndef BEFORE_5_0_3
/* Added together with the longer config map row. */
const char *flb_config_map_get_raw(struct flb_config_map *map)
{
    return map->value.raw;
}
#endif

static const char *get(const struct properties *props, const char *key)
{
    for (int i = 0; i < props->count; i++) {
        if (strcasecmp(props->list[i].key, key) == 0) {
            return props->list[i].value;
        }
    }
    return NULL;
}

const char *flb_filter_get_property(const char *key, struct flb_filter_instance *ins)
{
    return get(&ins->given, key);
}

const char *flb_filter_name(struct flb_filter_instance *ins)
{
    return ins->alias ? ins->alias : ins->name;
}

void flb_filter_set_context(struct flb_filter_instance *ins, void *context)
{
    ins->context = context;
}

/* NULL for an empty value, unlike that of a filter. */
const char *flb_output_get_property(const char *key, struct flb_output_instance *ins)
{
    const char *value = get(&ins->given, key);

    return value && *value ? value : NULL;
}

const char *flb_output_name(struct flb_output_instance *ins)
{
    return ins->alias ? ins->alias : ins->name;
}

int flb_output_log_check(struct flb_output_instance *ins, int level)
{
    return ins->log_level >= level;
}

/* NULL for an empty value, as of an output. */
const char *flb_input_get_property(const char *key, struct flb_input_instance *ins)
{
    const char *value = get(&ins->given, key);

    return value && *value ? value : NULL;
}

const char *flb_input_name(struct flb_input_instance *ins)
{
    return ins->alias ? ins->alias : ins->name;
}

int flb_input_log_check(struct flb_input_instance *ins, int level)
{
    return ins->log_level >= level;
}

int is_on(const char *value)
{
    return !strcasecmp(value, "on") || !strcasecmp(value, "true") || !strcasecmp(value, "yes");
}

/* Only keeps what is set, for the log: instances are called as --threads says. */
int flb_output_set_property(struct flb_output_instance *ins, const char *name, const char *value)
{
    size_t used = strlen(ins->set);

    snprintf(ins->set + used, sizeof(ins->set) - used, " %s=%s", name, value);
    return 0;
}

int take_global(const struct property *p, int *level, char **alias)
{
    if (strcasecmp(p->key, "alias") == 0) {
        *alias = (char *) p->value;
        return 1;
    }
    if (strcasecmp(p->key, "log_level") == 0) {
        *level = log_level(p->value);
        return 1;
    }
    return 0;
}

static void unknown(const char *plugin, const char *key, const struct flb_config_map *map)
{
    char names[4096] = "";
    size_t used = 0;

    for (const struct flb_config_map *m = map; m->name && used < sizeof(names); m++) {
        used += (size_t) snprintf(names + used, sizeof(names) - used, m[1].name ? "%s, " : "and %s.", m->name);
    }
    flb_log_print(FLB_LOG_ERROR, NULL, 0,
                  "[config] %s: unknown configuration property '%s'. The following properties are allowed: %s",
                  plugin, key, names);
}

int check_properties(const char *plugin, const struct properties *given, const struct flb_config_map *map)
{
    for (int i = 0; i < given->count; i++) {
        const char *key = given->list[i].key;
        const struct flb_config_map *m = map;
        int times = 0;

        while (m->name && strcasecmp(m->name, key) != 0) {
            m++;
        }
        if (!m->name) {
            unknown(plugin, key, map);
            return -1;
        }
        for (int j = 0; j < given->count; j++) {
            times += strcasecmp(given->list[j].key, key) == 0;
        }
        if (times > 1) {
            flb_log_print(FLB_LOG_ERROR, NULL, 0,
                          "[config] %s: configuration property '%s' is set %i times", plugin, key, times);
            return -1;
        }
    }
    return 0;
}
