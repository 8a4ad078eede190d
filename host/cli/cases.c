#include "cases.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "davit/onnx.h"
#include "cli.h"
#include "compare.h"

enum { PATH_BYTES = 4096 };

static const cli_tolerance onnx_tolerance = {1e-3, 1e-7};
static const cli_tolerance bf16_step = {0x1p-7, 0}; /* one unit in the last place */

/* ---- finding ---- */

static bool is_case(const char *folder)
{
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof(path), "%s/model.onnx", folder);
    return length > 0 && length < PATH_BYTES && access(path, F_OK) == 0;
}

static davit_status add_case(cli_cases *cases, const char *path)
{
    void *items = cases->items;
    davit_status status =
        davit_array_grow(davit_allocator_default(), &items, &cases->capacity, cases->count,
                         cases->count + 1, sizeof(*cases->items));
    cases->items = items;
    char *copy = status == DAVIT_OK ? davit_strdup(davit_allocator_default(), path) : NULL;
    if (copy == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    cases->items[cases->count++].path = copy;
    return DAVIT_OK;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static davit_status find_below(const char *folder, cli_cases *cases)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, visible, alphasort);
    if (count < 0) {
        return DAVIT_IO_ERROR;
    }
    davit_status status = DAVIT_OK;
    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES];
        int length = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        if (status == DAVIT_OK && length > 0 && length < PATH_BYTES && is_case(path)) {
            status = add_case(cases, path);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

davit_status cli_cases_find(const char *folder, const davit_diagnostics *diag, cli_cases *cases)
{
    size_t before = cases->count;
    davit_status status = is_case(folder) ? add_case(cases, folder) : find_below(folder, cases);
    if (status == DAVIT_IO_ERROR) {
        return davit_fail(diag, status, "%s: %s", folder, strerror(errno));
    }
    if (status != DAVIT_OK) {
        return davit_fail(diag, status, "%s: out of memory", folder);
    }
    if (cases->count == before) {
        return davit_fail(diag, DAVIT_NOT_FOUND,
                          "%s: no test case here (a folder with model.onnx, or folders of them)",
                          folder);
    }
    return DAVIT_OK;
}

void cli_cases_clear(cli_cases *cases)
{
    for (size_t i = 0; i < cases->count; i++) {
        davit_free(davit_allocator_default(), cases->items[i].path);
    }
    davit_free(davit_allocator_default(), cases->items);
    memset(cases, 0, sizeof(*cases));
}

/* ---- running ---- */

/* The tensors of one data set: inputs, then expected outputs, in the order of the files. */
typedef struct data_set {
    davit_named_tensor *inputs;
    davit_named_tensor *wanted;
    davit_named_tensor *outputs;
    size_t input_count;
    size_t output_count;
} data_set;

static void data_set_clear(data_set *set)
{
    davit_named_tensor *lists[] = {set->inputs, set->wanted, set->outputs};
    size_t counts[] = {set->input_count, set->output_count, set->output_count};
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; lists[k] != NULL && i < counts[k]; i++) {
            davit_tensor_destroy(lists[k][i].tensor);
        }
        free(lists[k]);
    }
    memset(set, 0, sizeof(*set));
}

/* The published cases of onnx 1.12 have flaws, mended here: bf16 tensors are stored as the u16 of
 * their bits, bf16 results were cut off where rounding is meant, and the bf16 cases of CastLike give
 * one element of `like`, which only lends its type, where the model declares 3x4. */
static bool mend_type(davit_dtype right, davit_tensor *tensor)
{
    if (right == DAVIT_BF16 && tensor->desc.dtype == DAVIT_U16) {
        tensor->desc.dtype = DAVIT_BF16;
        return true;
    }
    return false;
}

static davit_status mend_input(const davit_port *port, davit_tensor **tensor)
{
    davit_tensor_desc *desc = &(*tensor)->desc;
    (void)mend_type(port->dtype, *tensor);
    bool single = desc->rank == 1 && desc->dims[0] == 1 && port->rank > 1;
    for (int i = 0; single && i < port->rank; i++) {
        single = port->dims[i] > 0;
    }
    if (!single) {
        return DAVIT_OK;
    }
    davit_tensor *repeated;
    davit_status status = davit_tensor_create(davit_allocator_default(), desc->dtype, port->rank,
                                              port->dims, &repeated);
    if (status != DAVIT_OK) {
        return status;
    }
    size_t bytes = davit_dtype_bytes(desc->dtype);
    for (int64_t i = 0; i < davit_tensor_desc_elems(&repeated->desc); i++) {
        memcpy((char *)repeated->data + (size_t)i * bytes, (*tensor)->data, bytes);
    }
    davit_tensor_destroy(*tensor);
    *tensor = repeated;
    return DAVIT_OK;
}

/* Reads folder/KIND_0.pb, KIND_1.pb, ... for as many ports as there are files. */
static davit_status read_tensors(const char *folder, const char *kind, size_t count,
                                 const davit_diagnostics *diag, davit_named_tensor *tensors)
{
    for (size_t i = 0; i < count; i++) {
        char path[PATH_BYTES];
        int length = snprintf(path, sizeof(path), "%s/%s_%zu.pb", folder, kind, i);
        if (length < 0 || length >= PATH_BYTES || access(path, F_OK) != 0) {
            return davit_fail(diag, DAVIT_NOT_FOUND, "%s: missing", path);
        }
        davit_status status =
            davit_onnx_read_tensor(davit_allocator_default(), path, diag, &tensors[i].tensor);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

static davit_status name_tensors(const davit_model *model, data_set *set)
{
    davit_port port;
    for (size_t i = 0; i < set->input_count; i++) {
        davit_status status = davit_model_input(model, i, &port);
        if (status != DAVIT_OK) {
            return status;
        }
        set->inputs[i].name = port.name;
    }
    for (size_t i = 0; i < set->output_count; i++) {
        davit_status status = davit_model_output(model, i, &port);
        if (status != DAVIT_OK) {
            return status;
        }
        set->wanted[i].name = port.name;
        set->outputs[i].name = port.name;
    }
    return DAVIT_OK;
}

static davit_status data_set_read(const davit_model *model, const char *folder,
                                  const davit_diagnostics *diag, data_set *set)
{
    set->input_count = davit_model_input_count(model);
    set->output_count = davit_model_output_count(model);
    set->inputs = calloc(set->input_count + 1, sizeof(*set->inputs));
    set->wanted = calloc(set->output_count + 1, sizeof(*set->wanted));
    set->outputs = calloc(set->output_count + 1, sizeof(*set->outputs));
    if (set->inputs == NULL || set->wanted == NULL || set->outputs == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    }
    davit_status status = name_tensors(model, set);
    if (status == DAVIT_OK) {
        status = read_tensors(folder, "input", set->input_count, diag, set->inputs);
    }
    if (status == DAVIT_OK) {
        status = read_tensors(folder, "output", set->output_count, diag, set->wanted);
    }
    davit_port port;
    for (size_t i = 0; status == DAVIT_OK && i < set->input_count; i++) {
        status = davit_model_input(model, i, &port);
        status = status == DAVIT_OK ? mend_input(&port, &set->inputs[i].tensor) : status;
    }
    return status;
}

static davit_status compare_outputs(const data_set *set, const davit_diagnostics *diag)
{
    for (size_t i = 0; i < set->output_count; i++) {
        const davit_tensor *got = set->outputs[i].tensor;
        davit_tensor *want = set->wanted[i].tensor;
        bool cut_off = mend_type(got->desc.dtype, want);
        cli_difference difference =
            cli_compare(got, want, cut_off ? bf16_step : onnx_tolerance);
        if (!difference.comparable) {
            char a[96];
            char b[96];
            return davit_fail(diag, DAVIT_INTERNAL, "output '%s' is %s %s, expected %s %s",
                              set->wanted[i].name,
                              davit_shape_text(got->desc.dims, got->desc.rank, a, sizeof(a)),
                              davit_dtype_name(got->desc.dtype),
                              davit_shape_text(want->desc.dims, want->desc.rank, b, sizeof(b)),
                              davit_dtype_name(want->desc.dtype));
        }
        if (difference.wrong > 0) {
            return davit_fail(diag, DAVIT_INTERNAL,
                              "output '%s': %lld of %lld elements differ, first at %lld: %.9g, "
                              "expected %.9g",
                              set->wanted[i].name, (long long)difference.wrong,
                              (long long)difference.elems, (long long)difference.first_wrong,
                              difference.got, difference.want);
        }
    }
    return DAVIT_OK;
}

static davit_status run_data_set(davit_model *model, const char *folder,
                                 const cli_case_options *case_options,
                                 const davit_diagnostics *diag)
{
    data_set set = {0};
    davit_session *session = NULL;
    davit_status status = data_set_read(model, folder, diag, &set);
    if (status == DAVIT_OK) {
        davit_session_options options;
        davit_session_options_init(&options);
        options.inputs = set.inputs;
        options.input_count = set.input_count;
        options.devices = case_options->devices;
        options.optimize = case_options->optimize;
        status = davit_session_create(model, &options, &session);
    }
    if (status == DAVIT_OK) {
        status = davit_session_run(session, set.inputs, set.input_count, set.outputs,
                                   set.output_count);
        /* Past placing, nothing is a reason to skip. */
        status = status == DAVIT_UNSUPPORTED ? DAVIT_INTERNAL : status;
    }
    if (status == DAVIT_OK) {
        status = compare_outputs(&set, diag);
    }
    davit_session_destroy(session);
    data_set_clear(&set);
    return status;
}

static davit_status run_data_sets(davit_model *model, const char *path,
                                  const cli_case_options *options, const davit_diagnostics *diag)
{
    for (size_t i = 0;; i++) {
        char folder[PATH_BYTES];
        int length = snprintf(folder, sizeof(folder), "%s/test_data_set_%zu", path, i);
        bool there = length > 0 && length < PATH_BYTES && access(folder, F_OK) == 0;
        if (!there) {
            return i > 0 ? DAVIT_OK
                         : davit_fail(diag, DAVIT_NOT_FOUND, "no test_data_set_0 in this case");
        }
        davit_status status = run_data_set(model, folder, options, diag);
        if (status != DAVIT_OK) {
            return status;
        }
    }
}

void cli_case_run(cli_case *item, const cli_case_options *options)
{
    davit_diagnostics_buffer buffer;
    davit_diagnostics_buffer_init(&buffer);
    const davit_context_options context_options = {.diag = &buffer.sink};
    davit_context *context = NULL;
    davit_model *model = NULL;
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/model.onnx", item->path);
    davit_status status = davit_context_create(&context_options, &context);
    if (status == DAVIT_OK) {
        status = davit_model_load(context, path, &model);
    }
    if (status == DAVIT_OK) {
        status = run_data_sets(model, item->path, options, &buffer.sink);
    }
    davit_model_destroy(model);
    cli_context_close(context);
    item->result = status == DAVIT_OK            ? CLI_CASE_PASSED
                   : status == DAVIT_UNSUPPORTED ? CLI_CASE_SKIPPED
                                                 : CLI_CASE_FAILED;
    snprintf(item->reason, sizeof(item->reason), "%s",
             status == DAVIT_OK ? ""
                                : (buffer.error_count > 0 ? buffer.text
                                                          : davit_status_text(status)));
}
