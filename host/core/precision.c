#include "davit/precision.h"

#include <stddef.h>
#include <string.h>

static const char *const names[DAVIT_PRECISION_COUNT] = {
    [DAVIT_PRECISION_F32] = "f32", [DAVIT_PRECISION_TF32] = "tf32",
    [DAVIT_PRECISION_BF16] = "bf16"};

const char *davit_precision_name(davit_precision precision)
{
    return (unsigned)precision < DAVIT_PRECISION_COUNT ? names[precision] : NULL;
}

bool davit_precision_find(const char *name, davit_precision *out)
{
    for (unsigned i = 0; i < DAVIT_PRECISION_COUNT; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (davit_precision)i;
            return true;
        }
    }
    return false;
}
