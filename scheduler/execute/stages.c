#include <string.h>

#include "schedule.h"

typedef struct grouping {
    davit_arena *arena;
    const davit_graph *graph;
    const davit_plan *plan;
    davit_schedule *schedule;
    size_t *maker;      /* by value: the stage that makes it, or DAVIT_NO_INDEX */
    bool *leaves;       /* by value: another stage than its maker reads it, or it is an output */
    bool *is_edge;      /* by value: a graph input or output, dense on every device */
    size_t *listed_for; /* by value: 1 + the stage whose inputs list it */
} grouping;

static size_t count_stages(const davit_plan *plan)
{
    size_t count = 0;
    for (size_t u = 0; u < plan->unit_count; u++) {
        count += u == 0 || plan->units[u].device != plan->units[u - 1].device;
    }
    return count;
}

static davit_status cut_units(const grouping *g)
{
    const davit_plan *plan = g->plan;
    davit_unit_id *units = davit_arena_alloc_array(g->arena, plan->unit_count, sizeof(*units));
    davit_stage *stages = davit_arena_alloc_array(g->arena, count_stages(plan), sizeof(*stages));
    if (units == NULL || stages == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    size_t count = 0;
    for (size_t u = 0; u < plan->unit_count; u++) {
        units[u] = (davit_unit_id)u;
        if (count == 0 || stages[count - 1].device != plan->units[u].device) {
            stages[count].device = plan->units[u].device;
            stages[count].units = &units[u];
            count++;
        }
        stages[count - 1].unit_count++;
    }
    g->schedule->stages = stages;
    g->schedule->stage_count = count;
    return DAVIT_OK;
}

static void mark_makers(const grouping *g)
{
    for (size_t v = 0; v < g->graph->value_count; v++) {
        g->maker[v] = DAVIT_NO_INDEX;
    }
    for (size_t s = 0; s < g->schedule->stage_count; s++) {
        const davit_stage *stage = &g->schedule->stages[s];
        for (size_t i = 0; i < stage->unit_count; i++) {
            const davit_unit *unit = &g->graph->units[stage->units[i]];
            for (uint32_t o = 0; o < unit->output_count; o++) {
                g->maker[unit->outputs[o]] = s;
            }
        }
    }
    for (size_t i = 0; i < g->graph->input_count; i++) {
        g->is_edge[g->graph->inputs[i]] = true;
    }
    for (size_t i = 0; i < g->graph->output_count; i++) {
        g->is_edge[g->graph->outputs[i]] = true;
        g->leaves[g->graph->outputs[i]] = true;
    }
}

static davit_program_io describe(const grouping *g, davit_value_id value)
{
    davit_program_io io = {.value = value, .desc = g->graph->values[value].desc};
    if (!g->is_edge[value]) {
        davit_tensor_desc_channels_last(&io.desc);
    }
    return io;
}

static davit_status find_inputs(const grouping *g, size_t index)
{
    davit_stage *stage = &g->schedule->stages[index];
    size_t most = 0;
    for (size_t i = 0; i < stage->unit_count; i++) {
        most += g->graph->units[stage->units[i]].input_count;
    }
    stage->inputs = davit_arena_alloc_array(g->arena, most, sizeof(*stage->inputs));
    if (stage->inputs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < stage->unit_count; i++) {
        const davit_unit *unit = &g->graph->units[stage->units[i]];
        for (uint32_t n = 0; n < unit->input_count; n++) {
            davit_value_id value = unit->inputs[n];
            if (g->maker[value] == index || g->listed_for[value] == index + 1 ||
                g->graph->values[value].constant != NULL) {
                continue;
            }
            g->listed_for[value] = index + 1;
            g->leaves[value] = true;
            stage->inputs[stage->input_count++] = describe(g, value);
        }
    }
    return DAVIT_OK;
}

static davit_status find_outputs(const grouping *g, size_t index)
{
    davit_stage *stage = &g->schedule->stages[index];
    size_t most = 0;
    for (size_t i = 0; i < stage->unit_count; i++) {
        most += g->graph->units[stage->units[i]].output_count;
    }
    stage->outputs = davit_arena_alloc_array(g->arena, most, sizeof(*stage->outputs));
    if (stage->outputs == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < stage->unit_count; i++) {
        const davit_unit *unit = &g->graph->units[stage->units[i]];
        for (uint32_t o = 0; o < unit->output_count; o++) {
            davit_value_id value = unit->outputs[o];
            if (g->leaves[value] && g->graph->values[value].constant == NULL) {
                stage->outputs[stage->output_count++] = describe(g, value);
            }
        }
    }
    return DAVIT_OK;
}

davit_status davit_schedule_stages(davit_arena *arena, const davit_graph *graph,
                                   const davit_plan *plan, davit_schedule *schedule)
{
    size_t values = graph->value_count;
    memset(schedule, 0, sizeof(*schedule));
    const grouping g = {
        .arena = arena,
        .graph = graph,
        .plan = plan,
        .schedule = schedule,
        .maker = davit_arena_alloc_array(arena, values, sizeof(size_t)),
        .leaves = davit_arena_alloc_array(arena, values, sizeof(bool)),
        .is_edge = davit_arena_alloc_array(arena, values, sizeof(bool)),
        .listed_for = davit_arena_alloc_array(arena, values, sizeof(size_t)),
    };
    if (g.maker == NULL || g.leaves == NULL || g.is_edge == NULL || g.listed_for == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = cut_units(&g);
    if (status == DAVIT_OK) {
        mark_makers(&g);
    }
    for (size_t s = 0; status == DAVIT_OK && s < schedule->stage_count; s++) {
        status = find_inputs(&g, s);
    }
    for (size_t s = 0; status == DAVIT_OK && s < schedule->stage_count; s++) {
        status = find_outputs(&g, s);
    }
    return status;
}
