#include "downsets.h"

#include <string.h>

#include "blobs.h"

/* Blobs above which only one order is followed. */
#define MOST_BLOBS 1024

typedef struct enumeration {
    const davit_place_items *items;
    davit_arena *arena;
    davit_place_downsets *downsets;
    uint32_t *of_item; /* blob */
    uint32_t words;    /* of a set of blobs */
    uint64_t *needs;   /* [blob][words] what it reads from */
    uint32_t most;
    uint64_t *sets;      /* [downset][words] */
    uint32_t *table;     /* hash table of downsets + 1 */
    uint32_t table_size; /* a power of two */
    size_t cover_capacity;
    size_t cover_count;
} enumeration;

static davit_status group_items(enumeration *e)
{
    davit_place_downsets *d = e->downsets;
    uint32_t count = e->items->count;
    d->blob_first = davit_arena_alloc_array(e->arena, (size_t)d->blob_count + 1, sizeof(uint32_t));
    d->blob_items = davit_arena_alloc_array(e->arena, count, sizeof(uint32_t));
    uint32_t *cursor = davit_arena_alloc_array(e->arena, d->blob_count, sizeof(uint32_t));
    if (d->blob_first == NULL || d->blob_items == NULL || cursor == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (uint32_t item = 0; item < count; item++) {
        d->blob_first[e->of_item[item] + 1]++;
    }
    for (uint32_t b = 0; b < d->blob_count; b++) {
        d->blob_first[b + 1] += d->blob_first[b];
        cursor[b] = d->blob_first[b];
    }
    for (uint32_t item = 0; item < count; item++) {
        d->blob_items[cursor[e->of_item[item]]++] = item;
    }
    return DAVIT_OK;
}

static davit_status find_needs(enumeration *e)
{
    e->words = (e->downsets->blob_count + 63) / 64;
    e->needs = davit_arena_alloc_array(e->arena, (size_t)e->downsets->blob_count * e->words, 8);
    if (e->needs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (uint32_t f = 0; f < e->items->flow_count; f++) {
        const davit_place_flow *flow = &e->items->flows[f];
        for (uint32_t k = 0; flow->producer != DAVIT_PLACE_NONE && k < flow->consumer_count; k++) {
            uint32_t from = e->of_item[flow->producer];
            uint32_t to = e->of_item[flow->consumers[k]];
            if (from != to) {
                e->needs[(size_t)to * e->words + from / 64] |= (uint64_t)1 << (from % 64);
            }
        }
    }
    return DAVIT_OK;
}

/* Whether a blob can be added to a set: it is not in it, and all that it needs is. */
static bool can_add(const enumeration *e, const uint64_t *set, uint32_t blob)
{
    if ((set[blob / 64] >> (blob % 64) & 1) != 0) {
        return false;
    }
    const uint64_t *needs = e->needs + (size_t)blob * e->words;
    for (uint32_t w = 0; w < e->words; w++) {
        if ((needs[w] & ~set[w]) != 0) {
            return false;
        }
    }
    return true;
}

/* The number of the set with the words of the downset after the last; most when there is no room
 * for it. */
static uint32_t intern(enumeration *e)
{
    const uint64_t *set = e->sets + (size_t)e->downsets->count * e->words;
    uint64_t hash = 0;
    for (uint32_t w = 0; w < e->words; w++) {
        hash = (hash ^ set[w]) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    uint32_t at = (uint32_t)hash & (e->table_size - 1);
    for (; e->table[at] != 0; at = (at + 1) & (e->table_size - 1)) {
        const uint64_t *other = e->sets + (size_t)(e->table[at] - 1) * e->words;
        if (memcmp(set, other, e->words * sizeof(*set)) == 0) {
            return e->table[at] - 1;
        }
    }
    if (e->downsets->count == e->most) {
        return e->most;
    }
    e->table[at] = ++e->downsets->count;
    return e->downsets->count - 1;
}

static void add_cover(enumeration *e, uint32_t to, uint32_t blob)
{
    e->downsets->cover_to[e->cover_count] = to;
    e->downsets->cover_blob[e->cover_count++] = blob;
}

/* Breadth first from the empty set: sets come by size. False when there are too many. */
static bool enumerate(enumeration *e)
{
    davit_place_downsets *d = e->downsets;
    d->count = 0;
    e->cover_count = 0;
    (void)intern(e);
    for (uint32_t s = 0; s < d->count; s++) {
        d->cover_first[s] = (uint32_t)e->cover_count;
        const uint64_t *set = e->sets + (size_t)s * e->words;
        for (uint32_t blob = 0; blob < d->blob_count; blob++) {
            if (!can_add(e, set, blob)) {
                continue;
            }
            uint64_t *larger = e->sets + (size_t)d->count * e->words;
            memcpy(larger, set, e->words * sizeof(*set));
            larger[blob / 64] |= (uint64_t)1 << (blob % 64);
            uint32_t to = intern(e);
            if (to == e->most || e->cover_count == e->cover_capacity) {
                return false;
            }
            add_cover(e, to, blob);
        }
    }
    d->cover_first[d->count] = (uint32_t)e->cover_count;
    return true;
}

static void follow_one_order(enumeration *e)
{
    davit_place_downsets *d = e->downsets;
    d->count = d->blob_count + 1;
    e->cover_count = 0;
    for (uint32_t b = 0; b < d->blob_count; b++) {
        d->cover_first[b] = b;
        add_cover(e, b + 1, b);
    }
    d->cover_first[d->blob_count] = d->blob_count;
    d->cover_first[d->count] = d->blob_count;
}

static davit_status make_covers(enumeration *e)
{
    davit_place_downsets *d = e->downsets;
    bool small = d->blob_count <= MOST_BLOBS;
    e->cover_capacity = small ? (size_t)e->most * 8 + d->blob_count : d->blob_count;
    size_t rows = (small ? (size_t)e->most : 0) + d->blob_count + 2;
    d->cover_first = davit_arena_alloc_array(e->arena, rows, sizeof(uint32_t));
    d->cover_to = davit_arena_alloc_array(e->arena, e->cover_capacity, sizeof(uint32_t));
    d->cover_blob = davit_arena_alloc_array(e->arena, e->cover_capacity, sizeof(uint32_t));
    if (d->cover_first == NULL || d->cover_to == NULL || d->cover_blob == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    if (small) {
        davit_status status = find_needs(e);
        for (e->table_size = 64; e->table_size < 2 * e->most;) {
            e->table_size *= 2;
        }
        e->table = davit_arena_alloc_array(e->arena, e->table_size, sizeof(uint32_t));
        e->sets = davit_arena_alloc_array(e->arena, ((size_t)e->most + 1) * e->words, 8);
        if (status != DAVIT_OK || e->table == NULL || e->sets == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
        d->all = enumerate(e);
    }
    if (!d->all) {
        follow_one_order(e);
    }
    return DAVIT_OK;
}

davit_status davit_place_downsets_make(const davit_place_items *items, uint32_t most,
                                       davit_arena *arena, davit_place_downsets *downsets)
{
    *downsets = (davit_place_downsets){0};
    enumeration e = {.items = items, .arena = arena, .downsets = downsets, .most = most};
    davit_status status = davit_place_blobs_find(items, arena, &e.of_item, &downsets->blob_count);
    if (status == DAVIT_OK) {
        status = group_items(&e);
    }
    return status == DAVIT_OK ? make_covers(&e) : status;
}
