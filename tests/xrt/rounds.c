/* Opens a board, runs a network on it and closes it, again and again in one process: what a program
 * does that tries a board again after it was lost. For each round a line: how it ended, how long it
 * took, and what the process holds afterwards. Run under `davit emulate --faults ...`.
 *
 * usage: xrt_rounds [ROUNDS [DEADLINE_MS [DEVICE...]]] */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/case.h"
#include "davit/semaphore.h"
#include "davit/xrt.h"

#define NS_PER_MS 1000000ull

static const char network[] =
    "IntegerConv u:1x3x17x15 c:24x3x3x3 b:24 x_zero=7 x_scale=0.02 w_scale=0.01, y_scale=0.05 "
    "y_zero=3 y_type=2 low=0.0 strides=2,2 pads=1,1,1,1 ; "
    "IntegerConv c:32x24x1x1 b:32 x_zero=3 x_scale=0.05 w_scale=0.01, y_scale=0.2 y_zero=9 "
    "y_type=2 ; "
    "IntegerConv c:32x1x3x3 x_zero=9 x_scale=0.2 w_scale=0.01, y_scale=0.4 y_zero=5 y_type=2 "
    "group=32 pads=1,1,1,1";

typedef struct round_state {
    davit_backend *backend;
    const davit_device_info *info;
    const davit_diagnostics *diag;
    const unit_case *built;
    const case_spec *spec;
    const davit_tensor *expected;
    uint64_t deadline_ms;
} round_state;

static size_t count_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;
    while (folder != NULL && readdir(folder) != NULL) {
        count++;
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return count;
}

static long resident_kib(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL && fscanf(file, "%ld %ld", &pages, &resident) != 2) {
        resident = 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return resident * 4;
}

/* The program with its buffers. */
static davit_status execute(const round_state *r, davit_queue *queue, davit_program *program,
                            davit_buffer *buffers[2], uint8_t *result)
{
    const davit_program_io *io = r->spec->ios;
    const davit_buffer_ref refs[2] = {{buffers[0], 0, davit_tensor_desc_bytes(&io[0].desc)},
                                      {buffers[1], 0, davit_tensor_desc_bytes(&io[1].desc)}};
    uint8_t *input = malloc(refs[0].bytes);
    if (input == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    davit_status status = davit_tensor_copy_layout(&r->built->inputs[0]->desc,
                                                   r->built->inputs[0]->data, &io[0].desc, input);
    const davit_command commands[] = {
        {.kind = DAVIT_COMMAND_WRITE, .to = refs[0], .host_source = input},
        {.kind = DAVIT_COMMAND_EXECUTE, .program = program, .bindings = refs, .binding_count = 2},
        {.kind = DAVIT_COMMAND_READ, .from = refs[1], .host_target = result}};
    if (status == DAVIT_OK) {
        status =
            davit_queue_run(queue, commands, 3, davit_deadline_after(r->deadline_ms * NS_PER_MS));
    }
    free(input);
    return status;
}

static bool is_right(const round_state *r, const uint8_t *result)
{
    davit_tensor *copy = NULL;
    size_t bytes = davit_tensor_desc_bytes(&r->expected->desc);
    bool right = davit_tensor_clone(davit_allocator_default(), r->expected, &copy) == DAVIT_OK;
    if (right) {
        memset(copy->data, 0, bytes);
        right = davit_tensor_copy_layout(&r->spec->ios[1].desc, result, &copy->desc, copy->data) ==
                    DAVIT_OK &&
                memcmp(copy->data, r->expected->data, bytes) == 0;
    }
    davit_tensor_destroy(copy);
    return right;
}

/* One life of a device. *right: the result's bytes are the reference's. */
static davit_status run_round(const round_state *r, bool *right)
{
    const davit_device_options options = {.diag = r->diag};
    davit_device *device = NULL;
    davit_program *program = NULL;
    davit_queue *queue = NULL;
    davit_buffer *buffers[2] = {NULL, NULL};
    size_t result_bytes = davit_tensor_desc_bytes(&r->spec->ios[1].desc);
    uint8_t *result = calloc(1, result_bytes);
    davit_status status = davit_device_open(r->backend, r->info, &options, &device);
    if (status == DAVIT_OK) {
        status = davit_program_build(device, &r->spec->spec, &program);
    }
    for (int i = 0; status == DAVIT_OK && i < 2; i++) {
        status =
            davit_buffer_alloc(device, davit_tensor_desc_bytes(&r->spec->ios[i].desc), &buffers[i]);
    }
    if (status == DAVIT_OK) {
        status = davit_queue_create(device, &queue);
    }
    if (status == DAVIT_OK) {
        status = execute(r, queue, program, buffers, result);
        *right = status == DAVIT_OK && is_right(r, result);
    }
    davit_queue_free(queue);
    davit_buffer_free(buffers[0]);
    davit_buffer_free(buffers[1]);
    davit_program_free(program);
    davit_device_close(device);
    free(result);
    return status;
}

static const davit_device_info *find(const davit_device_info *infos, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(infos[i].name, name) == 0) {
            return &infos[i];
        }
    }
    return NULL;
}

/* Whether each round ended well or with a failure that was told. */
static bool run_rounds(round_state *r, davit_registry *registry, unsigned rounds, const char *name)
{
    davit_device_info infos[32];
    size_t count = 0;
    bool fine = true;
    r->backend = &registry->backends[0];
    for (unsigned i = 0; i < rounds; i++) {
        bool right = false;
        if (r->backend->table->enumerate(r->backend, r->diag, infos, 32, &count) != DAVIT_OK ||
            (r->info = find(infos, count, name)) == NULL) {
            printf("%s: no such device\n", name);
            return false;
        }
        uint64_t begin_ns = davit_clock_ns();
        davit_status status = run_round(r, &right);
        uint64_t took_ms = (davit_clock_ns() - begin_ns) / NS_PER_MS;
        printf("%s round %u: %s, %" PRIu64 " ms, %zu files, %ld KiB\n", name, i + 1,
               status != DAVIT_OK ? davit_status_text(status)
               : right            ? "right"
                                  : "WRONG",
               took_ms, count_files(), resident_kib());
        fflush(stdout);
        fine = fine && (status != DAVIT_OK || right);
    }
    return fine;
}

int main(int argc, char **argv)
{
    static const char *const first[] = {"fpga:emu"};
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 3;
    const char *const *names = argc > 3 ? (const char *const *)argv + 3 : first;
    size_t name_count = argc > 3 ? (size_t)argc - 3 : 1;
    const davit_diagnostics *diag = davit_diagnostics_stderr(DAVIT_WARNING);
    unit_case built;
    case_spec spec;
    davit_tensor *expected[CASE_MAX_OUTPUTS] = {NULL};
    davit_registry registry;
    davit_registry_init(&registry, NULL);
    if (case_build(network, 1, NULL, diag, &built) != DAVIT_OK ||
        case_spec_create(&built, true, &spec) != DAVIT_OK ||
        case_evaluate(&built, diag, expected) != DAVIT_OK ||
        davit_registry_add(&registry, &davit_xrt_backend, diag) != DAVIT_OK) {
        return 2;
    }
    round_state r = {.diag = diag,
                     .built = &built,
                     .spec = &spec,
                     .expected = expected[0],
                     .deadline_ms = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000};
    bool fine = true;
    for (size_t i = 0; i < name_count; i++) {
        fine = run_rounds(&r, &registry, rounds, names[i]) && fine;
    }
    case_free_outputs(&built, expected);
    case_spec_destroy(&spec);
    case_destroy(&built);
    return fine ? 0 : 1;
}
