#include "chain.h"

#include "cases.h"

#include <string.h>

static const char floats[] = "Relu x:1x3x4x5 ; Sigmoid ; Tanh";
static const char bytes[] = "MaxPool u:1x12x4x5 kernel_shape=3,3 pads=1,1,1,1 ; "
                            "MaxPool kernel_shape=3,3 pads=1,1,1,1 ; "
                            "MaxPool kernel_shape=3,3 pads=1,1,1,1";

static bool build(test_suite *suite, const char *text, chain_bench *out)
{
    return case_build(text, suite->seed, NULL, &suite->errors.sink, &out->built) == DAVIT_OK;
}

bool chain_open(test_suite *suite, chain_bench *out)
{
    char reason[160];
    memset(out, 0, sizeof(*out));
    if (!build(suite, floats, out)) {
        return false;
    }
    out->floats = case_unsupported(suite, &out->built, reason, sizeof(reason)) == NULL;
    if (!out->floats) {
        case_destroy(&out->built);
        if (!build(suite, bytes, out)) {
            return false;
        }
    }
    if (case_spec_create(&out->built, false, &out->whole) != DAVIT_OK) {
        return false;
    }
    out->spec = out->whole.spec;
    memcpy(out->units, out->whole.units, CHAIN_UNITS * sizeof(out->units[0]));
    out->inputs[0] = out->whole.spec.inputs[0];
    out->outputs[0] = out->whole.spec.outputs[0];
    out->spec.units = out->units;
    out->spec.inputs = out->inputs;
    out->spec.outputs = out->outputs;
    return out->spec.unit_count == CHAIN_UNITS;
}

void chain_close(chain_bench *closing)
{
    case_spec_destroy(&closing->whole);
    case_destroy(&closing->built);
}

davit_program_io chain_result(const chain_bench *bench, davit_unit_id unit)
{
    davit_value_id value = bench->built.graph->units[unit].outputs[0];
    return (davit_program_io){.value = value, .desc = bench->built.graph->values[value].desc};
}

void chain_fill(const chain_bench *bench, bool second, void *values)
{
    if (!bench->floats) {
        memset(values, second ? 3 : 2, CHAIN_BYTES);
        return;
    }
    for (size_t i = 0; i < CHAIN_BYTES / sizeof(float); i++) {
        ((float *)values)[i] = second ? -2 : 2;
    }
}

bool chain_right(const chain_bench *bench, size_t unit, bool second, const void *values)
{
    static const double expected[2][CHAIN_UNITS] = {{2, 0.8807971, 0.7068184}, {0, 0.5, 0.4621172}};
    size_t count = bench->floats ? CHAIN_BYTES / sizeof(float) : CHAIN_BYTES;
    for (size_t i = 0; i < count; i++) {
        double difference = bench->floats ? ((const float *)values)[i] - expected[second][unit]
                                          : ((const uint8_t *)values)[i] - (second ? 3.0 : 2.0);
        if (difference > 1e-4 || difference < -1e-4) {
            return false;
        }
    }
    return true;
}
