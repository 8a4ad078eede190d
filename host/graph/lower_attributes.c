#include "lower_integer.h"

#include <math.h>

static davit_attribute *append(davit_lower_attributes *a, const char *name,
                               davit_attribute_type type)
{
    davit_attribute *item = &a->items[a->count < DAVIT_LOWER_MAX_ATTRIBUTES - 1 ? a->count++ : 0];
    *item = (davit_attribute){.name = name, .type = type};
    return item;
}

void davit_lower_set_int(davit_lower_attributes *a, const char *name, int64_t value)
{
    append(a, name, DAVIT_ATTRIBUTE_INT)->u.i = value;
}

void davit_lower_set_float(davit_lower_attributes *a, const char *name, float value)
{
    append(a, name, DAVIT_ATTRIBUTE_FLOAT)->u.f = value;
}

void davit_lower_set_ints(davit_lower_attributes *a, const char *name, size_t count,
                          const int64_t *values)
{
    davit_attribute *item = append(a, name, DAVIT_ATTRIBUTE_INTS);
    item->count = count;
    item->u.ints = values;
}

void davit_lower_set_floats(davit_lower_attributes *a, const char *name, size_t count,
                            const float *values)
{
    davit_attribute *item = append(a, name, DAVIT_ATTRIBUTE_FLOATS);
    item->count = count;
    item->u.floats = values;
}

void davit_lower_copy_attributes(davit_lower_attributes *a, const davit_node *node)
{
    for (uint32_t i = 0; i < node->attribute_count && i < DAVIT_LOWER_MAX_ATTRIBUTES / 2; i++) {
        a->items[a->count++] = node->attributes[i];
    }
}

void davit_lower_set_result(davit_lower_attributes *a, const davit_result_spec *result)
{
    davit_lower_set_float(a, "y_scale", result->type.scale);
    davit_lower_set_int(a, "y_zero", result->type.zero);
    davit_lower_set_int(a, "y_type", result->type.dtype);
    if (isfinite(result->low)) {
        davit_lower_set_float(a, "low", result->low);
    }
    if (isfinite(result->high)) {
        davit_lower_set_float(a, "high", result->high);
    }
}
