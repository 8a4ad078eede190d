/* Reads the text of a picture: PP-OCR's detection network finds the lines, its recognition network
 * reads each.
 *
 *     read_text [--devices LIST] [--verify] [--keep DIR] DETECTION.onnx RECOGNITION.onnx
 * PICTURE.png
 *
 * models/fetch gets the networks. Prints the lines in the order in which one reads, each behind the
 * mean probability of its characters. --verify reads everything on the reference backend too, and
 * fails where that finds another text. --keep writes the lines as the recognition network gets them
 * to DIR/N.npy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "read_text.h"

#define LINE_HEIGHT 48
#define LEAST_SIDE 320
#define MOST_SIDE 960
#define LEAST_SCORE 0.5f

typedef struct reader {
    text_network detection, recognition;
    text_alphabet alphabet;
    text_picture picture;
    size_t line_count;
    text_box *lines;
    char **texts;       /* by line; NULL where nothing was read */
    const char *folder; /* of --keep, or NULL */
    bool quiet, verify;
} reader;

static int round_to(float value, int step)
{
    int steps = (int)(value / (float)step + 0.5f);
    return (steps > 0 ? steps : 1) * step;
}

static text_box whole(const text_picture *picture)
{
    float x = (float)picture->width / 2;
    float y = (float)picture->height / 2;
    return (text_box){.x = x, .y = y, .along_x = 1, .half_length = x, .half_height = y};
}

/* The size in which the detection network sees the picture. */
static davit_status bind_detection(reader *r)
{
    float width = (float)r->picture.width;
    float height = (float)r->picture.height;
    float least = width < height ? width : height;
    float most = width < height ? height : width;
    float scale = least < LEAST_SIDE ? LEAST_SIDE / least : 1.0f;
    scale = most * scale > MOST_SIDE ? MOST_SIDE / most : scale;
    return network_bind(&r->detection, round_to(height * scale, 32), round_to(width * scale, 32));
}

/* Makes boxes in the network's pixels boxes in the picture's. */
static davit_status take_lines(reader *r, const davit_tensor *map)
{
    const text_network *network = &r->detection;
    const davit_tensor_desc *desc = &map->desc;
    if (desc->dtype != DAVIT_F32 || desc->rank != 4 || desc->dims[1] != 1 ||
        desc->dims[2] != network->height || desc->dims[3] != network->width) {
        fprintf(stderr, "read_text: the detection network gives no map as large as its input\n");
        return DAVIT_UNSUPPORTED;
    }
    r->lines = find_boxes(map->data, network->width, network->height, &r->line_count);
    r->texts = calloc(r->line_count + 1, sizeof(*r->texts));
    if (r->lines == NULL || r->texts == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    float across = (float)r->picture.width / (float)network->width;
    float down = (float)r->picture.height / (float)network->height;
    for (size_t i = 0; i < r->line_count; i++) {
        r->lines[i].x *= across;
        r->lines[i].y *= down;
        r->lines[i].half_length *= across;
        r->lines[i].half_height *= down;
    }
    return DAVIT_OK;
}

static davit_status detect(reader *r)
{
    text_run run = {.request = NULL};
    const davit_tensor *map;
    davit_status status = bind_detection(r);
    if (status == DAVIT_OK) {
        status = run_make(&r->detection, &run);
    }
    if (status == DAVIT_OK) {
        const text_box all = whole(&r->picture);
        picture_sample(&r->picture, &all, r->detection.width, r->detection.height,
                       r->detection.width, run.input.tensor->data);
        status = run_submit(&r->detection, &run);
    }
    if (status == DAVIT_OK) {
        status = run_wait(&run, &map);
    }
    if (status == DAVIT_OK) {
        status = take_lines(r, map);
    }
    run_clear(&run);
    return status;
}

/* ---- reading lines ---- */

static int line_width(const text_box *line)
{
    return round_to(LINE_HEIGHT * line->half_length / line->half_height, 1);
}

/* All lines get the width of the widest: one session reads them all. */
static davit_status bind_recognition(reader *r)
{
    int widest = 1;
    for (size_t i = 0; i < r->line_count; i++) {
        int width = line_width(&r->lines[i]);
        widest = width > widest ? width : widest;
    }
    return network_bind(&r->recognition, LINE_HEIGHT, (widest + 31) / 32 * 32);
}

static davit_status begin_line(const reader *r, size_t index, text_run *run)
{
    const text_box *line = &r->lines[index];
    davit_status status = run_make(&r->recognition, run);
    if (status != DAVIT_OK) {
        return status;
    }
    picture_sample(&r->picture, line, r->recognition.width, LINE_HEIGHT, line_width(line),
                   run->input.tensor->data);
    if (r->folder != NULL) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%zu.npy", r->folder, index);
        status = run_keep(run, path);
    }
    return status == DAVIT_OK ? run_submit(&r->recognition, run) : status;
}

static davit_status end_line(const reader *r, size_t index, text_run *run)
{
    const davit_tensor *steps;
    davit_status status = run_wait(run, &steps);
    if (status == DAVIT_OK && (steps->desc.dtype != DAVIT_F32 || steps->desc.rank != 3)) {
        fprintf(stderr, "read_text: the recognition network gives no classes for each step\n");
        status = DAVIT_UNSUPPORTED;
    }
    if (status == DAVIT_OK) {
        char text[4096];
        float score = alphabet_decode(&r->alphabet, steps, text, sizeof(text));
        if (score >= LEAST_SCORE) {
            r->texts[index] = strdup(text);
            status = r->texts[index] != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
        }
        if (score >= LEAST_SCORE && !r->quiet) {
            printf("%.2f  %s\n", (double)score, text);
        }
    }
    run_clear(run);
    return status;
}

/* Some lines are read while others are prepared and printed. */
static davit_status read_lines(const reader *r)
{
    text_run runs[IN_FLIGHT] = {{.request = NULL}};
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < r->line_count + IN_FLIGHT; i++) {
        text_run *run = &runs[i % IN_FLIGHT];
        if (i >= IN_FLIGHT && i - IN_FLIGHT < r->line_count) {
            status = end_line(r, i - IN_FLIGHT, run);
        }
        if (status == DAVIT_OK && i < r->line_count) {
            status = begin_line(r, i, run);
        }
    }
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        run_clear(&runs[i]);
    }
    return status;
}

/* Opens the networks and reads the picture. */
static davit_status read_text(davit_context *context, const char *const *paths, reader *r)
{
    davit_status status = network_open(context, paths[0], &r->detection);
    if (status == DAVIT_OK) {
        status = network_open(context, paths[1], &r->recognition);
    }
    if (status == DAVIT_OK && !alphabet_read(r->recognition.model, &r->alphabet)) {
        status = DAVIT_UNSUPPORTED;
    }
    if (status == DAVIT_OK) {
        status = detect(r);
    }
    if (status == DAVIT_OK && r->line_count > 0) {
        status = bind_recognition(r);
    }
    if (status == DAVIT_OK && r->line_count > 0) {
        status = read_lines(r);
    }
    return status;
}

static void reader_clear(reader *r)
{
    network_close(&r->recognition);
    network_close(&r->detection);
    alphabet_clear(&r->alphabet);
    for (size_t i = 0; r->texts != NULL && i < r->line_count; i++) {
        free(r->texts[i]);
    }
    free(r->texts);
    free(r->lines);
}

static bool same_texts(const reader *a, const reader *b)
{
    bool same = a->line_count == b->line_count;
    for (size_t i = 0; same && i < a->line_count; i++) {
        const char *left = a->texts[i];
        const char *right = b->texts[i];
        same = left == NULL || right == NULL ? left == right : strcmp(left, right) == 0;
    }
    return same;
}

static davit_status verify(davit_context *context, const char *const *paths, const reader *read)
{
    reader reference = {.picture = read->picture, .quiet = true};
    reference.detection.devices = reference.recognition.devices = "reference";
    davit_status status = read_text(context, paths, &reference);
    if (status == DAVIT_OK && same_texts(read, &reference)) {
        printf("the reference backend reads the same\n");
    } else if (status == DAVIT_OK) {
        fprintf(stderr, "read_text: the reference backend reads another text\n");
        status = DAVIT_INTERNAL;
    }
    reader_clear(&reference);
    return status;
}

/* ---- the command line ---- */

static bool take_option(reader *r, const char *name, const char *value, int *used)
{
    if (strcmp(name, "--verify") == 0) {
        r->verify = true;
        *used = 1;
    } else if (value != NULL && strcmp(name, "--devices") == 0) {
        r->detection.devices = r->recognition.devices = value;
        *used = 2;
    } else if (value != NULL && strcmp(name, "--keep") == 0) {
        r->folder = value;
        *used = 2;
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    reader r = {.folder = NULL};
    const char *paths[3];
    int count = 0;
    bool usage = false;
    for (int i = 1, used = 1; i < argc && !usage; i += used) {
        used = 1;
        if (argv[i][0] == '-') {
            usage = !take_option(&r, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used);
        } else if (count < 3) {
            paths[count++] = argv[i];
        } else {
            usage = true;
        }
    }
    if (usage || count < 3) {
        fprintf(
            stderr,
            "usage: %s [--devices LIST] [--verify] [--keep DIR] DETECTION.onnx RECOGNITION.onnx "
            "PICTURE.png\n",
            argv[0]);
        return 2;
    }
    if (!picture_read(paths[2], &r.picture)) {
        return 1;
    }
    const davit_context_options options = {.diag = davit_diagnostics_stderr(DAVIT_ERROR)};
    davit_context *context;
    davit_status status = davit_context_create(&options, &context);
    if (status == DAVIT_OK) {
        status = read_text(context, paths, &r);
    }
    if (status == DAVIT_OK && r.verify) {
        status = verify(context, paths, &r);
    }
    reader_clear(&r);
    davit_context_destroy(context);
    picture_clear(&r.picture);
    return status == DAVIT_OK ? 0 : 1;
}
