/* Cast and Not, on dense row-major tensors. */
#include <math.h>

#include "operators.h"
#include "parallel.h"

#define GRAIN_ELEMS 8192

typedef struct cast_run {
    const void *from;
    void *to;
} cast_run;

/* Truncates towards zero and saturates; NaN gives 0. */
static int32_t to_s32(float x)
{
    if (x >= 2147483648.0f) {
        return INT32_MAX;
    }
    return x > -2147483648.0f ? (int32_t)x : (isnan(x) ? 0 : INT32_MIN);
}

static int64_t to_s64(float x)
{
    if (x >= 9223372036854775808.0f) {
        return INT64_MAX;
    }
    return x > -9223372036854775808.0f ? (int64_t)x : (isnan(x) ? 0 : INT64_MIN);
}

#define DEFINE_CAST(name, from_type, to_type, expression)                                          \
    static void name(const void *context, int64_t begin, int64_t end)                              \
    {                                                                                              \
        const cast_run *run = context;                                                             \
        typedef from_type source;                                                                  \
        typedef to_type target;                                                                    \
        const source *from = run->from;                                                            \
        target *to = run->to;                                                                      \
        for (int64_t i = begin; i < end; i++) {                                                    \
            const source x = from[i];                                                              \
            to[i] = (target)(expression);                                                          \
        }                                                                                          \
    }

DEFINE_CAST(f32_to_s32, float, int32_t, to_s32(x))
DEFINE_CAST(f32_to_s64, float, int64_t, to_s64(x))
DEFINE_CAST(f32_to_bool, float, uint8_t, x != 0.0f)
DEFINE_CAST(s32_to_f32, int32_t, float, x)
DEFINE_CAST(s32_to_s64, int32_t, int64_t, x)
DEFINE_CAST(s32_to_bool, int32_t, uint8_t, x != 0)
DEFINE_CAST(s64_to_f32, int64_t, float, x)
DEFINE_CAST(s64_to_s32, int64_t, int32_t, (uint32_t)(uint64_t)x)
DEFINE_CAST(s64_to_bool, int64_t, uint8_t, x != 0)
DEFINE_CAST(bool_to_f32, uint8_t, float, x != 0 ? 1.0f : 0.0f)
DEFINE_CAST(bool_to_s32, uint8_t, int32_t, x != 0)
DEFINE_CAST(bool_to_s64, uint8_t, int64_t, x != 0)
DEFINE_CAST(not_bool, uint8_t, uint8_t, x == 0)
DEFINE_CAST(f32_to_f32, float, float, x)
DEFINE_CAST(s32_to_s32, int32_t, int32_t, x)
DEFINE_CAST(s64_to_s64, int64_t, int64_t, x)
DEFINE_CAST(bool_to_bool, uint8_t, uint8_t, x)

typedef struct cast_entry {
    davit_dtype from, to;
    davit_onednn_body body;
} cast_entry;

static const cast_entry casts[] = {
    {DAVIT_F32, DAVIT_F32, f32_to_f32},   {DAVIT_F32, DAVIT_S32, f32_to_s32},
    {DAVIT_F32, DAVIT_S64, f32_to_s64},   {DAVIT_F32, DAVIT_BOOL, f32_to_bool},
    {DAVIT_S32, DAVIT_F32, s32_to_f32},   {DAVIT_S32, DAVIT_S32, s32_to_s32},
    {DAVIT_S32, DAVIT_S64, s32_to_s64},   {DAVIT_S32, DAVIT_BOOL, s32_to_bool},
    {DAVIT_S64, DAVIT_F32, s64_to_f32},   {DAVIT_S64, DAVIT_S32, s64_to_s32},
    {DAVIT_S64, DAVIT_S64, s64_to_s64},   {DAVIT_S64, DAVIT_BOOL, s64_to_bool},
    {DAVIT_BOOL, DAVIT_F32, bool_to_f32}, {DAVIT_BOOL, DAVIT_S32, bool_to_s32},
    {DAVIT_BOOL, DAVIT_S64, bool_to_s64}, {DAVIT_BOOL, DAVIT_BOOL, bool_to_bool}};

typedef struct cast_params {
    int64_t count;
    davit_onednn_body body;
} cast_params;

static davit_onednn_body find(const davit_graph *graph, const davit_node *node)
{
    davit_dtype from = davit_node_input(graph, node, 0)->dtype;
    davit_dtype to = davit_node_output(graph, node)->dtype;
    if (node->op->op == DAVIT_OP_Not) {
        return not_bool;
    }
    for (size_t i = 0; i < sizeof(casts) / sizeof(casts[0]); i++) {
        if (casts[i].from == from && casts[i].to == to) {
            return casts[i].body;
        }
    }
    return NULL;
}

static const char *refuse_cast(const davit_graph *graph, const davit_unit *unit)
{
    return find(graph, &graph->nodes[unit->anchor]) != NULL ? NULL : "element types";
}

static davit_status run_cast(const davit_onednn_call *call)
{
    const cast_params *params = call->params;
    const cast_run run = {.from = call->pointers[0], .to = call->pointers[1]};
    davit_onednn_parallel(params->count, GRAIN_ELEMS, params->body, &run);
    return DAVIT_OK;
}

static davit_status build_cast(davit_onednn_builder *builder, const davit_unit *unit,
                               const davit_node *node)
{
    cast_params *params = davit_onednn_alloc(builder, sizeof(*params));
    davit_onednn_operand operands[2];
    if (params == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    params->body = find(builder->graph, node);
    params->count = davit_tensor_desc_elems(davit_node_output(builder->graph, node));
    davit_status status = davit_onednn_value_dense(builder, node->inputs[0], &operands[0]);
    if (status == DAVIT_OK) {
        status = davit_onednn_new_dense(builder, unit->outputs[0], &operands[1]);
    }
    if (status == DAVIT_OK) {
        status = davit_onednn_add_kernel(builder, "loop", run_cast, params, operands, 2);
    }
    if (status == DAVIT_OK) {
        davit_onednn_value_set(builder, unit->outputs[0], &operands[1]);
    }
    return status;
}

static const davit_onednn_operator operators[] = {{DAVIT_OP_Cast, true, refuse_cast, build_cast},
                                                  {DAVIT_OP_Not, true, refuse_cast, build_cast}};

const davit_onednn_family davit_onednn_casts = DAVIT_ONEDNN_FAMILY(operators);
