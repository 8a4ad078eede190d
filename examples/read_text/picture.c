#include "read_text.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool picture_read(const char *path, text_picture *out)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    unsigned char *pixels = NULL;
    if (png_image_begin_read_from_file(&image, path) != 0) {
        image.format = PNG_FORMAT_BGR;
        pixels = malloc(PNG_IMAGE_SIZE(image));
    }
    const png_color white = {255, 255, 255};
    if (pixels == NULL || png_image_finish_read(&image, &white, pixels, 0, NULL) == 0) {
        fprintf(stderr, "read_text: %s: %s\n", path,
                image.message[0] != '\0' ? image.message : "out of memory");
        png_image_free(&image);
        free(pixels);
        return false;
    }
    *out = (text_picture){(int)image.width, (int)image.height, pixels};
    return true;
}

void picture_clear(text_picture *picture)
{
    free(picture->pixels);
    picture->pixels = NULL;
}

static int clamp(int value, int count)
{
    return value < 0 ? 0 : value >= count ? count - 1 : value;
}

static float pixel(const text_picture *picture, int x, int y, int channel)
{
    size_t row = (size_t)clamp(y, picture->height);
    size_t column = (size_t)clamp(x, picture->width);
    return picture->pixels[(row * (size_t)picture->width + column) * 3 + (size_t)channel];
}

/* Between the four pixels around a place; pixel centres are at halves. */
static float interpolate(const text_picture *picture, float x, float y, int channel)
{
    int left = (int)(x + 0.5f) - 1;
    int top = (int)(y + 0.5f) - 1;
    float right_share = x - 0.5f - (float)left;
    float bottom_share = y - 0.5f - (float)top;
    float above = pixel(picture, left, top, channel) * (1 - right_share) +
                  pixel(picture, left + 1, top, channel) * right_share;
    float below = pixel(picture, left, top + 1, channel) * (1 - right_share) +
                  pixel(picture, left + 1, top + 1, channel) * right_share;
    return above * (1 - bottom_share) + below * bottom_share;
}

static float bounded(float value, int most)
{
    return value < 0 ? 0 : value > (float)most ? (float)most : value;
}

void picture_sample(const text_picture *picture, const text_box *box, int width, int height,
                    int filled, float *values)
{
    memset(values, 0, 3 * (size_t)width * (size_t)height * sizeof(*values));
    for (int i = 0; i < height * filled; i++) {
        int row = i / filled;
        int column = i % filled;
        float along = (2.0f * ((float)column + 0.5f) / (float)filled - 1.0f) * box->half_length;
        float across = (2.0f * ((float)row + 0.5f) / (float)height - 1.0f) * box->half_height;
        float x = box->x + along * box->along_x - across * box->along_y;
        float y = box->y + along * box->along_y + across * box->along_x;
        x = bounded(x, picture->width);
        y = bounded(y, picture->height);
        for (int channel = 0; channel < 3; channel++) {
            values[(channel * height + row) * width + column] =
                (interpolate(picture, x, y, channel) / 255.0f - 0.5f) / 0.5f;
        }
    }
}
