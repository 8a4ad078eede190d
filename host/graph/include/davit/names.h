/* Names to ids: a hash table (open addressing) over strings that somebody else keeps alive. */
#ifndef DAVIT_NAMES_H
#define DAVIT_NAMES_H

#include "davit/graph.h"

typedef struct davit_name_slot {
    const char *name; /* NULL: free */
    uint32_t id;
} davit_name_slot;

typedef struct davit_names {
    const davit_allocator *allocator;
    davit_name_slot *slots;
    size_t capacity; /* 0 or a power of two, at most half of it used */
    size_t count;
} davit_names;

void davit_names_init(davit_names *names, const davit_allocator *allocator);
void davit_names_clear(davit_names *names);

/* The id of a name, or DAVIT_NONE. */
uint32_t davit_names_find(const davit_names *names, const char *name);

/* Adds a name, borrowed for the table's life. A name that is there already keeps its id. Returns
 * DAVIT_OUT_OF_MEMORY with the table unchanged. */
DAVIT_NODISCARD davit_status davit_names_add(davit_names *names, const char *name, uint32_t id);

#endif
