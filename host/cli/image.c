#include "image.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jpeglib.h>
#include <png.h>

#define MAX_PIXELS ((uint64_t)1 << 27)

bool cli_image_is(const char *path)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".ppm", ".pgm"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (strcasecmp(dot, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool alloc_pixels(cli_image *image, uint64_t width, uint64_t height)
{
    if (width == 0 || height == 0 || width > MAX_PIXELS || height > MAX_PIXELS / width) {
        return false;
    }
    image->width = (int)width;
    image->height = (int)height;
    image->pixels = malloc((size_t)(width * height * 3));
    return image->pixels != NULL;
}

/* ---- PNG, through libpng's simplified interface ---- */

static davit_status read_png(FILE *file, const char *path, const davit_diagnostics *diag,
                             cli_image *image)
{
    png_image png;
    memset(&png, 0, sizeof(png));
    png.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_stdio(&png, file)) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: %s", path, png.message);
    }
    png.format = PNG_FORMAT_RGB;
    if (!alloc_pixels(image, png.width, png.height)) {
        png_image_free(&png);
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: %u x %u pixels are too many", path,
                          (unsigned)png.width, (unsigned)png.height);
    }
    const png_color black = {0, 0, 0};
    if (!png_image_finish_read(&png, &black, image->pixels, 0, NULL)) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: %s", path, png.message);
    }
    return DAVIT_OK;
}

/* ---- JPEG ---- */

typedef struct jpeg_errors {
    struct jpeg_error_mgr manager;
    jmp_buf jump;
    char text[JMSG_LENGTH_MAX];
} jpeg_errors;

static void jpeg_failed(j_common_ptr info)
{
    jpeg_errors *errors = (jpeg_errors *)info->err;
    info->err->format_message(info, errors->text);
    longjmp(errors->jump, 1);
}

static void jpeg_silent(j_common_ptr info)
{
    (void)info; /* warnings about odd files that decode all the same */
}

/* Decodes into image; leaves by longjmp on error. */
static void decode_jpeg(struct jpeg_decompress_struct *info, FILE *file, cli_image *image,
                        jpeg_errors *errors)
{
    jpeg_stdio_src(info, file);
    jpeg_read_header(info, TRUE);
    info->out_color_space = JCS_RGB;
    if (!alloc_pixels(image, info->image_width, info->image_height)) {
        snprintf(errors->text, sizeof(errors->text), "too many pixels");
        longjmp(errors->jump, 1);
    }
    jpeg_start_decompress(info);
    while (info->output_scanline < info->output_height) {
        JSAMPROW row = image->pixels + (size_t)info->output_scanline * (size_t)image->width * 3;
        jpeg_read_scanlines(info, &row, 1);
    }
    jpeg_finish_decompress(info);
}

static davit_status read_jpeg(FILE *file, const char *path, const davit_diagnostics *diag,
                              cli_image *image)
{
    struct jpeg_decompress_struct info;
    jpeg_errors errors;
    memset(&errors, 0, sizeof(errors));
    info.err = jpeg_std_error(&errors.manager);
    errors.manager.error_exit = jpeg_failed;
    errors.manager.output_message = jpeg_silent;
    jpeg_create_decompress(&info);
    if (setjmp(errors.jump) != 0) {
        jpeg_destroy_decompress(&info);
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: %s", path, errors.text);
    }
    decode_jpeg(&info, file, image, &errors);
    jpeg_destroy_decompress(&info);
    return DAVIT_OK;
}

/* ---- PPM and PGM (netpbm: ppm(5), pgm(5)), binary, 8 bits ---- */

/* The next number of the header; comments run from '#' to the end of the line. */
static bool read_ppm_number(FILE *file, uint64_t *value)
{
    int c = fgetc(file);
    while (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '#') {
        if (c == '#') {
            while (c != '\n' && c != EOF) {
                c = fgetc(file);
            }
        }
        c = fgetc(file);
    }
    *value = 0;
    int digits = 0;
    while (c >= '0' && c <= '9' && digits < 10) {
        *value = *value * 10 + (uint64_t)(c - '0');
        c = fgetc(file);
        digits++;
    }
    return digits > 0 && digits < 10; /* one byte of white space behind it has been read */
}

static davit_status read_ppm(FILE *file, const char *path, const davit_diagnostics *diag,
                             cli_image *image)
{
    char magic[2];
    uint64_t width;
    uint64_t height;
    uint64_t greatest;
    if (fread(magic, 1, 2, file) != 2 || !read_ppm_number(file, &width) ||
        !read_ppm_number(file, &height) || !read_ppm_number(file, &greatest) || greatest != 255) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: not an 8-bit binary PPM or PGM file", path);
    }
    if (!alloc_pixels(image, width, height)) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: the image's size is not usable", path);
    }
    size_t count = (size_t)(width * height);
    size_t channels = magic[1] == '6' ? 3 : 1;
    if (fread(image->pixels, channels, count, file) != count) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: the image is cut off", path);
    }
    if (channels == 1) {
        for (size_t i = count; i-- > 0;) {
            memset(image->pixels + 3 * i, image->pixels[i], 3);
        }
    }
    return DAVIT_OK;
}

davit_status cli_image_read(const char *path, const davit_diagnostics *diag, cli_image *out)
{
    cli_image image = {0};
    memset(out, 0, sizeof(*out));
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return davit_fail(diag, errno == ENOENT ? DAVIT_NOT_FOUND : DAVIT_IO_ERROR, "%s: %s", path,
                          strerror(errno));
    }
    unsigned char magic[2] = {0, 0};
    davit_status status;
    if (fread(magic, 1, 2, file) != 2 || fseek(file, 0, SEEK_SET) != 0) {
        status = davit_fail(diag, DAVIT_BAD_DATA, "%s: the file is empty or cannot be read", path);
    } else if (magic[0] == 0x89 && magic[1] == 'P') {
        status = read_png(file, path, diag, &image);
    } else if (magic[0] == 0xff && magic[1] == 0xd8) {
        status = read_jpeg(file, path, diag, &image);
    } else if (magic[0] == 'P' && (magic[1] == '5' || magic[1] == '6')) {
        status = read_ppm(file, path, diag, &image);
    } else {
        status = davit_fail(diag, DAVIT_BAD_DATA, "%s: not a PNG, JPEG or binary PPM image", path);
    }
    fclose(file);
    if (status != DAVIT_OK) {
        free(image.pixels);
        return status;
    }
    *out = image;
    return DAVIT_OK;
}

/* ---- to a tensor ---- */

/* Reads "x" or "a:b:c", up to the next ','. */
static bool parse_triple(const char **text, float *values)
{
    int count = 0;
    for (;;) {
        char *end;
        values[count] = strtof(*text, &end);
        if (end == *text) {
            return false;
        }
        count++;
        *text = end;
        if (*end != ':' || count == 3) {
            break;
        }
        (*text)++;
    }
    if (count == 1) {
        values[1] = values[0];
        values[2] = values[0];
    }
    return count == 1 || count == 3;
}

davit_status cli_preprocess_parse(const char *text, const davit_diagnostics *diag,
                                  cli_preprocess *out)
{
    static const char *const orders[] = {"rgb", "bgr", "gray"};
    cli_preprocess result = {{0, 0, 0}, {1, 1, 1}, CLI_RGB};
    const char *at = text;
    if (text == NULL) {
        *out = result;
        return DAVIT_OK;
    }
    if (parse_triple(&at, result.mean) && *at++ == ',' && parse_triple(&at, result.std) &&
        *at++ == ',') {
        for (size_t i = 0; i < 3; i++) {
            bool usable = result.std[0] != 0 && result.std[1] != 0 && result.std[2] != 0;
            if (strcmp(at, orders[i]) == 0 && usable) {
                result.order = (cli_channel_order)i;
                *out = result;
                return DAVIT_OK;
            }
        }
    }
    return davit_fail(diag, DAVIT_INVALID_ARGUMENT,
                      "--preprocess %s: MEAN,STD,ORDER is expected, as "
                      "0.485:0.456:0.406,0.229:0.224:0.225,rgb",
                      text);
}

/* Where output position i of extent out falls among in pixels: low neighbour and weight. */
static void source_position(int i, int out, int in, int *low, float *weight)
{
    float at = ((float)i + 0.5f) * (float)in / (float)out - 0.5f;
    at = at < 0 ? 0 : at;
    int floor = (int)at;
    floor = floor > in - 1 ? in - 1 : floor;
    *low = floor;
    *weight = floor + 1 < in ? at - (float)floor : 0;
}

static float sample(const cli_image *image, int channel, int y, int x)
{
    const uint8_t *pixel = image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
    return channel < 3 ? (float)pixel[channel]
                       : 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2]; /* BT.601 */
}

static float interpolate(const cli_image *image, int channel, const int *at, const float *weight)
{
    int y1 = at[0] + (weight[0] > 0);
    int x1 = at[1] + (weight[1] > 0);
    float top = sample(image, channel, at[0], at[1]) * (1 - weight[1]) +
                sample(image, channel, at[0], x1) * weight[1];
    float bottom = sample(image, channel, y1, at[1]) * (1 - weight[1]) +
                   sample(image, channel, y1, x1) * weight[1];
    return top * (1 - weight[0]) + bottom * weight[0];
}

davit_status cli_image_to_tensor(const cli_image *image, const cli_preprocess *preprocess,
                                 int height, int width, davit_tensor **out)
{
    static const int channels_of[3][3] = {{0, 1, 2}, {2, 1, 0}, {3, 3, 3}};
    int channels = preprocess->order == CLI_GRAY ? 1 : 3;
    const int64_t dims[] = {1, channels, height, width};
    davit_status status =
        davit_tensor_create(davit_allocator_default(), DAVIT_F32, 4, dims, out);
    if (status != DAVIT_OK) {
        return status;
    }
    float *target = (*out)->data;
    for (int c = 0; c < channels; c++) {
        int channel = channels_of[preprocess->order][c];
        for (int y = 0; y < height; y++) {
            int at[2];
            float weight[2];
            source_position(y, height, image->height, &at[0], &weight[0]);
            for (int x = 0; x < width; x++) {
                source_position(x, width, image->width, &at[1], &weight[1]);
                float value = interpolate(image, channel, at, weight) / 255.0f;
                *target++ = (value - preprocess->mean[c]) / preprocess->std[c];
            }
        }
    }
    return DAVIT_OK;
}
