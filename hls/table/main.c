/* davit-engine-table: what each layer of a network takes on the FPGA engine, by the cycle model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "davit/cycle_model.h"
#include "davit/graphs.h"
#include "float_unit.h"

/* Sums over the layers of one kernel. */
typedef struct sum {
    double cycles, macs;
    int layers;
} sum;

static int usage(FILE *to)
{
    fprintf(
        to,
        "usage: davit-engine-table MODEL.onnx [--shape NAME=1x3x224x224] [--engine u250]\n"
        "One line for each layer that the FPGA engine (u250, u280, u55c) runs: its product of\n"
        "M x K by K x N, cycles, ms, GOP/s and the share of the array's peak, by the closed-form\n"
        "model. A network in f32 is counted as if it were quantised.\n");
    return 2;
}

static const davit_engine *engine_named(const char *name)
{
    static const davit_engine *const engines[] = {&davit_engine_u250, &davit_engine_u280,
                                                  &davit_engine_u55c};
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        if (strcmp(engines[i]->name, name) == 0) {
            return engines[i];
        }
    }
    return NULL;
}

/* NAME=1x3x224x224; the name is cut off in place. */
static bool parse_shape(char *text, davit_named_shape *out)
{
    char *at = strrchr(text, '=');
    if (at == NULL) {
        return false;
    }
    *at = '\0';
    out->name = text;
    out->rank = 0;
    do {
        char *end;
        at++;
        long long dim = strtoll(at, &end, 10);
        if (end == at || dim <= 0 || out->rank == DAVIT_MAX_RANK || (*end != 'x' && *end != '\0')) {
            return false;
        }
        out->dims[out->rank++] = dim;
        at = end;
    } while (*at == 'x');
    return true;
}

static const char *call_of(const davit_graph *graph, const davit_unit *unit,
                           const davit_gemm_geometry *geometry, davit_engine_call *out)
{
    const char *why = davit_engine_unit(graph, unit, geometry, out);
    if (why == NULL || graph->integer_count > 0) {
        return why;
    }
    return davit_float_unit(graph, unit, geometry, out);
}

static void print_line(const davit_engine *engine, const char *name, const char *shape,
                       const davit_cycles *c)
{
    double seconds = davit_engine_seconds(engine, c->total);
    printf("%-34.34s %-22s %10.0f %8.4f %8.1f %6.1f%%\n", name, shape, c->total, seconds * 1e3,
           2 * c->macs / seconds / 1e9, 100 * c->macs / c->total / davit_engine_peak(engine));
}

/* Prints a gemm_s8 layer and adds it. */
static void add_gemm(const davit_engine *engine, const davit_unit *unit, const davit_gemm_shape *s,
                     sum *total)
{
    davit_cycles cycles;
    char shape[64];
    if (davit_gemm_cycles(engine, s, &cycles) != NULL) {
        return;
    }
    snprintf(shape, sizeof(shape), "%ux%ux%u%s", s->images * s->out_h * s->out_w, s->columns,
             s->channels * s->kernel_h * s->kernel_w, s->residual ? "+" : "");
    print_line(engine, unit->name, shape, &cycles);
    total->cycles += cycles.total;
    total->macs += cycles.macs;
    total->layers++;
}

static void add_vector(const davit_engine *engine, const davit_unit *unit,
                       const davit_vector_shape *s, sum *total)
{
    static const char *const names[] = {"depthwise", "maximum", "average", "add"};
    davit_cycles cycles;
    char shape[64];
    if (davit_vector_cycles(engine, s, &cycles) != NULL) {
        return;
    }
    snprintf(shape, sizeof(shape), "%s %ux%u %ux%ux%u", names[s->kind], s->kernel_h, s->kernel_w,
             s->out_h, s->out_w, s->channels);
    print_line(engine, unit->name, shape, &cycles);
    total->cycles += cycles.total;
    total->macs += cycles.macs;
    total->layers++;
}

static void print_sum(const davit_engine *engine, const char *what, const sum *s)
{
    if (s->layers == 0) {
        return;
    }
    char layers[32];
    snprintf(layers, sizeof(layers), "%d layers", s->layers);
    print_line(engine, what, layers, &(davit_cycles){.total = s->cycles, .macs = s->macs});
}

static void print_table(const davit_graph *graph, const davit_engine *engine)
{
    sum convolutions = {0}, products = {0}, vectors = {0};
    int elsewhere = 0;
    printf("%-34s %-22s %10s %8s %8s %7s\n", "layer", "MxNxK (+ residual)", "cycles", "ms", "GOP/s",
           "share");
    for (size_t u = 0; u < graph->unit_count; u++) {
        const davit_unit *unit = &graph->units[u];
        davit_engine_call call;
        const char *why = call_of(graph, unit, &engine->gemm, &call);
        if (why != NULL) {
            elsewhere++;
            if (why[0] != '\0') {
                printf("%-34.34s not on the engine: %s\n", unit->name, why);
            }
        } else if (call.vector) {
            add_vector(engine, unit, &call.vector_shape, &vectors);
        } else {
            bool matrix = unit->kind == DAVIT_UNIT_GEMM ||
                          graph->nodes[unit->anchor].op->op == DAVIT_OP_IntegerMatMul;
            add_gemm(engine, unit, &call.gemm_shape, matrix ? &products : &convolutions);
        }
    }
    sum all = {convolutions.cycles + products.cycles + vectors.cycles,
               convolutions.macs + products.macs + vectors.macs,
               convolutions.layers + products.layers + vectors.layers};
    print_sum(engine, "all convolutions on gemm_s8", &convolutions);
    print_sum(engine, "all matrix products", &products);
    print_sum(engine, "all layers on vector_s8", &vectors);
    print_sum(engine, "all", &all);
    printf("%s: %.0f MHz, %.0f MAC per cycle, %.1f GB/s, %u DSP slices; %d other units\n",
           engine->name, engine->clock_hz / 1e6, davit_engine_peak(engine),
           engine->bytes_per_second / 1e9, engine->dsp, elsewhere);
}

static int run(const char *path, const davit_named_shape *shape, const davit_engine *engine)
{
    davit_context *context = NULL;
    davit_model *model = NULL;
    davit_session *session = NULL;
    davit_session_options options;
    davit_session_options_init(&options);
    options.shapes = shape;
    options.shape_count = shape != NULL ? 1 : 0;
    options.devices = "reference"; /* cheap to build, and runs everything */
    const davit_context_options reports = {.diag = davit_diagnostics_stderr(DAVIT_WARNING)};
    davit_status status = davit_context_create(&reports, &context);
    if (status == DAVIT_OK) {
        status = davit_model_load(context, path, &model);
    }
    if (status == DAVIT_OK) {
        status = davit_session_create(model, &options, &session);
    }
    if (status == DAVIT_OK) {
        print_table(davit_session_graph(session), engine);
    }
    davit_session_destroy(session);
    davit_model_destroy(model);
    davit_context_destroy(context);
    return status == DAVIT_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    const davit_engine *engine = &davit_engine_u250;
    const char *path = NULL;
    davit_named_shape shape;
    bool shaped = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            (void)usage(stdout);
            return 0;
        }
        if (strcmp(argv[i], "--shape") == 0 && i + 1 < argc) {
            shaped = parse_shape(argv[++i], &shape);
            if (!shaped) {
                fprintf(stderr, "davit-engine-table: a shape is NAME=1x3x224x224\n");
                return 2;
            }
        } else if (strcmp(argv[i], "--engine") == 0 && i + 1 < argc) {
            engine = engine_named(argv[++i]);
            if (engine == NULL) {
                fprintf(stderr, "davit-engine-table: no engine '%s': u250, u280, u55c\n", argv[i]);
                return 2;
            }
        } else if (argv[i][0] == '-' || path != NULL) {
            return usage(stderr);
        } else {
            path = argv[i];
        }
    }
    return path == NULL ? usage(stderr) : run(path, shaped ? &shape : NULL, engine);
}
