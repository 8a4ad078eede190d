/* Certificates that were changed prove less or nothing. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "random_problem.h"
#include "unit_test.h"

static const davit_place_options throughput = {.objective = DAVIT_PLACE_THROUGHPUT};

/* Three nodes of 4 seconds and one of 1 on two devices of one class: one has two of the large ones,
 * so no period is below 8; the mean is 6.5. */
static const davit_place_node nodes[] = {{"a", 1, DAVIT_PLACE_NONE, DAVIT_PLACE_NONE},
                                         {"b", 1, 0, DAVIT_PLACE_NONE},
                                         {"c", 1, 0, DAVIT_PLACE_NONE},
                                         {"d", 1, DAVIT_PLACE_NONE, DAVIT_PLACE_NONE},
                                         {"e", 1, DAVIT_PLACE_NONE, DAVIT_PLACE_NONE}};
static const davit_place_device devices[] = {{"x", 0, DAVIT_PLACE_BLOCK, INFINITY, 0, 0},
                                             {"y", 0, DAVIT_PLACE_BLOCK, INFINITY, 0, 0}};
static const double seconds[] = {4, 1, 3, 4, 1};
static const davit_place_problem problem = {.node_count = 5,
                                            .nodes = nodes,
                                            .device_count = 2,
                                            .devices = devices,
                                            .class_count = 1,
                                            .node_seconds = seconds,
                                            .group_count = 1};

static void expect(const char *certificate, const char *message)
{
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    double bound = -1.0;
    davit_status status = davit_place_certificate_check(
        &problem, &throughput, certificate, davit_allocator_default(), &diag.sink, &bound);
    assert_string_equal(diag.text, message == NULL ? "" : message);
    assert_int_equal(status, message == NULL ? DAVIT_OK : DAVIT_BAD_DATA);
    assert_true((bound >= 0.0) == (message == NULL));
}

#define HEAD(bound) "{\"certificate\":1,\"objective\":\"throughput\",\"bound\":" bound ","

static void takes_what_is_proved(void **state)
{
    (void)state;
    expect(HEAD("0") "\"form\":\"nothing\"}", NULL);
    expect(HEAD("6.5") "\"form\":\"area\",\"multipliers\":[2,2]}", NULL);
    expect(HEAD("8") "\"form\":\"packing\",\"weights\":[1,1,0,1,0]}", NULL);
    expect(HEAD("8") "\"form\":\"search\",\"order\":[0,1,3,4],\"multipliers\":[1,1]}", NULL);
}

static void refuses_what_is_not(void **state)
{
    (void)state;
    expect("[", "certificate: not a JSON object: ']' expected near end of file");
    expect("{}", "certificate: its bound is no number >= 0");
    expect("{\"bound\":1}", "certificate: not one, or of another version");
    expect("{\"certificate\":1,\"bound\":1,\"objective\":\"latency\"}",
           "certificate: of another objective");
    expect(HEAD("1") "\"form\":\"hope\"}", "certificate: its form is unknown");
    expect(HEAD("1") "\"form\":\"nothing\"}", "certificate: it says 1 and proves 0 only");
    expect(HEAD("6.6") "\"form\":\"area\",\"multipliers\":[1,1]}",
           "certificate: it says 6.6 and proves 6.5 only");
    expect(HEAD("6.5") "\"form\":\"area\",\"multipliers\":[1,3]}",
           "certificate: it says 6.5 and proves 3.25 only");
    expect(HEAD("6.5") "\"form\":\"area\",\"multipliers\":[1]}",
           "certificate: 'multipliers' is not an array of 2 numbers");
    expect(HEAD("6.5") "\"form\":\"area\",\"multipliers\":[-1,2]}",
           "certificate: 'multipliers' has something else than a number >= 0");
    expect(HEAD("6.5") "\"form\":\"area\",\"multipliers\":[0,0]}",
           "certificate: the multipliers sum up to nothing");
    expect(HEAD("8.1") "\"form\":\"packing\",\"weights\":[1,1,0,1,0]}",
           "certificate: it says 8.1 and proves 8 only");
    expect(HEAD("8") "\"form\":\"packing\",\"weights\":[1,0,0,1,0]}",
           "certificate: it says 8 and proves 4 only");
    expect(HEAD("8") "\"form\":\"packing\",\"weights\":[1,0.5,0,1,0]}",
           "certificate: a weight is no integer");
    expect(HEAD("8") "\"form\":\"packing\",\"weights\":[1,1,0,1,99999]}",
           "certificate: the weights are too large");
    expect(HEAD("8.1") "\"form\":\"search\",\"order\":[0,1,3,4],\"multipliers\":[1,1]}",
           "certificate: it says 8.1 and proves 0 only");
    expect(HEAD("8") "\"form\":\"search\",\"order\":[0,1,3],\"multipliers\":[1,1]}",
           "certificate: 'order' does not name each group");
    expect(HEAD("8") "\"form\":\"search\",\"order\":[0,1,3,3],\"multipliers\":[1,1]}",
           "certificate: 'order' does not name each group once");
    expect(HEAD("8") "\"form\":\"search\",\"order\":[0,1,3,5],\"multipliers\":[1,1]}",
           "certificate: 'order' names a node that does not exist");
    expect(HEAD("8") "\"form\":\"search\",\"order\":[0,1,3,4],\"multipliers\":[0,0]}",
           "certificate: the multipliers sum up to nothing");
}

/* More groups than a check looks at: neither true nor false. */
static void gives_up_what_is_too_large(void **state)
{
    (void)state;
    random_shape shape = {.nodes = 2001, .devices = 2, .classes = 2};
    random_problem made;
    random_problem_make(&made, &shape, 1);
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    double bound;
    assert_int_equal(davit_place_certificate_check(
                         &made.problem, &throughput,
                         HEAD("1") "\"form\":\"search\",\"order\":[],\"multipliers\":[1,1]}",
                         davit_allocator_default(), &diag.sink, &bound),
                     DAVIT_UNSUPPORTED);
    assert_string_equal(diag.text, "certificate: there is too much in it to check");
    random_problem_clear(&made);
}

/* A bound that is altered in a certificate of the solver. */
static void refuses_more_than_the_solver_says(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        random_shape shape = random_small_shape(seed);
        random_problem made;
        random_problem_make(&made, &shape, seed);
        davit_placement placement;
        davit_status status = davit_place_solve(&made.problem, &throughput,
                                                davit_allocator_default(), NULL, &placement);
        if (status == DAVIT_OK) {
            json_t *json = json_loads(placement.certificate, 0, NULL);
            assert_non_null(json);
            json_object_set_new(json, "bound", json_real(placement.objective * 1.001 + 0.001));
            char *text = json_dumps(json, JSON_REAL_PRECISION(17));
            double bound;
            assert_int_equal(davit_place_certificate_check(&made.problem, &throughput, text,
                                                           davit_allocator_default(), NULL, &bound),
                             DAVIT_BAD_DATA);
            free(text);
            json_decref(json);
            davit_placement_clear(&placement);
        }
        random_problem_clear(&made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_proved),
        cmocka_unit_test(refuses_what_is_not),
        cmocka_unit_test(gives_up_what_is_too_large),
        cmocka_unit_test(refuses_more_than_the_solver_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
