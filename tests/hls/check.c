/* Random calls of the C-simulated engine against plain loops over the definition. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_case.h"

typedef struct options {
    const char *kernel;
    uint64_t seed, from, count;
    bool verbose;
} options;

static int usage(void)
{
    fprintf(stderr, "usage: hls_check [--kernel gemm|vector] [--seed S] [--from INDEX] [--count N] "
                    "[-v]\n");
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
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--kernel") == 0) {
            out->kernel = value;
        } else if (strcmp(argv[i], "--seed") == 0) {
            out->seed = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--from") == 0) {
            out->from = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--count") == 0) {
            out->count = strtoull(value, NULL, 10);
        } else {
            return false;
        }
        i++;
    }
    return strcmp(out->kernel, "gemm") == 0 || strcmp(out->kernel, "vector") == 0;
}

int main(int argc, char **argv)
{
    options o = {.kernel = "gemm", .seed = 1, .count = 200};
    if (!parse(argc, argv, &o)) {
        return usage();
    }
    bool gemm = strcmp(o.kernel, "gemm") == 0;
    uint64_t failed = 0;
    for (uint64_t i = o.from; i < o.from + o.count; i++) {
        char shape[256];
        const char *wrong = (gemm ? engine_random_gemm : engine_random_vector)(o.seed, i, shape);
        if (wrong != NULL) {
            printf("%s: %s (hls_check --kernel %s --seed %llu --from %llu --count 1)\n", wrong,
                   shape, o.kernel, (unsigned long long)o.seed, (unsigned long long)i);
            failed++;
        } else if (o.verbose) {
            printf("exact: %s\n", shape);
        }
    }
    printf("%s: %llu of %llu shapes exact\n", o.kernel, (unsigned long long)(o.count - failed),
           (unsigned long long)o.count);
    return failed != 0;
}
