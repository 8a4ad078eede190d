/* The schedule of a plan: what stages exchange, in which layout, and where it lies. */
#include <stdio.h>

#include "fixture.h"
#include "scheduler/execute/schedule.h"

static const bool all_mappable[4] = {true, true, true, true};

static davit_plan *schedule(fixture *f, davit_arena *arena, const char *const *pins,
                            size_t pin_count, const bool *mappable, davit_schedule *out)
{
    davit_plan *plan = fixture_plan(f, pins, pin_count);
    davit_arena_init(arena, f->allocator);
    assert_int_equal(davit_schedule_stages(arena, f->graph, plan, out), DAVIT_OK);
    assert_int_equal(davit_schedule_memory(arena, f->graph, plan, mappable, out), DAVIT_OK);
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
    davit_plan *plan = schedule(f, &arena, pins, 1, all_mappable, &s);
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

static void memory_is_used_again(void **state)
{
    fixture *f = *state;
    build_line(f, 9);
    const char *const pins[] = {"n1=null", "n3=null", "n5=null", "n7=null"};
    davit_arena arena;
    davit_schedule s;
    davit_plan *plan = schedule(f, &arena, pins, 4, all_mappable, &s);
    assert_int_equal(s.stage_count, 9);
    /* One value comes, one goes, and what was made a stage ago may still be read. */
    assert_true(s.arena_bytes[0] <= (size_t)3 * DAVIT_ALIGNMENT);
    assert_true(s.arena_bytes[1] <= (size_t)3 * DAVIT_ALIGNMENT);
    assert_int_equal(s.arena_bytes[2], 0);
    davit_arena_clear(&arena);
    davit_plan_destroy(plan);
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
    davit_plan *plan = schedule(f, &arena, pins, 2, all_mappable, &s);
    assert_int_equal(s.stage_count, 4);
    assert_int_equal(s.stages[1].arrival_count, 1);
    assert_int_equal(s.stages[3].arrival_count, 1); /* c; a is there */
    assert_int_equal(s.stages[3].input_count, 2);
    assert_int_equal(s.stages[0].staged_count, 0);
    davit_arena_clear(&arena);
    davit_plan_destroy(plan);
}

static void hidden_memory_goes_by_way_of_the_host(void **state)
{
    fixture *f = *state;
    build_line(f, 3);
    const char *const pins[] = {"n1=null"};
    const bool hidden[4] = {true, false, true, true};
    davit_arena arena;
    davit_schedule s;
    davit_plan *plan = schedule(f, &arena, pins, 1, hidden, &s);
    assert_int_equal(s.stages[0].staged_count, 0);
    assert_int_equal(s.stages[1].staged_count, 1);
    const davit_value_copy *staged = &s.copies[s.stages[1].staged[0].to];
    assert_int_equal(staged->device, plan->device_count);
    assert_int_equal(s.stages[2].arrivals[0].from, s.stages[1].staged[0].to);
    assert_true(s.arena_bytes[2] >= 12 * sizeof(float));
    davit_arena_clear(&arena);
    davit_plan_destroy(plan);
}

/* ---- random graphs ---- */

static bool live(const davit_value_copy *copy, size_t stage)
{
    return copy->first <= stage && stage <= copy->last;
}

static void check_places(const davit_schedule *s)
{
    for (size_t i = 0; i < s->copy_count; i++) {
        const davit_value_copy *a = &s->copies[i];
        assert_true(a->offset_bytes % DAVIT_ALIGNMENT == 0);
        assert_true(a->offset_bytes + a->bytes <= s->arena_bytes[a->device]);
        for (size_t j = 0; j < i; j++) {
            const davit_value_copy *b = &s->copies[j];
            bool together = a->device == b->device && a->first <= b->last && b->first <= a->last;
            bool apart = a->offset_bytes + a->bytes <= b->offset_bytes ||
                         b->offset_bytes + b->bytes <= a->offset_bytes;
            assert_true(!together || apart);
        }
    }
}

static void check_stage(const davit_schedule *s, size_t index, const bool *mappable, size_t host)
{
    const davit_stage *stage = &s->stages[index];
    for (size_t i = 0; i < stage->input_count + stage->output_count; i++) {
        const davit_value_copy *copy = &s->copies[stage->bindings[i]];
        const davit_program_io *io =
            i < stage->input_count ? &stage->inputs[i] : &stage->outputs[i - stage->input_count];
        assert_true(copy->value == io->value && copy->device == stage->device);
        assert_true(live(copy, index));
    }
    for (size_t i = 0; i < stage->arrival_count; i++) {
        const davit_arrival *arrival = &stage->arrivals[i];
        assert_true((arrival->input == DAVIT_NO_INDEX) != (arrival->from == DAVIT_NO_INDEX));
        assert_true(s->copies[arrival->to].first == index);
        if (arrival->from != DAVIT_NO_INDEX) {
            const davit_value_copy *from = &s->copies[arrival->from];
            assert_true(from->first < index && live(from, index));
            assert_true(from->value == s->copies[arrival->to].value);
            assert_true(from->device == host || mappable[from->device]);
        }
    }
    for (size_t i = 0; i < stage->staged_count; i++) {
        assert_false(mappable[stage->device]);
        assert_true(s->copies[stage->staged[i].to].first == index);
    }
    for (size_t i = 0; i < stage->delivery_count; i++) {
        assert_true(live(&s->copies[stage->deliveries[i].from], index));
    }
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
    bool mappable[4];
    for (int i = 1; i < 26; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        /* Mostly the last one made, so that nothing is dead; something older to add. */
        davit_value_id older = values[test_random_below(&random, (uint64_t)i)];
        values[i] = fixture_node(f, DAVIT_OP_Add, name, values[i - 1], older);
        snprintf(texts[i - 1], sizeof(texts[0]), "%s=%s", name,
                 names[test_random_below(&random, 3)]);
        pins[i - 1] = texts[i - 1];
    }
    fixture_output(f, values[25]);
    fixture_output(f, values[test_random_below(&random, 26)]);
    fixture_finish(f);
    for (size_t d = 0; d < 3; d++) {
        fixture_add_device(f, names[d]);
        mappable[d] = test_random_below(&random, 2) == 0;
    }
    davit_arena arena;
    davit_schedule s;
    davit_plan *plan = schedule(f, &arena, pins, 25, mappable, &s);
    check_places(&s);
    size_t outputs = s.direct_count;
    for (size_t i = 0; i < s.stage_count; i++) {
        check_stage(&s, i, mappable, plan->device_count);
        outputs += s.stages[i].delivery_count;
    }
    assert_int_equal(outputs, 2);
    davit_arena_clear(&arena);
    davit_plan_destroy(plan);
    assert_int_equal(fixture_teardown(&state), 0);
}

static void random_schedules_hold_together(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
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
        TEST(hidden_memory_goes_by_way_of_the_host),
        cmocka_unit_test(random_schedules_hold_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
