/*
 * The part of Fluent Bit's binary interface that the filter uses: 2.2 to 5.1, LP64.
 * A test compares it with internal/host/testdata/layouts.txt, which has every offset
 * and number in each version.
 *
 * Fluent Bit installs no headers for plugins that are built outside of its tree,
 * so the few layouts that are needed are here, with what changed in which version:
 *
 *   struct               2.2 - 3.1   3.2 - 5.0.2   5.0.3 - 5.1
 *   filter registration   80 bytes    88 bytes      88 bytes (adds cb_notification)
 *   config map row        96 bytes    96 bytes     104 bytes (one more word after desc)
 *   filter instance      head and tail as below in all versions
 *   counter               as below in all versions
 */
#ifndef KATA_FILTER_LAYOUT_H
#define KATA_FILTER_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "config_row.h"

/* The type of events that a filter processes. */
enum { KATA_FILTER_LOGS = 1 };

/* What cb_filter returns. */
enum { KATA_FILTER_MODIFIED = 1, KATA_FILTER_NOTOUCH = 2 };

/*
 * The registration object of a filter. Fluent Bit copies as many bytes as its own
 * struct has. With the spare words a later version that adds a callback reads NULL.
 */
struct kata_registration {
    int event_type;
    int flags;
    const char *name;
    const char *description;
    const void *config_map;
    int (*cb_pre_run)(void *ins, void *config, void *data);
    int (*cb_init)(void *ins, void *config, void *data);
    int (*cb_filter)(const void *data, size_t size, const char *tag, int tag_len,
                     void **out, size_t *out_size, void *ins, void *input_ins,
                     void *context, void *config);
    int (*cb_exit)(void *context, void *config);
    int (*cb_notification)(void *ins, void *config, void *data); /* the first link before 3.2 */
    void *link[2];
    void *spare[32];
};

_Static_assert(offsetof(struct kata_registration, name) == 8, "");
_Static_assert(offsetof(struct kata_registration, description) == 16, "");
_Static_assert(offsetof(struct kata_registration, config_map) == 24, "");
_Static_assert(offsetof(struct kata_registration, cb_pre_run) == 32, "");
_Static_assert(offsetof(struct kata_registration, cb_init) == 40, "");
_Static_assert(offsetof(struct kata_registration, cb_filter) == 48, "");
_Static_assert(offsetof(struct kata_registration, cb_exit) == 56, "");
_Static_assert(offsetof(struct kata_registration, cb_notification) == 64, "");
_Static_assert(offsetof(struct kata_registration, spare) == 88, "");

/* The start of struct flb_filter_instance, the same from 2.2 to 5.1. */
struct kata_filter_instance {
    int event_type;
    int id;
    int log_level;
    int log_suppress_interval;
    char name[32];
    char *alias;
};

_Static_assert(offsetof(struct kata_filter_instance, log_level) == 8, "");
_Static_assert(offsetof(struct kata_filter_instance, name) == 16, "");
_Static_assert(offsetof(struct kata_filter_instance, alias) == 48, "");

/*
 * Its part from the field context on, the same from 2.2 to 5.1. Between the two are
 * match, match_regex in some builds, and parent_processor.
 */
struct kata_filter_instance_tail {
    void *context;              /* set by flb_filter_set_context */
    void *data;
    void *plugin;               /* Fluent Bit's copy of the registration */
    void *properties[2];
    void *config_map;
    void *link[2];
    void *cmt;                  /* the instance's metrics */
    void *cmt_records;          /* one of Fluent Bit's own counters */
};

/* The context is behind the head, and before this offset. */
enum { KATA_CONTEXT_END = sizeof(struct kata_filter_instance) + 4 * sizeof(void *) };

_Static_assert(offsetof(struct kata_filter_instance_tail, plugin) == 2 * 8, "");
_Static_assert(offsetof(struct kata_filter_instance_tail, cmt) == 8 * 8, "");
_Static_assert(offsetof(struct kata_filter_instance_tail, cmt_records) == 9 * 8, "");

/* struct cmt_counter, the same from 2.2 to 5.1. */
struct kata_cmt_counter {
    char *names[5];             /* fluentbit, filter, records_total, help, all in one */
    int resource_index;
    void *map;
    void *link[2];
    void *cmt;                  /* the metrics that it belongs to */
};

_Static_assert(offsetof(struct kata_cmt_counter, map) == 6 * 8, "");
_Static_assert(offsetof(struct kata_cmt_counter, cmt) == 9 * 8, "");

#endif
