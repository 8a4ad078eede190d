/* Small questions to the contents of an xclbin. */
#include "davit/xclbin.h"

#include <stdio.h>
#include <string.h>

const davit_xclbin_kernel *davit_xclbin_find_kernel(const davit_xclbin *xclbin, const char *name)
{
    for (size_t i = 0; i < xclbin->kernel_count; i++) {
        if (strcmp(xclbin->kernels[i].name, name) == 0) {
            return &xclbin->kernels[i];
        }
    }
    return NULL;
}

void davit_xclbin_uuid_text(const uint8_t uuid[16], char text[DAVIT_XCLBIN_UUID_TEXT])
{
    char *at = text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *at++ = '-';
        }
        at += snprintf(at, 3, "%02x", uuid[i]);
    }
}
