#include "op_table.h"

#include <string.h>

static const davit_op_family *const families[] = {
    &davit_ops_elementwise, &davit_ops_movement, &davit_ops_generate, &davit_ops_reduce,
    &davit_ops_normalize,   &davit_ops_linear,   &davit_ops_spatial,  &davit_ops_recurrent,
    &davit_ops_quantized,   &davit_ops_integer,  &davit_ops_loss,
};

/* By enumerator, which is the order of strcmp. */
static const char *const names[] = {
#define DAVIT_OPERATOR(name) #name,
#include "davit/ops.def"
#undef DAVIT_OPERATOR
};

const davit_op_info *davit_op_get(davit_op op)
{
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        for (size_t i = 0; i < families[f]->count; i++) {
            if (families[f]->ops[i].op == op) {
                return &families[f]->ops[i];
            }
        }
    }
    return NULL;
}

const davit_op_info *davit_op_find(const char *domain, const char *name)
{
    size_t low = 0;
    size_t high = DAVIT_OP_COUNT;
    if (!domain || strcmp(domain, "ai.onnx") == 0) {
        domain = "";
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(names[middle], name);
        if (order == 0) {
            const davit_op_info *info = davit_op_get((davit_op)middle);
            return info && strcmp(info->domain, domain) == 0 ? info : NULL;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}
