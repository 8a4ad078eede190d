#include <string.h>

#include "davit/shape_rules.h"

#define SIGN ((uint64_t)1 << 63)

/* The tensor as slice_count slices of outer * inner elements. */
typedef struct slices {
    uint64_t *keys; /* [outer][slice_count][inner], ordered as the elements are */
    int64_t outer;
    int64_t slice_count;
    int64_t inner;
} slices;

/* A double as an integer of the same order; -0 as 0, all NaN as the greatest. */
static uint64_t float_key(double value)
{
    if (value != value) {
        return UINT64_MAX;
    }
    if (value == 0.0) {
        return SIGN;
    }
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return (bits & SIGN) != 0 ? ~bits : bits | SIGN;
}

static uint64_t signed_key(int64_t value)
{
    return (uint64_t)value ^ SIGN;
}

static uint64_t key_of(const davit_tensor *tensor, int64_t i)
{
    const void *data = tensor->data;
    switch (tensor->desc.dtype) {
    case DAVIT_F32:
        return float_key((double)((const float *)data)[i]);
    case DAVIT_F64:
        return float_key(((const double *)data)[i]);
    case DAVIT_F16:
        return float_key((double)davit_f16_to_f32(((const uint16_t *)data)[i]));
    case DAVIT_BF16:
        return float_key((double)davit_bf16_to_f32(((const uint16_t *)data)[i]));
    case DAVIT_S8:
        return signed_key(((const int8_t *)data)[i]);
    case DAVIT_S16:
        return signed_key(((const int16_t *)data)[i]);
    case DAVIT_S32:
        return signed_key(((const int32_t *)data)[i]);
    case DAVIT_S64:
        return signed_key(((const int64_t *)data)[i]);
    case DAVIT_U16:
        return ((const uint16_t *)data)[i];
    case DAVIT_U32:
        return ((const uint32_t *)data)[i];
    case DAVIT_U64:
        return ((const uint64_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

static int compare(const slices *s, int64_t a, int64_t b)
{
    for (int64_t o = 0; o < s->outer; o++) {
        const uint64_t *left = s->keys + (o * s->slice_count + a) * s->inner;
        const uint64_t *right = s->keys + (o * s->slice_count + b) * s->inner;
        for (int64_t i = 0; i < s->inner; i++) {
            if (left[i] != right[i]) {
                return left[i] < right[i] ? -1 : 1;
            }
        }
    }
    return 0;
}

/* Merges the sorted order[low, middle) and order[middle, high) into merged. */
static void merge(const slices *s, const int64_t *order, const int64_t bounds[3], int64_t *merged)
{
    int64_t a = bounds[0];
    int64_t b = bounds[1];
    for (int64_t i = bounds[0]; i < bounds[2]; i++) {
        bool takes_left = b == bounds[2] || (a < bounds[1] && compare(s, order[a], order[b]) <= 0);
        merged[i] = takes_left ? order[a++] : order[b++];
    }
}

/* Sorts slices, equal ones by index. Returns whichever of the two arrays holds the result. */
static int64_t *sort(const slices *s, int64_t *order, int64_t *scratch)
{
    int64_t n = s->slice_count;
    for (int64_t i = 0; i < n; i++) {
        order[i] = i;
    }
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t low = 0; low < n; low += 2 * width) {
            int64_t middle = low + width < n ? low + width : n;
            int64_t high = low + 2 * width < n ? low + 2 * width : n;
            merge(s, order, (const int64_t[3]){low, middle, high}, scratch);
        }
        int64_t *sorted = scratch;
        scratch = order;
        order = sorted;
    }
    return order;
}

/* Numbers the distinct slices along order. */
static void group(const slices *s, const int64_t *order, davit_unique *out)
{
    for (int64_t i = 0; i < s->slice_count; i++) {
        if (i == 0 || compare(s, order[i - 1], order[i]) != 0) {
            out->first[out->count] = order[i];
            out->repeats[out->count] = 0;
            out->count++;
        }
        out->inverse[order[i]] = out->count - 1;
        out->repeats[out->count - 1]++;
    }
}

/* Numbers them by first occurrence instead. number_of and repeats hold count elements at least. */
static void renumber(davit_unique *out, int64_t *number_of, int64_t *repeats)
{
    int64_t count = 0;
    memcpy(repeats, out->repeats, (size_t)out->count * sizeof(*repeats));
    for (int64_t u = 0; u < out->count; u++) {
        number_of[u] = -1;
    }
    for (int64_t i = 0; i < out->slice_count; i++) {
        int64_t old = out->inverse[i];
        if (number_of[old] < 0) {
            out->first[count] = i;
            out->repeats[count] = repeats[old];
            number_of[old] = count++;
        }
        out->inverse[i] = number_of[old];
    }
}

davit_status davit_unique_find(const davit_allocator *allocator, const davit_tensor *tensor,
                               int axis, bool is_sorted, davit_unique *out)
{
    const davit_tensor_desc *desc = &tensor->desc;
    slices s = {.outer = 1, .slice_count = 1, .inner = 1};
    for (int d = 0; d < desc->rank; d++) {
        int64_t *part = axis < 0 || d == axis ? &s.slice_count : d < axis ? &s.outer : &s.inner;
        *part *= desc->dims[d];
    }
    int64_t elems = davit_tensor_desc_elems(desc);
    size_t n = (size_t)s.slice_count;
    *out = (davit_unique){.allocator = allocator, .slice_count = s.slice_count};
    s.keys = davit_alloc_array(allocator, (size_t)elems, sizeof(*s.keys));
    int64_t *order = davit_alloc_array(allocator, n, sizeof(*order));
    int64_t *scratch = davit_alloc_array(allocator, n, sizeof(*scratch));
    out->first = davit_alloc_array(allocator, n, sizeof(*out->first));
    out->inverse = davit_alloc_array(allocator, n, sizeof(*out->inverse));
    out->repeats = davit_alloc_array(allocator, n, sizeof(*out->repeats));
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (s.keys != NULL && order != NULL && scratch != NULL && out->first != NULL &&
        out->inverse != NULL && out->repeats != NULL) {
        for (int64_t i = 0; i < elems; i++) {
            s.keys[i] = key_of(tensor, i);
        }
        group(&s, sort(&s, order, scratch), out);
        if (!is_sorted) {
            renumber(out, order, scratch);
        }
        status = DAVIT_OK;
    }
    davit_free(allocator, scratch);
    davit_free(allocator, order);
    davit_free(allocator, s.keys);
    if (status != DAVIT_OK) {
        davit_unique_free(out);
    }
    return status;
}

void davit_unique_free(davit_unique *unique)
{
    davit_free(unique->allocator, unique->first);
    davit_free(unique->allocator, unique->inverse);
    davit_free(unique->allocator, unique->repeats);
    *unique = (davit_unique){0};
}
