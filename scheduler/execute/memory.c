#include "davit/memory_plan.h"
#include "schedule.h"

typedef struct placement {
    davit_arena *arena;
    const davit_graph *graph;
    const davit_plan *plan;
    const davit_access *access; /* by device */
    size_t own_bytes;
    davit_schedule *schedule;
    size_t *copy_of;   /* by value and device (the host last): index of the copy, or none */
    size_t *made_as;   /* by value: index of the copy that a stage makes, or none */
    size_t *host_copy; /* by value: a copy that the host can read, of one made elsewhere, or none */
    size_t *input_of;  /* by value: index among inputs and given values, or none */
    davit_copy_use **uses; /* by copy: the writer, then the readers in no order */
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

static uint32_t host_of(const placement *p)
{
    return (uint32_t)p->plan->device_count;
}

/* ---- copies and who touches them ---- */

static davit_status add_use(const placement *p, size_t copy, size_t task)
{
    davit_copy_use *use = davit_arena_alloc(p->arena, sizeof(*use));
    if (use == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    use->task = task;
    if (p->uses[copy] == NULL) {
        p->uses[copy] = use;
    } else {
        use->next = p->uses[copy]->next;
        p->uses[copy]->next = use;
    }
    return DAVIT_OK;
}

/* A copy that the task writes, whose place is needed from stage `first` on. */
static davit_status add_copy(const placement *p, const davit_program_io *io, uint32_t device,
                             size_t first, size_t task, size_t *out)
{
    size_t index = p->schedule->copy_count++;
    p->schedule->copies[index] = (davit_value_copy){.value = io->value,
                                                    .device = device,
                                                    .bytes = davit_tensor_desc_bytes(&io->desc),
                                                    .first = first,
                                                    .last = first};
    *copy_slot(p, io->value, device) = index;
    *out = index;
    return add_use(p, index, task);
}

static davit_status read_copy(const placement *p, size_t copy, size_t stage, size_t task)
{
    davit_value_copy *read = &p->schedule->copies[copy];
    read->last = stage > read->last ? stage : read->last;
    return add_use(p, copy, task);
}

static size_t next_task(const placement *p)
{
    return p->schedule->task_count;
}

static void add_transfer(const placement *p, davit_task_kind kind, size_t from, size_t to)
{
    uint32_t device = p->schedule->copies[kind == DAVIT_TASK_IN ? to : from].device;
    p->schedule->tasks[p->schedule->task_count++] =
        (davit_task){.kind = kind, .device = device, .from = from, .to = to};
}

/* ---- bringing values to where they are read ---- */

/* A copy that the host can read of a value made by a stage: where it was made; else where it has
 * been brought before; else brought now to `target`, a device that the host can reach, or the host.
 */
static davit_status reach(const placement *p, const davit_program_io *io, uint32_t target,
                          size_t *out)
{
    size_t made = p->made_as[io->value];
    const davit_value_copy *origin = &p->schedule->copies[made];
    if (p->access[origin->device].mappable) {
        *out = made;
        return DAVIT_OK;
    }
    *out = p->host_copy[io->value];
    if (*out != DAVIT_NO_INDEX) {
        return DAVIT_OK;
    }
    size_t first = origin->first;
    davit_status status = read_copy(p, made, first, next_task(p));
    if (status == DAVIT_OK) {
        status = add_copy(p, io, target, first, next_task(p), out);
    }
    if (status == DAVIT_OK) {
        add_transfer(p, DAVIT_TASK_OUT, made, *out);
        p->host_copy[io->value] = *out;
    }
    return status;
}

/* The copy on the host of a graph input or a given value. */
static davit_status fill_input(const placement *p, const davit_program_io *io, size_t input,
                               size_t *out)
{
    *out = *copy_slot(p, io->value, host_of(p));
    if (*out != DAVIT_NO_INDEX) {
        return DAVIT_OK;
    }
    davit_schedule *schedule = p->schedule;
    davit_status status = add_copy(p, io, host_of(p), 0, DAVIT_NO_INDEX, out);
    schedule->fills[schedule->fill_count++] =
        (davit_arrival){.input = input, .from = DAVIT_NO_INDEX, .to = *out};
    return status;
}

/* By a task of its own, as soon as the value is there. */
static davit_status bring_by_link(const placement *p, size_t index, const davit_program_io *io,
                                  size_t *out)
{
    uint32_t device = p->schedule->stages[index].device;
    size_t input = p->input_of[io->value];
    size_t from;
    davit_status status =
        input != DAVIT_NO_INDEX ? fill_input(p, io, input, &from) : reach(p, io, host_of(p), &from);
    if (status != DAVIT_OK) {
        return status;
    }
    size_t first = p->schedule->copies[from].first;
    status = read_copy(p, from, first, next_task(p));
    if (status == DAVIT_OK) {
        status = add_copy(p, io, device, first, next_task(p), out);
    }
    if (status == DAVIT_OK) {
        add_transfer(p, DAVIT_TASK_IN, from, *out);
    }
    return status;
}

/* A graph input, of which each stage gets a place of its own, to be used where it cannot be lent.
 */
static bool is_lent(const placement *p, const davit_stage *stage, const davit_program_io *io)
{
    return p->access[stage->device].lends && p->input_of[io->value] < p->graph->input_count;
}

/* By the stage's own submission, task `run`. */
static davit_status bring_by_host(const placement *p, size_t index, const davit_program_io *io,
                                  size_t run, size_t *out)
{
    davit_stage *stage = &p->schedule->stages[index];
    davit_arrival *arrival = &stage->arrivals[stage->arrival_count++];
    *arrival = (davit_arrival){
        .input = p->input_of[io->value], .from = DAVIT_NO_INDEX, .lent = is_lent(p, stage, io)};
    davit_status status = DAVIT_OK;
    if (arrival->input == DAVIT_NO_INDEX) {
        status = reach(p, io, stage->device, &arrival->from);
        if (status == DAVIT_OK) {
            status = read_copy(p, arrival->from, index, run);
        }
    }
    if (status == DAVIT_OK) {
        status = add_copy(p, io, stage->device, index, run, &arrival->to);
        *out = arrival->to;
    }
    return status;
}

/* Adds the tasks that bring what a stage reads and is not on its device. */
static davit_status add_transfers(const placement *p, size_t index)
{
    const davit_stage *stage = &p->schedule->stages[index];
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < stage->input_count; i++) {
        const davit_program_io *io = &stage->inputs[i];
        size_t unused;
        if (*copy_slot(p, io->value, stage->device) != DAVIT_NO_INDEX) {
            continue;
        }
        if (!p->access[stage->device].mappable) {
            status = bring_by_link(p, index, io, &unused);
        } else if (p->input_of[io->value] == DAVIT_NO_INDEX) {
            status = reach(p, io, stage->device, &unused);
        }
    }
    return status;
}

static davit_status bind_stage(const placement *p, size_t index, size_t run)
{
    davit_stage *stage = &p->schedule->stages[index];
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < stage->input_count; i++) {
        const davit_program_io *io = &stage->inputs[i];
        size_t present = *copy_slot(p, io->value, stage->device);
        if (present != DAVIT_NO_INDEX && !is_lent(p, stage, io)) {
            stage->bindings[i] = present;
            status = read_copy(p, present, index, run);
        } else {
            status = bring_by_host(p, index, io, run, &stage->bindings[i]);
        }
    }
    for (size_t i = 0; status == DAVIT_OK && i < stage->output_count; i++) {
        size_t *binding = &stage->bindings[stage->input_count + i];
        status = add_copy(p, &stage->outputs[i], stage->device, index, run, binding);
        p->made_as[stage->outputs[i].value] = *binding;
    }
    return status;
}

static davit_status place_stage(const placement *p, size_t index)
{
    davit_stage *stage = &p->schedule->stages[index];
    size_t values = stage->input_count + stage->output_count;
    stage->bindings = davit_arena_alloc_array(p->arena, values, sizeof(*stage->bindings));
    stage->arrivals =
        davit_arena_alloc_array(p->arena, stage->input_count, sizeof(*stage->arrivals));
    if (stage->bindings == NULL || stage->arrivals == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = add_transfers(p, index);
    if (status == DAVIT_OK) {
        status = bind_stage(p, index, next_task(p));
    }
    if (status == DAVIT_OK) {
        p->schedule->tasks[p->schedule->task_count++] =
            (davit_task){.kind = DAVIT_TASK_RUN, .device = stage->device, .stage = index};
    }
    return status;
}

/* ---- outputs ---- */

/* Each stage's share of one array of deliveries, as large as the number of its outputs. */
static davit_status reserve_deliveries(const placement *p)
{
    const davit_graph *graph = p->graph;
    davit_schedule *schedule = p->schedule;
    davit_delivery *all = davit_arena_alloc_array(p->arena, graph->output_count, sizeof(*all));
    size_t *counts = davit_arena_alloc_array(p->arena, schedule->stage_count, sizeof(*counts));
    schedule->deliveries =
        davit_arena_alloc_array(p->arena, graph->output_count, sizeof(*schedule->deliveries));
    schedule->direct =
        davit_arena_alloc_array(p->arena, graph->output_count, sizeof(*schedule->direct));
    if (all == NULL || counts == NULL || schedule->deliveries == NULL || schedule->direct == NULL) {
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

static const davit_program_io *output_io(const davit_stage *stage, davit_value_id value)
{
    size_t i = 0;
    while (stage->outputs[i].value != value) {
        i++;
    }
    return &stage->outputs[i];
}

/* An output that a stage makes as copy `made`. */
static davit_status deliver_made(const placement *p, size_t made, size_t output)
{
    davit_schedule *schedule = p->schedule;
    const davit_value_copy *copy = &schedule->copies[made];
    davit_stage *stage = &schedule->stages[copy->first];
    if (p->access[copy->device].mappable) {
        stage->deliveries[stage->delivery_count++] =
            (davit_delivery){.from = made, .output = output};
        return DAVIT_OK;
    }
    size_t from;
    davit_status status = reach(p, output_io(stage, copy->value), host_of(p), &from);
    if (status == DAVIT_OK) {
        schedule->copies[from].last = schedule->stage_count;
        schedule->deliveries[schedule->delivery_count++] =
            (davit_delivery){.from = from, .output = output};
    }
    return status;
}

static davit_status deliver_outputs(const placement *p)
{
    const davit_graph *graph = p->graph;
    davit_schedule *schedule = p->schedule;
    davit_status status = reserve_deliveries(p);
    for (size_t i = 0; status == DAVIT_OK && i < graph->output_count; i++) {
        davit_value_id id = graph->outputs[i];
        const davit_value *value = &graph->values[id];
        if (p->made_as[id] != DAVIT_NO_INDEX) {
            status = deliver_made(p, p->made_as[id], i);
            continue;
        }
        schedule->direct[schedule->direct_count++] = (davit_direct_output){
            .output = i,
            .input = value->constant != NULL ? DAVIT_NO_INDEX : p->input_of[id],
            .constant = value->constant != NULL ? value->constant->data : NULL,
            .bytes = davit_tensor_desc_bytes(&value->desc)};
    }
    return status;
}

/* ---- all of it ---- */

/* True when a task beside the programs of its own device touches the copy. */
static bool is_exchanged(const placement *p, size_t copy)
{
    const davit_schedule *schedule = p->schedule;
    for (const davit_copy_use *u = p->uses[copy]; u != NULL; u = u->next) {
        if (u->task == DAVIT_NO_INDEX || schedule->tasks[u->task].kind != DAVIT_TASK_RUN ||
            schedule->tasks[u->task].device != schedule->copies[copy].device) {
            return true;
        }
    }
    return false;
}

/* Programs of a device run in order, but what others do with its memory has no time in the
 * schedule: where two such values share a place, one waits for the other's reader, however late
 * that comes. */
static void keep_exchanged(const placement *p, size_t device)
{
    davit_schedule *schedule = p->schedule;
    size_t bytes = 0;
    for (size_t c = 0; c < schedule->copy_count; c++) {
        const davit_value_copy *copy = &schedule->copies[c];
        if (copy->device == device && is_exchanged(p, c) &&
            !davit_add_size(bytes, copy->bytes, &bytes)) {
            return;
        }
    }
    for (size_t c = 0; bytes <= p->own_bytes && c < schedule->copy_count; c++) {
        davit_value_copy *copy = &schedule->copies[c];
        if (copy->device == device && is_exchanged(p, c)) {
            copy->first = 0;
            copy->last = schedule->stage_count;
        }
    }
}

/* Gives every copy on one device its place in that device's arena. */
static davit_status plan_arena(const placement *p, size_t device, davit_memory_request *requests)
{
    davit_schedule *schedule = p->schedule;
    size_t count = 0;
    keep_exchanged(p, device);
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

static bool reserve(placement *p, size_t *most_copies)
{
    davit_schedule *schedule = p->schedule;
    size_t devices = p->plan->device_count;
    size_t most = 0; /* each input and output on a device and on the host; each brought by a task */
    for (size_t s = 0; s < schedule->stage_count; s++) {
        most += 2 * (schedule->stages[s].input_count + schedule->stages[s].output_count);
    }
    *most_copies = most;
    p->copy_of = index_array(p->arena, p->graph->value_count, devices + 1);
    p->made_as = index_array(p->arena, p->graph->value_count, 1);
    p->host_copy = index_array(p->arena, p->graph->value_count, 1);
    p->input_of = index_array(p->arena, p->graph->value_count, 1);
    p->uses = davit_arena_alloc_array(p->arena, most, sizeof(davit_copy_use *));
    schedule->copies = davit_arena_alloc_array(p->arena, most, sizeof(*schedule->copies));
    schedule->tasks =
        davit_arena_alloc_array(p->arena, most + schedule->stage_count, sizeof(*schedule->tasks));
    schedule->fills = davit_arena_alloc_array(
        p->arena, p->graph->input_count + schedule->given_count, sizeof(*schedule->fills));
    schedule->arena_bytes =
        davit_arena_alloc_array(p->arena, devices + 1, sizeof(*schedule->arena_bytes));
    return p->copy_of != NULL && p->made_as != NULL && p->host_copy != NULL &&
           p->input_of != NULL && p->uses != NULL && schedule->copies != NULL &&
           schedule->tasks != NULL && schedule->fills != NULL && schedule->arena_bytes != NULL;
}

static davit_status place_all(placement *p)
{
    davit_schedule *schedule = p->schedule;
    size_t most;
    davit_memory_request *requests = NULL;
    if (reserve(p, &most)) {
        requests = davit_arena_alloc_array(p->arena, most, sizeof(*requests));
    }
    if (requests == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < p->graph->input_count; i++) {
        p->input_of[p->graph->inputs[i]] = i;
    }
    for (size_t i = 0; i < schedule->given_count; i++) {
        p->input_of[schedule->given[i]] = p->graph->input_count + i;
    }
    davit_status status = DAVIT_OK;
    for (size_t s = 0; status == DAVIT_OK && s < schedule->stage_count; s++) {
        status = place_stage(p, s);
    }
    if (status == DAVIT_OK) {
        status = deliver_outputs(p);
    }
    for (size_t d = 0; status == DAVIT_OK && d <= p->plan->device_count; d++) {
        status = plan_arena(p, d, requests);
    }
    for (size_t c = 0; c < schedule->copy_count; c++) {
        schedule->copies[c].writer = p->uses[c]->task;
    }
    return status != DAVIT_OK
               ? status
               : davit_schedule_order(p->arena, p->plan->device_count,
                                      (const davit_copy_use *const *)p->uses, schedule);
}

davit_status davit_schedule_memory(davit_arena *arena, const davit_graph *graph,
                                   const davit_plan *plan, const davit_access *access,
                                   size_t own_bytes, davit_schedule *schedule)
{
    placement p = {.arena = arena,
                   .graph = graph,
                   .plan = plan,
                   .access = access,
                   .own_bytes = own_bytes,
                   .schedule = schedule};
    return place_all(&p);
}
