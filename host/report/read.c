/* Reading: checks whatever the rest looks at. */
#include <stdlib.h>
#include <string.h>

#include "davit/read_file.h"
#include "report_parts.h"

enum { MOST_BYTES = 1 << 30 };

/* What a member may be. */
enum { TEXT = 1, NUMBER = 2, BOOL = 4, NONE = 8, LIST = 16, OBJECT = 32, INDEX = 64 };

typedef struct field {
    const char *key;
    unsigned types;
} field;

typedef struct reading {
    const char *path;
    const davit_diagnostics *diag;
    const json_t *root;
} reading;

static unsigned type_of(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return OBJECT;
    case JSON_ARRAY:
        return LIST;
    case JSON_STRING:
        return TEXT;
    case JSON_INTEGER:
        return json_integer_value(json) >= 0 ? NUMBER | INDEX : NUMBER;
    case JSON_REAL:
        return NUMBER;
    case JSON_NULL:
        return NONE;
    default:
        return BOOL;
    }
}

static const char *types_text(unsigned types)
{
    switch (types & ~(unsigned)NONE) {
    case TEXT:
        return "a string";
    case NUMBER:
        return "a number";
    case INDEX:
        return "an index";
    case BOOL:
        return "true or false";
    case LIST:
        return "a list";
    default:
        return "an object";
    }
}

/* where: "units"; index: of the element there, SIZE_MAX for none. The table ends with a NULL key.
 */
static davit_status check(const reading *r, const json_t *object, const char *where, size_t index,
                          const field *fields)
{
    char place[64];
    snprintf(place, sizeof(place), index != SIZE_MAX ? "%s[%zu]" : "%s", where, index);
    if (!json_is_object(object)) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: %s: an object is expected", r->path, place);
    }
    for (; fields->key != NULL; fields++) {
        const json_t *value = json_object_get(object, fields->key);
        if (value == NULL || (type_of(value) & fields->types) == 0) {
            return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: %s: '%s' must be %s%s", r->path, place,
                              fields->key, types_text(fields->types),
                              (fields->types & NONE) != 0 ? " or null" : "");
        }
    }
    return DAVIT_OK;
}

static davit_status check_each(const reading *r, const json_t *list, const char *where,
                               const field *fields)
{
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < json_array_size(list); i++) {
        status = check(r, json_array_get(list, i), where, i, fields);
    }
    return status;
}

static const field cost_fields[] = {
    {"seconds", NUMBER}, {"joules", NUMBER | NONE}, {"source", TEXT}, {"confidence", NUMBER}, {0}};

static davit_status check_root(const reading *r)
{
    static const field root[] = {
        {"kind", TEXT},         {"created", TEXT},    {"davit", TEXT},
        {"model", OBJECT},      {"summary", OBJECT},  {"host", OBJECT | NONE},
        {"devices", LIST},      {"moves", TEXT},      {"units", LIST},
        {"alternatives", LIST}, {"events", LIST},     {"copies", LIST},
        {"resources", LIST},    {"timeline", OBJECT}, {0}};
    static const field model[] = {{"path", TEXT},
                                  {"name", TEXT},
                                  {"sha256", TEXT},
                                  {"producer", TEXT},
                                  {"inputs", LIST},
                                  {"outputs", LIST},
                                  {0}};
    static const field summary[] = {{"objective", TEXT},
                                    {"latency_limit_s", NUMBER | NONE},
                                    {"predicted", OBJECT},
                                    {"bound", NUMBER | NONE},
                                    {"gap", NUMBER | NONE},
                                    {"method", TEXT},
                                    {"bound_method", TEXT},
                                    {"measured", OBJECT | NONE},
                                    {"units", INDEX},
                                    {"fallbacks", INDEX},
                                    {"integer_units", INDEX},
                                    {"kept_f32", INDEX},
                                    {0}};
    static const field predicted[] = {
        {"latency_s", NUMBER | NONE}, {"period_s", NUMBER | NONE}, {"joules", NUMBER | NONE}, {0}};
    static const field measured[] = {{"runs", INDEX},
                                     {"median_s", NUMBER},
                                     {"low_s", NUMBER},
                                     {"high_s", NUMBER},
                                     {"copies_s", NUMBER},
                                     {"copied_bytes", NUMBER},
                                     {"load_s", NUMBER},
                                     {"memory_bytes", NUMBER},
                                     {"programs", INDEX},
                                     {"clock", TEXT},
                                     {0}};
    const json_t *told = json_object_get(r->root, "summary");
    const json_t *runs = json_object_get(told, "measured");
    davit_status status = check(r, r->root, "the file", SIZE_MAX, root);
    if (status == DAVIT_OK) {
        status = check(r, json_object_get(r->root, "model"), "model", SIZE_MAX, model);
    }
    if (status == DAVIT_OK) {
        status = check(r, told, "summary", SIZE_MAX, summary);
    }
    if (status == DAVIT_OK) {
        status =
            check(r, json_object_get(told, "predicted"), "summary.predicted", SIZE_MAX, predicted);
    }
    if (status == DAVIT_OK && !json_is_null(runs)) {
        status = check(r, runs, "summary.measured", SIZE_MAX, measured);
    }
    return status;
}

static davit_status check_host(const reading *r)
{
    static const field host[] = {{"processor", TEXT},
                                 {"isa", TEXT},
                                 {"sockets", INDEX},
                                 {"cores", INDEX},
                                 {"memory_bytes", NUMBER | NONE},
                                 {"numa_nodes", LIST},
                                 {"pci", LIST},
                                 {"routes", LIST},
                                 {0}};
    static const field node[] = {{"os_index", INDEX},
                                 {"cores", INDEX},
                                 {"cpus", TEXT},
                                 {"memory_bytes", NUMBER | NONE},
                                 {0}};
    static const field pci[] = {{"address", TEXT},
                                {"kind", TEXT},
                                {"name", TEXT},
                                {"devices", LIST},
                                {"numa_node", INDEX | NONE},
                                {"link_generation", INDEX},
                                {"link_width", INDEX},
                                {"path_bytes_per_s", NUMBER | NONE},
                                {"direct_bytes_per_s", NUMBER | NONE},
                                {"refused", TEXT},
                                {0}};
    const json_t *told = json_object_get(r->root, "host");
    if (json_is_null(told)) {
        return DAVIT_OK;
    }
    davit_status status = check(r, told, "host", SIZE_MAX, host);
    if (status == DAVIT_OK) {
        status = check_each(r, json_object_get(told, "numa_nodes"), "host.numa_nodes", node);
    }
    return status == DAVIT_OK ? check_each(r, json_object_get(told, "pci"), "host.pci", pci)
                              : status;
}

static davit_status check_devices(const reading *r)
{
    static const field device[] = {{"name", TEXT},
                                   {"backend", TEXT},
                                   {"kind", TEXT},
                                   {"description", TEXT},
                                   {"emulated", BOOL},
                                   {"clock", TEXT},
                                   {"pci_address", TEXT | NONE},
                                   {"numa_node", INDEX | NONE},
                                   {"memory_bytes", NUMBER | NONE},
                                   {"peaks", OBJECT},
                                   {"link", OBJECT | NONE},
                                   {"load", OBJECT},
                                   {"unused", TEXT},
                                   {"energy", OBJECT | NONE},
                                   {0}};
    static const field load[] = {
        {"units", INDEX},     {"compute_s", NUMBER}, {"in_s", NUMBER},         {"out_s", NUMBER},
        {"in_bytes", NUMBER}, {"out_bytes", NUMBER}, {"memory_bytes", NUMBER}, {0}};
    const json_t *devices = json_object_get(r->root, "devices");
    davit_status status = check_each(r, devices, "devices", device);
    for (size_t d = 0; status == DAVIT_OK && d < json_array_size(devices); d++) {
        status = check(r, json_object_get(json_array_get(devices, d), "load"), "load of devices", d,
                       load);
    }
    return status;
}

static davit_status check_unit(const reading *r, const json_t *unit, size_t index)
{
    static const field measured[] = {
        {"median_s", NUMBER}, {"low_s", NUMBER}, {"high_s", NUMBER}, {0}};
    static const field move[] = {
        {"device", TEXT},        {"supported", BOOL},      {"allowed", BOOL},    {"reason", TEXT},
        {"cost", OBJECT | NONE}, {"moved", NUMBER | NONE}, {"impossible", BOOL}, {0}};
    const json_t *reads = json_object_get(unit, "reads");
    const json_t *took = json_object_get(unit, "measured");
    for (size_t i = 0; i < json_array_size(reads); i++) {
        const json_t *from = json_array_get(reads, i);
        if (!json_is_integer(from) || json_integer_value(from) < 0 ||
            (size_t)json_integer_value(from) >= index) {
            return davit_fail(r->diag, DAVIT_BAD_DATA,
                              "%s: units[%zu]: 'reads' must name units before it", r->path, index);
        }
    }
    davit_status status =
        check(r, json_object_get(unit, "predicted"), "predicted of units", index, cost_fields);
    if (status == DAVIT_OK && !json_is_null(took)) {
        status = check(r, took, "measured of units", index, measured);
    }
    return status == DAVIT_OK
               ? check_each(r, json_object_get(unit, "moves"), "moves of a unit", move)
               : status;
}

static davit_status check_units(const reading *r)
{
    static const field fields[] = {{"name", TEXT},
                                   {"operators", TEXT},
                                   {"class", TEXT},
                                   {"device", TEXT},
                                   {"reason", TEXT},
                                   {"fallback", BOOL},
                                   {"implementation", TEXT},
                                   {"dtype", TEXT},
                                   {"shape", LIST},
                                   {"integer", BOOL},
                                   {"flops", NUMBER},
                                   {"bytes", NUMBER},
                                   {"reads", LIST},
                                   {"predicted", OBJECT},
                                   {"measured", OBJECT | NONE},
                                   {"moves", LIST},
                                   {0}};
    const json_t *units = json_object_get(r->root, "units");
    davit_status status = check_each(r, units, "units", fields);
    for (size_t u = 0; status == DAVIT_OK && u < json_array_size(units); u++) {
        status = check_unit(r, json_array_get(units, u), u);
    }
    return status;
}

/* Whether the member is an index into the root's list of that name. */
static bool indexes(const reading *r, const json_t *object, const char *key, const char *list)
{
    const json_t *index = json_object_get(object, key);
    return json_is_integer(index) && json_integer_value(index) >= 0 &&
           (size_t)json_integer_value(index) < json_array_size(json_object_get(r->root, list));
}

static davit_status check_spans(const reading *r, const char *where)
{
    static const field fields[] = {
        {"resource", INDEX}, {"start_ns", INDEX}, {"end_ns", INDEX}, {"inference", INDEX}, {0}};
    const json_t *timeline = json_object_get(json_object_get(r->root, "timeline"), where);
    const json_t *spans = json_object_get(timeline, "spans");
    if (json_is_null(timeline)) {
        return DAVIT_OK;
    }
    if (!json_is_array(spans)) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: timeline.%s: 'spans' must be a list",
                          r->path, where);
    }
    davit_status status = check_each(r, spans, "spans", fields);
    for (size_t i = 0; status == DAVIT_OK && i < json_array_size(spans); i++) {
        const json_t *span = json_array_get(spans, i);
        bool valid = indexes(r, span, "resource", "resources") &&
                     (json_object_get(span, "unit") != NULL ? indexes(r, span, "unit", "units")
                                                            : indexes(r, span, "copy", "copies"));
        if (!valid) {
            status = davit_fail(r->diag, DAVIT_BAD_DATA,
                                "%s: timeline.%s: spans[%zu] is of no resource, unit or copy",
                                r->path, where, i);
        }
    }
    return status;
}

static davit_status check_lists(const reading *r)
{
    static const field copy[] = {{"value", TEXT},
                                 {"device", TEXT},
                                 {"to_device", BOOL},
                                 {"bytes", NUMBER},
                                 {"predicted_s", NUMBER | NONE},
                                 {"measured_s", NUMBER | NONE},
                                 {0}};
    static const field resource[] = {{"device", TEXT}, {"kind", TEXT}, {0}};
    static const field event[] = {
        {"kind", TEXT}, {"device", TEXT | NONE}, {"time_s", NUMBER | NONE},
        {"text", TEXT}, {"count", INDEX},        {0}};
    static const field alternative[] = {{"name", TEXT},
                                        {"infeasible", TEXT},
                                        {"latency_s", NUMBER | NONE},
                                        {"period_s", NUMBER | NONE},
                                        {"joules", NUMBER | NONE},
                                        {"elsewhere", INDEX},
                                        {0}};
    davit_status status = check_each(r, json_object_get(r->root, "copies"), "copies", copy);
    if (status == DAVIT_OK) {
        status = check_each(r, json_object_get(r->root, "resources"), "resources", resource);
    }
    if (status == DAVIT_OK) {
        status = check_each(r, json_object_get(r->root, "events"), "events", event);
    }
    if (status == DAVIT_OK) {
        status =
            check_each(r, json_object_get(r->root, "alternatives"), "alternatives", alternative);
    }
    if (status == DAVIT_OK) {
        status = check_spans(r, "predicted");
    }
    return status == DAVIT_OK ? check_spans(r, "measured") : status;
}

static davit_status check_version(const reading *r)
{
    const json_t *version = json_object_get(r->root, "schema_version");
    if (!json_is_integer(version) || !json_is_array(json_object_get(r->root, "units"))) {
        return davit_fail(r->diag, DAVIT_BAD_DATA,
                          "%s: this is no report: davit run --report FILE.json writes one",
                          r->path);
    }
    if (json_integer_value(version) != DAVIT_REPORT_SCHEMA_VERSION) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: a report of format %lld, %d is expected",
                          r->path, (long long)json_integer_value(version),
                          DAVIT_REPORT_SCHEMA_VERSION);
    }
    return DAVIT_OK;
}

static davit_status check_report(const reading *r)
{
    static davit_status (*const checks[])(const reading *) = {
        check_version, check_root, check_host, check_devices, check_units, check_lists};
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < sizeof(checks) / sizeof(checks[0]); i++) {
        status = checks[i](r);
    }
    return status;
}

davit_status davit_report_read(const char *path, const davit_diagnostics *diag, json_t **out)
{
    *out = NULL;
    char *text;
    davit_status status =
        davit_read_file(davit_allocator_default(), path, MOST_BYTES, diag, &text, NULL);
    if (status != DAVIT_OK) {
        return status;
    }
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    davit_free(davit_allocator_default(), text);
    if (root == NULL) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s:%d: %s", path, error.line, error.text);
    }
    const reading r = {path, diag, root};
    status = check_report(&r);
    if (status != DAVIT_OK) {
        json_decref(root);
        return status;
    }
    *out = root;
    return DAVIT_OK;
}
