#include "calibrate.h"
#include "davit/measure.h"
#include "davit/weight_cache.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "json.h"

static const char *const ways[] = {DAVIT_LINK_TO_DEVICE, DAVIT_LINK_TO_HOST};
static const char *const way_names[] = {"to the device", "to the host"};

static bool is_link(const char *signature)
{
    return strncmp(signature, ways[0], strlen(ways[0])) == 0 ||
           strncmp(signature, ways[1], strlen(ways[1])) == 0;
}

/* ---- after a calibration ---- */

/* The rate of the largest copy that was measured; 0 for none. */
static double link_rate(const davit_store *store, const char *key, int way)
{
    for (size_t bytes = (size_t)16 << 20; bytes >= 1024; bytes /= 4) {
        char signature[64];
        davit_measurement m;
        snprintf(signature, sizeof(signature), "%s%zu", ways[way], bytes);
        if (davit_store_find(store, key, signature, &m)) {
            return (double)bytes / m.median_s;
        }
    }
    return 0;
}

static double submission_s(const davit_store *store, const char *key)
{
    davit_measurement m;
    return davit_store_find(store, key, DAVIT_SUBMISSION, &m) ? m.median_s : 0;
}

/* The choices of a device: a line for each kernel, and how many times faster the best is than the
 * slowest. */
static void print_choices(const davit_store *store, const char *name, const char *key)
{
    davit_store_entry *entries;
    size_t count;
    double best = 0;
    if (davit_store_list(store, key, &entries, &count) != DAVIT_OK) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const char *signature = entries[i].signature + strlen(DAVIT_CHOICE);
        if (strncmp(entries[i].signature, DAVIT_CHOICE, strlen(DAVIT_CHOICE)) != 0) {
            continue;
        }
        size_t length = strcspn(signature, ":");
        best = entries[i].measurement.median_s;
        for (size_t k = 0; k < count; k++) {
            if (strncmp(entries[k].signature, entries[i].signature,
                        strlen(DAVIT_CHOICE) + length + 1) == 0 &&
                entries[k].measurement.median_s < best) {
                best = entries[k].measurement.median_s;
            }
        }
        double median = entries[i].measurement.median_s;
        printf("%-10s %-12.*s %-20s %11.4f ms %8.2f times the best%s\n", name, (int)length,
               signature, signature + length + (signature[length] == ':' ? 1 : 0), median * 1e3,
               median / best, median > best ? "" : "  <- chosen");
    }
    davit_store_free_list(store, entries);
}

int cli_calibrated_print(const cli_calibrated *done, bool json)
{
    json_t *devices = json_array();
    for (size_t i = 0; i < done->device_count; i++) {
        const struct cli_calibrated_device *device = &done->devices[i];
        double in = link_rate(done->store, device->key, 0);
        double out = link_rate(done->store, device->key, 1);
        double submission = submission_s(done->store, device->key);
        json_array_append_new(
            devices, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f}", "name",
                               device->name, "key", device->key, "choices",
                               (json_int_t)device->choices, "kernels_compared",
                               (json_int_t)device->compared, "kernels_chosen",
                               (json_int_t)device->replaced, "networks", (json_int_t)device->networks, "units",
                               (json_int_t)device->units, "submission_s", submission,
                               "to_device_bytes_per_s", in, "to_host_bytes_per_s", out));
        if (!json && device->choices > 0) {
            print_choices(done->store, device->name, device->key);
        }
        if (!json && device->compared > 0) {
            printf("%-10s kernels compared for %zu different units, another than by rule chosen for "
                   "%zu (--show prints them)\n",
                   device->name, device->compared, device->replaced);
        }
        if (!json && device->units > 0) {
            printf("%-10s %zu networks, %zu different units; %.1f us to submit a program; copies "
                   "%.1f GB/s %s, %.1f GB/s %s\n",
                   device->name, device->networks, device->units, submission * 1e6, in * 1e-9,
                   way_names[0], out * 1e-9, way_names[1]);
        }
    }
    if (json) {
        return cli_print_json(json_pack(
            "{s:i, s:s, s:b, s:o}", "schema_version", CLI_SCHEMA_VERSION, "folder",
            davit_store_folder(done->store), "interrupted", done->interrupted, "devices", devices));
    }
    json_decref(devices);
    printf("kept in %s%s\n", davit_store_folder(done->store),
           done->interrupted ? " (interrupted: what was measured until then)" : "");
    return CLI_DONE;
}

/* ---- the whole store ---- */

static json_t *work_json(const davit_work *work)
{
    json_t *dims = json_array();
    for (uint32_t i = 0; i < work->dim_count; i++) {
        json_array_append_new(dims, json_real(work->dims[i]));
    }
    return json_pack("{s:s, s:s, s:f, s:f, s:o}", "kind", work->kind, "dtype",
                     davit_dtype_name(work->dtype), "flops", work->flops, "bytes", work->bytes,
                     "dims", dims);
}

static json_t *entry_json(const davit_store_entry *entry)
{
    json_t *object = json_pack(
        "{s:s, s:f, s:f, s:I, s:I, s:I}", "signature", entry->signature, "median_s",
        entry->measurement.median_s, "spread_s", entry->measurement.spread_s, "count",
        (json_int_t)entry->measurement.count, "dropped", (json_int_t)entry->measurement.dropped,
        "measured_at", (json_int_t)entry->measured_at);
    if (entry->work.kind[0] != '\0') {
        json_object_set_new(object, "work", work_json(&entry->work));
    }
    return object;
}

static void print_dims(const davit_work *work, char dims[160])
{
    size_t used = 0;
    dims[0] = '\0';
    for (uint32_t i = 0; i < work->dim_count && used < 160; i++) {
        int length =
            snprintf(dims + used, 160 - used, "%s%.0f", i > 0 ? "x" : "", work->dims[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}

static void print_kernel(const davit_store_entry *entry, const davit_kernel_choice *choice)
{
    char dims[160];
    print_dims(&entry->work, dims);
    printf("  %-34s %-24s %-5s %-14s %9.4f %-34s %9.4f  %-7s %s\n", entry->signature,
           entry->work.kind, davit_dtype_name(entry->work.dtype), choice->name,
           choice->seconds * 1e3, choice->rule, choice->rule_seconds * 1e3,
           choice->chosen ? "chosen" : "rule", dims);
}

static void print_entry(const davit_store_entry *entry)
{
    const davit_work *work = &entry->work;
    char dims[160];
    print_dims(work, dims);
    bool link = is_link(entry->signature) || strcmp(entry->signature, DAVIT_SUBMISSION) == 0 ||
                strncmp(entry->signature, DAVIT_CHOICE, strlen(DAVIT_CHOICE)) == 0 ||
                strncmp(entry->signature, DAVIT_SEEN, strlen(DAVIT_SEEN)) == 0;
    printf("  %-34s %-24s %-5s %11.4f %9.4f %5u %4u  %s\n", entry->signature,
           link ? "-" : work->kind, link ? "-" : davit_dtype_name(work->dtype),
           entry->measurement.median_s * 1e3, entry->measurement.spread_s * 1e3,
           entry->measurement.count, entry->measurement.dropped, dims);
}

static json_t *kernel_json(const davit_kernel_choice *choice)
{
    return json_pack("{s:s, s:s, s:f, s:b}", "name", choice->name, "rule", choice->rule, "rule_s",
                     choice->rule_seconds, "chosen", choice->chosen);
}

/* True when it is the key of a device's kernels; that of the device then. */
static bool key_of_kernels(const char *key, char device_key[DAVIT_DEVICE_KEY_BYTES])
{
    size_t length = strlen(key), tail = strlen(DAVIT_KERNELS_KEY);
    if (length < tail || strcmp(key + length - tail, DAVIT_KERNELS_KEY) != 0) {
        return false;
    }
    snprintf(device_key, DAVIT_DEVICE_KEY_BYTES, "%.*s", (int)(length - tail), key);
    return true;
}

/* Prints what is known of one device, or adds it to list. */
static davit_status show_device(const davit_store *store, const char *key, json_t *list)
{
    davit_store_entry *entries;
    size_t count;
    davit_status status = davit_store_list(store, key, &entries, &count);
    if (status != DAVIT_OK) {
        return status;
    }
    json_t *array = json_array();
    char device_key[DAVIT_DEVICE_KEY_BYTES];
    bool kernels = key_of_kernels(key, device_key);
    if (list == NULL && kernels) {
        printf("%s\n  %-34s %-24s %-5s %-14s %9s %-34s %9s  %-7s %s\n", key, "signature", "work",
               "type", "kernel", "ms", "by rule", "ms", "used", "numbers");
    } else if (list == NULL) {
        printf("%s\n  %-34s %-24s %-5s %11s %9s %5s %4s  %s\n", key, "signature", "work", "type",
               "median ms", "spread", "count", "out", "numbers");
    }
    for (size_t i = 0; i < count; i++) {
        davit_kernel_choice choice;
        bool found = kernels &&
                     davit_store_find_kernel(store, device_key, entries[i].signature, &choice);
        if (list != NULL) {
            json_t *object = entry_json(&entries[i]);
            if (found) {
                json_object_set_new(object, "kernel", kernel_json(&choice));
            }
            json_array_append_new(array, object);
        } else if (found) {
            print_kernel(&entries[i], &choice);
        } else {
            print_entry(&entries[i]);
        }
    }
    davit_store_free_list(store, entries);
    if (list != NULL) {
        json_array_append_new(list, json_pack("{s:s, s:O}", "key", key, "entries", array));
    }
    json_decref(array);
    return DAVIT_OK;
}

int cli_store_print(davit_store *store, bool json)
{
    const char **keys;
    size_t count;
    davit_status status = davit_store_keys(store, &keys, &count);
    if (status != DAVIT_OK) {
        return CLI_FAILED;
    }
    json_t *devices = json ? json_array() : NULL;
    for (size_t i = 0; i < count && status == DAVIT_OK; i++) {
        status = show_device(store, keys[i], devices);
    }
    davit_free(davit_allocator_default(), keys);
    if (status != DAVIT_OK) {
        json_decref(devices);
        return CLI_FAILED;
    }
    const davit_weight_cache_state weights = davit_weight_cache_look();
    if (json) {
        return cli_print_json(json_pack(
            "{s:i, s:s, s:o, s:{s:s, s:I, s:I}}", "schema_version", CLI_SCHEMA_VERSION, "folder",
            davit_store_folder(store), "devices", devices, "packed_weights", "folder",
            weights.folder, "files", (json_int_t)weights.file_count, "bytes",
            (json_int_t)weights.bytes));
    }
    if (count == 0) {
        printf("nothing is measured yet; `davit calibrate` does (%s)\n", davit_store_folder(store));
    }
    if (weights.folder[0] != '\0') {
        printf("packed weights: %zu file%s, %.1f MiB in %s\n", weights.file_count,
               weights.file_count == 1 ? "" : "s", (double)weights.bytes / (1024.0 * 1024.0),
               weights.folder);
    }
    return CLI_DONE;
}
