/* One measurement as JSON, and the whole file of a device:
 * {"schema_version": 1, "device": KEY, "entries": {SIGNATURE: {"median_s", "spread_s", "count",
 *  "dropped", "measured_at", "work": {"kind", "dtype", "flops", "bytes", "dims": [...]}}}} */
#ifndef DAVIT_STORE_ENTRY_H
#define DAVIT_STORE_ENTRY_H

#include <jansson.h>

#include "davit/store.h"

#define STORE_SCHEMA_VERSION 1

/* NULL when memory is short. work may be NULL. */
json_t *store_entry_write(const davit_measurement *measurement, const davit_work *work,
                          int64_t measured_at);
/* False when it is none, *problem says why. problem may be NULL, and so may out. */
bool store_entry_read(const json_t *object, davit_store_entry *out, const char **problem);

/* One entry of a device, borrowed; NULL: there is none. How many there are (reports). Putting takes the
 * object over, NULL too, which is an entry with whatever members beside. As davit_store_find and
 * davit_store_put (store.c). */
json_t *store_get(const davit_store *store, const char *device_key, const char *signature);
DAVIT_NODISCARD davit_status store_count(const davit_store *store, const char *device_key,
                                         size_t *count);
DAVIT_NODISCARD davit_status store_put(davit_store *store, const char *device_key,
                                       const char *signature, json_t *object);

/* The text of a file; free it with free(). NULL when memory is short. */
char *store_file_write(const char *key, json_t *entries);
/* The entries of a file's text, all of them valid; else NULL, and problem gets a short text. */
json_t *store_file_read(const char *key, const char *text, size_t bytes, char *problem,
                        size_t problem_bytes);
/* The key of a file's text, "" where it is damaged. */
void store_file_key(const char *text, size_t bytes, char *key, size_t key_bytes);

/* Removes the oldest entries until at most that many are left. False when memory is short. */
bool store_entries_trim(json_t *entries, size_t most);

#endif
