#include "program.h"

#include <string.h>

#include "davit/engine_cost.h"

#define NS_PER_S 1000000000ull
#define BUILD_LIMIT_NS (60 * NS_PER_S)
#define FREE_LIMIT_NS (5 * NS_PER_S)

_Static_assert(offsetof(davit_xrt_program, base) == 0, "the head of a program comes first");

/* ---- constants ---- */

static davit_status out_of_memory(const davit_device *device)
{
    return davit_fail(device->options.diag, DAVIT_OUT_OF_MEMORY,
                      "device '%s': no memory for a program", device->info.name);
}

/* A constant operand in the layout of the kernels. */
static davit_status put_operand(const davit_graph *graph, davit_value_id value, uint8_t *to)
{
    const davit_tensor *constant = graph->values[value].constant;
    davit_tensor_desc inside = constant->desc;
    davit_tensor_desc_channels_last(&inside);
    return davit_tensor_copy_layout(&constant->desc, constant->data, &inside, to);
}

/* Writes what a step reads of the part's constants. */
static davit_status pack_step(davit_device *device, const davit_program_spec *spec, size_t position,
                              const davit_xrt_step *step, uint8_t *constants)
{
    const davit_unit *unit = &spec->graph->units[spec->units[position]];
    const davit_node *node = &spec->graph->nodes[unit->anchor];
    const davit_gemm_geometry geometry = davit_engine_geometry(&device->info.profile.fpga);
    const davit_xrt_packing packing = {device,    spec->graph, unit,
                                       &geometry, &step->call, step->end.tag};
    if (step->view) {
        return DAVIT_OK;
    }
    for (uint32_t i = 0; i < 2 && node->op->op == DAVIT_OP_IntegerAdd; i++) {
        if (step->arguments[i].place.kind == DAVIT_XRT_CONSTANT) {
            davit_status status = put_operand(spec->graph, node->inputs[i],
                                              constants + step->arguments[i].place.offset);
            if (status != DAVIT_OK) {
                return status;
            }
        }
    }
    if (!step->call.engine.vector && step->call.engine.gemm_shape.residual &&
        step->arguments[3].place.kind == DAVIT_XRT_CONSTANT) {
        davit_status status =
            put_operand(spec->graph, node->inputs[3], constants + step->arguments[3].place.offset);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return davit_xrt_pack(&packing, constants + step->arguments[1].place.offset,
                          constants + step->arguments[2].place.offset);
}

/* ---- building ---- */

typedef struct building {
    davit_device *device;
    davit_xrt_program *program;
    davit_xrt_part *part;
    const uint8_t *constants;
    size_t unit_count;
} building;

static const davit_xrt_region *region_of(const davit_xrt_part *part, const davit_xrt_place *place,
                                         const davit_xrt_bound *bound, size_t *offset)
{
    *offset = place->offset;
    switch (place->kind) {
    case DAVIT_XRT_BOUND:
        *offset = bound[place->binding].offset;
        return bound[place->binding].region;
    case DAVIT_XRT_SCRATCH:
        return &part->scratch;
    case DAVIT_XRT_END:
        return &part->ends;
    default:
        return &part->constants;
    }
}

/* Makes the handle of an argument, if it does not have that of what is there now. */
static davit_status point(davit_xrt_job *job, davit_xrt_program *program,
                          const davit_xrt_part *part, davit_xrt_argument *a,
                          const davit_xrt_bound *bound)
{
    size_t offset;
    const davit_xrt_driver *driver = program->board->driver;
    const davit_xrt_region *region = region_of(part, &a->place, bound, &offset);
    if (a->handle != NULL && a->chunk == region->chunk && a->offset == region->offset + offset) {
        return DAVIT_OK;
    }
    xrtBufferHandle before = a->handle;
    davit_xrt_enter(job);
    if (before != NULL) {
        (void)driver->bo_free(before);
    }
    xrtBufferHandle handle = davit_xrt_region_handle(driver, region, offset, a->bytes);
    if (!davit_xrt_leave(job)) {
        return DAVIT_DEVICE_LOST;
    }
    a->handle = handle;
    a->chunk = region->chunk;
    a->offset = region->offset + offset;
    if (handle == NULL) {
        return davit_fail(program->base.device->options.diag, DAVIT_OUT_OF_MEMORY,
                          "device '%s': XRT makes no part of a buffer",
                          program->board->target.name);
    }
    return DAVIT_OK;
}

static davit_status build_part(davit_xrt_job *job, void *arguments)
{
    const building *b = arguments;
    davit_xrt_part *part = b->part;
    davit_xrt_board *board = b->program->board;
    const davit_diagnostics *diag = b->device->options.diag;
    davit_status status =
        davit_xrt_region_alloc(job, board, &part->lane->bank, part->end_bytes, diag, &part->ends);
    if (status == DAVIT_OK && part->scratch_bytes > 0) {
        status = davit_xrt_region_alloc(job, board, &part->lane->bank, part->scratch_bytes, diag,
                                        &part->scratch);
    }
    if (status == DAVIT_OK && part->constant_bytes > 0) {
        status = davit_xrt_region_alloc(job, board, &part->lane->bank, part->constant_bytes, diag,
                                        &part->constants);
        if (status == DAVIT_OK) {
            status = davit_xrt_put(job, board, &part->constants, 0, part->constant_bytes,
                                   b->constants, diag);
        }
    }
    for (size_t u = 0; status == DAVIT_OK && u < b->unit_count; u++) {
        davit_xrt_step *step = &part->steps[u];
        for (size_t i = 0; status == DAVIT_OK && i < step->argument_count; i++) {
            if (step->arguments[i].place.kind != DAVIT_XRT_BOUND) {
                status = point(job, b->program, part, &step->arguments[i], NULL);
            }
        }
    }
    return status;
}

static davit_status load_part(davit_device *device, const davit_program_spec *spec,
                              davit_xrt_program *program, davit_xrt_part *part)
{
    const davit_allocator *allocator = device->options.allocator;
    uint8_t *constants = davit_alloc(allocator, part->constant_bytes + 1);
    if (constants == NULL) {
        return out_of_memory(device);
    }
    davit_status status = DAVIT_OK;
    for (size_t u = 0; status == DAVIT_OK && u < spec->unit_count; u++) {
        status = pack_step(device, spec, u, &part->steps[u], constants);
    }
    if (status == DAVIT_OK) {
        building b = {device, program, part, constants, spec->unit_count};
        status = davit_xrt_board_do(program->board, device, "building a program", build_part, &b,
                                    davit_deadline_after(BUILD_LIMIT_NS));
    }
    davit_free(allocator, constants);
    return status;
}

typedef struct freeing {
    davit_xrt_program *program;
    size_t unit_count;
} freeing;

static davit_status free_handles(davit_xrt_job *job, void *arguments)
{
    const freeing *f = arguments;
    const davit_xrt_driver *driver = f->program->board->driver;
    for (size_t p = 0; p < f->program->part_count; p++) {
        const davit_xrt_part *part = &f->program->parts[p];
        for (size_t u = 0; part->steps != NULL && u < f->unit_count; u++) {
            for (size_t i = 0; i < part->steps[u].argument_count; i++) {
                xrtBufferHandle handle = part->steps[u].arguments[i].handle;
                davit_xrt_enter(job);
                if (handle != NULL) {
                    (void)driver->bo_free(handle);
                }
                if (!davit_xrt_leave(job)) {
                    return DAVIT_DEVICE_LOST;
                }
            }
        }
    }
    return DAVIT_OK;
}

static void destroy(davit_device *device, davit_xrt_program *program, size_t unit_count)
{
    const davit_allocator *allocator = device->options.allocator;
    freeing f = {program, unit_count};
    (void)davit_xrt_thread_finish(program->board->thread, free_handles, &f,
                                  davit_deadline_after(FREE_LIMIT_NS));
    for (size_t p = 0; program->parts != NULL && p < program->part_count; p++) {
        davit_xrt_region_free(&program->parts[p].scratch);
        davit_xrt_region_free(&program->parts[p].constants);
        davit_xrt_region_free(&program->parts[p].ends);
    }
    davit_arena_clear(&program->arena);
    davit_free(allocator, program->staging);
    davit_free(allocator, program);
}

davit_status davit_xrt_program_build(davit_device *device, const davit_program_spec *spec,
                                     davit_program **out)
{
    const davit_allocator *allocator = device->options.allocator;
    davit_xrt_program *program = davit_alloc(allocator, sizeof(*program));
    if (program == NULL) {
        return out_of_memory(device);
    }
    davit_arena_init(&program->arena, allocator);
    program->board = davit_xrt_device_board(device);
    program->base.device = device;
    davit_status status = davit_xrt_program_plan(device, spec, program);
    if (status == DAVIT_OK) {
        program->staging = davit_alloc(allocator, program->staging_bytes);
        status = program->staging != NULL ? DAVIT_OK : out_of_memory(device);
    }
    for (size_t p = 0; status == DAVIT_OK && p < program->part_count; p++) {
        status = load_part(device, spec, program, &program->parts[p]);
    }
    if (status != DAVIT_OK) {
        destroy(device, program, spec->unit_count);
        return status;
    }
    *out = &program->base;
    return DAVIT_OK;
}

void davit_xrt_program_free(davit_program *program)
{
    destroy(program->device, (davit_xrt_program *)program, program->spec->unit_count);
}

void davit_xrt_program_info(const davit_program *base, davit_program_info *info)
{
    const davit_xrt_program *program = (const davit_xrt_program *)base;
    for (size_t p = 0; p < program->part_count; p++) {
        info->scratch_bytes += program->parts[p].scratch_bytes + program->parts[p].end_bytes;
        info->constant_bytes += program->parts[p].constant_bytes;
    }
    info->unit_implementations = program->implementations;
}

/* ---- running ---- */

static davit_status bring_in(davit_xrt_job *job, davit_xrt_program *program,
                             const davit_xrt_part *part, const davit_xrt_staged *s,
                             const davit_xrt_bound *bound)
{
    const davit_diagnostics *diag = program->base.device->options.diag;
    const davit_xrt_bound *from = &bound[s->binding];
    size_t bytes = davit_tensor_desc_bytes(&s->bound);
    size_t at = from->offset + s->bound_offset;
    size_t offset;
    const davit_xrt_region *to = region_of(part, &s->place, bound, &offset);
    davit_status status = davit_xrt_fetch(job, program->board, from->region, at, bytes, diag);
    if (status != DAVIT_OK) {
        return status;
    }
    status = davit_tensor_copy_layout(&s->bound, davit_xrt_region_map(from->region) + at,
                                      &s->inside, program->staging);
    if (status != DAVIT_OK) {
        return status;
    }
    return davit_xrt_put(job, program->board, to, offset, bytes, program->staging, diag);
}

static davit_status bring_out(davit_xrt_job *job, davit_xrt_program *program,
                              const davit_xrt_part *part, const davit_xrt_staged *s,
                              const davit_xrt_bound *bound)
{
    const davit_diagnostics *diag = program->base.device->options.diag;
    const davit_xrt_bound *to = &bound[s->binding];
    size_t bytes = davit_tensor_desc_bytes(&s->bound);
    size_t offset;
    const davit_xrt_region *from = region_of(part, &s->place, bound, &offset);
    davit_status status = davit_xrt_fetch(job, program->board, from, offset, bytes, diag);
    if (status != DAVIT_OK) {
        return status;
    }
    status = davit_tensor_copy_layout(&s->inside, davit_xrt_region_map(from) + offset, &s->bound,
                                      program->staging);
    if (status != DAVIT_OK) {
        return status;
    }
    return davit_xrt_put(job, program->board, to->region, to->offset + s->bound_offset, bytes,
                         program->staging, diag);
}

/* Clears the end words. */
static davit_status clear_ends(davit_xrt_job *job, davit_xrt_program *program,
                               const davit_xrt_part *part)
{
    const davit_diagnostics *diag = program->base.device->options.diag;
    davit_status status =
        davit_xrt_fill(job, program->board, &part->ends, 0, part->end_bytes, 0, diag);
    davit_xrt_region_forget(&part->ends, 0, part->end_bytes);
    return status;
}

static const uint32_t *end_of(const davit_xrt_part *part, size_t unit)
{
    return (const uint32_t *)(const void *)(davit_xrt_region_map(&part->ends) +
                                            unit * DAVIT_ENGINE_WORD);
}

/* Whether units [first, first + count) of a part came to their end, by their end words. */
static davit_status check_ends(davit_xrt_job *job, const davit_xrt_program *program,
                               const davit_xrt_part *part, size_t first, size_t count)
{
    const davit_program_spec *spec = program->base.spec;
    const davit_diagnostics *diag = program->base.device->options.diag;
    davit_status status =
        davit_xrt_fetch(job, program->board, &part->ends, first * DAVIT_ENGINE_WORD,
                        count * DAVIT_ENGINE_WORD, diag);
    for (size_t u = first; status == DAVIT_OK && u < first + count; u++) {
        const davit_xrt_step *step = &part->steps[u];
        const char *why = step->view ? NULL : davit_end_check(end_of(part, u), &step->end);
        if (why != NULL) {
            status = davit_xrt_board_lose(program->board, diag, "%s did not do unit '%s': %s",
                                          step->call.engine.vector ? "vector_s8" : "gemm_s8",
                                          spec->graph->units[spec->units[u]].name, why);
        }
    }
    return status;
}

/* What is read of a unit's result is compared from now on with what its kernel said. */
static void expect_result(const davit_xrt_part *part, size_t unit, const davit_xrt_bound *bound)
{
    const davit_xrt_step *step = &part->steps[unit];
    size_t offset;
    const davit_xrt_region *region = region_of(part, &step->result, bound, &offset);
    davit_xrt_region_expect(region, offset, step->call.result_bytes,
                            end_of(part, unit)[DAVIT_END_F_SUM]);
}

static davit_status check_all_ends(davit_xrt_job *job, const davit_xrt_program *program,
                                   const davit_xrt_part *part, const davit_xrt_bound *bound)
{
    size_t units = program->base.spec->unit_count;
    davit_status status = check_ends(job, program, part, 0, units);
    for (size_t u = 0; status == DAVIT_OK && u < units; u++) {
        if (!part->steps[u].view && !part->steps[u].padded) {
            expect_result(part, u, bound);
        }
    }
    return status;
}

/* Takes the padding out of a result whose columns were padded. */
static davit_status compact(davit_xrt_job *job, davit_xrt_program *program,
                            const davit_xrt_part *part, size_t unit, const davit_xrt_bound *bound)
{
    const davit_diagnostics *diag = program->base.device->options.diag;
    const davit_xrt_step *step = &part->steps[unit];
    const davit_xrt_call *call = &step->call;
    size_t offset;
    const davit_xrt_region *region = region_of(part, &step->result, bound, &offset);
    davit_status status = check_ends(job, program, part, unit, 1);
    if (status == DAVIT_OK) {
        expect_result(part, unit, bound);
        status = davit_xrt_fetch(job, program->board, region, offset, call->result_bytes, diag);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    uint8_t *map = davit_xrt_region_map(region) + offset;
    for (size_t row = 1; row < call->rows; row++) {
        memmove(map + row * call->used_bytes, map + row * call->row_bytes, call->used_bytes);
    }
    return davit_xrt_push(job, program->board, region, offset, call->rows * call->used_bytes, diag);
}

static davit_status start(davit_xrt_job *job, davit_xrt_program *program, davit_xrt_part *part,
                          davit_xrt_step *step, const davit_xrt_bound *bound)
{
    const davit_xrt_driver *driver = program->board->driver;
    for (size_t i = 0; i < step->argument_count; i++) {
        davit_status status = point(job, program, part, &step->arguments[i], bound);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    size_t offset;
    const davit_xrt_region *result = region_of(part, &step->result, bound, &offset);
    davit_xrt_region_forget(result, offset, step->call.result_bytes);
    bool vector = step->call.engine.vector;
    xrtRunHandle run = vector ? part->lane->vector_run : part->lane->gemm_run;
    int error = 0;
    davit_xrt_enter(job);
    for (size_t i = 0; i < step->argument_count; i++) {
        error = error != 0 ? error : driver->run_set_arg(run, (int)i, step->arguments[i].handle);
    }
    error = error != 0 ? error : driver->run_start(run);
    if (!davit_xrt_leave(job)) {
        return DAVIT_DEVICE_LOST;
    }
    if (error != 0) {
        davit_xrt_thread_hold(program->board->thread);
        return davit_xrt_board_lose(program->board, program->base.device->options.diag,
                                    "XRT does not start %s (%d)", vector ? "vector_s8" : "gemm_s8",
                                    error);
    }
    return DAVIT_OK;
}

/* Starts a unit in every part, then waits for all. */
static davit_status run_unit(davit_xrt_job *job, davit_xrt_program *program, size_t position,
                             const davit_xrt_bound *bound)
{
    if (program->parts[0].steps[position].view) {
        return DAVIT_OK;
    }
    davit_status status = DAVIT_OK;
    for (size_t p = 0; status == DAVIT_OK && p < program->part_count; p++) {
        davit_xrt_part *part = &program->parts[p];
        status = start(job, program, part, &part->steps[position], bound);
    }
    for (size_t p = 0; status == DAVIT_OK && p < program->part_count; p++) {
        const davit_xrt_part *part = &program->parts[p];
        status = davit_xrt_await(job, program->board, part->lane,
                                 part->steps[position].call.engine.vector,
                                 program->base.device->options.diag);
    }
    for (size_t p = 0; status == DAVIT_OK && p < program->part_count; p++) {
        if (program->parts[p].steps[position].padded) {
            status = compact(job, program, &program->parts[p], position, bound);
        }
    }
    return status;
}

davit_status davit_xrt_program_run(davit_xrt_job *job, davit_xrt_program *program,
                                   const davit_xrt_bound *bound, uint64_t *unit_ns)
{
    const davit_device *device = program->base.device;
    size_t units = program->base.spec->unit_count;
    davit_status status = DAVIT_OK;
    for (size_t p = 0; status == DAVIT_OK && p < program->part_count; p++) {
        const davit_xrt_part *part = &program->parts[p];
        status = clear_ends(job, program, part);
        for (size_t i = 0; status == DAVIT_OK && i < part->in_count; i++) {
            status = bring_in(job, program, part, &part->ins[i], bound);
        }
    }
    for (size_t u = 0; status == DAVIT_OK && u < units; u++) {
        uint64_t begin_ns = davit_clock_ns();
        if (begin_ns >= davit_xrt_job_deadline(job)) {
            return davit_fail(device->options.diag, DAVIT_DEADLINE_EXCEEDED,
                              "device '%s': the deadline passed", device->info.name);
        }
        status = run_unit(job, program, u, bound);
        if (status == DAVIT_OK && unit_ns != NULL) {
            unit_ns[u] = davit_clock_ns() - begin_ns;
        }
    }
    for (size_t p = 0; status == DAVIT_OK && p < program->part_count; p++) {
        const davit_xrt_part *part = &program->parts[p];
        status = check_all_ends(job, program, part, bound);
        for (size_t i = 0; status == DAVIT_OK && i < part->out_count; i++) {
            status = bring_out(job, program, part, &part->outs[i], bound);
        }
    }
    return status;
}
