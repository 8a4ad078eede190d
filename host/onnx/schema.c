#include "schema.h"

#include <string.h>

/* An array of attributes for each operator; the first entry is there so that none is empty. */
#define REQUIRED true
#define OPTIONAL false
#define DAVIT_SCHEMA_BEGIN(op, first, last)                                                        \
    static const davit_onnx_schema_attribute attributes_of_##op[] = {{0},
#define DAVIT_SCHEMA_ATTRIBUTE(name, type, need, first, last)                                      \
    {#name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##type, need, first, last},
#define DAVIT_SCHEMA_END(op)                                                                       \
    }                                                                                              \
    ;
#include "schema.def"
#undef DAVIT_SCHEMA_BEGIN
#undef DAVIT_SCHEMA_ATTRIBUTE
#undef DAVIT_SCHEMA_END

#define DAVIT_SCHEMA_BEGIN(op, first, last)                                                        \
    {#op, first, last, sizeof(attributes_of_##op) / sizeof(attributes_of_##op[0]) - 1,             \
     attributes_of_##op + 1},
#define DAVIT_SCHEMA_ATTRIBUTE(name, type, need, first, last)
#define DAVIT_SCHEMA_END(op)
static const davit_onnx_schema schemas[] = {
#include "schema.def"
};

const davit_onnx_schema *davit_onnx_schema_find(const char *op)
{
    size_t low = 0;
    size_t high = sizeof(schemas) / sizeof(schemas[0]);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(schemas[middle].op, op);
        if (order == 0) {
            return &schemas[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const davit_onnx_schema_attribute *davit_onnx_schema_attribute_find(const davit_onnx_schema *schema,
                                                                    const char *name, int64_t opset)
{
    for (size_t i = 0; i < schema->attribute_count; i++) {
        const davit_onnx_schema_attribute *attribute = &schema->attributes[i];
        if (strcmp(attribute->name, name) == 0 && opset >= attribute->first_opset &&
            opset <= attribute->last_opset) {
            return attribute;
        }
    }
    return NULL;
}
