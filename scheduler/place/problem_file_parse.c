/* Reads the fields of a problem file, each checked by itself. */
#include <inttypes.h>
#include <string.h>

#include "problem_file_parts.h"

/* Sums of such numbers stay finite. */
#define LARGEST 1e100

static davit_status out_of_memory(const problem_reading *r)
{
    return davit_fail(r->diag, DAVIT_OUT_OF_MEMORY, "%s: out of memory", r->path);
}

/* A field of `where` that is a number of at least 0; json_number_value is 0 for what is none. */
static davit_status read_number(const problem_reading *r, const json_t *object, const char *where,
                                const char *key, double *value)
{
    const json_t *field = json_object_get(object, key);
    if (field == NULL) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: %s has no '%s'", r->path, where, key);
    }
    double number = json_number_value(field);
    if (!json_is_number(field) || !(number >= 0)) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: '%s' of %s is not a number of at least 0",
                          r->path, key, where);
    }
    if (number > LARGEST) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: '%s' of %s is above %g", r->path, key,
                          where, LARGEST);
    }
    *value = number;
    return DAVIT_OK;
}

/* A number of devices; more than limit are counted as limit. */
static davit_status read_count(const problem_reading *r, const json_t *root, const char *key,
                               uint32_t limit, uint32_t *count)
{
    double number;
    davit_status status = read_number(r, root, "the problem", key, &number);
    if (status == DAVIT_OK && floor(number) != number) {
        status = davit_fail(r->diag, DAVIT_BAD_DATA,
                            "%s: '%s' of the problem is not a whole number", r->path, key);
    }
    if (status == DAVIT_OK) {
        *count = number < limit ? (uint32_t)number : limit;
    }
    return status;
}

/* The text of a whole number or of a string, so that 1 and "1" differ; NULL when it is neither or
 * memory is short (*memory tells). */
static const char *key_of(const problem_reading *r, const json_t *item, bool *memory)
{
    const char *key = NULL;
    *memory = true;
    if (json_is_integer(item)) {
        key = davit_arena_printf(r->scratch, "%" JSON_INTEGER_FORMAT, json_integer_value(item));
    } else if (json_is_string(item)) {
        key = davit_arena_printf(r->scratch, "\"%s\"", json_string_value(item));
    } else {
        return NULL;
    }
    *memory = key != NULL;
    return key;
}

static davit_status read_id(problem_reading *r, json_t *object, uint32_t index, json_t *by_id)
{
    bool memory;
    json_t *id = json_object_get(object, "id");
    const char *key = key_of(r, id, &memory);
    if (!memory) {
        return out_of_memory(r);
    }
    if (key == NULL) {
        return davit_fail(r->diag, DAVIT_BAD_DATA,
                          "%s: nodes[%u] has no 'id' that is a whole number or a string", r->path,
                          index);
    }
    if (json_object_get(by_id, key) != NULL) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: node %s is there twice", r->path, key);
    }
    r->nodes[index].id = id;
    r->names[index] = key;
    return json_object_set_new(by_id, key, json_integer(index)) == 0 ? DAVIT_OK : out_of_memory(r);
}

/* null and a missing class are none. */
static davit_status read_colour(problem_reading *r, const json_t *object, uint32_t index,
                                json_t *groups)
{
    const json_t *colour = json_object_get(object, "colorClass");
    r->nodes[index].group = DAVIT_PLACE_NONE;
    if (colour == NULL || json_is_null(colour)) {
        return DAVIT_OK;
    }
    bool memory;
    const char *key = key_of(r, colour, &memory);
    if (!memory) {
        return out_of_memory(r);
    }
    if (key == NULL) {
        return davit_fail(r->diag, DAVIT_BAD_DATA,
                          "%s: 'colorClass' of node %s is not a whole number or a string", r->path,
                          r->names[index]);
    }
    const json_t *known = json_object_get(groups, key);
    if (known == NULL) {
        if (json_object_set_new(groups, key, json_integer(r->group_count)) != 0) {
            return out_of_memory(r);
        }
        r->nodes[index].group = r->group_count++;
        return DAVIT_OK;
    }
    r->nodes[index].group = (uint32_t)json_integer_value(known);
    return DAVIT_OK;
}

static davit_status read_node(problem_reading *r, json_t *object, uint32_t index)
{
    problem_node *node = &r->nodes[index];
    const char *where = davit_arena_printf(r->scratch, "node %s", r->names[index]);
    if (where == NULL) {
        return out_of_memory(r);
    }
    const json_t *supported = json_object_get(object, "supportedOnFpga");
    bool is_number = json_is_number(supported);
    if (!json_is_boolean(supported) && !is_number) {
        return davit_fail(r->diag, DAVIT_BAD_DATA,
                          "%s: %s has no 'supportedOnFpga' that is true, false, 0 or 1", r->path,
                          where);
    }
    node->supported = is_number ? json_number_value(supported) != 0 : json_is_true(supported);
    davit_status status = read_number(r, object, where, "cpuLatency", &node->cpu_seconds);
    if (status == DAVIT_OK && (node->supported || json_object_get(object, "fpgaLatency") != NULL)) {
        status = read_number(r, object, where, "fpgaLatency", &node->accelerator_seconds);
    }
    if (status == DAVIT_OK && json_object_get(object, "size") != NULL) {
        status = read_number(r, object, where, "size", &node->size);
    }
    return status;
}

static davit_status read_nodes(problem_reading *r, const json_t *list, json_t *by_id,
                               json_t *groups)
{
    r->nodes = davit_arena_alloc_array(r->scratch, r->node_count, sizeof(*r->nodes));
    r->names = davit_arena_alloc_array(r->scratch, r->node_count, sizeof(*r->names));
    if (r->nodes == NULL || r->names == NULL) {
        return out_of_memory(r);
    }
    davit_status status = DAVIT_OK;
    for (uint32_t i = 0; status == DAVIT_OK && i < r->node_count; i++) {
        json_t *object = json_array_get(list, i);
        if (!json_is_object(object)) {
            return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: nodes[%u] is not an object", r->path,
                              i);
        }
        status = read_id(r, object, i, by_id);
        if (status == DAVIT_OK) {
            status = read_node(r, object, i);
        }
        if (status == DAVIT_OK) {
            status = read_colour(r, object, i, groups);
        }
    }
    return status;
}

static davit_status read_end(const problem_reading *r, const json_t *object, const char *where,
                             const char *key, const json_t *by_id, uint32_t *node)
{
    bool memory;
    const char *id = key_of(r, json_object_get(object, key), &memory);
    if (!memory) {
        return out_of_memory(r);
    }
    if (id == NULL) {
        return davit_fail(r->diag, DAVIT_BAD_DATA,
                          "%s: %s has no '%s' that is a whole number or a string", r->path, where,
                          key);
    }
    const json_t *index = json_object_get(by_id, id);
    if (index == NULL) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: '%s' of %s is node %s, which is not there",
                          r->path, key, where, id);
    }
    *node = (uint32_t)json_integer_value(index);
    return DAVIT_OK;
}

static davit_status read_edges(problem_reading *r, const json_t *list, const json_t *by_id)
{
    r->edge_count = json_array_size(list);
    r->edges = davit_arena_alloc_array(r->scratch, r->edge_count, sizeof(*r->edges));
    if (r->edges == NULL) {
        return out_of_memory(r);
    }
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < r->edge_count; i++) {
        const json_t *object = json_array_get(list, i);
        problem_edge *edge = &r->edges[i];
        char where[48];
        (void)snprintf(where, sizeof(where), "edges[%zu]", i);
        status = read_end(r, object, where, "sourceId", by_id, &edge->source);
        if (status == DAVIT_OK) {
            status = read_end(r, object, where, "destId", by_id, &edge->destination);
        }
        if (status == DAVIT_OK) {
            status = read_number(r, object, where, "cost", &edge->cost);
        }
    }
    return status;
}

static davit_status read_lists(problem_reading *r, const json_t *root)
{
    const json_t *nodes = json_object_get(root, "nodes");
    const json_t *edges = json_object_get(root, "edges");
    if (!json_is_array(nodes) || !json_is_array(edges)) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: not a placement problem: no list '%s'",
                          r->path, json_is_array(nodes) ? "edges" : "nodes");
    }
    size_t count = json_array_size(nodes);
    if (count == 0 || count >= DAVIT_PLACE_NONE / 4) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: has %s nodes", r->path,
                          count == 0 ? "no" : "too many");
    }
    r->node_count = (uint32_t)count;
    json_t *by_id = json_object();
    json_t *groups = json_object();
    davit_status status = by_id != NULL && groups != NULL ? DAVIT_OK : out_of_memory(r);
    if (status == DAVIT_OK) {
        status = read_nodes(r, nodes, by_id, groups);
    }
    if (status == DAVIT_OK) {
        status = read_edges(r, edges, by_id);
    }
    json_decref(by_id);
    json_decref(groups);
    return status;
}

davit_status problem_file_parse(problem_reading *r, const char *text, json_t **root)
{
    json_error_t error;
    *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (*root == NULL) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: not JSON: line %d, column %d: %s", r->path,
                          error.line, error.column, error.text);
    }
    davit_status status = read_lists(r, *root);
    if (status == DAVIT_OK) {
        status = read_number(r, *root, "the problem", "maxSizePerFPGA", &r->accelerator_bytes);
    }
    if (status == DAVIT_OK) {
        status = read_count(r, *root, "maxFPGAs", r->node_count, &r->accelerator_count);
    }
    if (status == DAVIT_OK) {
        status = read_count(r, *root, "maxCPUs", r->node_count, &r->cpu_count);
    }
    if (status == DAVIT_OK && r->accelerator_count + r->cpu_count == 0) {
        status = davit_fail(r->diag, DAVIT_BAD_DATA,
                            "%s: has no device: maxFPGAs and maxCPUs are both 0", r->path);
    }
    return status;
}
