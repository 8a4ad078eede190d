/* The schedule of a plan: what stages exchange, in which layout, and where it lies. */
#include <stdio.h>

#include "fixture.h"
#include "scheduler/execute/schedule.h"

static const davit_access all_mappable[4] = {
    {true, true}, {true, true}, {true, true}, {true, true}};
static const davit_access one_hidden[4] = {
    {true, true}, {false, false}, {true, true}, {true, true}};

static davit_plan *schedule(fixture *f, davit_arena *arena, const char *const *pins,
                            size_t pin_count, const davit_access *access, size_t own_bytes,
                            davit_schedule *out)
{
    davit_plan *plan = fixture_plan(f, pins, pin_count);
    davit_arena_init(arena, f->allocator);
    assert_int_equal(davit_schedule_stages(arena, f->graph, plan, 0, NULL, out), DAVIT_OK);
    assert_int_equal(davit_schedule_memory(arena, f->graph, plan, access, own_bytes, out),
                     DAVIT_OK);
    return plan;
}

/* x -> n0 -> n1 -> ... of 1x2x2x3 each. */
static void build_line(fixture *f, int length)
{
    const int64_t dims[] = {1, 2, 2, 3};
    davit_value_id value = fixture_input(f, "x", 4, dims);
    for (int i = 0; i < length; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        value = fixture_node(f, DAVIT_OP_Relu, name, value, DAVIT_NONE);
    }
    fixture_output(f, value);
    fixture_finish(f);
    fixture_add_device(f, "reference");
    fixture_add_device(f, "null");
}

static bool channels_last(const davit_program_io *io)
{
    return !davit_tensor_desc_is_dense(&io->desc);
}

static void layouts_follow_one_rule(void **state)
{
    fixture *f = *state;
    build_line(f, 3);
    const char *const pins[] = {"n1=null"};
    davit_arena arena;
    davit_schedule s;
    davit_plan *plan = schedule(f, &arena, pins, 1, all_mappable, 0, &s);
    assert_int_equal(s.stage_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(s.stages[i].unit_count, 1);
        assert_int_equal(s.stages[i].input_count, 1);
        assert_int_equal(s.stages[i].output_count, 1);
        assert_int_equal(channels_last(&s.stages[i].inputs[0]), i > 0);
        assert_int_equal(channels_last(&s.stages[i].outputs[0]), i < 2);
    }
    davit_arena_clear(&arena);
    davit_plan_destroy(plan);
}

/* Nothing but what is exchanged needs a place of its own, and that only while it is cheap. */
static void memory_is_used_again(void **state)
{
    fixture *f = *state;
    build_line(f, 9);
    const char *const pins[] = {"n1=null", "n3=null", "n5=null", "n7=null"};
    for (size_t own_bytes = 0; own_bytes <= 4096; own_bytes += 4096) {
        davit_arena arena;
        davit_schedule s;
        davit_plan *plan = schedule(f, &arena, pins, 4, all_mappable, own_bytes, &s);
        assert_int_equal(s.stage_count, 9);
        /* One value comes, one goes, and what was made a stage ago may still be read. */
        size_t most = own_bytes == 0 ? 3 : 10;
        assert_true(s.arena_bytes[0] <= most * DAVIT_ALIGNMENT);
        assert_true(s.arena_bytes[1] <= most * DAVIT_ALIGNMENT);
        assert_int_equal(s.arena_bytes[2], 0);
        davit_arena_clear(&arena);
        davit_plan_destroy(plan);
    }
}

/* A value that two stages of another device read is copied there once. */
static void a_value_is_copied_to_a_device_once(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {4};
    davit_value_id x = fixture_input(f, "x", 1, dims);
    davit_value_id a = fixture_node(f, DAVIT_OP_Relu, "a", x, DAVIT_NONE);
    davit_value_id b = fixture_node(f, DAVIT_OP_Neg, "b", a, DAVIT_NONE);
    davit_value_id c = fixture_node(f, DAVIT_OP_Neg, "c", b, DAVIT_NONE);
    fixture_output(f, fixture_node(f, DAVIT_OP_Add, "d", c, a));
    fixture_finish(f);
    fixture_add_device(f, "reference");
    fixture_add_device(f, "null");
    const char *const pins[] = {"b=null", "d=null"};
    davit_arena arena;
    davit_schedule s;
    davit_plan *plan = schedule(f, &arena, pins, 2, all_mappable, 0, &s);
    assert_int_equal(s.stage_count, 4);
    assert_int_equal(s.stages[1].arrival_count, 1);
    assert_int_equal(s.stages[3].arrival_count, 1); /* c; a is there */
    assert_int_equal(s.stages[3].input_count, 2);
    assert_int_equal(s.task_count, 4);
    davit_arena_clear(&arena);
    davit_plan_destroy(plan);
}

/* What a task of that kind and device moves: index of the task, or DAVIT_NO_INDEX. */
static size_t find_task(const davit_schedule *s, davit_task_kind kind, uint32_t device)
{
    for (size_t t = 0; t < s->task_count; t++) {
        if (s->tasks[t].kind == kind && s->tasks[t].device == device) {
            return t;
        }
    }
    return DAVIT_NO_INDEX;
}

static void hidden_memory_is_copied_by_tasks(void **state)
{
    fixture *f = *state;
    build_line(f, 3);
    const char *const pins[] = {"n1=null"};
    davit_arena arena;
    davit_schedule s;
    davit_plan *plan = schedule(f, &arena, pins, 1, one_hidden, 0, &s);
    assert_int_equal(s.task_count, 5);
    size_t in = find_task(&s, DAVIT_TASK_IN, 1), out = find_task(&s, DAVIT_TASK_OUT, 1);
    assert_true(in != DAVIT_NO_INDEX && out != DAVIT_NO_INDEX);
    /* Both ends of the way are the memory of a device: the host needs none. */
    assert_int_equal(s.copies[s.tasks[in].from].device, 0);
    assert_int_equal(s.copies[s.tasks[out].to].device, 0);
    assert_int_equal(s.arena_bytes[plan->device_count], 0);
    davit_arena_clear(&arena);
    davit_plan_destroy(plan);
}

static void callers_memory_is_kept_from_hidden_devices(void **state)
{
    fixture *f = *state;
    build_line(f, 2);
    const char *const pins[] = {"n0=null", "n1=null"};
    davit_arena arena;
    davit_schedule s;
    davit_plan *plan = schedule(f, &arena, pins, 2, one_hidden, 0, &s);
    assert_int_equal(s.stage_count, 1);
    assert_int_equal(s.fill_count, 1);
    assert_int_equal(s.delivery_count, 1);
    assert_int_equal(s.stages[0].arrival_count + s.stages[0].delivery_count, 0);
    davit_arena_clear(&arena);
    davit_plan_destroy(plan);
}

/* Branches on two devices: neither waits for the other, and what is read elsewhere ends a stage. */
static void branches_are_stages_of_their_own(void **state)
{
    fixture *f = *state;
    const int64_t dims[] = {4};
    davit_value_id x = fixture_input(f, "x", 1, dims);
    davit_value_id a = fixture_node(f, DAVIT_OP_Relu, "a", x, DAVIT_NONE);
    davit_value_id b0 = fixture_node(f, DAVIT_OP_Neg, "b0", a, DAVIT_NONE);
    davit_value_id c0 = fixture_node(f, DAVIT_OP_Abs, "c0", a, DAVIT_NONE);
    davit_value_id b1 = fixture_node(f, DAVIT_OP_Neg, "b1", b0, DAVIT_NONE);
    davit_value_id c1 = fixture_node(f, DAVIT_OP_Neg, "c1", c0, DAVIT_NONE);
    fixture_output(f, fixture_node(f, DAVIT_OP_Add, "d", b1, c1));
    fixture_finish(f);
    fixture_add_device(f, "reference");
    fixture_add_device(f, "null");
    const char *const pins[] = {"b0=null", "b1=null"};
    davit_arena arena;
    davit_schedule s;
    davit_plan *plan = schedule(f, &arena, pins, 2, all_mappable, 0, &s);
    assert_int_equal(s.stage_count, 4); /* a; b0 b1; c0 c1; d */
    assert_int_equal(s.stages[1].unit_count, 2);
    assert_int_equal(s.stages[2].unit_count, 2);
    assert_int_equal(s.tasks[2].before_count, 1); /* c0 c1 wait for a alone, as b0 b1 do */
    davit_arena_clear(&arena);
    davit_plan_destroy(plan);
}

/* ---- random graphs: tasks in any order that they allow find what they read ---- */

typedef struct world {
    const davit_schedule *s;
    size_t host;
    davit_value_id *bytes[5]; /* by device: which value each byte holds */
    size_t *waits;            /* by task */
    size_t written;           /* outputs */
} world;

static void fill_copy(world *w, size_t copy, davit_value_id value)
{
    const davit_value_copy *c = &w->s->copies[copy];
    assert_true(c->offset_bytes % DAVIT_ALIGNMENT == 0);
    assert_true(c->offset_bytes + c->bytes <= w->s->arena_bytes[c->device]);
    for (size_t i = 0; i < c->bytes; i++) {
        w->bytes[c->device][c->offset_bytes + i] = value;
    }
}

static void write_copy(world *w, size_t copy)
{
    fill_copy(w, copy, w->s->copies[copy].value);
}

static void expect_copy(const world *w, size_t copy)
{
    const davit_value_copy *c = &w->s->copies[copy];
    for (size_t i = 0; i < c->bytes; i++) {
        assert_int_equal(w->bytes[c->device][c->offset_bytes + i], c->value);
    }
}

static void do_stage(world *w, const davit_stage *stage)
{
    for (size_t i = 0; i < stage->arrival_count; i++) {
        const davit_arrival *arrival = &stage->arrivals[i];
        assert_true((arrival->input == DAVIT_NO_INDEX) != (arrival->from == DAVIT_NO_INDEX));
        if (arrival->from != DAVIT_NO_INDEX) {
            expect_copy(w, arrival->from);
            assert_int_equal(w->s->copies[arrival->from].value, w->s->copies[arrival->to].value);
        }
        write_copy(w, arrival->to);
    }
    for (size_t i = 0; i < stage->input_count; i++) {
        assert_int_equal(w->s->copies[stage->bindings[i]].device, stage->device);
        assert_int_equal(w->s->copies[stage->bindings[i]].value, stage->inputs[i].value);
        expect_copy(w, stage->bindings[i]);
    }
    for (size_t i = 0; i < stage->output_count; i++) {
        write_copy(w, stage->bindings[stage->input_count + i]);
    }
    for (size_t i = 0; i < stage->input_count; i++) {
        expect_copy(w, stage->bindings[i]); /* not under an output */
    }
    for (size_t i = 0; i < stage->delivery_count; i++, w->written++) {
        expect_copy(w, stage->deliveries[i].from);
    }
    for (size_t i = 0; i < stage->arrival_count; i++) {
        if (stage->arrivals[i].lent) {
            fill_copy(w, stage->arrivals[i].to, DAVIT_NONE); /* nothing else may read it */
        }
    }
}

static void do_task(world *w, const davit_task *task, const davit_access *access)
{
    if (task->kind == DAVIT_TASK_RUN) {
        do_stage(w, &w->s->stages[task->stage]);
    } else {
        const davit_value_copy *from = &w->s->copies[task->from], *to = &w->s->copies[task->to];
        const davit_value_copy *far = task->kind == DAVIT_TASK_IN ? to : from;
        const davit_value_copy *near = task->kind == DAVIT_TASK_IN ? from : to;
        assert_true(far->device == task->device && !access[far->device].mappable);
        assert_true(near->device == w->host || access[near->device].mappable);
        assert_true(from->value == to->value && from->bytes == to->bytes);
        expect_copy(w, task->from);
        write_copy(w, task->to);
    }
    for (size_t i = 0; i < task->after_count; i++) {
        assert_true(w->waits[task->after[i]] > 0);
        w->waits[task->after[i]]--;
    }
}

/* Runs all tasks, any of those that may run next. */
static void play(const davit_schedule *s, const davit_access *access, size_t host, uint64_t *random)
{
    world w = {.s = s, .host = host};
    bool *ended = calloc(s->task_count, sizeof(bool));
    w.waits = calloc(s->task_count, sizeof(size_t));
    for (size_t d = 0; d <= host; d++) {
        w.bytes[d] = calloc(s->arena_bytes[d] + 1, sizeof(davit_value_id));
    }
    for (size_t t = 0; t < s->task_count; t++) {
        w.waits[t] = s->tasks[t].before_count;
    }
    for (size_t i = 0; i < s->fill_count; i++) {
        write_copy(&w, s->fills[i].to);
    }
    for (size_t left = s->task_count; left > 0; left--) {
        size_t ready[256], count = 0;
        for (size_t t = 0; t < s->task_count; t++) {
            if (!ended[t] && w.waits[t] == 0) {
                ready[count++] = t;
            }
        }
        assert_true(count > 0); /* nothing waits in a circle */
        size_t chosen = ready[test_random_below(random, count)];
        ended[chosen] = true;
        do_task(&w, &s->tasks[chosen], access);
    }
    for (size_t i = 0; i < s->delivery_count; i++, w.written++) {
        expect_copy(&w, s->deliveries[i].from);
    }
    assert_int_equal(w.written + s->direct_count, 2);
    for (size_t d = 0; d <= host; d++) {
        free(w.bytes[d]);
    }
    free(w.waits);
    free(ended);
}

static davit_value_id take_any(davit_value_id *values, size_t *count, uint64_t *random)
{
    size_t chosen = test_random_below(random, *count);
    davit_value_id value = values[chosen];
    values[chosen] = values[--*count];
    return value;
}

static void check_random(uint64_t seed)
{
    static const char *const names[] = {"reference", "null", "null:1"};
    uint64_t random = seed;
    void *state;
    assert_int_equal(fixture_setup(&state), 0);
    fixture *f = state;
    const int64_t dims[] = {1, 2, 2, 3};
    davit_value_id values[26] = {fixture_input(f, "x", 4, dims)};
    char texts[25][32];
    const char *pins[25];
    davit_access access[4];
    davit_value_id loose[26] = {
        values[0]}; /* what nothing reads yet: in the end the output alone */
    size_t loose_count = 1;
    for (int i = 1; i < 26; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        bool open = loose_count < 4 && loose_count < (size_t)(25 - i);
        bool join = loose_count > 1 && (!open || test_random_below(&random, 4) == 0);
        davit_value_id newer = values[test_random_below(&random, (uint64_t)i)];
        if (join || !open || test_random_below(&random, 3) > 0) {
            newer = take_any(loose, &loose_count, &random);
        }
        davit_value_id older = join ? take_any(loose, &loose_count, &random)
                                    : values[test_random_below(&random, (uint64_t)i)];
        values[i] = fixture_node(f, DAVIT_OP_Add, name, newer, older);
        loose[loose_count++] = values[i];
        snprintf(texts[i - 1], sizeof(texts[0]), "%s=%s", name,
                 names[test_random_below(&random, 3)]);
        pins[i - 1] = texts[i - 1];
    }
    assert_int_equal(loose_count, 1);
    fixture_output(f, values[25]);
    fixture_output(f, values[test_random_below(&random, 26)]);
    fixture_finish(f);
    for (size_t d = 0; d < 3; d++) {
        fixture_add_device(f, names[d]);
        access[d].mappable = test_random_below(&random, 2) == 0;
        access[d].lends = access[d].mappable && test_random_below(&random, 2) == 0;
    }
    davit_arena arena;
    davit_schedule s;
    davit_plan *plan = schedule(f, &arena, pins, 25, access, seed % 2 == 0 ? 0 : 4096, &s);
    for (int order = 0; order < 20; order++) {
        play(&s, access, plan->device_count, &random);
    }
    davit_arena_clear(&arena);
    davit_plan_destroy(plan);
    assert_int_equal(fixture_teardown(&state), 0);
}

static void random_schedules_hold_together(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        check_random(seed);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(layouts_follow_one_rule),
        TEST(memory_is_used_again),
        TEST(a_value_is_copied_to_a_device_once),
        TEST(hidden_memory_is_copied_by_tasks),
        TEST(callers_memory_is_kept_from_hidden_devices),
        TEST(branches_are_stages_of_their_own),
        cmocka_unit_test(random_schedules_hold_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
