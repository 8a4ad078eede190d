#include <string.h>

#include "objects.h"

#define MOST_NAMES 16

/* What is looked up of one unit. */
typedef struct look {
    davit_session *session;
    davit_generation *generation;
    const davit_plan_device *device;
    const davit_unit *unit;
    davit_kernel_choice choice;
    bool found;
    const char *name;     /* to be used, as the backend lists it; NULL: by rule */
    const char *unknown;  /* a name that it does not list */
    size_t unknown_count; /* of all units */
} look;

/* Finds the unit's entry in the store, and its name in the backend's list. */
static void find(look *l, const char *const *names, size_t count)
{
    char signature[DAVIT_SIGNATURE_HEX];
    l->name = NULL;
    davit_unit_signature(l->session->graph, l->unit, signature);
    l->found =
        davit_store_find_kernel(l->session->store, l->device->cost_key, signature, &l->choice);
    for (size_t i = 0; l->found && i < count; i++) {
        if (strcmp(names[i], l->choice.name) == 0) {
            l->name = l->choice.chosen ? names[i] : NULL;
            return;
        }
    }
    if (l->found) {
        l->found = false;
        l->unknown = davit_arena_strdup(&l->generation->arena, l->choice.name);
        l->unknown_count++;
    }
}

/* "" where there is only the rule's; NULL when memory is short. */
static const char *reason(const look *l, const char *const *names, size_t count)
{
    const davit_kernel_choice *c = &l->choice;
    bool several = false;
    for (size_t i = 0; i < count; i++) {
        several = several || names[i][0] != DAVIT_ONE_THREAD[0];
    }
    if (l->session->by_rule) {
        return several ? "by rule, as results are to be reproducible" : "";
    }
    if (!l->found) {
        return several ? "by rule" : "";
    }
    const char *name = c->name[0] == DAVIT_ONE_THREAD[0] ? "one thread" : c->name;
    return c->chosen
               ? davit_arena_printf(&l->generation->arena,
                                    "by measurement: %.4f ms, by rule %s %.4f ms", c->seconds * 1e3,
                                    c->rule, c->rule_seconds * 1e3)
               : davit_arena_printf(&l->generation->arena, "by rule, measured: %.4f ms, %s %.4f ms",
                                    c->rule_seconds * 1e3, name, c->seconds * 1e3);
}

/* Opens the store where a device has something to choose between. *any: something is known. */
static davit_status open_store(davit_session *session, davit_generation *generation, bool *any)
{
    const davit_plan *plan = generation->plan;
    davit_status status = DAVIT_OK;
    for (size_t d = 0; d < plan->device_count && !session->by_rule && status == DAVIT_OK; d++) {
        const davit_plan_device *device = &plan->devices[d];
        if (device->backend->table->kernels == NULL || device->cost_key == NULL ||
            device->info.emulated) {
            continue;
        }
        if (session->store == NULL) {
            status = davit_store_open(session->model->context->allocator, NULL,
                                      &generation->call.sink, &session->store);
        }
        size_t count = 0;
        if (status == DAVIT_OK) {
            status = davit_store_count_kernels(session->store, device->cost_key, &count);
        }
        *any = *any || count > 0;
    }
    return status;
}

/* The unit's kernel and why it is that one. False when memory is short. */
static bool choose(look *l, size_t unit, bool known, const char **kernel)
{
    const char *names[MOST_NAMES];
    const davit_graph *graph = l->session->graph;
    l->device = &l->generation->plan->devices[l->generation->plan->units[unit].device];
    l->unit = &graph->units[unit];
    const davit_backend_table *table = l->device->backend->table;
    size_t count = table->kernels != NULL ? table->kernels(graph, l->unit, names, MOST_NAMES) : 0;
    count = count < MOST_NAMES ? count : MOST_NAMES;
    if (known && count > 0 && l->device->cost_key != NULL) {
        find(l, names, count);
        *kernel = l->name;
    }
    l->generation->kernel_reasons[unit] = reason(l, names, count);
    return l->generation->kernel_reasons[unit] != NULL;
}

static davit_status out_of_memory(const davit_generation *generation)
{
    return davit_fail(&generation->call.sink, DAVIT_OUT_OF_MEMORY, "out of memory for a session");
}

davit_status davit_session_kernels(davit_session *session, davit_generation *generation,
                                   const char *const **out)
{
    const davit_graph *graph = session->graph;
    davit_arena *arena = &generation->arena;
    bool known = false;
    const char **kernels = davit_arena_alloc_array(arena, graph->unit_count, sizeof(*kernels));
    generation->kernel_reasons =
        davit_arena_alloc_array(arena, graph->unit_count, sizeof(*generation->kernel_reasons));
    look l = {.session = session, .generation = generation};
    davit_status status = kernels != NULL && generation->kernel_reasons != NULL
                              ? open_store(session, generation, &known)
                              : out_of_memory(generation);
    for (size_t u = 0; u < graph->unit_count && status == DAVIT_OK; u++) {
        status = choose(&l, u, known, &kernels[u]) ? DAVIT_OK : out_of_memory(generation);
    }
    if (l.unknown_count > 0) {
        davit_log(&generation->call.sink, DAVIT_WARNING,
                  "the profile store names kernels that there are not, as '%s', for %zu units: the "
                  "rule's are used; `davit calibrate MODEL` measures again",
                  l.unknown != NULL ? l.unknown : "", l.unknown_count);
    }
    *out = kernels;
    return status;
}

const char *davit_generation_kernel_reason(const davit_generation *generation, size_t unit)
{
    if (generation->executor != NULL &&
        davit_executor_unit_grouped(generation->executor, (davit_unit_id)unit)) {
        return "together with other units";
    }
    const char *text = generation->kernel_reasons != NULL ? generation->kernel_reasons[unit] : NULL;
    return text != NULL ? text : "";
}

void davit_generation_tell_kernels(const davit_generation *generation, const davit_graph *graph,
                                   const davit_diagnostics *diag)
{
    for (size_t u = 0; davit_log_enabled(diag, DAVIT_INFO) && u < graph->unit_count; u++) {
        const char *why = davit_generation_kernel_reason(generation, u);
        if (why[0] != '\0') {
            davit_log(diag, DAVIT_INFO, "unit '%s': %s, %s", graph->units[u].name,
                      davit_executor_unit_implementation(generation->executor, (davit_unit_id)u),
                      why);
        }
    }
}
