#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "davit/profile.h"

#define SCHEMA_VERSION 1

/* Masks of kinds. */
enum { CPU = 1, GPU = 2, FPGA = 4, ALL = CPU | GPU | FPGA };

typedef struct number_field {
    const char *group; /* "": the top level */
    const char *name;
    size_t offset;                            /* in davit_device_profile */
    enum { REAL, U32, U64, PART_OF_64 } type; /* the last: a u32 that divides 64 */
    unsigned kinds;                           /* which have it */
    double low, high;                         /* both included; those of profile.schema.json */
    bool optional;
} number_field;

#define FIELD(group, name, member, ...)                                                            \
    {                                                                                              \
        group, name, offsetof(davit_device_profile, member), __VA_ARGS__                           \
    }
#define EFFICIENCY(name, kinds, low)                                                               \
    FIELD("efficiency", #name, efficiency.name, REAL, kinds, low, 1, false)

static const number_field fields[] = {
    FIELD("", "launch_ns", launch_ns, U64, ALL, 0, 1e12, false),
    FIELD("compute", "f32_flops_per_s", f32_flops_per_s, REAL, CPU | GPU, 1e6, 1e18, false),
    FIELD("compute", "f16_flops_per_s", f16_flops_per_s, REAL, CPU | GPU, 1e6, 1e18, true),
    FIELD("compute", "bf16_flops_per_s", bf16_flops_per_s, REAL, CPU | GPU, 1e6, 1e18, true),
    FIELD("compute", "tf32_flops_per_s", tf32_flops_per_s, REAL, GPU, 1e6, 1e18, true),
    FIELD("compute", "s8_ops_per_s", s8_ops_per_s, REAL, CPU | GPU, 1e6, 1e18, false),
    EFFICIENCY(convolution, CPU | GPU, 1e-3),
    EFFICIENCY(depthwise, CPU | GPU, 1e-3),
    EFFICIENCY(gemm, CPU | GPU, 1e-3),
    EFFICIENCY(s8_convolution, CPU | GPU, 1e-3),
    EFFICIENCY(s8_depthwise, CPU | GPU, 1e-3),
    EFFICIENCY(s8_gemm, CPU | GPU, 1e-3),
    EFFICIENCY(elementwise, CPU | GPU, 1e-3),
    EFFICIENCY(memory, ALL, 1e-3),
    EFFICIENCY(confidence, ALL, 0),
    FIELD("memory", "bytes", memory_bytes, U64, ALL, 1, 1e15, false),
    FIELD("memory", "bytes_per_s", memory_bytes_per_s, REAL, ALL, 1e6, 1e18, false),
    FIELD("link", "to_device_bytes_per_s", link.to_device_bytes_per_s, REAL, GPU | FPGA, 1e6, 1e18,
          false),
    FIELD("link", "to_host_bytes_per_s", link.to_host_bytes_per_s, REAL, GPU | FPGA, 1e6, 1e18,
          false),
    FIELD("link", "latency_ns", link.latency_ns, U64, GPU | FPGA, 0, 1e12, false),
    FIELD("link", "joules_per_byte", link.joules_per_byte, REAL, GPU | FPGA, 0, 1e-3, false),
    FIELD("power", "idle_watts", power.idle_watts, REAL, ALL, 0, 1e5, false),
    FIELD("power", "joules_per_flop", power.joules_per_flop, REAL, CPU | GPU, 0, 1e-3, false),
    FIELD("power", "joules_per_s8_op", power.joules_per_s8_op, REAL, ALL, 0, 1e-3, false),
    FIELD("power", "joules_per_byte", power.joules_per_byte, REAL, ALL, 0, 1e-3, false),
    FIELD("fpga", "clock_hz", fpga.clock_hz, REAL, FPGA, 1e6, 1e10, false),
    FIELD("fpga", "compute_units", fpga.compute_units, U32, FPGA, 1, 1024, false),
    FIELD("fpga", "rows", fpga.rows, U32, FPGA, 1, 256, false),
    FIELD("fpga", "columns", fpga.columns, PART_OF_64, FPGA, 1, 64, false),
    FIELD("fpga", "depth", fpga.depth, PART_OF_64, FPGA, 1, 64, false),
    FIELD("fpga", "bank_bytes_per_s", fpga.bank_bytes_per_s, REAL, FPGA, 1e6, 1e18, false),
    FIELD("fpga", "bank_latency_ns", fpga.bank_latency_ns, REAL, FPGA, 0, 1e6, false),
    FIELD("fpga", "refresh_interval_ns", fpga.refresh_interval_ns, REAL, FPGA, 1e3, 1e6, false),
    FIELD("fpga", "refresh_ns", fpga.refresh_ns, REAL, FPGA, 0, 900, false),
    FIELD("fpga", "reconfigure_ns", fpga.reconfigure_ns, U64, FPGA, 0, 1e15, false),
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

typedef struct reading {
    const char *path;
    const davit_diagnostics *diag;
    unsigned kind; /* one bit */
    davit_device_profile *profile;
} reading;

static davit_status refuse_field(const reading *r, const char *group, const char *name,
                                 const char *text)
{
    return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: not a device profile: %s%s%s %s", r->path,
                      group, group[0] != '\0' ? "." : "", name, text);
}

static const number_field *find_field(const reading *r, const char *group, const char *name)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(fields[i].group, group) == 0 && strcmp(fields[i].name, name) == 0 &&
            (fields[i].kinds & r->kind) != 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static void store(const number_field *field, double value, davit_device_profile *profile)
{
    void *target = (char *)profile + field->offset;
    switch (field->type) {
    case REAL:
        *(double *)target = value;
        break;
    case U32:
    case PART_OF_64:
        *(uint32_t *)target = (uint32_t)value;
        break;
    case U64:
        *(uint64_t *)target = (uint64_t)value;
        break;
    }
}

/* The number itself: item, or the value of item {value, source}. NULL after a report. */
static const json_t *number_of(const reading *r, const number_field *field, const json_t *item)
{
    if (!json_is_object(item)) {
        return item;
    }
    const json_t *value = json_object_get(item, "value");
    if (value == NULL || !json_is_string(json_object_get(item, "source")) ||
        json_object_size(item) != 2) {
        (void)refuse_field(r, field->group, field->name,
                           "is neither a number nor {\"value\": number, \"source\": text}");
        return NULL;
    }
    return value;
}

static davit_status read_number(const reading *r, const number_field *field, const json_t *item)
{
    const json_t *number = number_of(r, field, item);
    if (number == NULL) {
        return DAVIT_BAD_DATA;
    }
    if (!json_is_number(number)) {
        return refuse_field(r, field->group, field->name, "is not a number");
    }
    double value = json_number_value(number);
    if (!(value >= field->low && value <= field->high)) {
        char text[96];
        snprintf(text, sizeof(text), "is %g: expected %g to %g", value, field->low, field->high);
        return refuse_field(r, field->group, field->name, text);
    }
    if (field->type != REAL && value != floor(value)) {
        return refuse_field(r, field->group, field->name, "is not a whole number");
    }
    if (field->type == PART_OF_64 && 64 % (uint32_t)value != 0) {
        return refuse_field(r, field->group, field->name, "does not divide 64");
    }
    store(field, value, r->profile);
    return DAVIT_OK;
}

static bool is_group(const char *name, unsigned kind)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (name[0] != '\0' && strcmp(fields[i].group, name) == 0 &&
            (fields[i].kinds & kind) != 0) {
            return true;
        }
    }
    return false;
}

/* Everything in a group: unknown names are refused, then what is missing. */
static davit_status read_group(const reading *r, const char *group, json_t *object)
{
    const char *name;
    json_t *item;
    if (!json_is_object(object)) {
        return refuse_field(r, "", group, "is not an object");
    }
    json_object_foreach(object, name, item)
    {
        const number_field *field = find_field(r, group, name);
        if (field == NULL) {
            return refuse_field(r, group, name, "is unknown");
        }
        davit_status status = read_number(r, field, item);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    return DAVIT_OK;
}

static davit_status check_needed(const reading *r, const json_t *root)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const json_t *group =
            fields[i].group[0] != '\0' ? json_object_get(root, fields[i].group) : root;
        if ((fields[i].kinds & r->kind) != 0 && !fields[i].optional &&
            json_object_get(group, fields[i].name) == NULL) {
            return refuse_field(r, fields[i].group, fields[i].name, "is missing");
        }
    }
    return DAVIT_OK;
}

static davit_status read_header(reading *r, const json_t *root)
{
    static const struct {
        const char *name;
        unsigned bit;
        davit_device_kind kind;
    } kinds[] = {{"cpu", CPU, DAVIT_DEVICE_CPU},
                 {"gpu", GPU, DAVIT_DEVICE_GPU},
                 {"fpga", FPGA, DAVIT_DEVICE_FPGA}};
    const json_t *version = json_object_get(root, "schema_version");
    if (!json_is_integer(version)) {
        return refuse_field(r, "", "schema_version", "is missing or not a whole number");
    }
    if (json_integer_value(version) != SCHEMA_VERSION) {
        return davit_fail(r->diag, DAVIT_BAD_DATA,
                          "%s: profile format %" PRId64 ", this davit reads format %d", r->path,
                          (int64_t)json_integer_value(version), SCHEMA_VERSION);
    }
    const char *name = json_string_value(json_object_get(root, "name"));
    if (name == NULL || name[0] == '\0' || strlen(name) >= sizeof(r->profile->name)) {
        return refuse_field(r, "", "name", "is not a text of 1 to 63 bytes");
    }
    snprintf(r->profile->name, sizeof(r->profile->name), "%s", name);
    const char *kind = json_string_value(json_object_get(root, "kind"));
    for (size_t i = 0; kind != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kind, kinds[i].name) == 0) {
            r->kind = kinds[i].bit;
            r->profile->kind = kinds[i].kind;
            return DAVIT_OK;
        }
    }
    return refuse_field(r, "", "kind", "is none of \"cpu\", \"gpu\", \"fpga\"");
}

static davit_status read_item(const reading *r, const char *name, json_t *item)
{
    if (strcmp(name, "schema_version") == 0 || strcmp(name, "name") == 0 ||
        strcmp(name, "kind") == 0) {
        return DAVIT_OK;
    }
    if (is_group(name, r->kind)) {
        return read_group(r, name, item);
    }
    const number_field *field = find_field(r, "", name);
    return field != NULL ? read_number(r, field, item) : refuse_field(r, "", name, "is unknown");
}

/* What follows from the parameters of an array of multiply-adds. */
static void complete_fpga(davit_device_profile *profile)
{
    const davit_fpga_profile *fpga = &profile->fpga;
    profile->s8_ops_per_s =
        2.0 * fpga->rows * fpga->columns * fpga->depth * fpga->compute_units * fpga->clock_hz;
}

static davit_status read_profile(reading *r, json_t *root)
{
    const char *name;
    json_t *item;
    if (!json_is_object(root)) {
        return davit_fail(r->diag, DAVIT_BAD_DATA, "%s: not a device profile: not an object",
                          r->path);
    }
    davit_status status = read_header(r, root);
    if (status != DAVIT_OK) {
        return status;
    }
    json_object_foreach(root, name, item)
    {
        status = read_item(r, name, item);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    status = check_needed(r, root);
    if (status == DAVIT_OK && r->kind == FPGA) {
        complete_fpga(r->profile);
    }
    return status;
}

davit_status davit_profile_read(const char *path, const char *text, const davit_diagnostics *diag,
                                davit_device_profile *out)
{
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: not JSON: line %d, column %d: %s", path,
                          error.line, error.column, error.text);
    }
    davit_device_profile profile = {0};
    reading r = {.path = path, .diag = diag, .profile = &profile};
    davit_status status = read_profile(&r, root);
    json_decref(root);
    if (status == DAVIT_OK) {
        *out = profile;
    }
    return status;
}
