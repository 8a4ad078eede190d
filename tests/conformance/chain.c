#include "chain.h"

#include <string.h>

static const char chain[] = "Relu x:1x3x4x5 ; Sigmoid ; Tanh";

bool chain_open(test_suite *suite, chain_bench *out)
{
    memset(out, 0, sizeof(*out));
    if (case_build(chain, suite->seed, NULL, &suite->errors.sink, &out->built) != DAVIT_OK ||
        case_spec_create(&out->built, false, &out->whole) != DAVIT_OK) {
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
