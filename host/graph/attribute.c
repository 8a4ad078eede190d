#include "davit/graph.h"

#include <string.h>

const davit_attribute *davit_node_attribute(const davit_node *node, const char *name)
{
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        if (strcmp(node->attributes[i].name, name) == 0) {
            return &node->attributes[i];
        }
    }
    return NULL;
}

static const davit_attribute *typed(const davit_node *node, const char *name,
                                    davit_attribute_type type)
{
    const davit_attribute *attribute = davit_node_attribute(node, name);
    return attribute && attribute->type == type ? attribute : NULL;
}

int64_t davit_node_int(const davit_node *node, const char *name, int64_t fallback)
{
    const davit_attribute *attribute = typed(node, name, DAVIT_ATTRIBUTE_INT);
    return attribute ? attribute->u.i : fallback;
}

float davit_node_float(const davit_node *node, const char *name, float fallback)
{
    const davit_attribute *attribute = typed(node, name, DAVIT_ATTRIBUTE_FLOAT);
    return attribute ? attribute->u.f : fallback;
}

const char *davit_node_string(const davit_node *node, const char *name, const char *fallback)
{
    const davit_attribute *attribute = typed(node, name, DAVIT_ATTRIBUTE_STRING);
    return attribute ? attribute->u.s : fallback;
}

const int64_t *davit_node_ints(const davit_node *node, const char *name, size_t *count)
{
    const davit_attribute *attribute = typed(node, name, DAVIT_ATTRIBUTE_INTS);
    *count = attribute ? attribute->count : 0;
    return attribute ? attribute->u.ints : NULL;
}

const float *davit_node_floats(const davit_node *node, const char *name, size_t *count)
{
    const davit_attribute *attribute = typed(node, name, DAVIT_ATTRIBUTE_FLOATS);
    *count = attribute ? attribute->count : 0;
    return attribute ? attribute->u.floats : NULL;
}
