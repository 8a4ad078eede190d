#include "inputs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "davit/onnx.h"
#include "image.h"
#include "npy.h"

/* Parses "1x3x640x640"; "scalar" is rank 0. */
static bool parse_shape(const char *text, davit_named_shape *shape)
{
    shape->rank = 0;
    if (strcmp(text, "scalar") == 0) {
        return true;
    }
    for (;;) {
        char *end;
        errno = 0;
        long long extent = strtoll(text, &end, 10);
        if (errno != 0 || end == text || extent < 0 || shape->rank == DAVIT_MAX_RANK) {
            return false;
        }
        shape->dims[shape->rank++] = extent;
        if (*end == '\0') {
            return true;
        }
        if (*end != 'x') {
            return false;
        }
        text = end + 1;
    }
}

/* Index of the input that "NAME=REST" speaks of, and REST; or an error that lists the inputs. Names
 * may contain '=' themselves: the longest that fits is meant. */
static davit_status find_input(const davit_model *model, const char *option, const char *text,
                               const davit_diagnostics *diag, size_t *out, const char **rest)
{
    char known[512] = "";
    size_t count = davit_model_input_count(model);
    size_t longest = 0;
    for (size_t i = 0; i < count; i++) {
        davit_port port;
        davit_status status = davit_model_input(model, i, &port);
        if (status != DAVIT_OK) {
            return status;
        }
        size_t length = strlen(port.name);
        if (length > longest && strncmp(text, port.name, length) == 0 && text[length] == '=') {
            longest = length;
            *out = i;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s'%s'", i > 0 ? ", " : "", port.name);
    }
    if (longest == 0) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                          "%s %s: the model has no input of that name; its inputs are %s", option,
                          text, known);
    }
    *rest = text + longest + 1;
    return DAVIT_OK;
}

static davit_status read_shapes(const davit_model *model, const cli_arguments *arguments,
                                const davit_diagnostics *diag, cli_inputs *inputs)
{
    for (size_t i = 0; i < arguments->shapes.count; i++) {
        const char *option = arguments->shapes.items[i];
        davit_named_shape *shape = &inputs->shapes[i];
        const char *text;
        size_t index;
        davit_status status = find_input(model, "--shape", option, diag, &index, &text);
        if (status != DAVIT_OK) {
            return status;
        }
        if (!parse_shape(text, shape)) {
            return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                              "--shape %s: NAME=1x3x640x640 is expected", option);
        }
        shape->name = inputs->tensors[index].name;
        for (size_t k = 0; k < i; k++) {
            if (inputs->shapes[k].name == shape->name) {
                return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "--shape %s: given twice", option);
            }
        }
        inputs->shape_count++;
    }
    return DAVIT_OK;
}

/* The extent that --shape or the model fixes for a dimension of an image input, else own. */
static int fixed_extent(const cli_inputs *inputs, const davit_port *port, int axis, int own)
{
    for (size_t i = 0; i < inputs->shape_count; i++) {
        const davit_named_shape *shape = &inputs->shapes[i];
        if (strcmp(shape->name, port->name) == 0 && shape->rank == 4 &&
            shape->dims[axis] <= INT32_MAX) {
            return (int)shape->dims[axis];
        }
    }
    bool fixed = port->rank == 4 && port->dims[axis] > 0 && port->dims[axis] <= INT32_MAX;
    return fixed ? (int)port->dims[axis] : own;
}

static davit_status read_image(const char *path, const davit_port *port,
                               const cli_preprocess *preprocess, const davit_diagnostics *diag,
                               const cli_inputs *inputs, davit_tensor **out)
{
    cli_image image;
    davit_status status = cli_image_read(path, diag, &image);
    if (status != DAVIT_OK) {
        return status;
    }
    int height = fixed_extent(inputs, port, 2, image.height);
    int width = fixed_extent(inputs, port, 3, image.width);
    if (height != image.height || width != image.width) {
        davit_log(diag, DAVIT_INFO, "%s: resized from %dx%d to %dx%d (height x width)", path,
                  image.height, image.width, height, width);
    }
    status = cli_image_to_tensor(&image, preprocess, height, width, out);
    free(image.pixels);
    return status == DAVIT_OK ? status
                              : davit_fail(diag, status, "%s: cannot be made %dx%d pixels", path,
                                           height, width);
}

static davit_status read_input(const davit_model *model, const char *option,
                               const cli_preprocess *preprocess, const davit_diagnostics *diag,
                               cli_inputs *inputs)
{
    const char *path;
    size_t index;
    davit_port port;
    davit_status status = find_input(model, "--input", option, diag, &index, &path);
    if (status == DAVIT_OK) {
        status = davit_model_input(model, index, &port);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    if (inputs->tensors[index].tensor != NULL) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "--input %s: given twice", option);
    }
    davit_tensor **out = &inputs->tensors[index].tensor;
    size_t length = strlen(path);
    if (cli_image_is(path)) {
        return read_image(path, &port, preprocess, diag, inputs, out);
    }
    if (length > 4 && strcmp(path + length - 4, ".npy") == 0) {
        return cli_npy_read(path, diag, out);
    }
    if (length > 3 && strcmp(path + length - 3, ".pb") == 0) {
        return davit_onnx_read_tensor(davit_allocator_default(), path, diag, out);
    }
    return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                      "--input %s: the file must end in .npy, .pb, .png, .jpg or .ppm", option);
}

davit_status cli_inputs_read(const davit_model *model, const cli_arguments *arguments,
                             const davit_diagnostics *diag, cli_inputs *out)
{
    cli_inputs inputs = {.count = davit_model_input_count(model)};
    memset(out, 0, sizeof(*out));
    inputs.tensors = calloc(inputs.count + 1, sizeof(*inputs.tensors));
    inputs.shapes = calloc(arguments->shapes.count + 1, sizeof(*inputs.shapes));
    davit_status status = inputs.tensors != NULL && inputs.shapes != NULL
                              ? DAVIT_OK
                              : davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    for (size_t i = 0; status == DAVIT_OK && i < inputs.count; i++) {
        davit_port port;
        status = davit_model_input(model, i, &port);
        inputs.tensors[i].name = port.name;
    }
    if (status == DAVIT_OK) {
        status = read_shapes(model, arguments, diag, &inputs);
    }
    cli_preprocess preprocess;
    if (status == DAVIT_OK) {
        status = cli_preprocess_parse(arguments->preprocess, diag, &preprocess);
    }
    for (size_t i = 0; status == DAVIT_OK && i < arguments->inputs.count; i++) {
        status = read_input(model, arguments->inputs.items[i], &preprocess, diag, &inputs);
    }
    if (status != DAVIT_OK) {
        cli_inputs_clear(&inputs);
        return status;
    }
    *out = inputs;
    return DAVIT_OK;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void store_random(davit_tensor *tensor, int64_t index, uint64_t random)
{
    float real = (float)(random >> 40) * 0x1p-23f - 1.0f;
    switch (tensor->desc.dtype) {
    case DAVIT_F32:
        ((float *)tensor->data)[index] = real;
        break;
    case DAVIT_F64:
        ((double *)tensor->data)[index] = (double)real;
        break;
    case DAVIT_F16:
        ((uint16_t *)tensor->data)[index] = davit_f32_to_f16(real);
        break;
    case DAVIT_BF16:
        ((uint16_t *)tensor->data)[index] = davit_f32_to_bf16(real);
        break;
    default: { /* 0 or 1 in little-endian integers of any width */
        size_t bytes = davit_dtype_bytes(tensor->desc.dtype);
        ((uint8_t *)tensor->data)[(size_t)index * bytes] = (uint8_t)(random >> 63);
        break;
    }
    }
}

davit_status cli_inputs_random(const davit_session *session, uint64_t seed,
                               const davit_diagnostics *diag, cli_inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++) {
        if (inputs->tensors[i].tensor != NULL) {
            continue;
        }
        const davit_tensor_desc *desc = davit_session_input_desc(session, i);
        davit_tensor *tensor;
        davit_status status = davit_tensor_create(davit_allocator_default(), desc->dtype,
                                                  desc->rank, desc->dims, &tensor);
        if (status != DAVIT_OK) {
            return davit_fail(diag, status, "input '%s': out of memory", inputs->tensors[i].name);
        }
        uint64_t state = seed * 1000003u + i;
        int64_t elems = davit_tensor_desc_elems(desc);
        for (int64_t k = 0; k < elems; k++) {
            store_random(tensor, k, next_random(&state));
        }
        inputs->tensors[i].tensor = tensor;
    }
    return DAVIT_OK;
}

void cli_inputs_clear(cli_inputs *inputs)
{
    for (size_t i = 0; inputs->tensors != NULL && i < inputs->count; i++) {
        davit_tensor_destroy(inputs->tensors[i].tensor);
    }
    free(inputs->tensors);
    free(inputs->shapes);
    memset(inputs, 0, sizeof(*inputs));
}
