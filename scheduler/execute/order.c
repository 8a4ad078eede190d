/* Which tasks wait for which. */
#include "schedule.h"

typedef struct edge {
    size_t to;
    struct edge *next;
} edge;

typedef struct ordering {
    davit_arena *arena;
    davit_schedule *schedule;
    edge **edges; /* by task that is waited for */
} ordering;

static davit_status add_edge(const ordering *o, size_t from, size_t to)
{
    if (from == to || from == DAVIT_NO_INDEX || to == DAVIT_NO_INDEX) {
        return DAVIT_OK;
    }
    for (const edge *e = o->edges[from]; e != NULL; e = e->next) {
        if (e->to == to) {
            return DAVIT_OK;
        }
    }
    edge *added = davit_arena_alloc(o->arena, sizeof(*added));
    if (added == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    *added = (edge){.to = to, .next = o->edges[from]};
    o->edges[from] = added;
    o->schedule->tasks[from].after_count++;
    o->schedule->tasks[to].before_count++;
    return DAVIT_OK;
}

static davit_status order_readers(const ordering *o, const davit_copy_use *uses)
{
    davit_status status = DAVIT_OK;
    for (const davit_copy_use *r = uses->next; status == DAVIT_OK && r != NULL; r = r->next) {
        status = add_edge(o, uses->task, r->task);
    }
    return status;
}

bool davit_copy_replaces(const davit_value_copy *a, const davit_value_copy *b)
{
    return a->device == b->device && a->last < b->first &&
           a->offset_bytes < b->offset_bytes + b->bytes &&
           b->offset_bytes < a->offset_bytes + a->bytes;
}

static davit_status order_users(const ordering *o, const davit_copy_use *before, size_t writer)
{
    davit_status status = DAVIT_OK;
    for (const davit_copy_use *u = before; status == DAVIT_OK && u != NULL; u = u->next) {
        status = add_edge(o, u->task, writer);
    }
    return status;
}

/* The programs of a device run in the order that the plan has them in: one that is ready early does
 * not delay one that others wait for. */
static davit_status order_programs(const ordering *o, size_t device_count)
{
    davit_status status = DAVIT_OK;
    size_t *last = davit_arena_alloc_array(o->arena, device_count, sizeof(*last));
    if (last == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    for (size_t t = 0; status == DAVIT_OK && t < o->schedule->task_count; t++) {
        const davit_task *task = &o->schedule->tasks[t];
        if (task->kind == DAVIT_TASK_RUN) {
            status = last[task->device] > 0 ? add_edge(o, last[task->device] - 1, t) : DAVIT_OK;
            last[task->device] = t + 1;
        }
    }
    return status;
}

static davit_status list_edges(const ordering *o)
{
    for (size_t t = 0; t < o->schedule->task_count; t++) {
        davit_task *task = &o->schedule->tasks[t];
        task->after = davit_arena_alloc_array(o->arena, task->after_count, sizeof(size_t));
        if (task->after == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
        size_t i = 0;
        for (const edge *e = o->edges[t]; e != NULL; e = e->next) {
            task->after[i++] = e->to;
        }
    }
    return DAVIT_OK;
}

davit_status davit_schedule_order(davit_arena *arena, size_t device_count,
                                  const davit_copy_use *const *uses, davit_schedule *schedule)
{
    const ordering o = {.arena = arena,
                        .schedule = schedule,
                        .edges =
                            davit_arena_alloc_array(arena, schedule->task_count, sizeof(edge *))};
    davit_status status = o.edges != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    for (size_t c = 0; status == DAVIT_OK && c < schedule->copy_count; c++) {
        status = order_readers(&o, uses[c]);
        for (size_t b = 0; status == DAVIT_OK && b < schedule->copy_count; b++) {
            if (davit_copy_replaces(&schedule->copies[c], &schedule->copies[b])) {
                status = order_users(&o, uses[c], uses[b]->task);
            }
        }
    }
    if (status == DAVIT_OK) {
        status = order_programs(&o, device_count);
    }
    return status == DAVIT_OK ? list_edges(&o) : status;
}
