/* Texts of random cases: appended piece by piece, with choices from a seed. The order of choices is
 * that of the calls, so that a seed means the same with every compiler: a call makes one choice, or
 * several in a fixed order, and none may be an argument beside another. */
#ifndef DAVIT_CONFORMANCE_CASE_WRITER_H
#define DAVIT_CONFORMANCE_CASE_WRITER_H

#include "davit/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct case_writer {
    char *text;
    size_t bytes, length;
    uint64_t state; /* of the generator */
} case_writer;

/* printf; cut at the end of the text's room. */
DAVIT_PRINTF(2, 3) void case_append(case_writer *writer, const char *format, ...);

/* Uniform in [low, high]. */
int case_pick(case_writer *writer, int low, int high);
/* One of texts. */
const char *case_pick_text(case_writer *writer, const char *const *texts, size_t count);
#define CASE_PICK(writer, texts) case_pick_text(writer, texts, sizeof(texts) / sizeof((texts)[0]))
/* A node without operands but parameters, "Clip s:-0.5 s:0.5". */
const char *case_pick_activation(case_writer *writer);

/* Appends count numbers of the same range. */
void case_append_numbers(case_writer *writer, char separator, int count, int low, int high);
/* " name=1,2" with count numbers. */
void case_append_list(case_writer *writer, const char *name, int count, int low, int high);

/* A network of several layers with branches: blocked layouts meet, values are used twice. */
void random_network(case_writer *writer);

#endif
