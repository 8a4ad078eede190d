#include "store_entry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_S 1e6 /* what no unit takes */

static json_t *write_work(const davit_work *work)
{
    json_t *dims = json_array();
    for (uint32_t i = 0; i < work->dim_count; i++) {
        json_array_append_new(dims, json_real(work->dims[i]));
    }
    return json_pack("{s:s, s:s, s:f, s:f, s:o}", "kind", work->kind, "dtype",
                     davit_dtype_name(work->dtype), "flops", work->flops, "bytes", work->bytes,
                     "dims", dims);
}

json_t *store_entry_write(const davit_measurement *measurement, const davit_work *work,
                          int64_t measured_at)
{
    json_t *object =
        json_pack("{s:f, s:f, s:I, s:I, s:I}", "median_s", measurement->median_s, "spread_s",
                  measurement->spread_s, "count", (json_int_t)measurement->count, "dropped",
                  (json_int_t)measurement->dropped, "measured_at", (json_int_t)measured_at);
    if (object != NULL && work != NULL && work->kind[0] != '\0') {
        json_object_set_new(object, "work", write_work(work));
    }
    return object;
}

static bool is_amount(double value)
{
    return isfinite(value) && value >= 0;
}

static davit_dtype find_dtype(const char *name)
{
    for (int dtype = 0; dtype < DAVIT_DTYPE_COUNT; dtype++) {
        if (strcmp(davit_dtype_name((davit_dtype)dtype), name) == 0) {
            return (davit_dtype)dtype;
        }
    }
    return DAVIT_DTYPE_COUNT;
}

static bool read_work(json_t *object, davit_work *work, const char **problem)
{
    const char *kind;
    const char *dtype;
    json_t *dims;
    *problem = "'work' is malformed";
    if (json_unpack(object, "{s:s, s:s, s:F, s:F, s:o}", "kind", &kind, "dtype", &dtype, "flops",
                    &work->flops, "bytes", &work->bytes, "dims", &dims) != 0 ||
        !json_is_array(dims) || json_array_size(dims) > DAVIT_WORK_DIMS ||
        strlen(kind) >= sizeof(work->kind) || !is_amount(work->flops) || !is_amount(work->bytes)) {
        return false;
    }
    strcpy(work->kind, kind);
    work->dtype = find_dtype(dtype);
    work->dim_count = (uint32_t)json_array_size(dims);
    for (uint32_t i = 0; i < work->dim_count; i++) {
        const json_t *dim = json_array_get(dims, i);
        work->dims[i] = json_number_value(dim);
        if (!json_is_number(dim) || !is_amount(work->dims[i])) {
            return false;
        }
    }
    return work->dtype != DAVIT_DTYPE_COUNT;
}

bool store_entry_read(const json_t *object, davit_store_entry *out, const char **problem)
{
    davit_store_entry entry = {.signature = NULL};
    const char *unused;
    json_int_t count, dropped, measured_at;
    json_t *work = NULL;
    problem = problem != NULL ? problem : &unused;
    *problem = "a field is missing or of a wrong type";
    if (json_unpack((json_t *)object, "{s:F, s:F, s:I, s:I, s:I, s?o}", "median_s",
                    &entry.measurement.median_s, "spread_s", &entry.measurement.spread_s, "count",
                    &count, "dropped", &dropped, "measured_at", &measured_at, "work", &work) != 0) {
        return false;
    }
    *problem = "a number is out of range";
    if (!(entry.measurement.median_s > 0) || entry.measurement.median_s > LONGEST_S ||
        !is_amount(entry.measurement.spread_s) || count < 1 || count > UINT32_MAX || dropped < 0 ||
        dropped > UINT32_MAX) {
        return false;
    }
    entry.measurement.count = (uint32_t)count;
    entry.measurement.dropped = (uint32_t)dropped;
    entry.measured_at = measured_at;
    if (work != NULL && !read_work(work, &entry.work, problem)) {
        return false;
    }
    if (out != NULL) {
        *out = entry;
    }
    return true;
}

char *store_file_write(const char *key, json_t *entries)
{
    json_t *root = json_pack("{s:i, s:s, s:O}", "schema_version", STORE_SCHEMA_VERSION, "device",
                             key, "entries", entries);
    char *text = root != NULL ? json_dumps(root, JSON_SORT_KEYS | JSON_INDENT(1)) : NULL;
    json_decref(root);
    return text;
}

static bool check_entries(json_t *entries, char *problem, size_t problem_bytes)
{
    const char *signature;
    json_t *object;
    json_object_foreach(entries, signature, object)
    {
        const char *why;
        if (!store_entry_read(object, NULL, &why)) {
            snprintf(problem, problem_bytes, "entry '%.64s': %s", signature, why);
            return false;
        }
    }
    return true;
}

json_t *store_file_read(const char *key, const char *text, size_t bytes, char *problem,
                        size_t problem_bytes)
{
    json_error_t error;
    int version;
    const char *device;
    json_t *entries;
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        snprintf(problem, problem_bytes, "line %d: %.100s", error.line, error.text);
        return NULL;
    }
    if (json_unpack_ex(root, &error, 0, "{s:i, s:s, s:o}", "schema_version", &version, "device",
                       &device, "entries", &entries) != 0 ||
        !json_is_object(entries)) {
        snprintf(problem, problem_bytes, "%.100s", error.text[0] != '\0' ? error.text : "entries");
        entries = NULL;
    } else if (version != STORE_SCHEMA_VERSION || strcmp(device, key) != 0) {
        snprintf(problem, problem_bytes, "schema_version %d of device '%.60s'", version, device);
        entries = NULL;
    } else if (!check_entries(entries, problem, problem_bytes)) {
        entries = NULL;
    }
    json_incref(entries);
    json_decref(root);
    return entries;
}

void store_file_key(const char *text, size_t bytes, char *key, size_t key_bytes)
{
    const char *device = "";
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
    (void)json_unpack(root, "{s:s}", "device", &device);
    snprintf(key, key_bytes, "%s", strlen(device) < key_bytes ? device : "");
    json_decref(root);
}

typedef struct aged {
    int64_t measured_at;
    const char *signature;
} aged;

static int by_age(const void *a, const void *b)
{
    const aged *x = a;
    const aged *y = b;
    return x->measured_at != y->measured_at ? (x->measured_at > y->measured_at ? 1 : -1)
                                            : strcmp(x->signature, y->signature);
}

bool store_entries_trim(json_t *entries, size_t most)
{
    size_t count = json_object_size(entries);
    if (count <= most) {
        return true;
    }
    aged *list = calloc(count, sizeof(*list));
    if (list == NULL) {
        return false;
    }
    const char *signature;
    json_t *object;
    size_t used = 0;
    json_object_foreach(entries, signature, object)
    {
        list[used++] =
            (aged){json_integer_value(json_object_get(object, "measured_at")), signature};
    }
    qsort(list, count, sizeof(*list), by_age);
    for (size_t i = 0; i < count - most; i++) {
        json_object_del(entries, list[i].signature);
    }
    free(list);
    return true;
}
