#include "kernel_trials.h"

#include <stdlib.h>
#include <string.h>

#define MOST_RUNS 15 /* of a turn; odd, for medians */
#define LEAST_RUNS 3
#define TURN_NS UINT64_C(20000000) /* a turn of a short program takes about that */

static davit_status out_of_memory(const davit_device *device)
{
    return davit_fail(device->options.diag, DAVIT_OUT_OF_MEMORY, "out of memory for measurements");
}

/* ---- memory ---- */

static size_t padded_bytes(const davit_program_io *io)
{
    size_t bytes = davit_tensor_desc_bytes(&io->desc);
    return (bytes + DAVIT_ALIGNMENT - 1) / DAVIT_ALIGNMENT * DAVIT_ALIGNMENT;
}

/* Places inputs and outputs in the buffer; returns its bytes. */
static size_t place(davit_trials *t)
{
    const davit_program_spec *spec = t->spec;
    size_t offset = 0;
    for (size_t i = 0; i < spec->input_count + spec->output_count; i++) {
        const davit_program_io *io =
            i < spec->input_count ? &spec->inputs[i] : &spec->outputs[i - spec->input_count];
        t->bindings[i] = (davit_buffer_ref){t->buffer, offset, davit_tensor_desc_bytes(&io->desc)};
        offset += padded_bytes(io);
    }
    return offset;
}

/* Numbers from -1 to 1 for f32, zeros for others: of indices and bytes any is as good. */
static davit_status fill_input(davit_trials *t, size_t index)
{
    const davit_buffer_ref *ref = &t->bindings[index];
    bool is_f32 = t->spec->inputs[index].desc.dtype == DAVIT_F32;
    uint32_t state = 1;
    if (ref->bytes == 0) {
        return DAVIT_OK;
    }
    float *data = davit_alloc(t->device->options.allocator, ref->bytes);
    if (data == NULL) {
        return out_of_memory(t->device);
    }
    for (size_t i = 0; is_f32 && i < ref->bytes / sizeof(float); i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (float)(state >> 8) / (float)(1 << 23) - 1.0f;
    }
    const davit_command write = {.kind = DAVIT_COMMAND_WRITE, .to = *ref, .host_source = data};
    davit_status status = davit_queue_run(t->queue, &write, 1, DAVIT_DEADLINE_NEVER);
    davit_free(t->device->options.allocator, data);
    return status;
}

davit_status davit_trials_open(davit_device *device, davit_queue *queue,
                               const davit_program_spec *spec, davit_arena *arena,
                               davit_trials *out)
{
    davit_trials t = {.spec = spec, .device = device, .queue = queue, .arena = arena};
    size_t ios = spec->input_count + spec->output_count;
    t.bindings = davit_arena_alloc_array(arena, ios, sizeof(*t.bindings));
    t.unit_ns = davit_arena_alloc_array(arena, spec->unit_count, sizeof(*t.unit_ns));
    t.samples_s =
        davit_arena_alloc_array(arena, spec->unit_count * MOST_RUNS, sizeof(*t.samples_s));
    if (t.bindings == NULL || t.unit_ns == NULL || t.samples_s == NULL) {
        return out_of_memory(device);
    }
    davit_status status = davit_buffer_alloc(device, place(&t), &t.buffer);
    (void)place(&t);
    for (size_t i = 0; i < spec->input_count && status == DAVIT_OK; i++) {
        status = fill_input(&t, i);
    }
    if (status != DAVIT_OK) {
        davit_buffer_free(t.buffer);
        return status;
    }
    *out = t;
    return DAVIT_OK;
}

void davit_trials_close(davit_trials *trials)
{
    davit_buffer_free(trials->buffer);
}

/* ---- programs ---- */

davit_status davit_trial_build(const davit_trials *t, const char *const *kernels, davit_trial *out)
{
    size_t units = t->spec->unit_count;
    davit_program_spec spec = *t->spec;
    davit_trial trial = {.kernels =
                             davit_arena_alloc_array(t->arena, units, sizeof(*trial.kernels))};
    bool made = trial.kernels != NULL;
    for (size_t i = 0; i < DAVIT_TURNS; i++) {
        trial.unit_s[i] = davit_arena_alloc_array(t->arena, units, sizeof(double));
        made = made && trial.unit_s[i] != NULL;
    }
    if (!made) {
        return out_of_memory(t->device);
    }
    memcpy(trial.kernels, kernels, units * sizeof(*kernels));
    spec.kernels = trial.kernels;
    davit_status status = davit_program_build(t->device, &spec, &trial.program);
    if (status == DAVIT_OK) {
        davit_program_get_info(trial.program, &trial.info);
        *out = trial;
    }
    return status;
}

void davit_trial_free(davit_trial *trial)
{
    davit_program_free(trial->program);
    trial->program = NULL;
}

/* ---- runs ---- */

static davit_status run(davit_trials *t, const davit_trial *trial)
{
    const davit_command command = {.kind = DAVIT_COMMAND_EXECUTE,
                                   .program = trial->program,
                                   .bindings = t->bindings,
                                   .binding_count = t->spec->input_count + t->spec->output_count,
                                   .unit_ns = t->unit_ns};
    davit_status status = davit_queue_run(t->queue, &command, 1, DAVIT_DEADLINE_NEVER);
    t->run_ns = 0;
    for (size_t u = 0; u < t->spec->unit_count; u++) {
        t->run_ns += t->unit_ns[u];
    }
    return status;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A run that fills the caches, then runs of which each unit's median is kept. */
static davit_status take_turn(davit_trials *t, davit_trial *trial, size_t turn, size_t runs)
{
    davit_status status = run(t, trial);
    for (size_t r = 0; r < runs && status == DAVIT_OK; r++) {
        status = run(t, trial);
        for (size_t u = 0; u < t->spec->unit_count; u++) {
            t->samples_s[u * runs + r] = (double)t->unit_ns[u] * 1e-9;
        }
    }
    for (size_t u = 0; u < t->spec->unit_count && status == DAVIT_OK; u++) {
        double *samples_s = t->samples_s + u * runs;
        qsort(samples_s, runs, sizeof(*samples_s), by_value);
        trial->unit_s[turn][u] = samples_s[runs / 2];
    }
    return status;
}

static size_t runs_of_turn(const davit_trials *t)
{
    uint64_t runs = t->run_ns > 0 ? TURN_NS / t->run_ns : MOST_RUNS;
    runs = runs < LEAST_RUNS ? LEAST_RUNS : runs > MOST_RUNS ? MOST_RUNS : runs;
    return (size_t)(runs | 1);
}

davit_status davit_trials_compare(davit_trials *t, davit_trial *first, davit_trial *second)
{
    davit_status status = run(t, first);
    size_t runs = runs_of_turn(t);
    for (size_t turn = 0; turn < DAVIT_TURNS && status == DAVIT_OK; turn++) {
        bool swapped = second != NULL && turn % 2 == 1; /* who goes first has no advantage */
        status = take_turn(t, swapped ? second : first, turn, runs);
        if (status == DAVIT_OK && second != NULL) {
            status = take_turn(t, swapped ? first : second, turn, runs);
        }
    }
    return status;
}

void davit_trial_sums(const davit_trials *t, const davit_trial *trial, const bool *marked,
                      double sums_s[DAVIT_TURNS])
{
    for (size_t turn = 0; turn < DAVIT_TURNS; turn++) {
        sums_s[turn] = 0;
        for (size_t u = 0; u < t->spec->unit_count; u++) {
            sums_s[turn] += marked == NULL || marked[u] ? trial->unit_s[turn][u] : 0;
        }
    }
}
