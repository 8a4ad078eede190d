#include "davit/memory_plan.h"
#include "schedule.h"

typedef struct placement {
    davit_arena *arena;
    const davit_graph *graph;
    const davit_plan *plan;
    const bool *mappable;
    davit_schedule *schedule;
    size_t *copy_of;  /* by value and device (the host last): index of the copy, or none */
    size_t *made_as;  /* by value: index of the copy that a stage makes, or none */
    size_t *input_of; /* by value: index among graph->inputs, or none */
} placement;

static size_t *index_array(davit_arena *arena, size_t rows, size_t columns)
{
    size_t count;
    if (!davit_mul_size(rows, columns, &count)) {
        return NULL;
    }
    size_t *array = davit_arena_alloc_array(arena, count, sizeof(*array));
    for (size_t i = 0; array != NULL && i < count; i++) {
        array[i] = DAVIT_NO_INDEX;
    }
    return array;
}

static size_t *copy_slot(const placement *p, davit_value_id value, size_t device)
{
    return &p->copy_of[value * (p->plan->device_count + 1) + device];
}

static size_t add_copy(const placement *p, const davit_program_io *io, uint32_t device,
                       size_t stage)
{
    size_t index = p->schedule->copy_count++;
    p->schedule->copies[index] = (davit_value_copy){.value = io->value,
                                                    .device = device,
                                                    .bytes = davit_tensor_desc_bytes(&io->desc),
                                                    .first = stage,
                                                    .last = stage};
    *copy_slot(p, io->value, device) = index;
    return index;
}

/* The copy that a stage on another device reads a value from: where it was made, or the host. */
static size_t readable_copy(const placement *p, const davit_program_io *io)
{
    size_t made = p->made_as[io->value];
    const davit_value_copy *origin = &p->schedule->copies[made];
    if (p->mappable[origin->device]) {
        return made;
    }
    uint32_t host = (uint32_t)p->plan->device_count;
    size_t staged = *copy_slot(p, io->value, host);
    if (staged == DAVIT_NO_INDEX) {
        davit_stage *stage = &p->schedule->stages[origin->first];
        staged = add_copy(p, io, host, origin->first);
        stage->staged[stage->staged_count++] = (davit_departure){.from = made, .to = staged};
    }
    return staged;
}

/* The copy on the stage's device of one of its inputs, made by an arrival when there is none. */
static size_t bring(const placement *p, size_t index, const davit_program_io *io)
{
    davit_stage *stage = &p->schedule->stages[index];
    size_t present = *copy_slot(p, io->value, stage->device);
    if (present != DAVIT_NO_INDEX) {
        p->schedule->copies[present].last = index;
        return present;
    }
    davit_arrival arrival = {.input = p->input_of[io->value], .from = DAVIT_NO_INDEX};
    if (arrival.input == DAVIT_NO_INDEX) {
        arrival.from = readable_copy(p, io);
        p->schedule->copies[arrival.from].last = index;
    }
    arrival.to = add_copy(p, io, stage->device, index);
    stage->arrivals[stage->arrival_count++] = arrival;
    return arrival.to;
}

static davit_status place_stage(const placement *p, size_t index)
{
    davit_stage *stage = &p->schedule->stages[index];
    size_t values = stage->input_count + stage->output_count;
    stage->bindings = davit_arena_alloc_array(p->arena, values, sizeof(*stage->bindings));
    stage->arrivals =
        davit_arena_alloc_array(p->arena, stage->input_count, sizeof(*stage->arrivals));
    stage->staged = davit_arena_alloc_array(p->arena, stage->output_count, sizeof(*stage->staged));
    if (stage->bindings == NULL || stage->arrivals == NULL || stage->staged == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < stage->input_count; i++) {
        stage->bindings[i] = bring(p, index, &stage->inputs[i]);
    }
    for (size_t i = 0; i < stage->output_count; i++) {
        size_t copy = add_copy(p, &stage->outputs[i], stage->device, index);
        p->made_as[stage->outputs[i].value] = copy;
        stage->bindings[stage->input_count + i] = copy;
    }
    return DAVIT_OK;
}

/* Each stage's share of one array of deliveries, as large as the number of its outputs. */
static davit_status reserve_deliveries(const placement *p)
{
    const davit_graph *graph = p->graph;
    davit_schedule *schedule = p->schedule;
    davit_departure *all = davit_arena_alloc_array(p->arena, graph->output_count, sizeof(*all));
    size_t *counts = davit_arena_alloc_array(p->arena, schedule->stage_count, sizeof(*counts));
    schedule->direct =
        davit_arena_alloc_array(p->arena, graph->output_count, sizeof(*schedule->direct));
    if (all == NULL || counts == NULL || schedule->direct == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < graph->output_count; i++) {
        size_t made = p->made_as[graph->outputs[i]];
        if (made != DAVIT_NO_INDEX) {
            counts[schedule->copies[made].first]++;
        }
    }
    size_t start = 0;
    for (size_t s = 0; s < schedule->stage_count; s++) {
        schedule->stages[s].deliveries = all + start;
        start += counts[s];
    }
    return DAVIT_OK;
}

static davit_status deliver_outputs(const placement *p)
{
    const davit_graph *graph = p->graph;
    davit_schedule *schedule = p->schedule;
    davit_status status = reserve_deliveries(p);
    for (size_t i = 0; status == DAVIT_OK && i < graph->output_count; i++) {
        davit_value_id id = graph->outputs[i];
        const davit_value *value = &graph->values[id];
        size_t made = p->made_as[id];
        if (made != DAVIT_NO_INDEX) {
            davit_stage *stage = &schedule->stages[schedule->copies[made].first];
            stage->deliveries[stage->delivery_count++] = (davit_departure){.from = made, .to = i};
        } else {
            schedule->direct[schedule->direct_count++] = (davit_direct_output){
                .output = i,
                .input = value->constant != NULL ? DAVIT_NO_INDEX : p->input_of[id],
                .constant = value->constant != NULL ? value->constant->data : NULL,
                .bytes = davit_tensor_desc_bytes(&value->desc)};
        }
    }
    return status;
}

/* Gives every copy on one device its place in that device's arena. */
static davit_status plan_arena(const placement *p, size_t device, davit_memory_request *requests)
{
    davit_schedule *schedule = p->schedule;
    size_t count = 0;
    for (size_t c = 0; c < schedule->copy_count; c++) {
        const davit_value_copy *copy = &schedule->copies[c];
        if (copy->device == device) {
            requests[count++] = (davit_memory_request){
                .bytes = copy->bytes, .first = copy->first, .last = copy->last};
        }
    }
    davit_status status = davit_memory_plan(p->arena->allocator, requests, count, DAVIT_ALIGNMENT,
                                            &schedule->arena_bytes[device]);
    count = 0;
    for (size_t c = 0; status == DAVIT_OK && c < schedule->copy_count; c++) {
        if (schedule->copies[c].device == device) {
            schedule->copies[c].offset_bytes = requests[count++].offset_bytes;
        }
    }
    return status;
}

static davit_status place_all(placement *p)
{
    davit_schedule *schedule = p->schedule;
    size_t devices = p->plan->device_count;
    size_t most = 0; /* an input, an output and an output's copy on the host */
    for (size_t s = 0; s < schedule->stage_count; s++) {
        most += schedule->stages[s].input_count + 2 * schedule->stages[s].output_count;
    }
    p->copy_of = index_array(p->arena, p->graph->value_count, devices + 1);
    p->made_as = index_array(p->arena, p->graph->value_count, 1);
    p->input_of = index_array(p->arena, p->graph->value_count, 1);
    schedule->copies = davit_arena_alloc_array(p->arena, most, sizeof(*schedule->copies));
    schedule->arena_bytes =
        davit_arena_alloc_array(p->arena, devices + 1, sizeof(*schedule->arena_bytes));
    davit_memory_request *requests = davit_arena_alloc_array(p->arena, most, sizeof(*requests));
    if (p->copy_of == NULL || p->made_as == NULL || p->input_of == NULL ||
        schedule->copies == NULL || schedule->arena_bytes == NULL || requests == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < p->graph->input_count; i++) {
        p->input_of[p->graph->inputs[i]] = i;
    }
    davit_status status = DAVIT_OK;
    for (size_t s = 0; status == DAVIT_OK && s < schedule->stage_count; s++) {
        status = place_stage(p, s);
    }
    if (status == DAVIT_OK) {
        status = deliver_outputs(p);
    }
    for (size_t d = 0; status == DAVIT_OK && d <= devices; d++) {
        status = plan_arena(p, d, requests);
    }
    return status;
}

davit_status davit_schedule_memory(davit_arena *arena, const davit_graph *graph,
                                   const davit_plan *plan, const bool *mappable,
                                   davit_schedule *schedule)
{
    placement p = {
        .arena = arena, .graph = graph, .plan = plan, .mappable = mappable, .schedule = schedule};
    return place_all(&p);
}
