#include "infer_rules.h"
#include "op_table.h"

#include <string.h>

/* Scores [N, C, d...], labels [N, d...], weights [C]: output 0 is a scalar, or one loss for each
 * label with reduction "none". */
static davit_status infer_nll(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    const char *reduction = davit_node_string(infer->node, "reduction", "mean");
    bool none = strcmp(reduction, "none") == 0;
    if (!none && strcmp(reduction, "mean") != 0 && strcmp(reduction, "sum") != 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "reduction '%s' is unknown", reduction);
    }
    davit_status status = davit_infer_rank(infer, 0, 2, DAVIT_MAX_RANK);
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t dims[DAVIT_MAX_RANK];
    dims[0] = x->dims[0];
    for (int d = 2; d < x->rank; d++) {
        dims[d - 1] = x->dims[d];
    }
    status = davit_infer_shape_is(infer, 1, x->rank - 1, dims);
    if (status == DAVIT_OK) {
        status = davit_infer_vector(infer, 2, x->dims[1]);
    }
    if (status == DAVIT_OK && davit_infer_input(infer, 2) != NULL &&
        davit_infer_input(infer, 2)->dtype != x->dtype) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA, "the weights are not of the scores' type");
    }
    return status == DAVIT_OK ? davit_infer_output(infer, 0, x->dtype, none ? x->rank - 1 : 0, dims)
                              : status;
}

static davit_status infer_cross_entropy(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    davit_status status = infer_nll(infer);
    return status == DAVIT_OK ? davit_infer_output(infer, 1, x->dtype, x->rank, x->dims) : status;
}

#define F DAVIT_TYPES_FLOAT
#define I DAVIT_TYPES_INDEX

static const davit_op_info ops[] = {
    {DAVIT_OP_NegativeLogLikelihoodLoss,
     "NegativeLogLikelihoodLoss",
     "",
     2,
     3,
     1,
     1,
     {F, I, F},
     0,
     infer_nll},
    {DAVIT_OP_SoftmaxCrossEntropyLoss,
     "SoftmaxCrossEntropyLoss",
     "",
     2,
     3,
     1,
     2,
     {F, I, F},
     0,
     infer_cross_entropy},
};

const davit_op_family davit_ops_loss = DAVIT_OP_FAMILY(ops);
