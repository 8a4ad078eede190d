/* Units: where each is, why, what it takes, what moving it would take. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "davit/work_class.h"
#include "report_parts.h"

typedef struct making {
    const davit_report_source *source;
    json_t *snr_db;    /* by name of the unit, where known */
    uint32_t *made_by; /* by value: unit + 1, 0 for none */
} making;

static json_t *cost_json(const davit_cost_estimate *cost)
{
    return json_pack("{s:f, s:o, s:s, s:f}", "seconds", cost->seconds, "joules",
                     davit_report_known(cost->joules), "source",
                     davit_cost_source_name(cost->source), "confidence", cost->confidence);
}

static json_t *measured_json(const davit_report_source *source, size_t unit)
{
    const davit_plan_device *device = &source->plan->devices[source->plan->units[unit].device];
    if (source->runs == NULL || device->info.emulated) {
        return json_null();
    }
    const davit_report_spread *spread = &source->runs->units[unit];
    return json_pack("{s:f, s:f, s:f}", "median_s", (double)spread->median_ns * 1e-9, "low_s",
                     (double)spread->low_ns * 1e-9, "high_s", (double)spread->high_ns * 1e-9);
}

static json_t *move_json(const davit_report_source *source, size_t unit, size_t device)
{
    const davit_plan_move *move =
        &source->explanation->moves[unit * source->explanation->device_count + device];
    return json_pack("{s:o, s:b, s:b, s:o, s:o, s:o, s:b}", "device",
                     davit_report_text(source->plan->devices[device].info.name), "supported",
                     move->supported, "allowed", move->allowed, "reason",
                     davit_report_text(move->reason), "cost",
                     move->supported ? cost_json(&move->cost) : json_null(), "moved",
                     isfinite(move->moved) ? json_real(move->moved) : json_null(), "impossible",
                     isinf(move->moved) ? true : false);
}

static json_t *moves_json(const davit_report_source *source, size_t unit)
{
    json_t *moves = json_array();
    size_t count = source->explanation != NULL ? source->explanation->device_count : 0;
    for (size_t d = 0; moves != NULL && d < count; d++) {
        if (!davit_report_append(moves, move_json(source, unit, d))) {
            json_decref(moves);
            return NULL;
        }
    }
    return moves;
}

static json_t *shape_json(const davit_tensor_desc *desc)
{
    json_t *shape = json_array();
    for (int i = 0; shape != NULL && desc != NULL && i < desc->rank; i++) {
        if (!davit_report_append(shape, json_integer(desc->dims[i]))) {
            json_decref(shape);
            return NULL;
        }
    }
    return shape;
}

static json_t *reads_json(const making *m, const davit_unit *unit)
{
    json_t *reads = json_array();
    for (uint32_t i = 0; reads != NULL && i < unit->input_count; i++) {
        uint32_t maker = m->made_by[unit->inputs[i]];
        if (maker > 0 && !davit_report_append(reads, json_integer((json_int_t)maker - 1))) {
            json_decref(reads);
            return NULL;
        }
    }
    return reads;
}

static bool is_8_bit(davit_dtype dtype)
{
    return dtype == DAVIT_S8 || dtype == DAVIT_U8;
}

static json_t *unit_json(const making *m, size_t index)
{
    static const char *const classes[] = {[DAVIT_WORK_CONVOLUTION] = "convolution",
                                          [DAVIT_WORK_DEPTHWISE] = "depthwise",
                                          [DAVIT_WORK_GEMM] = "gemm",
                                          [DAVIT_WORK_VIEW] = "view",
                                          [DAVIT_WORK_OTHER] = "other"};
    const davit_report_source *source = m->source;
    const davit_graph *graph = source->graph;
    const davit_unit *unit = &graph->units[index];
    const davit_plan_unit *placed = &source->plan->units[index];
    const davit_tensor_desc *output =
        unit->output_count > 0 ? &graph->values[unit->outputs[0]].desc : NULL;
    bool integer = unit->input_count > 0 && is_8_bit(graph->values[unit->inputs[0]].desc.dtype);
    json_t *json = json_pack(
        "{s:o, s:s, s:s, s:o, s:o, s:b, s:o, s:o, s:s, s:o, s:b, s:f, s:f, s:o, s:o, s:o, s:o}",
        "name",
        davit_report_text(unit->name), "operators", source->units[index].operators, "class",
        classes[davit_unit_work_class(graph, unit)], "device",
        davit_report_text(source->plan->devices[placed->device].info.name), "reason",
        davit_report_text(placed->reason), "fallback", placed->fallback, "implementation",
        davit_report_text(source->units[index].implementation), "implementation_reason",
        davit_report_text(source->units[index].implementation_reason), "dtype",
        output != NULL ? davit_dtype_name(output->dtype) : "", "shape", shape_json(output),
        "integer", integer, "flops", (double)unit->flops, "bytes", (double)unit->bytes, "reads",
        reads_json(m, unit), "predicted", cost_json(&placed->cost), "measured",
        measured_json(source, index), "moves", moves_json(source, index));
    json_t *snr = json_object_get(m->snr_db, unit->name);
    if (json != NULL && snr != NULL && json_object_set(json, "snr_db", snr) != 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* What the file of a quantised model says of its operators. */
static json_t *read_snr(const davit_graph *graph)
{
    json_t *known = json_object();
    const size_t prefix = strlen(DAVIT_METADATA_SNR_DB);
    for (size_t i = 0; known != NULL && i < graph->metadata_count; i++) {
        const davit_metadata *entry = &graph->metadata[i];
        char *end;
        if (strncmp(entry->key, DAVIT_METADATA_SNR_DB, prefix) != 0) {
            continue;
        }
        double value = strtod(entry->value, &end);
        if (end != entry->value && *end == '\0' && isfinite(value)) {
            /* A name that is not UTF-8 is left out. */
            (void)json_object_set_new(known, entry->key + prefix, json_real(value));
        }
    }
    return known;
}

json_t *davit_report_units(const davit_report_source *source)
{
    const davit_graph *graph = source->graph;
    making m = {source, read_snr(graph), calloc(graph->value_count + 1, sizeof(*m.made_by))};
    json_t *units = m.made_by != NULL && m.snr_db != NULL ? json_array() : NULL;
    for (size_t u = 0; units != NULL && u < graph->unit_count; u++) {
        for (uint32_t i = 0; i < graph->units[u].output_count; i++) {
            m.made_by[graph->units[u].outputs[i]] = (uint32_t)u + 1;
        }
        if (!davit_report_append(units, unit_json(&m, u))) {
            json_decref(units);
            units = NULL;
        }
    }
    free(m.made_by);
    json_decref(m.snr_db);
    return units;
}
