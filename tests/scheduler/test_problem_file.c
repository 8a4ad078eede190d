/* Problem files: what is read of a good one, and one line for each mistake. */
#include <stdlib.h>
#include <string.h>

#include "davit/problem_file.h"
#include "tests/support/counting_allocator.h"
#include "tests/support/unit_test.h"

#define NODE(id, more)                                                                             \
    "{\"id\":" id ",\"supportedOnFpga\":1,\"cpuLatency\":3,\"fpgaLatency\":1" more "}"
#define EDGE(from, to, cost) "{\"sourceId\":" from ",\"destId\":" to ",\"cost\":" cost "}"
#define FILE_OF(fpgas, cpus, nodes, edges)                                                         \
    "{\"maxSizePerFPGA\":8,\"maxFPGAs\":" fpgas ",\"maxCPUs\":" cpus ",\"nodes\":[" nodes          \
    "],\"edges\":[" edges "]}"

/* The last node comes first in the order; two edges of one source differ, the last one counts. */
static const char good[] =
    FILE_OF("2", "3",
            NODE("7", ",\"size\":5,\"colorClass\":4") "," NODE(
                "\"x\"", ",\"colorClass\":null") "," NODE("-1", ",\"colorClass\":4"),
            EDGE("-1", "7", "9") "," EDGE("7", "\"x\"", "1") "," EDGE("-1", "\"x\"", "2.5"));

static void test_reads_what_is_there(void **state)
{
    (void)state;
    davit_problem_file *file;
    assert_int_equal(davit_problem_file_read(davit_allocator_default(), "p.json", good,
                                             DAVIT_PLACE_LATENCY, NULL, &file),
                     DAVIT_OK);
    const davit_place_problem *problem = davit_problem_file_problem(file);
    assert_int_equal(davit_place_problem_check(problem, davit_allocator_default(), NULL), DAVIT_OK);
    assert_int_equal(problem->node_count, 3);
    assert_string_equal(problem->nodes[0].name, "-1");
    assert_string_equal(problem->nodes[1].name, "7");
    assert_string_equal(problem->nodes[2].name, "\"x\"");
    assert_int_equal(problem->nodes[0].group, problem->nodes[1].group);
    assert_int_equal(problem->nodes[2].group, DAVIT_PLACE_NONE);
    assert_true(problem->nodes[1].bytes == 5.0);
    assert_int_equal(problem->device_count, 3);
    assert_int_equal(problem->devices[0].discipline, DAVIT_PLACE_BLOCK);
    assert_int_equal(problem->devices[2].discipline, DAVIT_PLACE_UNLIMITED);
    assert_int_equal(problem->value_count, 2);
    assert_int_equal(problem->values[0].consumer_count, 2);
    assert_true(problem->in_seconds[0] == 2.5 && problem->in_seconds[1] == 0.0);
    davit_problem_file_destroy(file);

    assert_int_equal(davit_problem_file_read(davit_allocator_default(), "p.json", good,
                                             DAVIT_PLACE_THROUGHPUT, NULL, &file),
                     DAVIT_OK);
    assert_int_equal(davit_problem_file_problem(file)->device_count, 5);
    assert_int_equal(davit_problem_file_problem(file)->devices[4].discipline, DAVIT_PLACE_IN_ORDER);
    davit_problem_file_destroy(file);
}

static void test_writes_ids_as_they_were(void **state)
{
    (void)state;
    davit_problem_file *file;
    assert_int_equal(davit_problem_file_read(davit_allocator_default(), "p.json", good,
                                             DAVIT_PLACE_LATENCY, NULL, &file),
                     DAVIT_OK);
    uint32_t devices[] = {1, 1, 2};
    davit_placement placement = {
        .devices = devices, .objective = 2.0, .method = "list", .bound_method = "path"};
    char *text;
    assert_int_equal(davit_problem_file_write(file, &placement, NULL, &text), DAVIT_OK);
    for (char *space = text; *space != '\0'; space++) { /* without line ends to compare */
        while (*space == '\n' || *space == ' ') {
            memmove(space, space + 1, strlen(space));
        }
    }
    assert_non_null(strstr(text, "\"fpgas\":[{\"nodes\":[]},{\"nodes\":[-1,7]}]"));
    assert_non_null(strstr(text, "\"cpus\":[{\"nodes\":[\"x\"]}]"));
    free(text);
    davit_problem_file_destroy(file);
}

static void test_each_mistake_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"{\"nodes\":", "line 1"},
        {"[]", "no list 'nodes'"},
        {"{\"nodes\":[]}", "no list 'edges'"},
        {FILE_OF("1", "1", "", ""), "has no nodes"},
        {FILE_OF("0", "0", NODE("1", ""), ""), "both 0"},
        {FILE_OF("-1", "1", NODE("1", ""), ""), "maxFPGAs"},
        {FILE_OF("1.5", "1", NODE("1", ""), ""), "whole number"},
        {FILE_OF("\"2\"", "1", NODE("1", ""), ""), "maxFPGAs"},
        {FILE_OF("1", "1", "3", ""), "nodes[0]"},
        {FILE_OF("1", "1", "{}", ""), "nodes[0]"},
        {FILE_OF("1", "1", NODE("1", "") "," NODE("1", ""), ""), "node 1 is there twice"},
        {FILE_OF("1", "1", "{\"id\":5,\"supportedOnFpga\":1,\"fpgaLatency\":1}", ""),
         "node 5 has no 'cpuLatency'"},
        {FILE_OF("1", "1", "{\"id\":5,\"supportedOnFpga\":1,\"cpuLatency\":1}", ""),
         "node 5 has no 'fpgaLatency'"},
        {FILE_OF("1", "1", "{\"id\":5,\"cpuLatency\":1}", ""), "'supportedOnFpga'"},
        {FILE_OF("1", "1", NODE("5", ",\"size\":-2"), ""), "'size' of node 5"},
        {FILE_OF("1", "1", NODE("5", ",\"size\":1e300"), ""), "above 1e+100"},
        {FILE_OF("1", "1", NODE("5", ",\"size\":1e999"), ""), "not JSON"},
        {FILE_OF("1", "1", NODE("5", ",\"size\":NaN"), ""), "not JSON"},
        {FILE_OF("1", "1", NODE("5", ",\"colorClass\":[1]"), ""), "'colorClass' of node 5"},
        {FILE_OF("1", "1", NODE("1", ""), EDGE("1", "2", "1")), "'destId' of edges[0] is node 2"},
        {FILE_OF("1", "1", NODE("1", ""), EDGE("\"1\"", "1", "1")), "node \"1\", which is not"},
        {FILE_OF("1", "1", NODE("1", ""), "{\"sourceId\":1,\"cost\":1}"),
         "edges[0] has no 'destId'"},
        {FILE_OF("1", "1", NODE("1", ""), EDGE("1", "1", "null")), "'cost' of edges[0]"},
        {FILE_OF("1", "1", NODE("1", ""), EDGE("1", "1", "1")), "through node 1"},
        {FILE_OF("1", "1", NODE("1", "") "," NODE("2", "") "," NODE("3", "") "," NODE("4", ""),
                 EDGE("1", "2", "1") "," EDGE("2", "3", "1") "," EDGE("3", "2",
                                                                      "1") "," EDGE("3", "4", "1")),
         "circle, through node"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        davit_diagnostics_buffer told;
        davit_diagnostics_buffer_init(&told);
        davit_problem_file *file;
        davit_status status =
            davit_problem_file_read(davit_allocator_default(), "p.json", cases[i].text,
                                    DAVIT_PLACE_LATENCY, &told.sink, &file);
        if (status != DAVIT_BAD_DATA || told.error_count != 1 ||
            strstr(told.text, cases[i].words) == NULL || strstr(told.text, "p.json") == NULL) {
            fail_msg("%s: status %d, %u errors: %s", cases[i].text, (int)status, told.error_count,
                     told.text);
        }
        assert_null(file);
    }
}

static void test_fails_cleanly_without_memory(void **state)
{
    (void)state;
    counting_allocator counting;
    counting_allocator_init(&counting);
    davit_status status = DAVIT_OUT_OF_MEMORY;
    for (size_t fail_at = 1; status != DAVIT_OK; fail_at++) {
        counting_allocator_restart(&counting, fail_at);
        davit_problem_file *file;
        status = davit_problem_file_read(&counting.allocator, "p.json", good, DAVIT_PLACE_LATENCY,
                                         NULL, &file);
        assert_true(status == DAVIT_OK || status == DAVIT_OUT_OF_MEMORY);
        davit_problem_file_destroy(file);
        assert_int_equal(atomic_load(&counting.live), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_is_there),
        cmocka_unit_test(test_writes_ids_as_they_were),
        cmocka_unit_test(test_each_mistake_is_named),
        cmocka_unit_test(test_fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
