/* Random calls of gemm_s8 in RTL: the shapes and the expected bytes of the C-simulated kernel's
 * test (tests/hls). */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_case.h"
#include "rtl_engine.h"

typedef struct options {
    uint64_t seed, from, count;
    const char *array; /* or NULL: both */
    bool verbose;
} options;

static int usage(void)
{
    fprintf(stderr, "usage: rtl_check [--seed S] [--from INDEX] [--count N] "
                    "[--array full|small] [-v]\n");
    return 2;
}

static bool parse(int argc, char **argv, options *out)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0) {
            out->verbose = true;
            continue;
        }
        if (i + 1 == argc) {
            return false;
        }
        uint64_t value = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--array") == 0) {
            out->array = argv[i + 1];
        } else if (strcmp(argv[i], "--seed") == 0) {
            out->seed = value;
        } else if (strcmp(argv[i], "--from") == 0) {
            out->from = value;
        } else if (strcmp(argv[i], "--count") == 0) {
            out->count = value;
        } else {
            return false;
        }
        i++;
    }
    return out->array == NULL || strcmp(out->array, "full") == 0 ||
           strcmp(out->array, "small") == 0;
}

/* On the array that was asked for. */
static bool wanted(const options *o, uint64_t index)
{
    return o->array == NULL ||
           engine_random_is_small(o->seed, index) == (strcmp(o->array, "small") == 0);
}

int main(int argc, char **argv)
{
    options o = {.seed = 1, .count = 200};
    if (!parse(argc, argv, &o)) {
        return usage();
    }
    uint64_t failed = 0, run = 0;
    for (uint64_t i = o.from; i < o.from + o.count; i++) {
        char shape[256];
        if (!wanted(&o, i)) {
            continue;
        }
        run++;
        const char *wrong = engine_random_gemm(o.seed, i, shape);
        if (wrong != NULL) {
            printf("%s: %s (rtl_check --seed %llu --from %llu --count 1)\n", wrong, shape,
                   (unsigned long long)o.seed, (unsigned long long)i);
            failed++;
        } else if (o.verbose) {
            printf("exact, %llu cycles: %s\n", (unsigned long long)rtl_cycles(), shape);
        }
        fflush(stdout);
    }
    printf("RTL: %llu of %llu shapes exact\n", (unsigned long long)(run - failed),
           (unsigned long long)run);
    return failed != 0;
}
