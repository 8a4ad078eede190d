#include <string.h>

#include "davit/store.h"

/* The part of a signature before the name: "choice:s8_large:". 0: it is no choice. */
static size_t choice_length(const char *signature)
{
    size_t prefix = strlen(DAVIT_CHOICE);
    const char *colon =
        strncmp(signature, DAVIT_CHOICE, prefix) == 0 ? strchr(signature + prefix, ':') : NULL;
    return colon != NULL ? (size_t)(colon - signature) + 1 : 0;
}

const char *davit_store_choices(const davit_store *store, const char *device_key,
                                davit_arena *arena)
{
    davit_store_entry *entries;
    size_t count;
    const char *text = NULL;
    if (davit_store_list(store, device_key, &entries, &count) != DAVIT_OK) {
        return NULL;
    }
    for (size_t i = 0; i < count;) { /* sorted: those of one choice follow each other */
        const davit_store_entry *best = &entries[i];
        size_t length = choice_length(best->signature);
        size_t end = i + 1;
        for (; end < count && length > 0 &&
               strncmp(entries[end].signature, best->signature, length) == 0;
             end++) {
            best = entries[end].measurement.median_s < best->measurement.median_s ? &entries[end]
                                                                                  : best;
        }
        if (length > 0) {
            size_t prefix = strlen(DAVIT_CHOICE);
            text = davit_arena_printf(arena, "%s%s%.*s=%s", text != NULL ? text : "",
                                      text != NULL ? "," : "", (int)(length - prefix - 1),
                                      best->signature + prefix, best->signature + length);
        }
        i = end;
    }
    davit_store_free_list(store, entries);
    return text;
}
