/* What davit_place_problem_check refuses. */
#include "davit/problem.h"
#include "unit_test.h"

typedef struct parts {
    davit_place_node nodes[2];
    davit_place_device devices[2];
    uint32_t consumers[2];
    davit_place_value values[2];
    double node_seconds[4], node_joules[4], in[4], out[4], copy_joules[4];
    davit_place_problem problem;
} parts;

static void parts_init(parts *p)
{
    *p = (parts){
        .nodes = {{"a", 1, 0, 0}, {"b", 1, DAVIT_PLACE_NONE, DAVIT_PLACE_NONE}},
        .devices = {{"x", 0, DAVIT_PLACE_IN_ORDER, INFINITY, 0, 0},
                    {"y", 1, DAVIT_PLACE_BLOCK, 10, 0, 0}},
        .consumers = {1, 1},
        .values = {{0, true, 1, p->consumers, 4}, {DAVIT_PLACE_NONE, false, 1, p->consumers, 4}},
        .node_seconds = {1, INFINITY, 1, 1},
    };
    p->problem = (davit_place_problem){
        2,         p->nodes, 2,      p->devices,     2, p->node_seconds, p->node_joules, 2,
        p->values, p->in,    p->out, p->copy_joules, 1};
}

static void expect(const parts *p, const char *message)
{
    davit_diagnostics_buffer diag;
    davit_diagnostics_buffer_init(&diag);
    davit_status status =
        davit_place_problem_check(&p->problem, davit_allocator_default(), &diag.sink);
    assert_int_equal(status, message == NULL ? DAVIT_OK : DAVIT_BAD_DATA);
    assert_int_equal(diag.error_count, message != NULL);
    assert_string_equal(diag.text, message == NULL ? "" : message);
}

#define REFUSES(change, message)                                                                   \
    do {                                                                                           \
        parts p;                                                                                   \
        parts_init(&p);                                                                            \
        change;                                                                                    \
        expect(&p, message);                                                                       \
    } while (0)

static void refuses_what_is_wrong(void **state)
{
    (void)state;
    REFUSES((void)0, NULL);
    REFUSES(p.problem.device_count = 0, "placement problem: there is no device");
    REFUSES(p.devices[1].device_class = 2, "device y: class 2 of 2 does not exist");
    REFUSES(p.devices[1].device_class = 0, "devices x and y are of one class and differ");
    REFUSES(p.devices[0].memory_bytes = NAN,
            "device x: memory, power or time is negative or not a number");
    REFUSES(p.devices[0].idle_watts = INFINITY,
            "device x: memory, power or time is negative or not a number");
    REFUSES(p.devices[0].discipline = (davit_place_discipline)7, "device x: unknown discipline");
    REFUSES(p.nodes[0].bytes = -1, "node a: bytes are negative or not finite");
    REFUSES(p.nodes[0].group = 1, "node a: group 1 of 1 does not exist");
    REFUSES(p.nodes[0].pin = 2, "node a: pinned to device 2 of 2");
    REFUSES(p.node_seconds[3] = -1, "node b: negative time on class 1");
    REFUSES(p.node_joules[3] = INFINITY, "node b: negative or infinite energy on class 1");
    REFUSES(p.values[0].producer = 2, "value 0: made by node 2 of 2");
    REFUSES(p.values[0].producer = 1,
            "value 0: node b reads it and comes before node b, its producer");
    REFUSES(p.consumers[0] = 2, "value 0: read by node 2 of 2");
    REFUSES(p.values[1].consumer_count = 2, "value 1: its readers are not in order");
    REFUSES(p.in[2] = NAN, "value 1: bytes, a time or an energy is negative or not finite");
    REFUSES(p.values[1].bytes = -1,
            "value 1: bytes, a time or an energy is negative or not finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(refuses_what_is_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
