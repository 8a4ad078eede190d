/* Reads the text of a picture with PP-OCR's two networks: one finds lines of text, the other reads
 * a line. What the parts of the example share. */
#ifndef READ_TEXT_H
#define READ_TEXT_H

#include <davit/davit.h>

/* ---- pictures ---- */

typedef struct text_picture {
    int width, height;
    unsigned char *pixels; /* [height][width][3], BGR */
} text_picture;

/* Reads a PNG file. False after telling why on stderr. */
bool picture_read(const char *path, text_picture *out);
void picture_clear(text_picture *picture);

/* A rectangle anywhere in a picture: its centre, the direction of its text, half its sides. */
typedef struct text_box {
    float x, y;
    float along_x, along_y; /* of length 1 */
    float half_length, half_height;
} text_box;

/* Fills values [3][height][width] with the first `filled` columns from the box, resized bilinearly:
 * (pixel / 255 - 0.5) / 0.5; the columns behind are 0. */
void picture_sample(const text_picture *picture, const text_box *box, int width, int height,
                    int filled, float *values);

/* ---- lines of text ---- */

/* Finds the boxes of lines in a map of text probability, in the order in which they are read.
 * free() the result; NULL when memory is short. */
text_box *find_boxes(const float *map, int width, int height, size_t *count);

/* ---- characters ---- */

/* The characters of classes 1 to count; class 0 is "nothing", the one behind the last the space. */
typedef struct text_alphabet {
    char *text;
    size_t count;
    const char **characters;
} text_alphabet;

/* From the recognition network's metadata. False after telling why on stderr. */
bool alphabet_read(const davit_model *model, text_alphabet *out);
void alphabet_clear(text_alphabet *alphabet);
/* Greedy decoding of steps [1, T, classes] (Graves et al., Connectionist Temporal Classification,
 * 2006): of each step the most probable class; repetitions and class 0 are left out. Writes the
 * text, cut to fit, and returns the mean probability of its characters, 0 for none. */
float alphabet_decode(const text_alphabet *alphabet, const davit_tensor *steps, char *text,
                      size_t bytes);

/* ---- networks ---- */

#define IN_FLIGHT 4 /* runs of a network at the same time */

/* A network of one f32 input [1, 3, height, width] and one output. */
typedef struct text_network {
    davit_model *model;
    const char *devices; /* NULL: those of this machine */
    davit_port input, output;
    int height, width; /* what the session is bound to */
    davit_session *session;
} text_network;

typedef struct text_run {
    davit_named_tensor input, output;
    davit_request *request;
} text_run;

/* Failures are reported by the context's diagnostics. */
davit_status network_open(davit_context *context, const char *path, text_network *out);
void network_close(text_network *network);
/* Once, before the first run. */
davit_status network_bind(text_network *network, int height, int width);

/* A run in three steps: make it and fill its input, submit it, wait for its end; then clear it. */
davit_status run_make(const text_network *network, text_run *out);
davit_status run_submit(const text_network *network, text_run *run);
/* The output is the run's. */
davit_status run_wait(text_run *run, const davit_tensor **output);
void run_clear(text_run *run);
/* Writes the input as a .npy file, to calibrate `davit quantize` with. */
davit_status run_keep(const text_run *run, const char *path);

#endif
