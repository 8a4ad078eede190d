/* A unit is described as text, node by node, and the text hashed. Values are named by where they
 * come from: the n-th value from outside, or the output of a node of the unit. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <sha256.h>

#include "davit/cost.h"
#include "davit/integer.h"

#define MAX_SHAPE_BYTES 512 /* of a constant whose value decides a shape */

typedef struct describing {
    const davit_graph *graph;
    const davit_unit *unit;
    SHA2_CTX hash;
} describing;

static void add(describing *d, const void *bytes, size_t count)
{
    SHA256Update(&d->hash, bytes, count);
}

static void add_text(describing *d, const char *text)
{
    add(d, text, strlen(text) + 1);
}

static void add_number(describing *d, int64_t number)
{
    add(d, &number, sizeof(number));
}

/* ---- attributes ---- */

/* Numbers of integer arithmetic: only whether they are there, or trivial, can matter. */
static bool is_arithmetic(const char *name)
{
    const char *tail = strrchr(name, '_');
    return strcmp(name, "low") == 0 || strcmp(name, "high") == 0 ||
           (tail != NULL && (strcmp(tail, "_scale") == 0 || strcmp(tail, "_zero") == 0));
}

static void add_arithmetic(describing *d, const davit_attribute *attribute)
{
    if (attribute->type == DAVIT_ATTRIBUTE_INT) {
        add_number(d, attribute->u.i != 0);
    } else if (attribute->type == DAVIT_ATTRIBUTE_FLOATS) {
        add_number(d, (int64_t)attribute->count);
    } else {
        add_number(d, isfinite(attribute->u.f) != 0);
    }
}

static void add_attribute(describing *d, const davit_attribute *attribute, bool integer)
{
    add_text(d, attribute->name);
    add_number(d, attribute->type);
    if (integer && is_arithmetic(attribute->name)) {
        add_arithmetic(d, attribute);
        return;
    }
    switch (attribute->type) {
    case DAVIT_ATTRIBUTE_INT:
        add_number(d, attribute->u.i);
        break;
    case DAVIT_ATTRIBUTE_FLOAT:
        add(d, &attribute->u.f, sizeof(attribute->u.f));
        break;
    case DAVIT_ATTRIBUTE_STRING:
        add_text(d, attribute->u.s);
        break;
    case DAVIT_ATTRIBUTE_INTS:
        add_number(d, (int64_t)attribute->count);
        add(d, attribute->u.ints, attribute->count * sizeof(*attribute->u.ints));
        break;
    case DAVIT_ATTRIBUTE_FLOATS:
        add_number(d, (int64_t)attribute->count);
        add(d, attribute->u.floats, attribute->count * sizeof(*attribute->u.floats));
        break;
    case DAVIT_ATTRIBUTE_STRINGS:
        add_number(d, (int64_t)attribute->count);
        for (size_t i = 0; i < attribute->count; i++) {
            add_text(d, attribute->u.strings[i]);
        }
        break;
    case DAVIT_ATTRIBUTE_TENSOR:
        add_number(d, attribute->u.tensor->desc.dtype);
        add_number(d, davit_tensor_desc_elems(&attribute->u.tensor->desc));
        break;
    }
}

/* In the order of their names, which exporters write as they like. */
static void add_attributes(describing *d, const davit_node *node)
{
    bool integer = davit_op_is_integer(node->op->op);
    const char *last = "";
    add_number(d, node->attribute_count);
    for (uint32_t done = 0; done < node->attribute_count; done++) {
        const davit_attribute *next = NULL;
        for (uint32_t i = 0; i < node->attribute_count; i++) {
            const davit_attribute *candidate = &node->attributes[i];
            if ((done == 0 || strcmp(candidate->name, last) > 0) &&
                (next == NULL || strcmp(candidate->name, next->name) < 0)) {
                next = candidate;
            }
        }
        if (next == NULL) {
            return;
        }
        add_attribute(d, next, integer);
        last = next->name;
    }
}

/* ---- values ---- */

static void add_desc(describing *d, const davit_tensor_desc *desc)
{
    add_number(d, desc->dtype);
    add_number(d, desc->rank);
    add(d, desc->dims, (size_t)desc->rank * sizeof(*desc->dims));
}

/* Index of the node of the unit that makes a value, or the unit's node count. */
static uint32_t maker_of(const describing *d, davit_value_id value)
{
    davit_node_id producer = d->graph->values[value].producer;
    uint32_t n = 0;
    while (n < d->unit->node_count && d->unit->nodes[n] != producer) {
        n++;
    }
    return n;
}

static uint32_t index_among(const davit_value_id *values, uint32_t count, davit_value_id value)
{
    uint32_t i = 0;
    while (i < count && values[i] != value) {
        i++;
    }
    return i;
}

static void add_constant(describing *d, const davit_value *value, bool decides_shape)
{
    add_text(d, "constant");
    add_desc(d, &value->desc);
    size_t bytes = davit_tensor_desc_bytes(&value->desc);
    if (decides_shape && bytes > 0 && bytes <= MAX_SHAPE_BYTES) {
        add(d, value->constant->data, bytes);
    }
}

static void add_input(describing *d, const davit_node *node, uint32_t input)
{
    davit_value_id id = node->inputs[input];
    if (id == DAVIT_NONE) {
        add_text(d, "absent");
        return;
    }
    const davit_value *value = &d->graph->values[id];
    uint32_t maker = maker_of(d, id);
    if (value->constant != NULL) {
        uint32_t bit = input < 32 ? node->op->shape_inputs >> input & 1u : 0;
        add_constant(d, value, bit != 0);
    } else if (maker < d->unit->node_count) {
        const davit_node *from = &d->graph->nodes[d->unit->nodes[maker]];
        add_text(d, "inside");
        add_number(d, maker);
        add_number(d, index_among(from->outputs, from->output_count, id));
    } else {
        add_text(d, "outside");
        add_number(d, index_among(d->unit->inputs, d->unit->input_count, id));
        add_desc(d, &value->desc);
    }
}

static void add_outputs(describing *d, const davit_node *node)
{
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] == DAVIT_NONE) {
            add_text(d, "absent");
            continue;
        }
        uint32_t used = index_among(d->unit->outputs, d->unit->output_count, node->outputs[i]);
        add_text(d, used < d->unit->output_count ? "output" : "unused");
        add_desc(d, &d->graph->values[node->outputs[i]].desc);
    }
}

void davit_unit_signature(const davit_graph *graph, const davit_unit *unit,
                          char signature[DAVIT_SIGNATURE_HEX])
{
    describing d = {.graph = graph, .unit = unit};
    SHA256Init(&d.hash);
    add_number(&d, unit->node_count);
    for (uint32_t n = 0; n < unit->node_count; n++) {
        const davit_node *node = &graph->nodes[unit->nodes[n]];
        add_text(&d, node->op->domain);
        add_text(&d, node->op->name);
        add_attributes(&d, node);
        add_number(&d, node->input_count);
        for (uint32_t i = 0; i < node->input_count; i++) {
            add_input(&d, node, i);
        }
        add_outputs(&d, node);
    }
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256Final(digest, &d.hash);
    for (size_t i = 0; i < (DAVIT_SIGNATURE_HEX - 1) / 2; i++) {
        snprintf(signature + 2 * i, 3, "%02x", digest[i]);
    }
}
