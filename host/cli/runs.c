#include "runs.h"

#include <stdlib.h>
#include <string.h>

#include "davit/execute.h"

enum { MOST_UNIT_RUNS = 1024 };

/* The place of one inference in flight. */
typedef struct slot {
    davit_named_tensor *outputs;
    davit_request *request; /* NULL: free */
} slot;

typedef struct stream {
    cli_session *session;
    cli_recorded *recorded;
    cli_runs *runs;
    size_t repeat;
    size_t events; /* of the session, when the runs of `runs` began */
    size_t slot_count;
    slot *slots;
} stream;

static davit_status out_of_memory(const cli_session *session)
{
    return davit_fail(session->diag, DAVIT_OUT_OF_MEMORY, "out of memory for runs");
}

/* ---- what is kept of a run ---- */

/* Forgets runs with another plan, and that in which the plan changed. */
static bool is_of_present_plan(stream *s)
{
    size_t events = davit_session_event_count(s->session->session);
    bool same = events == s->events;
    s->events = events;
    if (!same) {
        s->runs->count = 0;
        if (s->recorded != NULL) {
            cli_recorded_clear(s->recorded);
            cli_recorded_init(s->session, s->recorded);
        }
    }
    return same;
}

static davit_status keep(stream *s, bool is_last)
{
    cli_runs *runs = s->runs;
    if (!is_of_present_plan(s) && !is_last) {
        return DAVIT_OK;
    }
    const davit_run_record *record = davit_session_last_run(s->session->session);
    size_t index = runs->count++;
    runs->total_ns[index] = record->total_ns;
    runs->copies_ns[index] = record->transfer_ns;
    for (size_t u = 0; u < runs->units; u++) {
        runs->unit_ns[u * runs->unit_count + index % runs->unit_count] = record->unit_ns[u];
    }
    return s->recorded != NULL ? cli_recorded_keep(s->session, index, s->recorded) : DAVIT_OK;
}

/* Brings the samples of units together where fewer runs were kept than wanted. */
static void close_up(cli_runs *runs)
{
    if (runs->count < runs->unit_count) {
        for (size_t u = 0; u < runs->units; u++) {
            memmove(runs->unit_ns + u * runs->count, runs->unit_ns + u * runs->unit_count,
                    runs->count * sizeof(*runs->unit_ns));
        }
        runs->unit_count = runs->count;
    }
}

/* ---- running ---- */

/* One after the other they run as those of a caller who wants nothing else: to the end. */
static davit_status begin(const stream *s, slot *place)
{
    cli_session *session = s->session;
    if (s->slot_count == 1) {
        return cli_session_run(session);
    }
    return davit_session_submit(session->session, session->inputs.tensors, session->inputs.count,
                                place->outputs, session->output_count, 0, &place->request);
}

static davit_status end(slot *place)
{
    if (place->request == NULL) {
        return DAVIT_OK;
    }
    davit_status status = davit_request_wait(place->request);
    davit_request_release(place->request);
    place->request = NULL;
    return status;
}

/* Ends what is in flight after a failure, without a word. */
static void abandon(const stream *s)
{
    for (size_t i = 0; i < s->slot_count; i++) {
        if (s->slots[i].request != NULL) {
            davit_request_release(s->slots[i].request);
            s->slots[i].request = NULL;
        }
    }
}

/* The slots are used in turn: each is free when the run `slot_count` before has ended. */
static davit_status run_all(stream *s, size_t count, bool measured)
{
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < count + s->slot_count; i++) {
        slot *place = &s->slots[i % s->slot_count];
        if (i >= s->slot_count && i - s->slot_count < count) {
            status = end(place);
            if (status == DAVIT_OK && measured) {
                status = keep(s, i - s->slot_count + 1 == count);
            }
        }
        if (status == DAVIT_OK && i < count) {
            status = begin(s, place);
        }
    }
    abandon(s);
    return status;
}

static davit_status run_stream(stream *s, size_t warmup)
{
    davit_status status = run_all(s, warmup, false);
    s->events = davit_session_event_count(s->session->session);
    uint64_t begin_ns = davit_clock_ns();
    if (status == DAVIT_OK) {
        status = run_all(s, s->repeat, true);
    }
    uint64_t elapsed_ns = davit_clock_ns() - begin_ns;
    s->runs->per_second = elapsed_ns > 0 ? (double)s->repeat * 1e9 / (double)elapsed_ns : 0;
    close_up(s->runs);
    return status;
}

/* ---- memory ---- */

static davit_status alloc_runs(const stream *s, size_t in_flight)
{
    cli_runs *runs = s->runs;
    size_t units = davit_session_unit_count(s->session->session);
    *runs = (cli_runs){.units = units,
                       .unit_count = s->repeat < MOST_UNIT_RUNS ? s->repeat : MOST_UNIT_RUNS,
                       .in_flight = in_flight};
    runs->total_ns = calloc(s->repeat, sizeof(*runs->total_ns));
    runs->copies_ns = calloc(s->repeat, sizeof(*runs->copies_ns));
    runs->unit_ns = calloc(units + 1, runs->unit_count * sizeof(*runs->unit_ns));
    return runs->total_ns != NULL && runs->copies_ns != NULL && runs->unit_ns != NULL
               ? DAVIT_OK
               : out_of_memory(s->session);
}

/* The first has the session's own outputs. */
static davit_status alloc_slots(stream *s, size_t count)
{
    const cli_session *session = s->session;
    s->slots = calloc(count, sizeof(*s->slots));
    if (s->slots == NULL) {
        return out_of_memory(session);
    }
    s->slot_count = count;
    s->slots[0].outputs = session->outputs;
    for (size_t i = 1; i < count; i++) {
        s->slots[i].outputs = calloc(session->output_count + 1, sizeof(davit_named_tensor));
        if (s->slots[i].outputs == NULL) {
            return out_of_memory(session);
        }
        for (size_t k = 0; k < session->output_count; k++) {
            s->slots[i].outputs[k].name = session->outputs[k].name;
        }
    }
    return DAVIT_OK;
}

davit_status cli_runs_take(cli_session *session, size_t warmup, size_t repeat, size_t in_flight,
                           cli_recorded *recorded, cli_runs *out)
{
    stream s = {.session = session, .recorded = recorded, .runs = out, .repeat = repeat};
    davit_status status = alloc_runs(&s, in_flight);
    if (status == DAVIT_OK) {
        status = alloc_slots(&s, in_flight < repeat ? in_flight : repeat);
    }
    if (status == DAVIT_OK) {
        status = run_stream(&s, warmup);
    }
    for (size_t i = 1; i < s.slot_count; i++) {
        cli_outputs_free(s.slots[i].outputs, session->output_count);
    }
    free(s.slots);
    return status;
}

void cli_runs_clear(cli_runs *runs)
{
    free(runs->total_ns);
    free(runs->copies_ns);
    free(runs->unit_ns);
    memset(runs, 0, sizeof(*runs));
}
