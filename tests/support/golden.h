/* Reads the golden vectors of tests/golden: text, one vector a line, fields separated by a space,
 * # lines are comments that say what the fields are. Every failure names the file and the line. */
#ifndef DAVIT_TEST_GOLDEN_H
#define DAVIT_TEST_GOLDEN_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "davit/tensor.h"
#include "unit_test.h"

#define GOLDEN_MAX_FIELDS 512

typedef struct golden {
    FILE *file;
    char path[512];
    int line; /* of the vector, from 1 */
    int vectors;
    char text[8192];
    char *fields[GOLDEN_MAX_FIELDS];
    int count;
} golden;

static inline void golden_open(golden *g, const char *name)
{
    memset(g, 0, sizeof(*g));
    (void)snprintf(g->path, sizeof(g->path), "%s/%s", DAVIT_GOLDEN_DIR, name);
    g->file = fopen(g->path, "r");
    if (g->file == NULL) {
        fail_msg("cannot open %s", g->path);
    }
}

/* Splits the next vector into fields. False at the end, where the file is closed; a file without
 * vectors fails. */
static inline bool golden_next(golden *g)
{
    while (fgets(g->text, sizeof(g->text), g->file) != NULL) {
        g->line++;
        if (g->text[0] == '#') {
            continue;
        }
        g->count = 0;
        char *rest = NULL;
        for (char *field = strtok_r(g->text, " \n", &rest);
             field != NULL && g->count < GOLDEN_MAX_FIELDS; field = strtok_r(NULL, " \n", &rest)) {
            g->fields[g->count++] = field;
        }
        g->vectors++;
        return true;
    }
    (void)fclose(g->file);
    assert_true(g->vectors > 0);
    return false;
}

static inline const char *golden_text(const golden *g, int i)
{
    if (i >= g->count) {
        fail_msg("%s:%d: no field %d", g->path, g->line, i);
    }
    return g->fields[i];
}

static inline int64_t golden_s64(const golden *g, int i)
{
    return strtoll(golden_text(g, i), NULL, 10);
}

static inline int32_t golden_s32(const golden *g, int i)
{
    return (int32_t)golden_s64(g, i);
}

static inline float golden_f32(const golden *g, int i)
{
    uint32_t bits = (uint32_t)strtoul(golden_text(g, i), NULL, 16);
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline davit_dtype golden_dtype(const golden *g, int i)
{
    static const davit_dtype dtypes[] = {DAVIT_U8, DAVIT_S8, DAVIT_U16, DAVIT_S16, DAVIT_S32};
    for (size_t d = 0; d < sizeof(dtypes) / sizeof(dtypes[0]); d++) {
        if (strcmp(golden_text(g, i), davit_dtype_name(dtypes[d])) == 0) {
            return dtypes[d];
        }
    }
    return DAVIT_DTYPE_NONE;
}

static inline void golden_expect_s64(const golden *g, const char *what, int64_t got, int64_t want)
{
    if (got != want) {
        fail_msg("%s:%d: %s is %lld, should be %lld", g->path, g->line, what, (long long)got,
                 (long long)want);
    }
}

/* Compares bits; zeros of both signs are the same. */
static inline void golden_expect_f32(const golden *g, const char *what, float got, float want)
{
    if (!(got == want)) {
        fail_msg("%s:%d: %s is %a, should be %a", g->path, g->line, what, (double)got,
                 (double)want);
    }
}

#endif
