/* No allocation after the first inference: runs models on the CPU device and counts what the whole
 * process allocates, libraries included, while later inferences run.
 *
 *     allocations MODEL [NAME=1x3x32x32]... [MODEL ...]...
 *
 * The C library's allocation functions are replaced by ones that count. What oneDNN allocates inside
 * dnnl_primitive_execute, for its table of arguments, its caller cannot avoid: it is counted apart,
 * and must be freed again. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "davit/davit.h"

enum { MOST_PORTS = 8, RUNS = 5 };

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *pointer, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *pointer);

static atomic_bool counting;
static atomic_int executing; /* calls of dnnl_primitive_execute that run */
static atomic_size_t allocations, of_onednn;
static atomic_long live; /* allocated and not freed since counting began */

static void count(void)
{
    if (atomic_load(&counting)) {
        bool library = atomic_load(&executing) > 0;
        (void)atomic_fetch_add(library ? &of_onednn : &allocations, 1);
        (void)atomic_fetch_add(&live, 1);
    }
}

/* Libraries must find these, whatever the build hides. */
#pragma GCC visibility push(default)

void *malloc(size_t bytes)
{
    count();
    return __libc_malloc(bytes);
}

void *calloc(size_t elements, size_t bytes)
{
    count();
    return __libc_calloc(elements, bytes);
}

void *realloc(void *pointer, size_t bytes)
{
    count();
    if (pointer != NULL && atomic_load(&counting)) {
        (void)atomic_fetch_sub(&live, 1);
    }
    return __libc_realloc(pointer, bytes);
}

void *memalign(size_t alignment, size_t bytes)
{
    count();
    return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

int posix_memalign(void **pointer, size_t alignment, size_t bytes)
{
    *pointer = memalign(alignment, bytes);
    return *pointer != NULL ? 0 : 12;
}

void free(void *pointer)
{
    if (pointer != NULL && atomic_load(&counting)) {
        (void)atomic_fetch_sub(&live, 1);
    }
    __libc_free(pointer);
}

int dnnl_primitive_execute(void *primitive, void *stream, int argument_count,
                           const void *arguments)
{
    static void *_Atomic found;
    int (*next)(void *, void *, int, const void *);
    if (found == NULL) {
        found = dlsym(RTLD_NEXT, "dnnl_primitive_execute");
    }
    *(void **)&next = found;
    (void)atomic_fetch_add(&executing, 1);
    int status = next(primitive, stream, argument_count, arguments);
    (void)atomic_fetch_sub(&executing, 1);
    return status;
}

#pragma GCC visibility pop

/* That what libraries allocate is counted: strdup is in the C library. */
static void check_counting(void)
{
    atomic_store(&counting, true);
    char *copy = strdup("text");
    atomic_store(&counting, false);
    free(copy);
    atomic_store(&live, 0);
    if (atomic_exchange(&allocations, 0) != 1) {
        fprintf(stderr, "allocations are not counted\n");
        exit(1);
    }
}

static void check(davit_status status)
{
    if (status != DAVIT_OK) {
        exit(1);
    }
}

/* "x=1x3x32x32" */
static void read_shape(char *text, davit_named_shape *shape)
{
    char *at = strchr(text, '=');
    *at++ = '\0';
    *shape = (davit_named_shape){.name = text};
    for (;; at++) {
        shape->dims[shape->rank++] = strtoll(at, &at, 10);
        if (*at != 'x') {
            return;
        }
    }
}

/* RUNS inferences after two. */
static void measure(davit_session *session, const davit_named_tensor *inputs, size_t input_count,
                      davit_named_tensor *outputs, size_t output_count)
{
    for (int i = 0; i < RUNS + 2; i++) {
        atomic_store(&counting, i >= 2);
        check(davit_session_run(session, inputs, input_count, outputs, output_count));
    }
    atomic_store(&counting, false);
}

/* False when something is allocated, or kept. */
static bool try_model(davit_context *context, const char *path, const davit_named_shape *shapes,
                        size_t shape_count)
{
    davit_model *model;
    davit_session *session;
    davit_session_options options;
    davit_named_tensor inputs[MOST_PORTS], outputs[MOST_PORTS];
    davit_port port;
    davit_session_options_init(&options);
    options.shapes = shapes;
    options.shape_count = shape_count;
    options.devices = "cpu";
    options.strict = true;
    options.threads = 2;
    check(davit_model_load(context, path, &model));
    check(davit_session_create(model, &options, &session));
    size_t input_count = davit_model_input_count(model);
    size_t output_count = davit_model_output_count(model);
    for (size_t i = 0; i < input_count; i++) {
        const davit_tensor_desc *desc = davit_session_input_desc(session, i);
        check(davit_model_input(model, i, &port));
        inputs[i].name = port.name;
        check(davit_tensor_create(davit_allocator_default(), desc->dtype, desc->rank, desc->dims,
                                  &inputs[i].tensor));
    }
    for (size_t i = 0; i < output_count; i++) {
        check(davit_model_output(model, i, &port));
        outputs[i] = (davit_named_tensor){.name = port.name};
    }
    measure(session, inputs, input_count, outputs, output_count);
    size_t own = atomic_exchange(&allocations, 0);
    long kept = atomic_exchange(&live, 0);
    printf("%s: %zu allocations in %d inferences (%zu by oneDNN for itself), %ld kept\n", path, own,
           RUNS, atomic_exchange(&of_onednn, 0), kept);
    for (size_t i = 0; i < input_count; i++) {
        davit_tensor_destroy(inputs[i].tensor);
    }
    for (size_t i = 0; i < output_count; i++) {
        davit_tensor_destroy(outputs[i].tensor);
    }
    davit_session_destroy(session);
    davit_model_destroy(model);
    return own == 0 && kept == 0;
}

int main(int argc, char **argv)
{
    const davit_context_options options = {.diag = davit_diagnostics_stderr(DAVIT_WARNING)};
    davit_context *context;
    bool good = true;
    check_counting();
    check(davit_context_create(&options, &context));
    for (int i = 1; i < argc;) {
        davit_named_shape shapes[MOST_PORTS];
        size_t shape_count = 0;
        const char *path = argv[i++];
        while (i < argc && strchr(argv[i], '=') != NULL && shape_count < MOST_PORTS) {
            read_shape(argv[i++], &shapes[shape_count++]);
        }
        good = try_model(context, path, shapes, shape_count) && good;
    }
    davit_context_destroy(context);
    return good ? 0 : 1;
}
