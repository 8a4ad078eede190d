#include "rig.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backends/cuda/driver.h"
#include "davit/cuda.h"

static void log_error(void *user, davit_severity severity, davit_status status, const char *text)
{
    rig *of = user;
    (void)status;
    if (severity == DAVIT_ERROR) {
        (void)atomic_fetch_add(&of->errors, 1);
        (void)snprintf(of->error, sizeof(of->error), "%s", text);
    }
}

void rig_init(rig *out, uint32_t number)
{
    davit_device_info infos[16];
    size_t count;
    memset(out, 0, sizeof(*out));
    counting_allocator_init(&out->allocator);
    out->sink = (davit_diagnostics){.report = log_error, .user = out, .level = DAVIT_WARNING};
    out->backend.table = &davit_cuda_backend;
    assert_int_equal(davit_cuda_backend.enumerate(&out->backend, NULL, infos, 16, &count),
                     DAVIT_OK);
    for (size_t i = 0; i < count; i++) {
        if (infos[i].emulated && infos[i].ordinal == number) {
            out->info = infos[i];
        }
    }
    assert_string_equal(out->info.unusable, "");
    assert_true(out->info.emulated);
}

void rig_open(rig *using, const char *options)
{
    const davit_device_options device_options = {
        .allocator = &using->allocator.allocator, .diag = &using->sink, .backend_options = options};
    atomic_store(&using->errors, 0);
    using->error[0] = '\0';
    assert_int_equal(
        davit_device_open(&using->backend, &using->info, &device_options, &using->device),
        DAVIT_OK);
}

unsigned rig_leaked(const rig *using)
{
    unsigned count = 99;
    assert_int_equal(davit_cuda_driver_open(DAVIT_CUDA_EMULATED)
                         ->leaked((cuda_device_number) using->info.ordinal, &count),
                     0);
    return count;
}

void rig_close(rig *using)
{
    davit_device_close(using->device);
    using->device = NULL;
    assert_int_equal(atomic_load(&using->allocator.live), 0);
    assert_int_equal(rig_leaked(using), 0);
}

static davit_status make(rig *using, rig_program *out)
{
    davit_status status = davit_program_build(using->device, &out->spec.spec, &out->program);
    if (status == DAVIT_OK) {
        status = davit_queue_create(using->device, &out->queue);
    }
    size_t count = out->spec.spec.input_count + out->spec.spec.output_count;
    for (size_t i = 0; status == DAVIT_OK && i < count; i++) {
        status = davit_buffer_alloc(using->device, davit_tensor_desc_bytes(&out->spec.ios[i].desc),
                                    &out->buffers[i]);
    }
    return status;
}

davit_status rig_build(rig *using, const char *text, rig_program *out)
{
    memset(out, 0, sizeof(*out));
    assert_int_equal(case_build(text, 1, NULL, &using->sink, &out->built), DAVIT_OK);
    assert_int_equal(case_spec_create(&out->built, false, &out->spec), DAVIT_OK);
    assert_int_equal(out->spec.spec.output_count, 1);
    assert_true(out->spec.spec.input_count < 4);
    return make(using, out);
}

/* The L2 norm of the difference, as a part of that of what is expected. */
static double relative_l2(const davit_tensor *got, const davit_tensor *expected)
{
    double off = 0, all = 0;
    for (int64_t i = 0; i < davit_tensor_desc_elems(&got->desc); i++) {
        bool bytes = got->desc.dtype != DAVIT_F32;
        double a = bytes ? ((const uint8_t *)got->data)[i] : (double)((const float *)got->data)[i];
        double b = bytes ? ((const uint8_t *)expected->data)[i]
                         : (double)((const float *)expected->data)[i];
        off += (a - b) * (a - b);
        all += b * b;
    }
    return sqrt(off / all);
}

static void compare(rig *using, const rig_program *program, const davit_tensor *got)
{
    davit_tensor *expected[CASE_MAX_NODES];
    char problem[256] = "";
    assert_int_equal(case_evaluate(&program->built, &using->sink, expected), DAVIT_OK);
    bool right = using->measures || case_compare(got, expected[0], problem, sizeof(problem));
    using->relative_l2 = using->measures ? relative_l2(got, expected[0]) : 0;
    case_free_outputs(&program->built, expected);
    assert_string_equal(problem, "");
    assert_true(right);
}

davit_status rig_run(rig *using, rig_program *program, uint64_t timeout_ns)
{
    size_t inputs = program->spec.spec.input_count;
    const davit_tensor_desc *desc = &program->spec.ios[inputs].desc;
    davit_command commands[8] = {{0}};
    davit_buffer_ref refs[4];
    davit_tensor *output = NULL;
    assert_int_equal(davit_tensor_create(davit_allocator_default(), desc->dtype, desc->rank,
                                         desc->dims, &output),
                     DAVIT_OK);
    for (size_t i = 0; i <= inputs; i++) {
        refs[i] = (davit_buffer_ref){program->buffers[i], 0, program->buffers[i]->bytes};
        commands[i] = (davit_command){.kind = DAVIT_COMMAND_WRITE,
                                      .to = refs[i],
                                      .host_source = i < inputs ? program->built.inputs[i]->data
                                                                : output->data};
    }
    commands[inputs] = (davit_command){.kind = DAVIT_COMMAND_EXECUTE,
                                       .program = program->program,
                                       .bindings = refs,
                                       .binding_count = inputs + 1};
    commands[inputs + 1] = (davit_command){
        .kind = DAVIT_COMMAND_READ, .from = refs[inputs], .host_target = output->data};
    davit_status status =
        davit_queue_run(program->queue, commands, inputs + 2, davit_deadline_after(timeout_ns));
    if (status == DAVIT_OK) {
        compare(using, program, output);
    }
    davit_tensor_destroy(output);
    return status;
}

void rig_destroy(rig_program *program)
{
    davit_queue_free(program->queue);
    davit_program_free(program->program);
    for (size_t i = 0; i < 4; i++) {
        davit_buffer_free(program->buffers[i]);
    }
    case_spec_destroy(&program->spec);
    case_destroy(&program->built);
}
