#include "calibration.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "inputs.h"
#include "npy.h"

static bool is_npy(const char *path)
{
    size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".npy") == 0;
}

/* ---- the folder ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static davit_status add_path(cli_calibration *calibration, const char *folder, const char *name)
{
    size_t bytes = strlen(folder) + strlen(name) + 2;
    char **grown = realloc(calibration->paths, (calibration->count + 1) * sizeof(*grown));
    if (grown != NULL) {
        calibration->paths = grown;
    }
    char *path = malloc(bytes);
    if (grown == NULL || path == NULL) {
        free(path);
        return davit_fail(calibration->diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    }
    snprintf(path, bytes, "%s/%s", folder, name);
    calibration->paths[calibration->count++] = path;
    return DAVIT_OK;
}

static davit_status list_folder(cli_calibration *calibration, const char *folder)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return davit_fail(calibration->diag, DAVIT_IO_ERROR, "--calibration %s: %s", folder,
                          strerror(errno));
    }
    davit_status status = DAVIT_OK;
    const struct dirent *entry;
    while (status == DAVIT_OK && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.' && (cli_image_is(entry->d_name) || is_npy(entry->d_name))) {
            status = add_path(calibration, folder, entry->d_name);
        }
    }
    closedir(dir);
    if (status == DAVIT_OK && calibration->count == 0) {
        return davit_fail(calibration->diag, DAVIT_INVALID_ARGUMENT,
                          "--calibration %s: no .png, .jpg, .ppm or .npy file is in that folder",
                          folder);
    }
    if (calibration->count > 0) {
        qsort(calibration->paths, calibration->count, sizeof(*calibration->paths), by_name);
    }
    return status;
}

/* ---- shapes ---- */

/* Fixes the shape of samples, or checks a sample against it. */
static davit_status check_shape(cli_calibration *calibration, const davit_tensor *sample,
                                const char *what)
{
    const davit_tensor_desc *desc = &sample->desc;
    char got[128];
    char want[128] = "";
    if (desc->dtype != DAVIT_F32) {
        return davit_fail(calibration->diag, DAVIT_INVALID_ARGUMENT, "%s: samples are f32, not %s",
                          what, davit_dtype_name(desc->dtype));
    }
    bool same = calibration->rank < 0 || calibration->rank == desc->rank;
    for (int i = 0; i < calibration->rank && same; i++) {
        same = calibration->dims[i] < 0 || calibration->dims[i] == desc->dims[i];
    }
    if (!same) {
        size_t used = 0;
        for (int i = 0; i < calibration->rank; i++) {
            char extent[24] = "?";
            if (calibration->dims[i] >= 0) {
                snprintf(extent, sizeof(extent), "%lld", (long long)calibration->dims[i]);
            }
            used += (size_t)snprintf(want + used, sizeof(want) - used, "%s%s", i > 0 ? "x" : "",
                                     extent);
        }
        return davit_fail(
            calibration->diag, DAVIT_INVALID_ARGUMENT, "%s: a sample of %s, but %s has %s%s", what,
            davit_shape_text(desc->dims, desc->rank, got, sizeof(got)), calibration->fixed_by, want,
            calibration->shape_given ? "" : "; --shape sets one for images");
    }
    if (calibration->rank < 0 ||
        memcmp(calibration->dims, desc->dims, (size_t)desc->rank * sizeof(desc->dims[0])) != 0) {
        calibration->rank = desc->rank;
        memcpy(calibration->dims, desc->dims, sizeof(calibration->dims));
        calibration->fixed_by = "the first sample";
    }
    return DAVIT_OK;
}

/* Takes the shape that the model declares or --shape gives. */
static davit_status take_shape(cli_calibration *calibration, const davit_model *model,
                               const cli_arguments *arguments)
{
    davit_port port;
    davit_status status = davit_model_input(model, 0, &port);
    if (status != DAVIT_OK) {
        return status;
    }
    calibration->rank = port.rank;
    memcpy(calibration->dims, port.dims, sizeof(calibration->dims));
    calibration->fixed_by = "the model's input";
    cli_inputs inputs;
    status = cli_inputs_read(model, arguments, calibration->diag, &inputs);
    if (status == DAVIT_OK && inputs.shape_count > 0) {
        calibration->rank = inputs.shapes[0].rank;
        memcpy(calibration->dims, inputs.shapes[0].dims, sizeof(calibration->dims));
        calibration->shape_given = true;
        calibration->fixed_by = "--shape";
    }
    if (status == DAVIT_OK) {
        cli_inputs_clear(&inputs);
    }
    return status;
}

static davit_status read_model_shape(cli_calibration *calibration, const char *model_path,
                                     const cli_arguments *arguments)
{
    const davit_context_options options = {.diag = calibration->diag};
    davit_context *context = NULL;
    davit_model *model = NULL;
    davit_status status = davit_context_create(&options, &context);
    if (status == DAVIT_OK) {
        status = davit_model_load(context, model_path, &model);
    }
    if (status == DAVIT_OK && davit_model_input_count(model) > 0) {
        status = take_shape(calibration, model, arguments);
    }
    davit_model_destroy(model);
    cli_context_close(context);
    return status;
}

/* ---- samples ---- */

static davit_status read_image(cli_calibration *calibration, const char *path, davit_tensor **out)
{
    cli_image image;
    davit_status status = cli_image_read(path, calibration->diag, &image);
    if (status != DAVIT_OK) {
        return status;
    }
    bool fixed = calibration->rank == 4;
    int64_t height = fixed && calibration->dims[2] > 0 ? calibration->dims[2] : image.height;
    int64_t width = fixed && calibration->dims[3] > 0 ? calibration->dims[3] : image.width;
    status =
        height <= INT32_MAX && width <= INT32_MAX
            ? cli_image_to_tensor(&image, &calibration->preprocess, (int)height, (int)width, out)
            : DAVIT_OUT_OF_MEMORY;
    free(image.pixels);
    return status == DAVIT_OK
               ? status
               : davit_fail(calibration->diag, status, "%s: cannot be made %lldx%lld pixels", path,
                            (long long)height, (long long)width);
}

/* Sample index of an array: its part, with a leading 1 unless the model's input has that rank. */
static davit_status take_part(const cli_calibration *calibration, size_t index, davit_tensor **out)
{
    const davit_tensor_desc *whole = &calibration->array->desc;
    int64_t dims[DAVIT_MAX_RANK];
    bool bare = calibration->rank == whole->rank - 1;
    int rank = bare ? whole->rank - 1 : whole->rank;
    memcpy(dims, whole->dims + (bare ? 1 : 0), (size_t)rank * sizeof(dims[0]));
    if (!bare) {
        dims[0] = 1;
    }
    davit_status status =
        davit_tensor_create(davit_allocator_default(), whole->dtype, rank, dims, out);
    if (status == DAVIT_OK) {
        size_t bytes = davit_tensor_desc_bytes(&(*out)->desc);
        memcpy((*out)->data, (const uint8_t *)calibration->array->data + index * bytes, bytes);
    }
    return status;
}

davit_status cli_calibration_read(void *user, size_t index, davit_tensor **out)
{
    cli_calibration *calibration = user;
    davit_tensor *sample = NULL;
    char what[4200];
    davit_status status;
    *out = NULL;
    if (calibration->paths == NULL) {
        snprintf(what, sizeof(what), "--calibration: sample %zu", index);
        status = take_part(calibration, index, &sample);
    } else {
        snprintf(what, sizeof(what), "%s", calibration->paths[index]);
        status = is_npy(what) ? cli_npy_read(what, calibration->diag, &sample)
                              : read_image(calibration, what, &sample);
    }
    if (status == DAVIT_OK) {
        status = check_shape(calibration, sample, what);
    }
    if (status != DAVIT_OK) {
        davit_tensor_destroy(sample);
        return status;
    }
    *out = sample;
    return DAVIT_OK;
}

static davit_status read_array(cli_calibration *calibration, const char *path)
{
    davit_status status = cli_npy_read(path, calibration->diag, &calibration->array);
    if (status != DAVIT_OK) {
        return status;
    }
    const davit_tensor_desc *desc = &calibration->array->desc;
    if (desc->rank < 1 || desc->dims[0] < 1) {
        return davit_fail(calibration->diag, DAVIT_INVALID_ARGUMENT,
                          "--calibration %s: it holds no samples", path);
    }
    calibration->count = (size_t)desc->dims[0];
    return DAVIT_OK;
}

static davit_status open_source(cli_calibration *calibration, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        davit_status status = errno == ENOENT ? DAVIT_NOT_FOUND : DAVIT_IO_ERROR;
        return davit_fail(calibration->diag, status, "--calibration %s: %s", path, strerror(errno));
    }
    if (S_ISDIR(info.st_mode)) {
        return list_folder(calibration, path);
    }
    if (is_npy(path)) {
        return read_array(calibration, path);
    }
    return davit_fail(calibration->diag, DAVIT_INVALID_ARGUMENT,
                      "--calibration %s: a folder or a .npy file is expected", path);
}

davit_status cli_calibration_open(const char *model_path, const cli_arguments *arguments,
                                  const davit_diagnostics *diag, cli_calibration *out)
{
    *out = (cli_calibration){.diag = diag, .rank = -1};
    davit_status status = cli_preprocess_parse(arguments->preprocess, diag, &out->preprocess);
    if (status == DAVIT_OK) {
        status = open_source(out, arguments->calibration);
    }
    if (status == DAVIT_OK) {
        status = read_model_shape(out, model_path, arguments);
    }
    if (status != DAVIT_OK) {
        cli_calibration_close(out);
    }
    return status;
}

void cli_calibration_close(cli_calibration *calibration)
{
    for (size_t i = 0; calibration->paths != NULL && i < calibration->count; i++) {
        free(calibration->paths[i]);
    }
    free(calibration->paths);
    davit_tensor_destroy(calibration->array);
    memset(calibration, 0, sizeof(*calibration));
}
