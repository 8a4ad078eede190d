/* What ONNX says of operators: the opsets in which each exists and its attributes there. */
#ifndef DAVIT_ONNX_SCHEMA_H
#define DAVIT_ONNX_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "onnx.pb-c.h"

typedef struct davit_onnx_schema_attribute {
    const char *name;
    Onnx__AttributeProto__AttributeType type;
    bool required;
    int first_opset, last_opset;
} davit_onnx_schema_attribute;

typedef struct davit_onnx_schema {
    const char *op;
    int first_opset, last_opset; /* of the forms that are read */
    size_t attribute_count;
    const davit_onnx_schema_attribute *attributes;
} davit_onnx_schema;

/* The schema of an operator of ai.onnx that is read, or NULL. Reentrant. */
const davit_onnx_schema *davit_onnx_schema_find(const char *op);

/* The attribute of that name at that opset, or NULL. */
const davit_onnx_schema_attribute *
davit_onnx_schema_attribute_find(const davit_onnx_schema *schema, const char *name, int64_t opset);

#endif
