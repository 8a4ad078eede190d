#include "solve_linear.h"

#include "cbc.h"

/* What a solution with little effort has time for, in entries. */
#define LITTLE_EFFORT 50
#define LP_QUICK 6000
/* Above these devices that can be exchanged are counted as one: but one of each class; all. */
#define LP_WHOLE 20000
#define LP_APART 40000
#define LP_MOST 4000000
#define MIP_PLACES 800
#define MIP_NODES 200

static json_t *numbers_json(const davit_place_linear *linear, const double *duals, int from, int to)
{
    json_t *array = json_array();
    for (int r = from; r < to && array != NULL; r++) {
        /* Rows have times in parts of the scale, for loads alone it does not cancel out. */
        double number = from == 0 ? duals[r] : duals[r] * linear->scale;
        if (json_array_append_new(array, json_real(number)) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

static json_t *order_json(const davit_place_linear *linear)
{
    const davit_place_items *items = linear->items;
    json_t *array = json_array();
    for (uint32_t k = 0; k < items->count && array != NULL; k++) {
        uint32_t node = items->nodes[items->first[linear->order[k]]];
        if (json_array_append_new(array, json_integer(node)) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

static json_t *certificate_of(const davit_place_linear *l, const double *duals)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "form", "linear", "order",
                     order_json(l), "loads", numbers_json(l, duals, 0, l->memories), "memory",
                     numbers_json(l, duals, l->memories, l->uses), "used",
                     numbers_json(l, duals, l->uses, l->in_rows), "in",
                     numbers_json(l, duals, l->in_rows, l->out_rows), "out",
                     numbers_json(l, duals, l->out_rows, l->choices));
}

static davit_status prove(const davit_place_context *context, const davit_place_linear *linear,
                          double bound, davit_arena *arena, davit_place_linear_proof *proof)
{
    size_t size = davit_place_linear_size(linear->items);
    uint32_t apart = size <= LP_WHOLE ? UINT32_MAX : size <= LP_APART ? 1 : 0;
    double *duals;
    davit_status status = davit_place_clp_duals(context, linear, apart, arena, &duals);
    if (status != DAVIT_OK || duals == NULL) {
        return status;
    }
    double proved = davit_place_linear_bound(linear, duals);
    davit_log(context->diag, DAVIT_DEBUG, "linear program: at least %.9g, and %.9g without", proved,
              bound);
    if (proved <= bound) {
        return DAVIT_OK;
    }
    proof->certificate = certificate_of(linear, duals);
    proof->bound = proved;
    return proof->certificate != NULL
               ? DAVIT_OK
               : davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "no memory for a certificate");
}

davit_status davit_place_solve_linear(const davit_place_context *context, double bound,
                                      uint32_t *at, double *period, davit_place_linear_proof *proof)
{
    *proof = (davit_place_linear_proof){0};
    const davit_place_items *items = context->items;
    size_t places = (size_t)items->count * context->problem->device_count;
    bool quick = context->options.effort < LITTLE_EFFORT;
    if (!isfinite(*period) || davit_place_linear_size(items) > (quick ? LP_QUICK : LP_MOST)) {
        return DAVIT_OK;
    }
    davit_arena arena;
    davit_arena_init(&arena, context->allocator);
    davit_place_linear linear;
    davit_status status = davit_place_linear_make(items, *period, &arena, &linear);
    if (status != DAVIT_OK) {
        status = davit_fail(context->diag, status, "no memory for a linear program");
    } else {
        status = prove(context, &linear, bound, &arena, proof);
    }
    if (status == DAVIT_OK && !quick && fmax(bound, proof->bound) < *period &&
        places <= MIP_PLACES) {
        status = davit_place_cbc_run(context, &linear, MIP_NODES, &arena, at, period);
    }
    davit_arena_clear(&arena);
    if (status != DAVIT_OK) {
        json_decref(proof->certificate);
        proof->certificate = NULL;
    }
    return status;
}
