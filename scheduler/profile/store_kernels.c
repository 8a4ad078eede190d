#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "davit/store.h"
#include "store_entry.h"

#define KEY_BYTES 1024

static void make_key(const char *device_key, char key[KEY_BYTES])
{
    snprintf(key, KEY_BYTES, "%s" DAVIT_KERNELS_KEY, device_key);
}

davit_status davit_store_count_kernels(const davit_store *store, const char *device_key,
                                       size_t *count)
{
    char key[KEY_BYTES];
    make_key(device_key, key);
    return store_count(store, key, count);
}

bool davit_store_find_kernel(const davit_store *store, const char *device_key,
                             const char *signature, davit_kernel_choice *out)
{
    char key[KEY_BYTES];
    const char *name, *rule;
    double seconds, rule_seconds;
    int chosen;
    make_key(device_key, key);
    if (json_unpack(store_get(store, key, signature), "{s:F, s:{s:s, s:s, s:F, s:b}}", "median_s",
                    &seconds, "kernel", "name", &name, "rule", &rule, "rule_s", &rule_seconds,
                    "chosen", &chosen) != 0 ||
        strlen(name) >= sizeof(out->name) || strlen(rule) >= sizeof(out->rule) ||
        !(rule_seconds > 0) || !isfinite(rule_seconds)) {
        return false;
    }
    *out = (davit_kernel_choice){
        .seconds = seconds, .rule_seconds = rule_seconds, .chosen = chosen != 0};
    strcpy(out->name, name);
    strcpy(out->rule, rule);
    return true;
}

davit_status davit_store_put_kernel(davit_store *store, const char *device_key,
                                    const char *signature, const davit_kernel_choice *choice,
                                    const davit_work *work)
{
    char key[KEY_BYTES];
    const davit_measurement measurement = {.median_s = choice->seconds, .count = 1};
    json_t *object = store_entry_write(&measurement, work, (int64_t)time(NULL));
    make_key(device_key, key);
    if (object != NULL &&
        json_object_set_new(object, "kernel",
                            json_pack("{s:s, s:s, s:f, s:b}", "name", choice->name, "rule",
                                      choice->rule, "rule_s", choice->rule_seconds, "chosen",
                                      choice->chosen)) != 0) {
        json_decref(object);
        object = NULL;
    }
    return store_put(store, key, signature, object);
}
