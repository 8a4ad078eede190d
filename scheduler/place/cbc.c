#include "cbc.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "coin.h"
#include "linear_shrink.h"
#include "loads.h"

#define LP_ITERATIONS 100000
/* Above these it takes too long; two devices are little more than a cut of the graph. */
enum { LP_ENTRIES = 100000, LP_ENTRIES_OF_2 = 500000 };
/* Of the period: what is less is no improvement, and within CBC's own tolerance. */
#define LEAST_GAIN 1e-5

davit_status davit_place_clp_duals(const davit_place_context *context,
                                   const davit_place_linear *linear, uint32_t apart,
                                   davit_arena *arena, double **duals)
{
    const davit_place_coin *coin = davit_place_coin_get();
    *duals = NULL;
    if (coin == NULL) {
        davit_log(context->diag, DAVIT_DEBUG, "clp: not there");
        return DAVIT_OK;
    }
    davit_place_small_linear small;
    double *found = davit_arena_alloc_array(arena, (size_t)linear->choices, sizeof(double));
    if (found == NULL || davit_place_linear_shrink(linear, apart, arena, &small) != DAVIT_OK) {
        return davit_fail(context->diag, DAVIT_OUT_OF_MEMORY, "no memory for a bound");
    }
    if (small.start[small.column_count] > (small.device_count > 2 ? LP_ENTRIES : LP_ENTRIES_OF_2)) {
        return DAVIT_OK;
    }
    Clp_Simplex *model = coin->Clp_newModel();
    coin->Clp_setLogLevel(model, 0);
    coin->Clp_loadProblem(model, small.column_count, small.row_count, small.start, small.row,
                          small.value, small.lower, small.upper, small.cost, small.row_lower,
                          small.row_upper);
    coin->Clp_setMaximumIterations(model, LP_ITERATIONS);
    (void)coin->Clp_initialSolve(model);
    if (coin->Clp_status(model) == 0) {
        davit_place_linear_grow(linear, &small, coin->Clp_dualRowSolution(model), found);
        for (int r = 0; r < linear->choices; r++) {
            found[r] = fmax(0.0, -found[r]);
        }
        *duals = found;
    } else {
        davit_log(context->diag, DAVIT_DEBUG, "clp: status %d", coin->Clp_status(model));
    }
    coin->Clp_deleteModel(model);
    return DAVIT_OK;
}

static Cbc_Model *make_model(const davit_place_coin *coin, const davit_place_linear *linear,
                             uint64_t nodes)
{
    Cbc_Model *model = coin->Cbc_newModel();
    coin->Cbc_loadProblem(model, linear->column_count, linear->row_count, linear->start,
                          linear->row, linear->value, linear->lower, linear->upper, linear->cost,
                          linear->row_lower, linear->row_upper);
    for (int j = 0; j < linear->period; j++) {
        coin->Cbc_setInteger(model, j);
    }
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)(nodes < 1000000 ? nodes : 1000000));
    coin->Cbc_setLogLevel(model, 0);
    coin->Cbc_setParameter(model, "log", "0");
    coin->Cbc_setParameter(model, "slog", "0");
    coin->Cbc_setParameter(model, "maxNodes", text);
    return model;
}

/* Takes over what CBC found when it is better: the loads say what it is. */
static void take(const davit_place_linear *linear, const double *solution, davit_place_loads *loads,
                 uint32_t *at, double *period)
{
    uint32_t devices = loads->device_count;
    davit_place_loads_empty(loads);
    for (uint32_t item = 0; item < linear->items->count; item++) {
        const double *row = solution + (size_t)item * devices;
        uint32_t best = 0;
        for (uint32_t d = 1; d < devices; d++) {
            best = row[d] > row[best] ? d : best;
        }
        if (!davit_place_item_allowed(linear->items, item, best)) {
            return;
        }
        davit_place_loads_add(loads, item, best);
    }
    double found = davit_place_loads_period(loads);
    if (found < *period) {
        *period = found;
        for (uint32_t item = 0; item < linear->items->count; item++) {
            at[item] = loads->at[item];
        }
    }
}

davit_status davit_place_cbc_run(const davit_place_context *context, davit_place_linear *linear,
                                 uint64_t nodes, davit_arena *arena, uint32_t *at, double *period)
{
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    const davit_place_coin *coin = davit_place_coin_get();
    davit_place_loads loads;
    if (coin == NULL) {
        davit_log(context->diag, DAVIT_DEBUG, "cbc: not there");
        return DAVIT_OK;
    }
    davit_status status = davit_place_loads_make(linear->items, arena, &loads);
    if (status != DAVIT_OK) {
        return davit_fail(context->diag, status, "no memory for a mixed integer program");
    }
    linear->upper[linear->period] = 1.0 - LEAST_GAIN;
    double before = *period;
    struct sigaction interrupt; /* CBC sets its own handler */
    pthread_mutex_lock(&turn);
    bool kept = sigaction(SIGINT, NULL, &interrupt) == 0;
    Cbc_Model *model = make_model(coin, linear, nodes);
    (void)coin->Cbc_solve(model);
    const double *solution = coin->Cbc_bestSolution(model);
    if (solution != NULL) {
        take(linear, solution, &loads, at, period);
    }
    davit_log(context->diag, DAVIT_DEBUG, "cbc: status %d.%d, %d nodes, %.9g from %.9g",
              coin->Cbc_status(model), coin->Cbc_secondaryStatus(model),
              coin->Cbc_getNodeCount(model), *period, before);
    coin->Cbc_deleteModel(model);
    if (kept) {
        (void)sigaction(SIGINT, &interrupt, NULL);
    }
    pthread_mutex_unlock(&turn);
    return DAVIT_OK;
}
