/* Runs inferences of one engine on command.
 *
 *     driver MODEL THREADS [-i NAME=f32|i64:1x3x224x224:FILE]... [-s SYMBOL=VALUE]...
 *
 * Prints "ready NS" after the first inference (NS: CLOCK_MONOTONIC), then answers each line of its
 * input with one line: "run N" with N times in nanoseconds, "memory" with the peak resident set in
 * bytes, "version" with the engine's, "outputs PREFIX" with "ok" after writing PREFIX.0, PREFIX.1
 * ... (f32). */
#include "driver.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("error: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* NAME=TYPE:DIMS:FILE; takes the text apart. */
static void read_input(char *text, input *in)
{
    char *type = strrchr(text, '=');
    char *dims = type != NULL ? strchr(type, ':') : NULL;
    char *path = dims != NULL ? strchr(dims + 1, ':') : NULL;
    if (path == NULL) {
        fail("input %s: NAME=TYPE:DIMS:FILE is expected", text);
    }
    *type++ = *dims++ = *path++ = '\0';
    in->name = text;
    in->is_i64 = strcmp(type, "i64") == 0;
    in->bytes = in->is_i64 ? 8 : 4;
    for (char *c = dims; in->rank < MOST_RANK; c++) {
        in->dims[in->rank] = strtoll(c, &c, 10);
        in->bytes *= (size_t)in->dims[in->rank++];
        if (*c != 'x') {
            break;
        }
    }
    in->data = aligned_alloc(64, (in->bytes + 63) / 64 * 64);
    FILE *file = fopen(path, "rb");
    if (file == NULL || in->data == NULL || fread(in->data, 1, in->bytes, file) != in->bytes) {
        fail("input %s: %s has not the %zu bytes of its shape", in->name, path, in->bytes);
    }
    fclose(file);
}

static void read_dimension(char *text, dimension *out)
{
    char *value = strrchr(text, '=');
    if (value == NULL) {
        fail("dimension %s: SYMBOL=VALUE is expected", text);
    }
    *value++ = '\0';
    *out = (dimension){.symbol = text, .value = strtoll(value, NULL, 10)};
}

static void read_arguments(int argc, char **argv, problem *p)
{
    if (argc < 3) {
        fail("usage: %s MODEL THREADS [-i NAME=TYPE:DIMS:FILE]... [-s SYMBOL=VALUE]...", argv[0]);
    }
    p->model = argv[1];
    p->threads = atoi(argv[2]);
    for (int i = 3; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "-i") == 0 && p->input_count < MOST_INPUTS) {
            read_input(argv[i + 1], &p->inputs[p->input_count++]);
        } else if (strcmp(argv[i], "-s") == 0 && p->dimension_count < MOST_INPUTS * MOST_RANK) {
            read_dimension(argv[i + 1], &p->dimensions[p->dimension_count++]);
        } else {
            fail("%s: unexpected", argv[i]);
        }
    }
}

static void run(long count)
{
    int64_t *times = calloc((size_t)count + 1, sizeof(*times));
    if (times == NULL) {
        fail("out of memory");
    }
    for (long i = 0; i < count; i++) {
        int64_t start = now_ns();
        engine_run();
        times[i] = now_ns() - start;
    }
    for (long i = 0; i < count; i++) {
        printf("%" PRId64 "%c", times[i], i + 1 < count ? ' ' : '\n');
    }
    free(times);
}

static void print_peak_memory(void)
{
    char line[256];
    long long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "VmHWM: %lld kB", &kilobytes) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    printf("%lld\n", kilobytes * 1024);
}

static void write_outputs(const char *prefix)
{
    for (size_t i = 0; i < engine_output_count(); i++) {
        char path[4200];
        size_t count;
        const float *values = engine_output(i, &count);
        snprintf(path, sizeof(path), "%.4100s.%zu", prefix, i);
        FILE *file = fopen(path, "wb");
        if (file == NULL || fwrite(values, sizeof(*values), count, file) != count ||
            fclose(file) != 0) {
            fail("%s: cannot be written", path);
        }
    }
    printf("ok\n");
}

int main(int argc, char **argv)
{
    static problem p;
    char line[4096];
    read_arguments(argc, argv, &p);
    engine_open(&p);
    engine_run();
    printf("ready %" PRId64 "\n", now_ns());
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "run ", 4) == 0) {
            run(atol(line + 4));
        } else if (strncmp(line, "outputs ", 8) == 0) {
            write_outputs(line + 8);
        } else if (strcmp(line, "memory") == 0) {
            print_peak_memory();
        } else if (strcmp(line, "version") == 0) {
            printf("%s\n", engine_version());
        } else {
            fail("unknown command: %s", line);
        }
        fflush(stdout);
    }
    return 0;
}
