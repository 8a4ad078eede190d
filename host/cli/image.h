/* Images as network inputs: .png, .jpg, .ppm read to 8-bit RGB, then resized and normalised. */
#ifndef DAVIT_CLI_IMAGE_H
#define DAVIT_CLI_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <davit/davit.h>

typedef struct cli_image {
    int width, height;
    uint8_t *pixels; /* [height][width][3] RGB; free() */
} cli_image;

typedef enum cli_channel_order { CLI_RGB, CLI_BGR, CLI_GRAY } cli_channel_order;

/* value = (pixel / 255 - mean[c]) / std[c], c in the order of the output's channels. */
typedef struct cli_preprocess {
    float mean[3];
    float std[3];
    cli_channel_order order;
} cli_preprocess;

/* True for names that end in .png, .jpg, .jpeg, .ppm, .pgm (any case). */
bool cli_image_is(const char *path);

/* Reads "MEAN,STD,ORDER" (NULL: 0,1,rgb); DAVIT_INVALID_ARGUMENT told to diag otherwise. */
DAVIT_NODISCARD davit_status cli_preprocess_parse(const char *text, const davit_diagnostics *diag,
                                                  cli_preprocess *out);

/* Reads a file by its magic bytes; at most 2^27 pixels. */
DAVIT_NODISCARD davit_status cli_image_read(const char *path, const davit_diagnostics *diag,
                                            cli_image *out);

/* Makes an f32 tensor [1, C, height, width] (C 1 for gray, else 3), resized bilinearly with pixel
 * centres (half_pixel, edge clamped) where the size differs. */
DAVIT_NODISCARD davit_status cli_image_to_tensor(const cli_image *image,
                                                 const cli_preprocess *preprocess, int height,
                                                 int width, davit_tensor **out);

#endif
