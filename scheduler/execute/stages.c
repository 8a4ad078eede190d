#include "schedule.h"

typedef struct grouping {
    davit_arena *arena;
    const davit_graph *graph;
    const davit_plan *plan;
    davit_schedule *schedule;
    bool *needed;         /* by unit: it is part of the schedule */
    size_t *stage_of;     /* by unit */
    davit_unit_id *maker; /* by value: the unit that makes it, or DAVIT_NONE */
    bool *crosses;        /* by value: a unit of another device reads it */
    bool *leaves;         /* by value: another stage than its maker reads it, or it is an output */
    bool *is_edge;        /* by value: a graph input or output, dense on every device */
    size_t *listed_for;   /* by value: 1 + the stage whose inputs list it */
} grouping;

static uint32_t device_of(const grouping *g, davit_unit_id unit)
{
    return g->plan->units[unit].device;
}

/* Marks the units that the outputs need when some values are given. */
static davit_status find_needed(const grouping *g, size_t given_count, const davit_value_id *given)
{
    bool *wanted = davit_arena_alloc_array(g->arena, g->graph->value_count, sizeof(*wanted));
    bool *is_given = davit_arena_alloc_array(g->arena, g->graph->value_count, sizeof(*is_given));
    if (wanted == NULL || is_given == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < given_count; i++) {
        is_given[given[i]] = true;
    }
    for (size_t i = 0; i < g->graph->output_count; i++) {
        wanted[g->graph->outputs[i]] = true;
    }
    for (size_t u = g->plan->unit_count; u-- > 0;) {
        const davit_unit *unit = &g->graph->units[u];
        g->needed[u] = given_count == 0;
        for (uint32_t o = 0; o < unit->output_count; o++) {
            davit_value_id value = unit->outputs[o];
            g->needed[u] = g->needed[u] || (wanted[value] && !is_given[value]);
        }
        for (uint32_t i = 0; g->needed[u] && i < unit->input_count; i++) {
            wanted[unit->inputs[i]] = true;
        }
    }
    return DAVIT_OK;
}

static void find_makers(const grouping *g)
{
    for (size_t v = 0; v < g->graph->value_count; v++) {
        g->maker[v] = DAVIT_NONE;
    }
    for (size_t u = 0; u < g->plan->unit_count; u++) {
        const davit_unit *unit = &g->graph->units[u];
        if (!g->needed[u]) {
            continue;
        }
        for (uint32_t o = 0; o < unit->output_count; o++) {
            g->maker[unit->outputs[o]] = (davit_unit_id)u;
        }
        for (uint32_t i = 0; i < unit->input_count; i++) {
            davit_unit_id from = g->maker[unit->inputs[i]];
            if (from != DAVIT_NONE && device_of(g, from) != device_of(g, (davit_unit_id)u)) {
                g->crosses[unit->inputs[i]] = true;
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

/* The stages that still take units, one of each device. */
typedef struct opened {
    size_t *stage; /* by device; DAVIT_NO_INDEX: none */
    size_t
        *awaited; /* [device][stage]: 1 + the stage of that device whose first unit waits for it */
} opened;

static size_t *awaited_by(const grouping *g, const opened *open, uint32_t device, size_t stage)
{
    return &open->awaited[device * g->plan->unit_count + stage];
}

/* The stage of another device that makes input i of the unit, or DAVIT_NO_INDEX. */
static size_t other_stage(const grouping *g, davit_unit_id id, uint32_t i)
{
    davit_unit_id from = g->maker[g->graph->units[id].inputs[i]];
    bool other = from != DAVIT_NONE && device_of(g, from) != device_of(g, id);
    return other ? g->stage_of[from] : DAVIT_NO_INDEX;
}

/* True when the unit waits for nothing that the open stage of its device does not wait for. */
static bool may_join(const grouping *g, const opened *open, davit_unit_id id)
{
    uint32_t device = device_of(g, id);
    size_t own = open->stage[device];
    bool joins = own != DAVIT_NO_INDEX;
    for (uint32_t i = 0; joins && i < g->graph->units[id].input_count; i++) {
        size_t other = other_stage(g, id, i);
        joins = other == DAVIT_NO_INDEX || *awaited_by(g, open, device, other) == own + 1;
    }
    return joins;
}

static bool is_awaited(const grouping *g, davit_unit_id id)
{
    const davit_unit *unit = &g->graph->units[id];
    for (uint32_t o = 0; o < unit->output_count; o++) {
        if (g->crosses[unit->outputs[o]]) {
            return true;
        }
    }
    return false;
}

/* Gives each unit a stage; the numbers of stages follow their first units. */
static size_t number_stages(const grouping *g, const opened *open)
{
    size_t count = 0;
    for (size_t d = 0; d < g->plan->device_count; d++) {
        open->stage[d] = DAVIT_NO_INDEX;
    }
    for (size_t u = 0; u < g->plan->unit_count; u++) {
        davit_unit_id id = (davit_unit_id)u;
        uint32_t device = device_of(g, id);
        if (!g->needed[u]) {
            g->stage_of[u] = DAVIT_NO_INDEX;
            continue;
        }
        if (!may_join(g, open, id)) {
            open->stage[device] = count++;
            for (uint32_t i = 0; i < g->graph->units[u].input_count; i++) {
                size_t other = other_stage(g, id, i);
                if (other != DAVIT_NO_INDEX) {
                    *awaited_by(g, open, device, other) = count;
                }
            }
        }
        g->stage_of[u] = open->stage[device];
        if (is_awaited(g, id)) {
            open->stage[device] = DAVIT_NO_INDEX;
        }
    }
    return count;
}

static davit_status cut_units(const grouping *g)
{
    const davit_plan *plan = g->plan;
    davit_schedule *schedule = g->schedule;
    size_t pairs;
    if (!davit_mul_size(plan->device_count, plan->unit_count, &pairs)) {
        return DAVIT_OUT_OF_MEMORY;
    }
    const opened open = {.stage =
                             davit_arena_alloc_array(g->arena, plan->device_count, sizeof(size_t)),
                         .awaited = davit_arena_alloc_array(g->arena, pairs, sizeof(size_t))};
    davit_unit_id *units = davit_arena_alloc_array(g->arena, plan->unit_count, sizeof(*units));
    if (open.stage == NULL || open.awaited == NULL || units == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    size_t count = number_stages(g, &open);
    davit_stage *stages = davit_arena_alloc_array(g->arena, count, sizeof(*stages));
    if (stages == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t u = 0; u < plan->unit_count; u++) {
        if (g->needed[u]) {
            stages[g->stage_of[u]].unit_count++;
        }
    }
    for (size_t s = 0, position = 0; s < count; s++) {
        stages[s].units = units + position;
        stages[s].first_position = position;
        position += stages[s].unit_count;
        stages[s].unit_count = 0;
    }
    for (size_t u = 0; u < plan->unit_count; u++) {
        if (g->needed[u]) {
            davit_stage *stage = &stages[g->stage_of[u]];
            stage->device = plan->units[u].device;
            stage->units[stage->unit_count++] = (davit_unit_id)u;
        }
    }
    schedule->stages = stages;
    schedule->stage_count = count;
    return DAVIT_OK;
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
            davit_unit_id from = g->maker[value];
            if ((from != DAVIT_NONE && g->stage_of[from] == index) ||
                g->listed_for[value] == index + 1 || g->graph->values[value].constant != NULL) {
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
                                   const davit_plan *plan, size_t given_count,
                                   const davit_value_id *given, davit_schedule *schedule)
{
    size_t values = graph->value_count;
    *schedule = (davit_schedule){.given_count = given_count, .given = given};
    const grouping g = {
        .arena = arena,
        .graph = graph,
        .plan = plan,
        .schedule = schedule,
        .needed = davit_arena_alloc_array(arena, plan->unit_count, sizeof(bool)),
        .stage_of = davit_arena_alloc_array(arena, plan->unit_count, sizeof(size_t)),
        .maker = davit_arena_alloc_array(arena, values, sizeof(davit_unit_id)),
        .crosses = davit_arena_alloc_array(arena, values, sizeof(bool)),
        .leaves = davit_arena_alloc_array(arena, values, sizeof(bool)),
        .is_edge = davit_arena_alloc_array(arena, values, sizeof(bool)),
        .listed_for = davit_arena_alloc_array(arena, values, sizeof(size_t)),
    };
    if (g.needed == NULL || g.stage_of == NULL || g.maker == NULL || g.crosses == NULL ||
        g.leaves == NULL || g.is_edge == NULL || g.listed_for == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = find_needed(&g, given_count, given);
    if (status == DAVIT_OK) {
        find_makers(&g);
        status = cut_units(&g);
    }
    for (size_t s = 0; status == DAVIT_OK && s < schedule->stage_count; s++) {
        status = find_inputs(&g, s);
    }
    for (size_t s = 0; status == DAVIT_OK && s < schedule->stage_count; s++) {
        status = find_outputs(&g, s);
    }
    return status;
}
