#include <stdio.h>

#include "davit/cost.h"

char *davit_device_key(const davit_backend *backend, const davit_device_info *info,
                       uint32_t threads, char key[DAVIT_DEVICE_KEY_BYTES])
{
    char count[24] = "all";
    if (threads > 0) {
        snprintf(count, sizeof(count), "%u", threads);
    }
    snprintf(key, DAVIT_DEVICE_KEY_BYTES, "%s | %s | %s | threads %s | davit " DAVIT_RELEASE,
             info->name, backend->table->name, info->description, count);
    return key;
}
