/* Plans as JSON: the same bytes every time, back unchanged, and refused with one line when they do
 * not fit. */
#include <jansson.h>
#include <stdio.h>

#include "fixture.h"

#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const char *const chain_plan = "{\n"
                                      "  \"schema_version\": 2,\n"
                                      "  \"model_sha256\": \"" SHA_A "\",\n"
                                      "  \"prediction\": {\n"
                                      "    \"objective\": \"latency\",\n"
                                      "    \"latency_s\": 9.7920000000000006e-8,\n"
                                      "    \"period_s\": 9.5999999999999999e-8,\n"
                                      "    \"joules\": 0.0,\n"
                                      "    \"bound\": 0.0,\n"
                                      "    \"gap\": 1.0,\n"
                                      "    \"method\": \"\",\n"
                                      "    \"bound_method\": \"\",\n"
                                      "    \"problem_sha256\": \"bbc87dfd8ec8c92e67e46c5f213a22f6de0aca41f4ed5c2af782bf7dac896227\",\n"
                                      "    \"certificate\": null\n"
                                      "  },\n"
                                      "  \"inputs\": [\n"
                                      "    {\n"
                                      "      \"name\": \"x\",\n"
                                      "      \"type\": \"f32\",\n"
                                      "      \"shape\": [\n"
                                      "        1,\n"
                                      "        2,\n"
                                      "        2,\n"
                                      "        3\n"
                                      "      ]\n"
                                      "    }\n"
                                      "  ],\n"
                                      "  \"devices\": [\n"
                                      "    {\n"
                                      "      \"name\": \"partial\",\n"
                                      "      \"backend\": \"partial\",\n"
                                      "      \"units\": 1,\n"
                                      "      \"compute_s\": 9.5999999999999999e-8,\n"
                                      "      \"in_s\": 0.0,\n"
                                      "      \"out_s\": 0.0,\n"
                                      "      \"in_bytes\": 48.0,\n"
                                      "      \"out_bytes\": 48.0,\n"
                                      "      \"memory_bytes\": 48.0,\n"
                                      "      \"unused\": \"\"\n"
                                      "    },\n"
                                      "    {\n"
                                      "      \"name\": \"null\",\n"
                                      "      \"backend\": \"null\",\n"
                                      "      \"units\": 2,\n"
                                      "      \"compute_s\": 1.92e-9,\n"
                                      "      \"in_s\": 0.0,\n"
                                      "      \"out_s\": 0.0,\n"
                                      "      \"in_bytes\": 48.0,\n"
                                      "      \"out_bytes\": 48.0,\n"
                                      "      \"memory_bytes\": 96.0,\n"
                                      "      \"unused\": \"\"\n"
                                      "    }\n"
                                      "  ],\n"
                                      "  \"units\": [\n"
                                      "    {\n"
                                      "      \"name\": \"relu\",\n"
                                      "      \"operator\": \"Relu\",\n"
                                      "      \"device\": \"partial\",\n"
                                      "      \"fallback\": false,\n"
                                      "      \"reason\": \"first device\",\n"
                                      "      \"cost\": {\n"
                                      "        \"seconds\": 9.5999999999999999e-8,\n"
                                      "        \"joules\": 0.0,\n"
                                      "        \"confidence\": 0.0,\n"
                                      "        \"source\": \"data sheet\"\n"
                                      "      },\n"
                                      "      \"start_s\": 0.0,\n"
                                      "      \"end_s\": 9.5999999999999999e-8\n"
                                      "    },\n"
                                      "    {\n"
                                      "      \"name\": \"tanh\",\n"
                                      "      \"operator\": \"Tanh\",\n"
                                      "      \"device\": \"null\",\n"
                                      "      \"fallback\": true,\n"
                                      "      \"reason\": \"partial: operator Tanh\",\n"
                                      "      \"cost\": {\n"
                                      "        \"seconds\": 9.5999999999999999e-10,\n"
                                      "        \"joules\": 0.0,\n"
                                      "        \"confidence\": 0.25,\n"
                                      "        \"source\": \"data sheet\"\n"
                                      "      },\n"
                                      "      \"start_s\": 9.5999999999999999e-8,\n"
                                      "      \"end_s\": 9.6960000000000003e-8\n"
                                      "    },\n"
                                      "    {\n"
                                      "      \"name\": \"abs\",\n"
                                      "      \"operator\": \"Abs\",\n"
                                      "      \"device\": \"null\",\n"
                                      "      \"fallback\": false,\n"
                                      "      \"reason\": \"pinned\",\n"
                                      "      \"cost\": {\n"
                                      "        \"seconds\": 9.5999999999999999e-10,\n"
                                      "        \"joules\": 0.0,\n"
                                      "        \"confidence\": 0.25,\n"
                                      "        \"source\": \"data sheet\"\n"
                                      "      },\n"
                                      "      \"start_s\": 9.6960000000000003e-8,\n"
                                      "      \"end_s\": 9.7920000000000006e-8\n"
                                      "    }\n"
                                      "  ],\n"
                                      "  \"copies\": [\n"
                                      "    {\n"
                                      "      \"value\": \"x\",\n"
                                      "      \"device\": \"partial\",\n"
                                      "      \"to_device\": true,\n"
                                      "      \"start_s\": 0.0,\n"
                                      "      \"end_s\": 0.0\n"
                                      "    },\n"
                                      "    {\n"
                                      "      \"value\": \"relu.out\",\n"
                                      "      \"device\": \"partial\",\n"
                                      "      \"to_device\": false,\n"
                                      "      \"start_s\": 9.5999999999999999e-8,\n"
                                      "      \"end_s\": 9.5999999999999999e-8\n"
                                      "    },\n"
                                      "    {\n"
                                      "      \"value\": \"relu.out\",\n"
                                      "      \"device\": \"null\",\n"
                                      "      \"to_device\": true,\n"
                                      "      \"start_s\": 9.5999999999999999e-8,\n"
                                      "      \"end_s\": 9.5999999999999999e-8\n"
                                      "    },\n"
                                      "    {\n"
                                      "      \"value\": \"abs.out\",\n"
                                      "      \"device\": \"null\",\n"
                                      "      \"to_device\": false,\n"
                                      "      \"start_s\": 9.7920000000000006e-8,\n"
                                      "      \"end_s\": 9.7920000000000006e-8\n"
                                      "    }\n"
                                      "  ]\n"
                                      "}";

static void set_up_chain(fixture *f)
{
    fixture_chain(f);
    fixture_add_device(f, "partial");
    fixture_add_device(f, "null");
}

static davit_status read(fixture *f, const char *text, davit_plan **plan)
{
    davit_plan_request request = fixture_request(f);
    davit_diagnostics_buffer_init(&f->diag);
    davit_status status =
        davit_plan_read(f->allocator, "p.json", text, &request, &f->diag.sink, plan);
    assert_int_equal(f->diag.error_count, status == DAVIT_OK ? 0 : 1);
    assert_true((*plan == NULL) == (status != DAVIT_OK));
    return status;
}

/* What a solver says of its plan is taken out: the documented plan has no proof. */
static json_t *without_proof(const char *text)
{
    static const char *const keys[] = {"bound", "gap", "method", "bound_method", "certificate"};
    json_t *plan = json_loads(text, 0, NULL);
    assert_non_null(plan);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_int_equal(json_object_del(json_object_get(plan, "prediction"), keys[i]), 0);
    }
    return plan;
}

static void writes_the_documented_plan(void **state)
{
    fixture *f = *state;
    set_up_chain(f);
    const char *const pins[] = {"abs=null"};
    char *texts[2];
    for (int i = 0; i < 2; i++) {
        davit_plan *plan = fixture_plan(f, pins, 1);
        assert_int_equal(davit_plan_write(plan, f->graph, &f->diag.sink, &texts[i]), DAVIT_OK);
        davit_plan_destroy(plan);
    }
    assert_string_equal(texts[0], texts[1]);
    json_t *written = without_proof(texts[0]);
    json_t *documented = without_proof(chain_plan);
    assert_true(json_equal(written, documented));
    json_decref(written);
    json_decref(documented);
    free(texts[0]);
    free(texts[1]);
}

static void reads_what_it_wrote(void **state)
{
    fixture *f = *state;
    set_up_chain(f);
    davit_plan *plan;
    assert_int_equal(read(f, chain_plan, &plan), DAVIT_OK);
    assert_int_equal(plan->unit_count, 3);
    assert_int_equal(plan->units[2].device, 1);
    assert_true(plan->units[1].fallback);
    assert_string_equal(plan->units[1].reason, "partial: operator Tanh");
    char *text;
    assert_int_equal(davit_plan_write(plan, f->graph, &f->diag.sink, &text), DAVIT_OK);
    assert_string_equal(text, chain_plan);
    free(text);
    davit_plan_destroy(plan);
}

/* A change of the documented plan and the line that refuses it. */
typedef struct bad_plan {
    const char *from;
    const char *to;
    davit_status status;
    const char *message;
} bad_plan;

static const bad_plan bad_plans[] = {
    {"{\n", "{{\n", DAVIT_BAD_DATA, "p.json: not JSON: line 1, column 2: "},
    {"\"schema_version\": 2,", "", DAVIT_BAD_DATA,
     "p.json: not a davit plan: no schema_version at its top level"},
    {"\"schema_version\": 2", "\"schema_version\": 1", DAVIT_UNSUPPORTED,
     "p.json: plan format 1, this davit reads format 2; make the plan again"},
    {SHA_A, SHA_B, DAVIT_INVALID_ARGUMENT, "p.json: made for another model (sha256 bbbbbbbbbbbb, "},
    {"\"units\": [", "\"more\": 1, \"units\": [", DAVIT_BAD_DATA, "p.json: not a davit plan: "},
    {"        1,\n", "        4,\n", DAVIT_INVALID_ARGUMENT,
     "p.json: made for input 'x' of f32 4x2x2x3, here it is f32 1x2x2x3; give that shape, or "},
    {"        1,\n", "        -1,\n", DAVIT_BAD_DATA, "p.json: not a davit plan: the shape of "},
    {"\"f32\"", "\"s8\"", DAVIT_INVALID_ARGUMENT, "p.json: made for input 'x' of s8 1x2x2x3, "},
    {"\"name\": \"x\"", "\"name\": \"w\"", DAVIT_BAD_DATA,
     "p.json: made for an input 'w' where the model has 'x'; make the plan again"},
    {"\"objective\": \"latency\"", "\"objective\": \"fun\"", DAVIT_BAD_DATA,
     "p.json: not a davit plan: objective 'fun'"},
    {"\"problem_sha256\"", "\"sha\"", DAVIT_BAD_DATA, "p.json: not a davit plan: prediction: "},
    {"\"name\": \"x\"", "\"nom\": \"x\"", DAVIT_BAD_DATA, "p.json: not a davit plan: inputs[0]: "},
    {"\"name\": \"null\"", "\"name\": \"fpga:0\"", DAVIT_NOT_FOUND,
     "p.json: needs device fpga:0, which is not among those in use (partial, null); name it in"},
    {"\"backend\": \"null\"", "\"backend\": \"xrt\"", DAVIT_NOT_FOUND,
     "p.json: made for device null of backend xrt, here null drives it; make the plan again"},
    {"\"name\": \"tanh\"", "\"name\": \"tanh2\"", DAVIT_BAD_DATA,
     "p.json: does not place unit 'tanh' of the model; make the plan again"},
    {"\"name\": \"tanh\"", "\"name\": \"relu\"", DAVIT_BAD_DATA,
     "p.json: unit 'relu' is placed twice"},
    {"\"units\": [", "\"units\": [{\"name\": \"conv\"},", DAVIT_BAD_DATA,
     "p.json: places unit 'conv', which the model does not have; make the plan again"},
    {"\"units\": [", "\"units\": [7,", DAVIT_BAD_DATA,
     "p.json: not a davit plan: units[0] has no name"},
    {"\"device\": \"partial\"", "\"device\": \"reference\"", DAVIT_BAD_DATA,
     "p.json: unit 'relu' is on device reference, which the plan does not list"},
    {"\"device\": \"null\"", "\"device\": \"partial\"", DAVIT_UNSUPPORTED,
     "p.json: places unit 'tanh' (Tanh) on partial, which cannot run it: operator Tanh"},
    {"\"fallback\": false", "\"fallback\": 0", DAVIT_BAD_DATA,
     "p.json: not a davit plan: unit 'relu': "},
};

/* The documented plan with the first `from` replaced. Free with free(). */
static char *change(const char *from, const char *to)
{
    const char *at = strstr(chain_plan, from);
    assert_non_null(at);
    size_t bytes = strlen(chain_plan) + strlen(to) + 1;
    char *text = malloc(bytes);
    assert_non_null(text);
    snprintf(text, bytes, "%.*s%s%s", (int)(at - chain_plan), chain_plan, to, at + strlen(from));
    return text;
}

static void refuses_bad_plans(void **state)
{
    fixture *f = *state;
    set_up_chain(f);
    for (size_t i = 0; i < sizeof(bad_plans) / sizeof(bad_plans[0]); i++) {
        const bad_plan *bad = &bad_plans[i];
        char *text = change(bad->from, bad->to);
        davit_plan *plan;
        davit_status status = read(f, text, &plan);
        free(text);
        if (status != bad->status ||
            strncmp(f->diag.text, bad->message, strlen(bad->message)) != 0) {
            fail_msg("'%s' for '%s': %s: %s", bad->to, bad->from, davit_status_text(status),
                     f->diag.text);
        }
    }
}

static void refuses_every_truncation(void **state)
{
    fixture *f = *state;
    set_up_chain(f);
    size_t length = strlen(chain_plan);
    char *text = malloc(length + 1);
    assert_non_null(text);
    for (size_t end = 0; end < length; end++) {
        memcpy(text, chain_plan, end);
        text[end] = '\0';
        davit_plan *plan;
        assert_int_equal(read(f, text, &plan), DAVIT_BAD_DATA);
    }
    free(text);
}

/* Bytes changed at random: a line that refuses the plan, or a plan that still fits. */
static void survives_damage(void **state)
{
    fixture *f = *state;
    set_up_chain(f);
    size_t length = strlen(chain_plan);
    char *text = malloc(length + 1);
    assert_non_null(text);
    uint64_t random = 5;
    for (int i = 0; i < 2000; i++) {
        memcpy(text, chain_plan, length + 1);
        uint64_t changes = 1 + test_random_below(&random, 3);
        for (uint64_t c = 0; c < changes; c++) {
            text[test_random_below(&random, length)] = (char)(1 + test_random_below(&random, 255));
        }
        davit_plan *plan;
        davit_status status = read(f, text, &plan);
        assert_true(status != DAVIT_OUT_OF_MEMORY && status != DAVIT_INTERNAL);
        davit_plan_destroy(plan);
    }
    free(text);
}

static void strict_refuses_a_plan_with_fallbacks(void **state)
{
    fixture *f = *state;
    set_up_chain(f);
    davit_plan_request request = fixture_request(f);
    request.strict = true;
    /* Whether it falls back is found out, not believed. */
    char *denied = change("\"fallback\": true", "\"fallback\": false");
    const char *const texts[] = {chain_plan, denied};
    for (size_t i = 0; i < 2; i++) {
        davit_plan *plan;
        davit_diagnostics_buffer_init(&f->diag);
        assert_int_equal(
            davit_plan_read(f->allocator, "p.json", texts[i], &request, &f->diag.sink, &plan),
            DAVIT_UNSUPPORTED);
        assert_string_equal(f->diag.text,
                            "p.json: unit 'tanh' falls back to null, which strict does not allow");
    }
    free(denied);
}

static void survives_each_failing_allocation(void **state)
{
    fixture *f = *state;
    set_up_chain(f);
    davit_status status = DAVIT_OUT_OF_MEMORY;
    for (size_t at = 1; status != DAVIT_OK; at++) {
        davit_plan *plan;
        counting_allocator_restart(&f->counting, at);
        status = read(f, chain_plan, &plan);
        assert_true(status == DAVIT_OK || status == DAVIT_OUT_OF_MEMORY);
        davit_plan_destroy(plan);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(writes_the_documented_plan),
        TEST(reads_what_it_wrote),
        TEST(refuses_bad_plans),
        TEST(refuses_every_truncation),
        TEST(survives_damage),
        TEST(strict_refuses_a_plan_with_fallbacks),
        TEST(survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
