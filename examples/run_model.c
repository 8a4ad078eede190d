/* Loads an ONNX model, runs it once on zeros, and prints the shape and first value of each output.
 *
 *     cc run_model.c $(pkg-config --cflags --libs davit) -o run_model
 *     ./run_model model.onnx */
#include <davit/davit.h>

#include <stdio.h>
#include <stdlib.h>

/* A tensor of zeros for each input; missing ones are NULL on failure. */
static davit_status make_inputs(const davit_model *model, const davit_session *session,
                                davit_named_tensor *inputs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const davit_tensor_desc *desc = davit_session_input_desc(session, i);
        davit_port port;
        davit_status status = davit_model_input(model, i, &port);
        if (status == DAVIT_OK) {
            inputs[i].name = port.name;
            status = davit_tensor_create(davit_allocator_default(), desc->dtype, desc->rank,
                                         desc->dims, &inputs[i].tensor);
        }
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

static davit_status name_outputs(const davit_model *model, davit_named_tensor *outputs,
                                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        davit_port port;
        davit_status status = davit_model_output(model, i, &port);
        if (status != DAVIT_OK) {
            return status;
        }
        outputs[i].name = port.name; /* its tensor is NULL: the run makes one */
    }
    return DAVIT_OK;
}

static void print_tensor(const davit_named_tensor *named)
{
    const davit_tensor_desc *desc = &named->tensor->desc;
    char shape[128];
    davit_shape_text(desc->dims, desc->rank, shape, sizeof(shape));
    printf("%s: %s %s", named->name, davit_dtype_name(desc->dtype), shape);
    if (desc->dtype == DAVIT_F32 && davit_tensor_desc_elems(desc) > 0) {
        printf(", first value %g", (double)*(const float *)named->tensor->data);
    }
    printf("\n");
}

static davit_status run(const davit_model *model, davit_session *session)
{
    size_t input_count = davit_model_input_count(model);
    size_t output_count = davit_model_output_count(model);
    davit_named_tensor *inputs = calloc(input_count + 1, sizeof(*inputs));
    davit_named_tensor *outputs = calloc(output_count + 1, sizeof(*outputs));
    davit_status status = DAVIT_OUT_OF_MEMORY;
    if (inputs != NULL && outputs != NULL) {
        status = make_inputs(model, session, inputs, input_count);
        if (status == DAVIT_OK) {
            status = name_outputs(model, outputs, output_count);
        }
        if (status == DAVIT_OK) {
            status = davit_session_run(session, inputs, input_count, outputs, output_count);
        }
        for (size_t i = 0; status == DAVIT_OK && i < output_count; i++) {
            print_tensor(&outputs[i]);
        }
        for (size_t i = 0; i < input_count; i++) {
            davit_tensor_destroy(inputs[i].tensor);
        }
        for (size_t i = 0; i < output_count; i++) {
            davit_tensor_destroy(outputs[i].tensor);
        }
    }
    free(inputs);
    free(outputs);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s MODEL.onnx\n", argv[0]);
        return 2;
    }
    const davit_context_options options = {.diag = davit_diagnostics_stderr(DAVIT_WARNING)};
    davit_context *context = NULL;
    davit_model *model = NULL;
    davit_session *session = NULL;
    davit_status status = davit_context_create(&options, &context);
    if (status == DAVIT_OK) {
        status = davit_model_load(context, argv[1], &model);
    }
    if (status == DAVIT_OK) {
        status = davit_session_create(model, NULL, &session);
    }
    if (status == DAVIT_OK) {
        status = run(model, session);
    }
    davit_session_destroy(session);
    davit_model_destroy(model);
    davit_context_destroy(context);
    return status == DAVIT_OK ? 0 : 1;
}
