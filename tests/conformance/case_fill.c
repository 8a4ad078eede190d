#include "case.h"

#include "unit_test.h"

static void range_of(davit_dtype dtype, int64_t *low, int64_t *high)
{
    *low = dtype == DAVIT_U8    ? 0
           : dtype == DAVIT_S8  ? -128
           : dtype == DAVIT_S16 ? -255
                                : -(1 << 19);
    *high = dtype == DAVIT_U8 || dtype == DAVIT_S16 ? 255 : dtype == DAVIT_S8 ? 127 : 1 << 19;
}

static void store(davit_tensor *tensor, int64_t i, int64_t value)
{
    switch (tensor->desc.dtype) {
    case DAVIT_S32:
        ((int32_t *)tensor->data)[i] = (int32_t)value;
        break;
    case DAVIT_S16:
        ((int16_t *)tensor->data)[i] = (int16_t)value;
        break;
    default:
        ((uint8_t *)tensor->data)[i] = (uint8_t)value;
        break;
    }
}

void case_fill_integers(davit_tensor *tensor, uint64_t seed)
{
    uint64_t state = seed;
    uint64_t mode = test_random(&state) % 8;
    int64_t low, high;
    range_of(tensor->desc.dtype, &low, &high);
    for (int64_t i = 0; i < davit_tensor_desc_elems(&tensor->desc); i++) {
        uint64_t random = test_random(&state) >> 20;
        int64_t value = low + (int64_t)(random % (uint64_t)(high - low + 1));
        if (mode == 0) {
            value = random % 2 == 0 ? low : high;
        } else if (mode == 1) {
            value = seed % 2 == 0 ? low : high;
        }
        store(tensor, i, value);
    }
}
