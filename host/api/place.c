#include <string.h>

#include "davit/read_file.h"
#include "objects.h"

#define MAX_PLAN_BYTES ((size_t)64 << 20)

/* Splits "NAME=DEVICE" at its last '=': names of nodes may contain one. */
static davit_status parse_pin(davit_session *session, const char *text, davit_pin *pin)
{
    char *copy = davit_arena_strdup(&session->arena, text);
    if (copy == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    char *equals = strrchr(copy, '=');
    if (equals == NULL || equals == copy || equals[1] == '\0') {
        return davit_fail(&session->call.sink, DAVIT_INVALID_ARGUMENT,
                          "pin '%s': expected NAME=DEVICE", text);
    }
    *equals = '\0';
    *pin = (davit_pin){.name = copy, .device = equals + 1};
    return DAVIT_OK;
}

static davit_status read_plan(davit_session *session, const char *path,
                              const davit_plan_request *request)
{
    const davit_allocator *allocator = session->model->context->allocator;
    char *text;
    davit_status status =
        davit_read_file(allocator, path, MAX_PLAN_BYTES, &session->call.sink, &text, NULL);
    if (status == DAVIT_OK) {
        status =
            davit_plan_read(allocator, path, text, request, &session->call.sink, &session->plan);
        davit_free(allocator, text);
    }
    return status;
}

davit_status davit_session_plan(davit_session *session, const davit_session_options *options)
{
    davit_context *context = session->model->context;
    const davit_diagnostics *diag = &session->call.sink;
    if (options->plan_path != NULL && options->pin_count > 0) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "a plan places every unit: pins cannot be given with %s",
                          options->plan_path);
    }
    davit_pin *pins = davit_arena_alloc_array(&session->arena, options->pin_count, sizeof(*pins));
    if (pins == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t i = 0; i < options->pin_count; i++) {
        davit_status status = parse_pin(session, options->pins[i], &pins[i]);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    davit_plan_device *devices;
    size_t device_count;
    davit_status status =
        davit_context_choose(context, options, &session->arena, diag, &devices, &device_count);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_plan_request request = {.graph = session->graph,
                                        .model_sha256 = session->model->sha256,
                                        .device_count = device_count,
                                        .devices = devices,
                                        .pin_count = options->pin_count,
                                        .pins = pins,
                                        .strict = options->strict};
    return options->plan_path != NULL
               ? read_plan(session, options->plan_path, &request)
               : davit_plan_make(context->allocator, &request, diag, &session->plan);
}
