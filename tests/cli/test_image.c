#include "unit_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jpeglib.h>
#include <png.h>

#include "image.h"

enum { WIDTH = 5, HEIGHT = 3 };

static uint8_t pixels[HEIGHT * WIDTH * 3];
static char path[] = "/tmp/davit-image-XXXXXX";

static int make_pixels(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (size_t i = 0; i < sizeof(pixels); i++) {
        pixels[i] = (uint8_t)test_random(&seed);
    }
    int fd = mkstemp(path);
    return fd < 0 || close(fd) != 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_ppm(const char *header, const void *body, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(header, file);
    fwrite(body, 1, bytes, file);
    assert_int_equal(fclose(file), 0);
}

static void write_png(void)
{
    png_image png;
    memset(&png, 0, sizeof(png));
    png.version = PNG_IMAGE_VERSION;
    png.width = WIDTH;
    png.height = HEIGHT;
    png.format = PNG_FORMAT_RGB;
    assert_true(png_image_write_to_file(&png, path, 0, pixels, 0, NULL));
}

static void write_gray_jpeg(uint8_t value)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    FILE *file = fopen(path, "wb");
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_stdio_dest(&info, file);
    info.image_width = WIDTH;
    info.image_height = HEIGHT;
    info.input_components = 1;
    info.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, 100, TRUE);
    jpeg_start_compress(&info, TRUE);
    uint8_t row[WIDTH];
    memset(row, value, sizeof(row));
    JSAMPROW rows[] = {row};
    while (info.next_scanline < info.image_height) {
        jpeg_write_scanlines(&info, rows, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    fclose(file);
}

static cli_image read_image(void)
{
    cli_image image;
    assert_int_equal(cli_image_read(path, NULL, &image), DAVIT_OK);
    assert_int_equal(image.width, WIDTH);
    assert_int_equal(image.height, HEIGHT);
    return image;
}

static void test_png_and_ppm_give_the_pixels(void **state)
{
    (void)state;
    write_png();
    cli_image image = read_image();
    assert_memory_equal(image.pixels, pixels, sizeof(pixels));
    free(image.pixels);
    write_ppm("P6\n# a comment\n5 3\n255\n", pixels, sizeof(pixels));
    image = read_image();
    assert_memory_equal(image.pixels, pixels, sizeof(pixels));
    free(image.pixels);
}

static void test_gray_files_become_rgb(void **state)
{
    (void)state;
    write_ppm("P5 5 3 255\n", pixels, WIDTH * HEIGHT);
    cli_image image = read_image();
    for (size_t i = 0; i < WIDTH * HEIGHT * 3; i++) {
        assert_int_equal(image.pixels[i], pixels[i / 3]);
    }
    free(image.pixels);
    write_gray_jpeg(77);
    image = read_image();
    for (size_t i = 0; i < WIDTH * HEIGHT * 3; i++) {
        assert_in_range(image.pixels[i], 76, 78);
    }
    free(image.pixels);
}

static void test_bad_files_are_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {"",
                                          "P6",
                                          "P6 5 3 255\nshort",
                                          "P6 0 3 255\n",
                                          "P6 5 3 65535\n",
                                          "P6 99999999999 3 255\n",
                                          "P6 999999999 999999999 255\n",
                                          "\x89PNG\r\n\x1a\nrubbish",
                                          "\xff\xd8\xff rubbish",
                                          "GIF89a"};
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        write_ppm(headers[i], "", 0);
        davit_diagnostics_buffer buffer;
        davit_diagnostics_buffer_init(&buffer);
        cli_image image;
        assert_int_not_equal(cli_image_read(path, &buffer.sink, &image), DAVIT_OK);
        assert_null(image.pixels);
        assert_int_equal(buffer.error_count, 1);
        assert_non_null(strstr(buffer.text, path));
    }
}

static void test_normalisation_and_channel_order(void **state)
{
    (void)state;
    cli_image image = {.width = WIDTH, .height = HEIGHT, .pixels = pixels};
    cli_preprocess preprocess;
    assert_int_equal(cli_preprocess_parse("0.1:0.2:0.3,0.5:0.25:2,bgr", NULL, &preprocess),
                     DAVIT_OK);
    davit_tensor *tensor;
    assert_int_equal(cli_image_to_tensor(&image, &preprocess, HEIGHT, WIDTH, &tensor), DAVIT_OK);
    static const double mean[] = {0.1, 0.2, 0.3};
    static const double deviation[] = {0.5, 0.25, 2};
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < WIDTH * HEIGHT; i++) {
            double want = (pixels[3 * i + (2 - c)] / 255.0 - mean[c]) / deviation[c];
            float got = ((float *)tensor->data)[c * WIDTH * HEIGHT + i];
            assert_true(fabs((double)got - want) < 1e-5);
        }
    }
    davit_tensor_destroy(tensor);
}

/* A linear ramp stays one under bilinear interpolation with pixel centres, away from the edge. */
static void test_resize_keeps_a_ramp(void **state)
{
    (void)state;
    enum { IN = 8, OUT = 20 };
    uint8_t ramp[IN * IN * 3];
    for (int i = 0; i < IN * IN * 3; i++) {
        ramp[i] = (uint8_t)(10 + 20 * (i / 3 % IN));
    }
    cli_image image = {.width = IN, .height = IN, .pixels = ramp};
    cli_preprocess preprocess;
    assert_int_equal(cli_preprocess_parse("0,1,gray", NULL, &preprocess), DAVIT_OK);
    davit_tensor *tensor;
    assert_int_equal(cli_image_to_tensor(&image, &preprocess, OUT, OUT, &tensor), DAVIT_OK);
    assert_int_equal(tensor->desc.dims[1], 1);
    for (int x = 0; x < OUT; x++) {
        double at = (x + 0.5) * IN / OUT - 0.5;
        at = at < 0 ? 0 : (at > IN - 1 ? IN - 1 : at);
        double want = (10 + 20 * at) / 255;
        assert_true(fabs((double)((float *)tensor->data)[7 * OUT + x] - want) < 1e-5);
    }
    davit_tensor_destroy(tensor);
}

static void test_bad_preprocess(void **state)
{
    (void)state;
    static const char *const bad[] = {"",        "0,1",       "0,1,xyz",   "0,0,rgb",
                                      "a,b,rgb", "0:1,1,rgb", "0,1:1,rgb", "0,1,rgb,"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        davit_diagnostics_buffer buffer;
        davit_diagnostics_buffer_init(&buffer);
        cli_preprocess preprocess;
        assert_int_equal(cli_preprocess_parse(bad[i], &buffer.sink, &preprocess),
                         DAVIT_INVALID_ARGUMENT);
        assert_int_equal(buffer.error_count, 1);
    }
    assert_true(cli_image_is("a/b.JPG"));
    assert_false(cli_image_is("a/b.npy"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_and_ppm_give_the_pixels),
        cmocka_unit_test(test_gray_files_become_rgb),
        cmocka_unit_test(test_bad_files_are_refused),
        cmocka_unit_test(test_normalisation_and_channel_order),
        cmocka_unit_test(test_resize_keeps_a_ramp),
        cmocka_unit_test(test_bad_preprocess),
    };
    return cmocka_run_group_tests(tests, make_pixels, remove_path);
}
