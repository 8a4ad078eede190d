/* Runs an ONNX model many times, several inferences at once, and takes the results in order.
 *
 *     pipeline MODEL.onnx [COUNT]
 *
 * Each inference has a deadline of a second, and every tenth is cancelled as soon as it was
 * submitted: a camera that drops pictures would do so. Inputs are zeros. */
#include <davit/davit.h>

#include <stdio.h>
#include <stdlib.h>

#define IN_FLIGHT 4
#define DEADLINE_NS 1000000000u

/* The memory of one inference in flight. */
typedef struct slot {
    davit_named_tensor *inputs, *outputs;
    davit_request *request; /* NULL: free */
} slot;

typedef struct pipeline {
    davit_model *model;
    davit_session *session;
    size_t input_count, output_count;
    slot slots[IN_FLIGHT];
    size_t done, cancelled, late;
} pipeline;

static davit_status make_tensor(const davit_tensor_desc *desc, davit_tensor **out)
{
    return davit_tensor_create(davit_allocator_default(), desc->dtype, desc->rank, desc->dims, out);
}

/* Made once and used again: then nothing is allocated while inferences run. */
static davit_status make_slot(const pipeline *p, slot *s)
{
    s->inputs = calloc(p->input_count + 1, sizeof(*s->inputs));
    s->outputs = calloc(p->output_count + 1, sizeof(*s->outputs));
    davit_status status = s->inputs != NULL && s->outputs != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    davit_port port;
    for (size_t i = 0; status == DAVIT_OK && i < p->input_count; i++) {
        status = davit_model_input(p->model, i, &port);
        s->inputs[i].name = port.name;
        if (status == DAVIT_OK) {
            status = make_tensor(davit_session_input_desc(p->session, i), &s->inputs[i].tensor);
        }
    }
    for (size_t i = 0; status == DAVIT_OK && i < p->output_count; i++) {
        status = davit_model_output(p->model, i, &port);
        s->outputs[i].name = port.name;
        if (status == DAVIT_OK) {
            status = make_tensor(davit_session_output_desc(p->session, i), &s->outputs[i].tensor);
        }
    }
    return status;
}

static void clear_slot(const pipeline *p, slot *s)
{
    for (size_t i = 0; s->inputs != NULL && i < p->input_count; i++) {
        davit_tensor_destroy(s->inputs[i].tensor);
    }
    for (size_t i = 0; s->outputs != NULL && i < p->output_count; i++) {
        davit_tensor_destroy(s->outputs[i].tensor);
    }
    free(s->inputs);
    free(s->outputs);
}

/* A thread with something else to do would do it here, between polls. */
static davit_status finish(pipeline *p, slot *s)
{
    while (!davit_request_poll(s->request, 1000000)) {
    }
    davit_status status = davit_request_wait(s->request);
    davit_request_release(s->request);
    s->request = NULL;
    p->done += status == DAVIT_OK;
    p->cancelled += status == DAVIT_CANCELLED;
    p->late += status == DAVIT_DEADLINE_EXCEEDED;
    return status == DAVIT_CANCELLED || status == DAVIT_DEADLINE_EXCEEDED ? DAVIT_OK : status;
}

static davit_status submit(const pipeline *p, slot *s, bool cancel)
{
    davit_status status = davit_session_submit(p->session, s->inputs, p->input_count, s->outputs,
                                               p->output_count, DEADLINE_NS, &s->request);
    if (status == DAVIT_OK && cancel) {
        davit_request_cancel(s->request);
    }
    return status;
}

/* Slots are used in turn: the one needed next is that of the oldest inference. */
static davit_status run(pipeline *p, size_t count)
{
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < count; i++) {
        slot *s = &p->slots[i % IN_FLIGHT];
        if (s->request != NULL) {
            status = finish(p, s);
        }
        if (status == DAVIT_OK) {
            status = submit(p, s, i % 10 == 9);
        }
    }
    for (size_t i = count; i < count + IN_FLIGHT; i++) {
        slot *s = &p->slots[i % IN_FLIGHT];
        davit_status last = s->request != NULL ? finish(p, s) : DAVIT_OK;
        status = status == DAVIT_OK ? last : status;
    }
    return status;
}

static davit_status open_session(davit_context *context, const char *path, pipeline *p)
{
    davit_status status = davit_model_load(context, path, &p->model);
    if (status != DAVIT_OK) {
        return status;
    }
    p->input_count = davit_model_input_count(p->model);
    p->output_count = davit_model_output_count(p->model);
    davit_session_options options;
    davit_session_options_init(&options);
    options.objective = DAVIT_OBJECTIVE_THROUGHPUT;
    options.in_flight = IN_FLIGHT;
    status = davit_session_create(p->model, &options, &p->session);
    for (size_t i = 0; status == DAVIT_OK && i < IN_FLIGHT; i++) {
        status = make_slot(p, &p->slots[i]);
    }
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s MODEL.onnx [COUNT]\n", argv[0]);
        return 2;
    }
    /* Cancelled and late inferences are expected, and counted here: no line for each. */
    davit_context *context;
    pipeline p = {.model = NULL};
    davit_status status = davit_context_create(NULL, &context);
    if (status == DAVIT_OK) {
        status = open_session(context, argv[1], &p);
    }
    if (status == DAVIT_OK) {
        status = run(&p, argc > 2 ? strtoul(argv[2], NULL, 10) : 100);
    }
    if (status == DAVIT_OK) {
        printf("%zu done, %zu cancelled, %zu late\n", p.done, p.cancelled, p.late);
    } else {
        fprintf(stderr, "pipeline: %s: %s\n", argv[1], davit_status_text(status));
    }
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        clear_slot(&p, &p.slots[i]);
    }
    davit_session_destroy(p.session);
    davit_model_destroy(p.model);
    davit_context_destroy(context);
    return status == DAVIT_OK ? 0 : 1;
}
