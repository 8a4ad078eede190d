/* What is allowed of the axes of a window. */
#include "extent.h"

/* So that no address counter of the engine, up to 15 images behind the last, leaves 31 bits. */
#define LIMIT_BYTES (1ull << 27)

const char *davit_extent_check(const davit_extent *a)
{
    if (a->in == 0 || a->kernel == 0 || a->stride == 0 || a->dilation == 0 || a->out == 0) {
        return "an extent is 0";
    }
    if (a->in > LIMIT_BYTES || a->kernel > 65535 || a->stride > 65535 || a->dilation > 65535 ||
        a->out > LIMIT_BYTES) {
        return "an extent is too large";
    }
    uint64_t reach = (uint64_t)(a->kernel - 1) * a->dilation + 1;
    if (a->pad >= reach) {
        return "padding as wide as the kernel";
    }
    if ((uint64_t)(a->out - 1) * a->stride >= (uint64_t)a->in + a->pad) {
        return "a window begins behind the input";
    }
    return NULL;
}

bool davit_extent_bytes_fit(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    uint64_t product = (uint64_t)a * b;
    if (product > LIMIT_BYTES) {
        return false;
    }
    product *= c;
    if (product > LIMIT_BYTES) {
        return false;
    }
    return product * d <= LIMIT_BYTES;
}
