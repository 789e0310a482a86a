/* The config map: the options of a plugin, by which Fluent Bit checks names and prints help. */
#ifndef KATA_CONFIG_ROW_H
#define KATA_CONFIG_ROW_H

#include <stddef.h>
#include <stdint.h>

/* Types of config map rows. */
enum { KATA_MAP_STR = 0, KATA_MAP_INT = 2, KATA_MAP_BOOL = 3, KATA_MAP_SIZE = 5,
       KATA_MAP_TIME = 6, KATA_MAP_CLIST = 30 };

/*
 * A row of the config map. Fluent Bit walks the array with the size of its own
 * row, which 5.0.3 made one word longer: there have to be two arrays.
 */
#define KATA_CONFIG_ROW(words)                                               \
    {                                                                        \
        int type;                                                            \
        const char *name;                                                    \
        const char *def_value;                                               \
        int flags;                                                           \
        int set_property;       /* 0: names are checked, nothing is stored */ \
        uintptr_t offset;                                                    \
        const char *desc;                                                    \
        void *own[words];       /* value and links, used in Fluent Bit's copy */ \
    }

/* A row as the generated files config_map.h have it. */
#define KATA_CONFIG_INIT(kind, option, standard, help) \
    { .type = kind, .name = option, .def_value = standard, .desc = help },

struct kata_config_row_2_2 KATA_CONFIG_ROW(6);
struct kata_config_row_5_0_3 KATA_CONFIG_ROW(7);

_Static_assert(offsetof(struct kata_config_row_2_2, name) == 8, "");
_Static_assert(offsetof(struct kata_config_row_2_2, flags) == 24, "");
_Static_assert(offsetof(struct kata_config_row_2_2, offset) == 32, "");
_Static_assert(offsetof(struct kata_config_row_2_2, desc) == 40, "");
_Static_assert(sizeof(struct kata_config_row_2_2) == 96, "");
_Static_assert(sizeof(struct kata_config_row_5_0_3) == 104, "");

#endif
