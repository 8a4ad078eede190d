#include "davit/recurrent.h"
#include "infer_rules.h"
#include "op_table.h"

#include <inttypes.h>
#include <string.h>

/* Shapes of W, R, B, sequence_lens, the initial states and P, with gates blocks of hidden rows. */
static davit_status check_inputs(const davit_infer *infer, const davit_recurrent *r)
{
    int64_t rows = r->gates * r->hidden;
    int64_t w[] = {r->directions, rows, r->input};
    int64_t u[] = {r->directions, rows, r->hidden};
    int64_t bias[] = {r->directions, 2 * rows};
    int64_t peepholes[] = {r->directions, 3 * r->hidden};
    int64_t state[] = {r->layout == 0 ? r->directions : r->batch,
                       r->layout == 0 ? r->batch : r->directions, r->hidden};
    davit_status status = davit_infer_shape_is(infer, 1, 3, w);
    if (status == DAVIT_OK) {
        status = davit_infer_shape_is(infer, 2, 3, u);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_shape_is(infer, 3, 2, bias);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_vector(infer, 4, r->batch);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_shape_is(infer, 5, 3, state);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_shape_is(infer, 6, 3, state);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_shape_is(infer, 7, 2, peepholes);
    }
    return status;
}

/* Every tensor but sequence_lens has the type of X. */
static davit_status check_types(const davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    davit_status status = davit_infer_same_type(infer, 0, 3);
    for (int i = 5; i < 8 && status == DAVIT_OK; i++) {
        const davit_tensor_desc *desc = davit_infer_input(infer, i);
        if (desc != NULL && desc->dtype != x->dtype) {
            return davit_infer_fail(infer, DAVIT_BAD_DATA, "input %d is %s, not %s", i,
                                    davit_dtype_name(desc->dtype), davit_dtype_name(x->dtype));
        }
    }
    return status;
}

static davit_status infer_recurrent(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    davit_status status = davit_infer_rank(infer, 0, 3, 3);
    if (status == DAVIT_OK) {
        status = davit_infer_rank(infer, 1, 3, 3);
    }
    if (status == DAVIT_OK) {
        status = davit_infer_rank(infer, 2, 3, 3);
    }
    davit_recurrent r;
    if (status == DAVIT_OK) {
        status =
            davit_recurrent_resolve(infer->node, x, davit_infer_input(infer, 2), infer->diag, &r);
    }
    if (status == DAVIT_OK) {
        status = check_types(infer);
    }
    if (status == DAVIT_OK) {
        status = check_inputs(infer, &r);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    int64_t all[] = {r.steps, r.directions, r.batch, r.hidden};
    int64_t last[] = {r.directions, r.batch, r.hidden};
    if (r.layout != 0) {
        memcpy(all, (int64_t[]){r.batch, r.steps, r.directions, r.hidden}, sizeof(all));
        memcpy(last, (int64_t[]){r.batch, r.directions, r.hidden}, sizeof(last));
    }
    status = davit_infer_output(infer, 0, x->dtype, 4, all);
    for (int i = 1; i <= 2 && status == DAVIT_OK; i++) {
        status = davit_infer_output(infer, i, x->dtype, 3, last);
    }
    return status;
}

static davit_status infer_reverse(davit_infer *infer)
{
    const davit_tensor_desc *x = davit_infer_input(infer, 0);
    int64_t batch = davit_node_int(infer->node, "batch_axis", 1);
    int64_t time = davit_node_int(infer->node, "time_axis", 0);
    davit_status status = davit_infer_rank(infer, 0, 2, DAVIT_MAX_RANK);
    if (status != DAVIT_OK) {
        return status;
    }
    if (batch + time != 1 || batch * time != 0) {
        return davit_infer_fail(infer, DAVIT_BAD_DATA,
                                "batch_axis %" PRId64 " and time_axis %" PRId64
                                " are not 0 and 1 or 1 and 0",
                                batch, time);
    }
    status = davit_infer_vector(infer, 1, x->dims[batch]);
    return status == DAVIT_OK ? davit_infer_like_input(infer) : status;
}

#define F DAVIT_TYPES_FLOAT
#define S32 DAVIT_TYPE(DAVIT_S32)

static const davit_op_info ops[] = {
    {DAVIT_OP_GRU, "GRU", "", 3, 6, 0, 2, {F, F, F, F, S32, F}, 0, infer_recurrent},
    {DAVIT_OP_LSTM, "LSTM", "", 3, 8, 0, 3, {F, F, F, F, S32, F, F, F}, 0, infer_recurrent},
    {DAVIT_OP_RNN, "RNN", "", 3, 6, 0, 2, {F, F, F, F, S32, F}, 0, infer_recurrent},
    {DAVIT_OP_ReverseSequence,
     "ReverseSequence",
     "",
     2,
     2,
     1,
     1,
     {DAVIT_TYPES_ALL, DAVIT_TYPE(DAVIT_S64)},
     0,
     infer_reverse},
};

const davit_op_family davit_ops_recurrent = DAVIT_OP_FAMILY(ops);
