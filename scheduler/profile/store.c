#include "davit/store.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store_entry.h"
#include "store_folder.h"

#define FILE_PREFIX "times-v1-"

/* What is known of one device. */
typedef struct store_device {
    char *key;
    char *path;
    json_t *entries; /* what the file had, and what was put over it */
    json_t *fresh;   /* what was put since the last save */
} store_device;

/* Devices are read when they are first asked for, also through a const store. */
typedef struct store_devices {
    size_t count, capacity;
    store_device *list;
} store_devices;

struct davit_store {
    const davit_allocator *allocator;
    const davit_diagnostics *diag;
    char *folder;      /* "" when there is none */
    char problem[256]; /* why the folder cannot be used, "" when it can */
    store_devices *devices;
};

static davit_status out_of_memory(const davit_store *store)
{
    return davit_fail(store->diag, DAVIT_OUT_OF_MEMORY, "out of memory for the profile store");
}

/* ---- life ---- */

static void find_problem(davit_store *store)
{
    if (store->folder[0] == '\0') {
        snprintf(store->problem, sizeof(store->problem),
                 "neither XDG_CACHE_HOME nor HOME is set to an absolute path");
        return;
    }
    store_folder_problem(store->folder, store->problem, sizeof(store->problem));
}

davit_status davit_store_open(const davit_allocator *allocator, const char *folder,
                              const davit_diagnostics *diag, davit_store **out)
{
    char path[STORE_PATH_BYTES];
    *out = NULL;
    if (folder == NULL) {
        folder = store_default_folder(path, sizeof(path)) ? path : "";
    }
    davit_store *store = davit_alloc(allocator, sizeof(*store));
    if (store == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for the profile store");
    }
    store->allocator = allocator;
    store->diag = diag;
    store->folder = davit_strdup(allocator, folder);
    store->devices = davit_alloc(allocator, sizeof(*store->devices));
    if (store->folder == NULL || store->devices == NULL) {
        davit_store_close(store);
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for the profile store");
    }
    find_problem(store);
    *out = store;
    return DAVIT_OK;
}

static void clear_device(const davit_allocator *allocator, store_device *device)
{
    davit_free(allocator, device->key);
    davit_free(allocator, device->path);
    json_decref(device->entries);
    json_decref(device->fresh);
}

void davit_store_close(davit_store *store)
{
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; store->devices != NULL && i < store->devices->count; i++) {
        clear_device(store->allocator, &store->devices->list[i]);
    }
    if (store->devices != NULL) {
        davit_free(store->allocator, store->devices->list);
    }
    davit_free(store->allocator, store->devices);
    davit_free(store->allocator, store->folder);
    davit_free(store->allocator, store);
}

const char *davit_store_folder(const davit_store *store)
{
    return store->folder;
}

/* ---- reading ---- */

/* "FOLDER/times-v1-NAME-HASH.json": the first word of the key, and 64 bits of FNV-1a (Fowler, Noll,
 * Vo) of all of it. */
static char *path_of(const davit_store *store, const char *key)
{
    char name[32];
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *c = key; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
    }
    size_t length = 0;
    for (; length < sizeof(name) - 1 && key[length] > ' '; length++) {
        char c = key[length];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        name[length] = '_';
        if (plain) {
            name[length] = c;
        }
    }
    name[length] = '\0';
    size_t bytes = strlen(store->folder) + sizeof(name) + 64;
    char *path = davit_alloc(store->allocator, bytes);
    if (path != NULL) {
        snprintf(path, bytes, "%s/" FILE_PREFIX "%s-%016llx.json", store->folder, name,
                 (unsigned long long)hash);
    }
    return path;
}

/* Moves a damaged file away, unless another process did meanwhile. */
static void set_aside(const davit_store *store, const char *path, const char *problem, int held)
{
    char aside[STORE_PATH_BYTES + 16];
    int lock = held;
    bool moved = false;
    snprintf(aside, sizeof(aside), "%s.damaged", path);
    if (held >= 0 || store_folder_lock(store->folder, NULL, &lock) == DAVIT_OK) {
        moved = rename(path, aside) == 0;
        if (held < 0) {
            store_folder_unlock(lock);
        }
    }
    davit_log(store->diag, DAVIT_WARNING,
              "%s is damaged (%s)%s: its measured times are not used, `davit calibrate` measures "
              "them again",
              path, problem, moved ? " and was moved to FILE.damaged" : "");
}

/* What the file has; empty where there is none, or none that can be used. held: the lock, or -1.
 * NULL: memory is short, or with severity DAVIT_ERROR the file is refused. */
static json_t *load_entries(const davit_store *store, const store_device *device,
                            davit_severity severity, int held)
{
    char problem[256];
    char *text = NULL;
    size_t bytes = 0;
    json_t *entries = NULL;
    davit_status status = DAVIT_OK;
    if (store->problem[0] == '\0') {
        status = store_read(device->path, store->diag, severity, &text, &bytes);
    } else if (store->devices->count == 0) { /* said once */
        davit_log(store->diag, store->folder[0] != '\0' ? DAVIT_WARNING : DAVIT_INFO,
                  "no measured times are used%s%s: %s", store->folder[0] != '\0' ? " from " : "",
                  store->folder, store->problem);
    }
    if (status != DAVIT_OK && severity == DAVIT_ERROR) {
        return NULL;
    }
    if (text != NULL) {
        entries = store_file_read(device->key, text, bytes, problem, sizeof(problem));
        free(text);
        if (entries == NULL) {
            set_aside(store, device->path, problem, held);
        }
    }
    return entries != NULL ? entries : json_object();
}

static store_device *add_device(const davit_store *store, const char *key)
{
    store_devices *devices = store->devices;
    if (davit_array_grow(store->allocator, (void **)&devices->list, &devices->capacity,
                         devices->count, devices->count + 1, sizeof(*devices->list)) != DAVIT_OK) {
        return NULL;
    }
    store_device *device = &devices->list[devices->count];
    *device = (store_device){.key = davit_strdup(store->allocator, key),
                             .path = path_of(store, key),
                             .fresh = json_object()};
    if (device->key != NULL && device->path != NULL) {
        device->entries = load_entries(store, device, DAVIT_WARNING, -1);
    }
    if (device->entries == NULL || device->fresh == NULL) {
        clear_device(store->allocator, device);
        return NULL;
    }
    devices->count++;
    return device;
}

/* The device of a key, read if need be; NULL when memory is short. */
static store_device *find_device(const davit_store *store, const char *key)
{
    for (size_t i = 0; i < store->devices->count; i++) {
        if (strcmp(store->devices->list[i].key, key) == 0) {
            return &store->devices->list[i];
        }
    }
    return add_device(store, key);
}

json_t *store_get(const davit_store *store, const char *device_key, const char *signature)
{
    const store_device *device = find_device(store, device_key);
    return device != NULL ? json_object_get(device->entries, signature) : NULL;
}

davit_status store_count(const davit_store *store, const char *device_key, size_t *count)
{
    const store_device *device = find_device(store, device_key);
    *count = device != NULL ? json_object_size(device->entries) : 0;
    return device != NULL ? DAVIT_OK : out_of_memory(store);
}

bool davit_store_find(const davit_store *store, const char *device_key, const char *signature,
                      davit_measurement *out)
{
    davit_store_entry entry;
    if (!store_entry_read(store_get(store, device_key, signature), &entry, NULL)) {
        return false;
    }
    *out = entry.measurement;
    return true;
}

static int by_signature(const void *a, const void *b)
{
    return strcmp(((const davit_store_entry *)a)->signature,
                  ((const davit_store_entry *)b)->signature);
}

davit_status davit_store_list(const davit_store *store, const char *device_key,
                              davit_store_entry **entries, size_t *count)
{
    *entries = NULL;
    *count = 0;
    const store_device *device = find_device(store, device_key);
    if (device == NULL) {
        return out_of_memory(store);
    }
    davit_store_entry *list =
        davit_alloc_array(store->allocator, json_object_size(device->entries), sizeof(*list));
    if (list == NULL) {
        return out_of_memory(store);
    }
    const char *signature;
    json_t *object;
    size_t used = 0;
    json_object_foreach(device->entries, signature, object)
    {
        if (store_entry_read(object, &list[used], NULL)) {
            list[used++].signature = signature;
        }
    }
    qsort(list, used, sizeof(*list), by_signature);
    *entries = list;
    *count = used;
    return DAVIT_OK;
}

void davit_store_free_list(const davit_store *store, davit_store_entry *entries)
{
    davit_free(store->allocator, entries);
}

/* ---- all files ---- */

static bool has_suffix(const char *name, const char *suffix)
{
    size_t length = strlen(name);
    size_t tail = strlen(suffix);
    return length >= tail && strcmp(name + length - tail, suffix) == 0;
}

static davit_status read_key(void *user, const char *name)
{
    davit_store *store = user;
    char path[STORE_PATH_BYTES];
    char key[1024];
    char *text;
    size_t bytes;
    if (!has_suffix(name, ".json") ||
        snprintf(path, sizeof(path), "%s/%s", store->folder, name) >= (int)sizeof(path) ||
        store_read(path, store->diag, DAVIT_WARNING, &text, &bytes) != DAVIT_OK || text == NULL) {
        return DAVIT_OK;
    }
    store_file_key(text, bytes, key, sizeof(key));
    free(text);
    if (key[0] == '\0') {
        set_aside(store, path, "it names no device", -1);
        return DAVIT_OK;
    }
    return find_device(store, key) != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

davit_status davit_store_keys(davit_store *store, const char ***keys, size_t *count)
{
    davit_status status = DAVIT_OK;
    *keys = NULL;
    *count = 0;
    if (store->problem[0] == '\0') {
        status = store_folder_visit(store->folder, FILE_PREFIX, store->diag, read_key, store);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    const char **list = davit_alloc_array(store->allocator, store->devices->count, sizeof(*list));
    if (list == NULL) {
        return out_of_memory(store);
    }
    for (size_t i = 0; i < store->devices->count; i++) {
        if (json_object_size(store->devices->list[i].entries) > 0) {
            list[(*count)++] = store->devices->list[i].key;
        }
    }
    qsort(list, *count, sizeof(*list), by_text);
    *keys = list;
    return DAVIT_OK;
}

/* ---- writing ---- */

davit_status davit_store_put(davit_store *store, const char *device_key, const char *signature,
                             const davit_measurement *measurement, const davit_work *work)
{
    return store_put(store, device_key, signature,
                     store_entry_write(measurement, work, (int64_t)time(NULL)));
}

davit_status store_put(davit_store *store, const char *device_key, const char *signature,
                       json_t *object)
{
    store_device *device = find_device(store, device_key);
    const char *problem = "out of memory";
    if (device == NULL || object == NULL || !store_entry_read(object, NULL, &problem)) {
        json_decref(object);
        return davit_fail(store->diag, DAVIT_INVALID_ARGUMENT, "a time of %s cannot be kept: %s",
                          device_key, problem);
    }
    bool kept = json_object_set(device->entries, signature, object) == 0 &&
                json_object_set(device->fresh, signature, object) == 0;
    json_decref(object);
    return kept ? DAVIT_OK : out_of_memory(store);
}

/* Reads what is there now, lays what was put over it, writes it. Under the lock. */
static davit_status save_device(davit_store *store, store_device *device, int lock)
{
    json_t *entries = load_entries(store, device, DAVIT_ERROR, lock);
    if (entries == NULL) {
        return DAVIT_IO_ERROR;
    }
    char *text = NULL;
    if (json_object_update(entries, device->fresh) == 0 &&
        store_entries_trim(entries, DAVIT_STORE_MAX_ENTRIES)) {
        text = store_file_write(device->key, entries);
    }
    davit_status status =
        text != NULL ? store_replace(device->path, text, store->diag) : out_of_memory(store);
    free(text);
    if (status != DAVIT_OK) {
        json_decref(entries);
        return status;
    }
    json_decref(device->entries);
    device->entries = entries;
    json_object_clear(device->fresh);
    return DAVIT_OK;
}

/* Makes the folder and takes its lock. */
static davit_status begin_write(davit_store *store, int *lock)
{
    if (store->problem[0] != '\0') {
        return davit_fail(store->diag, DAVIT_IO_ERROR, "measured times cannot be kept%s%s: %s",
                          store->folder[0] != '\0' ? " in " : "", store->folder, store->problem);
    }
    davit_status status = store_folder_make(store->folder, store->diag);
    return status == DAVIT_OK ? store_folder_lock(store->folder, store->diag, lock) : status;
}

davit_status davit_store_save(davit_store *store)
{
    int lock;
    davit_status status = begin_write(store, &lock);
    if (status != DAVIT_OK) {
        return status;
    }
    for (size_t i = 0; i < store->devices->count && status == DAVIT_OK; i++) {
        store_device *device = &store->devices->list[i];
        if (json_object_size(device->fresh) > 0) {
            status = save_device(store, device, lock);
        }
    }
    store_folder_unlock(lock);
    return status;
}

static davit_status remove_file(void *user, const char *name)
{
    const davit_store *store = user;
    char path[STORE_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s", store->folder, name);
    return unlink(path) == 0 || errno == ENOENT
               ? DAVIT_OK
               : davit_fail(store->diag, DAVIT_IO_ERROR, "%s: cannot be removed: %s", path,
                            strerror(errno));
}

davit_status davit_store_clear(davit_store *store)
{
    int lock;
    davit_status status = begin_write(store, &lock);
    if (status == DAVIT_OK) {
        status = store_folder_visit(store->folder, FILE_PREFIX, store->diag, remove_file, store);
        store_folder_unlock(lock);
    }
    for (size_t i = 0; status == DAVIT_OK && i < store->devices->count; i++) {
        json_object_clear(store->devices->list[i].entries);
        json_object_clear(store->devices->list[i].fresh);
    }
    return status;
}
