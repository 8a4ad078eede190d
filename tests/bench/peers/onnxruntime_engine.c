/* ONNX Runtime on the CPU: all graph optimisations, its own way of waiting (spinning), open
 * dimensions fixed.
 *
 * The wheel has the library without its header. OrtGetApiBase()->GetApi(version) gives a table of
 * functions whose order never changes (a released entry keeps its place); here are the places of
 * the few that are needed. All but the Release functions and GetErrorMessage return NULL or a
 * status. */
#include <stdlib.h>
#include <string.h>

#include "driver.h"

typedef void (*function)(void);

typedef struct api_base {
    const function *(*get_api)(uint32_t version);
    const char *(*version)(void);
} api_base;
const api_base *OrtGetApiBase(void);

enum {
    API_VERSION = 17,
    GET_ERROR_MESSAGE = 2,
    CREATE_ENV = 3,
    CREATE_SESSION = 7,
    RUN = 9,
    CREATE_SESSION_OPTIONS = 10,
    SET_GRAPH_OPTIMIZATION_LEVEL = 23,
    SET_INTRA_OP_THREADS = 24,
    SET_INTER_OP_THREADS = 25,
    SESSION_OUTPUT_COUNT = 31,
    SESSION_OUTPUT_NAME = 37,
    CREATE_TENSOR_WITH_DATA = 49,
    TENSOR_DATA = 51,
    SHAPE_ELEMENT_COUNT = 64,
    TENSOR_SHAPE = 65,
    CREATE_CPU_MEMORY_INFO = 69,
    DEFAULT_ALLOCATOR = 78,
    SET_DIMENSION_BY_NAME = 124
};
enum { LOG_ERRORS = 3, OPTIMIZE_ALL = 99, ARENA = 1, MEMORY_DEFAULT = 0, F32 = 1, I64 = 7 };

typedef void *(*run_function)(void *, const void *, const char *const *, void *const *, size_t,
                              const char *const *, size_t, void **);

static const function *api;
static void *session;
static const char *input_names[MOST_INPUTS], *output_names[MOST_INPUTS];
static void *inputs[MOST_INPUTS], *outputs[MOST_INPUTS];
static size_t input_count, output_count;

static void check(void *status)
{
    if (status != NULL) {
        const char *(*message)(const void *) =
            (const char *(*)(const void *))api[GET_ERROR_MESSAGE];
        fail("onnxruntime: %s", message(status));
    }
}

/* Function `place` of the table, of the given parameter types. */
#define CALL(place, ...) ((void *(*)(__VA_ARGS__))api[place])

static void *make_options(const problem *p)
{
    void *options;
    check(CALL(CREATE_SESSION_OPTIONS, void **)(&options));
    check(CALL(SET_GRAPH_OPTIMIZATION_LEVEL, void *, int)(options, OPTIMIZE_ALL));
    check(CALL(SET_INTRA_OP_THREADS, void *, int)(options, p->threads));
    check(CALL(SET_INTER_OP_THREADS, void *, int)(options, 1));
    for (size_t i = 0; i < p->dimension_count; i++) {
        check(CALL(SET_DIMENSION_BY_NAME, void *, const char *, int64_t)(
            options, p->dimensions[i].symbol, p->dimensions[i].value));
    }
    return options;
}

void engine_open(const problem *p)
{
    void *environment, *memory, *allocator;
    api = OrtGetApiBase()->get_api(API_VERSION);
    if (api == NULL) {
        fail("onnxruntime %s has no API of version %d", OrtGetApiBase()->version(), API_VERSION);
    }
    check(CALL(CREATE_ENV, int, const char *, void **)(LOG_ERRORS, "peers", &environment));
    check(CALL(CREATE_SESSION, void *, const char *, void *, void **)(environment, p->model,
                                                                      make_options(p), &session));
    check(CALL(CREATE_CPU_MEMORY_INFO, int, int, void **)(ARENA, MEMORY_DEFAULT, &memory));
    check(CALL(DEFAULT_ALLOCATOR, void **)(&allocator));
    check(CALL(SESSION_OUTPUT_COUNT, void *, size_t *)(session, &output_count));
    input_count = p->input_count;
    for (size_t i = 0; i < input_count; i++) {
        const input *in = &p->inputs[i];
        input_names[i] = in->name;
        check(CALL(CREATE_TENSOR_WITH_DATA, void *, void *, size_t, const int64_t *, size_t, int,
                   void **)(memory, in->data, in->bytes, in->dims, (size_t)in->rank,
                            in->is_i64 ? I64 : F32, &inputs[i]));
    }
    for (size_t i = 0; i < output_count; i++) {
        check(CALL(SESSION_OUTPUT_NAME, void *, size_t, void *, const char **)(
            session, i, allocator, &output_names[i]));
    }
}

void engine_run(void)
{
    check(((run_function)api[RUN])(session, NULL, input_names, inputs, input_count, output_names,
                                   output_count, outputs));
}

const char *engine_version(void)
{
    return OrtGetApiBase()->version();
}

size_t engine_output_count(void)
{
    return output_count;
}

const float *engine_output(size_t index, size_t *count)
{
    void *shape;
    float *values;
    check(CALL(TENSOR_SHAPE, void *, void **)(outputs[index], &shape));
    check(CALL(SHAPE_ELEMENT_COUNT, void *, size_t *)(shape, count));
    check(CALL(TENSOR_DATA, void *, float **)(outputs[index], &values));
    return values;
}
