#include <stdatomic.h>
#include <string.h>

#include "davit/engine_cost.h"
#include "davit/memory_plan.h"
#include "program.h"

#define WORD DAVIT_ENGINE_WORD

typedef struct planning {
    davit_device *device;
    const davit_program_spec *spec;
    davit_xrt_program *program;
    davit_gemm_geometry geometry;
    uint32_t batch;
    size_t *root;           /* by value: the value whose bytes it is */
    size_t *first, *last;   /* by value: the units between which it is needed */
    davit_xrt_place *place; /* by value; of the part being planned */
    size_t *scratch_bytes;  /* by value: 0: not in scratch memory */
} planning;

static const davit_graph *graph_of(const planning *p)
{
    return p->spec->graph;
}

static const davit_unit *unit_at(const planning *p, size_t position)
{
    return &graph_of(p)->units[p->spec->units[position]];
}

static const davit_node *node_at(const planning *p, size_t position)
{
    return &graph_of(p)->nodes[unit_at(p, position)->anchor];
}

static size_t round_up(size_t bytes)
{
    return (bytes + WORD - 1) / WORD * WORD;
}

static davit_status out_of_memory(const planning *p)
{
    return davit_fail(p->device->options.diag, DAVIT_OUT_OF_MEMORY,
                      "device '%s': no memory for a program", p->device->info.name);
}

/* ---- the batch ---- */

static bool has_batch(const davit_graph *graph, davit_value_id id, int64_t batch)
{
    const davit_value *value = &graph->values[id];
    return value->constant == NULL && value->desc.rank >= 2 && value->desc.dims[0] == batch;
}

/* The inputs of a node that are values, not weights: how many come first. */
static bool is_operand(const davit_node *node, uint32_t index)
{
    switch (node->op->op) {
    case DAVIT_OP_IntegerAdd:
        return index < 2;
    case DAVIT_OP_IntegerConv:
    case DAVIT_OP_IntegerMatMul:
        return (index == 0 || index == 3) && node->inputs[index] != DAVIT_NONE;
    default:
        return index == 0;
    }
}

/* The common first dimension of all values, of which each image is worked on by itself; else 1. */
static uint32_t find_batch(const planning *p)
{
    const davit_graph *graph = graph_of(p);
    const davit_tensor_desc *first = &graph->values[node_at(p, 0)->inputs[0]].desc;
    int64_t batch = first->rank >= 2 ? first->dims[0] : 1;
    for (size_t u = 0; u < p->spec->unit_count; u++) {
        const davit_node *node = node_at(p, u);
        for (uint32_t i = 0; i < node->input_count; i++) {
            if (is_operand(node, i) && !has_batch(graph, node->inputs[i], batch)) {
                return 1;
            }
        }
        if (!has_batch(graph, node->outputs[0], batch)) {
            return 1;
        }
    }
    return batch > 0 && batch <= INT32_MAX ? (uint32_t)batch : 1;
}

/* ---- where values are ---- */

static void find_lives(const planning *p)
{
    const davit_graph *graph = graph_of(p);
    size_t units = p->spec->unit_count;
    for (size_t v = 0; v < graph->value_count; v++) {
        p->root[v] = v;
    }
    for (size_t u = 0; u < units; u++) {
        const davit_node *node = node_at(p, u);
        davit_engine_call call;
        (void)davit_engine_unit(graph, unit_at(p, u), &p->geometry, &call);
        if (call.view) {
            p->root[node->outputs[0]] = p->root[node->inputs[0]];
        } else {
            p->first[node->outputs[0]] = p->last[node->outputs[0]] = u;
        }
        for (uint32_t i = 0; i < node->input_count; i++) {
            if (is_operand(node, i)) {
                p->last[p->root[node->inputs[i]]] = u;
            }
        }
    }
    for (size_t i = 0; i < p->spec->output_count; i++) {
        p->last[p->root[p->spec->outputs[i].value]] = units;
    }
}

static bool same_layout(const davit_tensor_desc *a, const davit_tensor_desc *b)
{
    for (int i = 0; i < a->rank; i++) {
        if (a->dims[i] > 1 && a->strides[i] != b->strides[i]) {
            return false;
        }
    }
    return true;
}

/* The description of a part's images. Every layout has the batch outermost. */
static davit_tensor_desc part_of(const davit_tensor_desc *desc, uint32_t batch, uint32_t images)
{
    davit_tensor_desc part = *desc;
    if (images < batch) {
        part.dims[0] = images;
    }
    return part;
}

static davit_tensor_desc inside_of(const davit_tensor_desc *desc)
{
    davit_tensor_desc inside = *desc;
    if (davit_tensor_desc_dense(&inside, desc->dtype, desc->rank, desc->dims) == DAVIT_OK) {
        davit_tensor_desc_channels_last(&inside);
    }
    return inside;
}

static davit_xrt_staged stage(const planning *p, const davit_xrt_part *part,
                              const davit_program_io *io, uint32_t binding)
{
    davit_tensor_desc whole = inside_of(&io->desc);
    size_t image_bytes = davit_tensor_desc_bytes(&io->desc) / p->batch;
    davit_xrt_staged staged = {.binding = binding,
                               .bound = part_of(&io->desc, p->batch, part->images),
                               .inside = part_of(&whole, p->batch, part->images),
                               .bound_offset = image_bytes * part->first_image};
    size_t bytes = davit_tensor_desc_bytes(&staged.inside);
    if (bytes > p->program->staging_bytes) {
        p->program->staging_bytes = bytes;
    }
    return staged;
}

static void place_inputs(const planning *p, davit_xrt_part *part)
{
    for (uint32_t i = 0; i < p->spec->input_count; i++) {
        const davit_program_io *io = &p->spec->inputs[i];
        davit_xrt_staged staged = stage(p, part, io, i);
        if (part->lane == &p->program->board->lanes[0] &&
            same_layout(&staged.bound, &staged.inside)) {
            p->place[io->value] = (davit_xrt_place){DAVIT_XRT_BOUND, i, 0};
            continue;
        }
        p->scratch_bytes[io->value] = round_up(davit_tensor_desc_bytes(&staged.inside));
        part->ins[part->in_count++] = staged;
    }
}

/* Outputs that a kernel can write where they are bound. */
static void place_outputs(const planning *p, davit_xrt_part *part)
{
    for (uint32_t i = 0; i < p->spec->output_count; i++) {
        const davit_program_io *io = &p->spec->outputs[i];
        uint32_t binding = (uint32_t)p->spec->input_count + i;
        davit_xrt_staged staged = stage(p, part, io, binding);
        size_t root = p->root[io->value];
        size_t bytes = davit_tensor_desc_bytes(&staged.inside);
        if (part->lane == &p->program->board->lanes[0] && root == io->value && bytes % WORD == 0 &&
            part->steps[p->first[root]].call.result_bytes == bytes &&
            same_layout(&staged.bound, &staged.inside)) {
            p->place[root] = (davit_xrt_place){DAVIT_XRT_BOUND, binding, 0};
        } else {
            part->outs[part->out_count++] = staged;
        }
    }
}

static davit_status plan_scratch(const planning *p, davit_xrt_part *part)
{
    const davit_graph *graph = graph_of(p);
    davit_arena *arena = &p->program->arena;
    davit_memory_request *requests =
        davit_arena_alloc_array(arena, graph->value_count, sizeof(*requests));
    if (requests == NULL) {
        return out_of_memory(p);
    }
    for (size_t v = 0; v < graph->value_count; v++) {
        requests[v] = (davit_memory_request){
            .bytes = p->scratch_bytes[v], .first = p->first[v], .last = p->last[v]};
    }
    if (davit_memory_plan(p->device->options.allocator, requests, graph->value_count,
                          DAVIT_ALIGNMENT, &part->scratch_bytes) != DAVIT_OK) {
        return out_of_memory(p);
    }
    for (size_t v = 0; v < graph->value_count; v++) {
        if (p->scratch_bytes[v] > 0) {
            p->place[v] = (davit_xrt_place){DAVIT_XRT_SCRATCH, 0, requests[v].offset_bytes};
        }
    }
    return DAVIT_OK;
}

static davit_xrt_place place_of(const planning *p, davit_value_id value)
{
    return p->place[p->root[value]];
}

/* ---- steps ---- */

static davit_xrt_place take_constant(davit_xrt_part *part, size_t bytes)
{
    davit_xrt_place place = {DAVIT_XRT_CONSTANT, 0, part->constant_bytes};
    part->constant_bytes += round_up(bytes);
    return place;
}

static davit_xrt_argument argument(davit_xrt_place place, size_t bytes)
{
    return (davit_xrt_argument){.place = place, .bytes = bytes};
}

static davit_xrt_argument operand(const planning *p, davit_xrt_part *part, davit_value_id value)
{
    const davit_value *v = &graph_of(p)->values[value];
    davit_tensor_desc desc = part_of(&v->desc, p->batch, part->images);
    size_t bytes = round_up(davit_tensor_desc_bytes(&desc));
    if (v->constant != NULL) {
        return argument(take_constant(part, bytes), bytes);
    }
    return argument(place_of(p, value), bytes);
}

/* No two calls of this process have the same. */
static uint32_t next_tag(void)
{
    static atomic_uint last;
    return atomic_fetch_add(&last, 1) + 1;
}

static void fill_step(const planning *p, davit_xrt_part *part, size_t position)
{
    const davit_node *node = node_at(p, position);
    davit_xrt_step *step = &part->steps[position];
    if (step->view) {
        return;
    }
    davit_xrt_argument *a = step->arguments;
    const davit_xrt_call *call = &step->call;
    davit_xrt_argument parameters =
        argument(take_constant(part, call->parameter_bytes), call->parameter_bytes);
    bool addition = node->op->op == DAVIT_OP_IntegerAdd;
    a[0] = operand(p, part, node->inputs[0]);
    a[1] = addition ? operand(p, part, node->inputs[1])
           : call->weight_bytes > 0
               ? argument(take_constant(part, call->weight_bytes), call->weight_bytes)
               : parameters;
    a[2] = parameters;
    step->argument_count = 3;
    if (!call->engine.vector) {
        a[3] = call->engine.gemm_shape.residual ? operand(p, part, node->inputs[3]) : parameters;
        step->argument_count++;
    }
    step->result = place_of(p, node->outputs[0]);
    a[step->argument_count++] = argument(step->result, call->result_bytes);
    a[step->argument_count++] =
        argument((davit_xrt_place){DAVIT_XRT_END, 0, position * WORD}, WORD);
    step->padded = call->rows > 1 && call->used_bytes < call->row_bytes;
    step->end = (davit_end_expected){call->engine.vector ? DAVIT_VECTOR_MAGIC : DAVIT_GEMM_MAGIC,
                                     next_tag(), (uint32_t)(call->result_bytes / WORD)};
}

static davit_status plan_part(const planning *p, davit_xrt_part *part)
{
    const davit_program_spec *spec = p->spec;
    const davit_graph *graph = graph_of(p);
    davit_arena *arena = &p->program->arena;
    part->steps = davit_arena_alloc_array(arena, spec->unit_count, sizeof(*part->steps));
    part->ins = davit_arena_alloc_array(arena, spec->input_count + 1, sizeof(*part->ins));
    part->outs = davit_arena_alloc_array(arena, spec->output_count, sizeof(*part->outs));
    if (part->steps == NULL || part->ins == NULL || part->outs == NULL) {
        return out_of_memory(p);
    }
    memset(p->place, 0, graph->value_count * sizeof(*p->place));
    memset(p->scratch_bytes, 0, graph->value_count * sizeof(*p->scratch_bytes));
    for (size_t u = 0; u < spec->unit_count; u++) {
        davit_engine_call call;
        const char *why = davit_engine_unit(graph, unit_at(p, u), &p->geometry, &call);
        if (why != NULL) {
            return davit_fail(p->device->options.diag, DAVIT_INTERNAL, "unit '%s': %s",
                              unit_at(p, u)->name, why);
        }
        part->steps[u].view = call.view;
        if (!call.view) {
            part->steps[u].call = davit_xrt_call_of(graph, unit_at(p, u), &p->geometry, &call,
                                                    p->batch, part->images);
        }
    }
    part->end_bytes = spec->unit_count * WORD;
    place_inputs(p, part);
    place_outputs(p, part);
    for (size_t u = 0; u < spec->unit_count; u++) {
        davit_value_id y = node_at(p, u)->outputs[0];
        if (!part->steps[u].view && p->place[y].kind == DAVIT_XRT_NOWHERE) {
            p->scratch_bytes[y] = part->steps[u].call.result_bytes;
        }
    }
    davit_status status = plan_scratch(p, part);
    for (size_t u = 0; status == DAVIT_OK && u < spec->unit_count; u++) {
        fill_step(p, part, u);
    }
    for (size_t i = 0; status == DAVIT_OK && i < part->in_count; i++) {
        part->ins[i].place = place_of(p, spec->inputs[part->ins[i].binding].value);
    }
    for (size_t i = 0; status == DAVIT_OK && i < part->out_count; i++) {
        part->outs[i].place =
            place_of(p, spec->outputs[part->outs[i].binding - spec->input_count].value);
    }
    return status;
}

static const char *implementation(const davit_xrt_step *step)
{
    static const char *const vectors[] = {"vector_s8 depthwise", "vector_s8 maximum",
                                          "vector_s8 average", "vector_s8 addition"};
    return step->view                 ? "view"
           : step->call.engine.vector ? vectors[step->call.engine.vector_shape.kind]
                                      : "gemm_s8";
}

static davit_status share_out(planning *p)
{
    davit_xrt_program *program = p->program;
    davit_xrt_board *board = program->board;
    p->batch = find_batch(p);
    program->part_count = p->batch < board->lane_count ? p->batch : board->lane_count;
    program->parts =
        davit_arena_alloc_array(&program->arena, program->part_count, sizeof(*program->parts));
    program->implementations = davit_arena_alloc_array(&program->arena, p->spec->unit_count,
                                                       sizeof(*program->implementations));
    if (program->parts == NULL || program->implementations == NULL) {
        return out_of_memory(p);
    }
    uint32_t parts = (uint32_t)program->part_count;
    davit_status status = DAVIT_OK;
    for (uint32_t i = 0; status == DAVIT_OK && i < parts; i++) {
        davit_xrt_part *part = &program->parts[i];
        part->lane = &board->lanes[i];
        part->first_image = (uint32_t)((uint64_t)p->batch * i / parts);
        part->images = (uint32_t)((uint64_t)p->batch * (i + 1) / parts) - part->first_image;
        status = plan_part(p, part);
    }
    for (size_t u = 0; status == DAVIT_OK && u < p->spec->unit_count; u++) {
        program->implementations[u] = implementation(&program->parts[0].steps[u]);
    }
    return status;
}

davit_status davit_xrt_program_plan(davit_device *device, const davit_program_spec *spec,
                                    davit_xrt_program *program)
{
    size_t values = spec->graph->value_count;
    davit_arena *arena = &program->arena;
    planning p = {.device = device,
                  .spec = spec,
                  .program = program,
                  .geometry = davit_engine_geometry(&device->info.profile.fpga),
                  .root = davit_arena_alloc_array(arena, values, sizeof(size_t)),
                  .first = davit_arena_alloc_array(arena, values, sizeof(size_t)),
                  .last = davit_arena_alloc_array(arena, values, sizeof(size_t)),
                  .place = davit_arena_alloc_array(arena, values, sizeof(davit_xrt_place)),
                  .scratch_bytes = davit_arena_alloc_array(arena, values, sizeof(size_t))};
    if (p.root == NULL || p.first == NULL || p.last == NULL || p.place == NULL ||
        p.scratch_bytes == NULL) {
        return out_of_memory(&p);
    }
    find_lives(&p);
    return share_out(&p);
}
