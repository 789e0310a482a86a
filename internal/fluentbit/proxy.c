/* What plugins for Fluent Bit's Go proxy have in common. */
#include "proxy.h"

#include <malloc.h>

/*
 * Fluent Bit allocates its own struct, and older versions a shorter one: the allocator
 * knows how much there is. Where the field is not in the struct, but in memory that is
 * left over behind it, nobody reads it.
 */
void kata_set_config_map(struct kata_proxy_def *def, const void *config_map)
{
    if (malloc_usable_size(def) >= sizeof(*def)) {
        def->config_map = config_map;
    }
}
