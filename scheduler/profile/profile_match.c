#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "davit/profile.h"

/* True where word is a word of text, in upper or lower case: "a100" of "NVIDIA A100-SXM4-80GB". */
static bool has_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = text; *at != '\0'; at++) {
        bool begins = at == text || !isalnum((unsigned char)at[-1]);
        if (begins && strncasecmp(at, word, length) == 0 && !isalnum((unsigned char)at[length])) {
            return true;
        }
    }
    return false;
}

void davit_profile_adopt(const davit_allocator *allocator, davit_device_profile *device)
{
    davit_device_profile shipped;
    for (size_t i = 0; i < davit_profile_shipped_count(); i++) {
        const char *name = davit_profile_shipped_name(i);
        if (!has_word(device->name, name) ||
            davit_profile_find(allocator, name, NULL, NULL, &shipped) != DAVIT_OK ||
            shipped.kind != device->kind) {
            continue;
        }
        if (strcmp(shipped.name, device->name) == 0) {
            shipped.memory_bytes = device->memory_bytes;
            *device = shipped;
        } else {
            device->efficiency = shipped.efficiency;
            device->launch_ns = shipped.launch_ns;
            device->link = shipped.link;
            device->power = shipped.power;
        }
        return;
    }
}
