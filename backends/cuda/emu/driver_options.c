#include "driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct option {
    const char *name;
    size_t offset;
    uint64_t most;
} option;

static const option known[] = {
    {"memory_mib", offsetof(emu_options, memory_mib), 32768},
    {"capability", offsetof(emu_options, capability), 129},
    {"seed", offsetof(emu_options, seed), UINT64_MAX},
    {"races", offsetof(emu_options, races), 1},
    {"slow_copy_us", offsetof(emu_options, slow_copy_us), 60000000},
    {"alloc_fail", offsetof(emu_options, alloc_fail), UINT64_MAX},
    {"hang_at", offsetof(emu_options, hang_at), UINT64_MAX},
    {"lost_at", offsetof(emu_options, lost_at), UINT64_MAX},
    {"cublaslt", offsetof(emu_options, cublaslt), 2},
    {"block_at", offsetof(emu_options, block_at), UINT64_MAX},
    {"multiprocessors", offsetof(emu_options, multiprocessors), 1000},
};

/* Reads one option at *text, up to a comma or the end, and moves *text behind it. */
static bool read_option(const char **text, emu_options *options)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        size_t length = strlen(known[i].name);
        if (strncmp(*text, known[i].name, length) != 0 || (*text)[length] != '=') {
            continue;
        }
        const char *digits = *text + length + 1;
        char *end;
        errno = 0;
        unsigned long long value = strtoull(digits, &end, 10);
        if (*digits < '0' || *digits > '9' || errno != 0 || (*end != '\0' && *end != ',') ||
            value > known[i].most) {
            return false;
        }
        *(uint64_t *)((char *)options + known[i].offset) = value;
        *text = *end == ',' ? end + 1 : end;
        return true;
    }
    return false;
}

bool emu_read_options(const char *text, emu_options *options)
{
    emu_options read = *options;
    while (text != NULL && *text != '\0') {
        if (!read_option(&text, &read)) {
            return false;
        }
    }
    *options = read;
    return true;
}
