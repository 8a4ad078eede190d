#include "unit_table.h"

#include <stdio.h>
#include <string.h>

#include "json.h"

enum { MAX_NAME = 40, MAX_OPERATORS = 30 };

typedef struct widths {
    int name, operators, shape, device;
} widths;

static void widen(int *width, size_t length, int most)
{
    int wanted = length < (size_t)most ? (int)length : most;
    *width = wanted > *width ? wanted : *width;
}

/* Names that are too long keep their end, which is what tells them apart. */
static const char *shorten(const char *text, int most, char *buffer, size_t bytes)
{
    size_t length = strlen(text);
    if (length <= (size_t)most) {
        return text;
    }
    snprintf(buffer, bytes, "..%s", text + length - (size_t)(most - 2));
    return buffer;
}

static davit_status measure(const davit_session *session, widths *columns)
{
    *columns = (widths){4, 9, 5, 6};
    for (size_t i = 0; i < davit_session_unit_count(session); i++) {
        davit_unit_summary unit;
        char shape[96];
        davit_status status = davit_session_unit(session, i, &unit);
        if (status != DAVIT_OK) {
            return status;
        }
        davit_shape_text(unit.output.dims, unit.output.rank, shape, sizeof(shape));
        widen(&columns->name, strlen(unit.name), MAX_NAME);
        widen(&columns->operators, strlen(unit.operators), MAX_OPERATORS);
        widen(&columns->shape, strlen(shape), 40);
        widen(&columns->device, strlen(unit.device), 20);
    }
    return DAVIT_OK;
}

static void print_row(const davit_unit_summary *unit, const widths *columns,
                      const uint64_t *unit_ns)
{
    char name[MAX_NAME + 1];
    char operators[MAX_OPERATORS + 1];
    char shape[96];
    davit_shape_text(unit->output.dims, unit->output.rank, shape, sizeof(shape));
    printf("%-*s  %-*s  %-*s  %-*s", columns->name,
           shorten(unit->name, MAX_NAME, name, sizeof(name)), columns->operators,
           shorten(unit->operators, MAX_OPERATORS, operators, sizeof(operators)), columns->shape,
           shape, columns->device, unit->device);
    if (unit_ns != NULL) {
        printf("  %9.3f", (double)*unit_ns * 1e-6);
        if (*unit_ns > 0 && unit->flops > 0) {
            printf("  %8.2f", (double)unit->flops / (double)*unit_ns);
        } else {
            printf("  %8s", "-");
        }
    }
    printf("%s\n", unit->fallback ? "  fallback" : "");
}

davit_status cli_unit_table_print(const davit_session *session, const uint64_t *unit_ns)
{
    widths columns;
    davit_status status = measure(session, &columns);
    if (status != DAVIT_OK) {
        return status;
    }
    printf("%-*s  %-*s  %-*s  %-*s%s\n", columns.name, "unit", columns.operators, "operators",
           columns.shape, "shape", columns.device, "device",
           unit_ns != NULL ? "         ms   GFLOP/s" : "");
    for (size_t i = 0; i < davit_session_unit_count(session); i++) {
        davit_unit_summary unit;
        status = davit_session_unit(session, i, &unit);
        if (status != DAVIT_OK) {
            return status;
        }
        print_row(&unit, &columns, unit_ns != NULL ? &unit_ns[i] : NULL);
    }
    return DAVIT_OK;
}

json_t *cli_unit_table_json(const davit_session *session, const uint64_t *unit_ns)
{
    json_t *units = json_array();
    for (size_t i = 0; i < davit_session_unit_count(session); i++) {
        davit_unit_summary unit;
        if (davit_session_unit(session, i, &unit) != DAVIT_OK) {
            json_decref(units);
            return NULL;
        }
        json_t *row =
            json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I}", "name", unit.name,
                      "operators", unit.operators, "shape", cli_json_shape(&unit.output), "dtype",
                      davit_dtype_name(unit.output.dtype), "device", unit.device, "implementation",
                      unit.implementation, "implementation_reason", unit.implementation_reason,
                      "reason", unit.reason, "fallback", unit.fallback,
                      "flops", (json_int_t)unit.flops, "macs", (json_int_t)unit.macs);
        if (unit_ns != NULL) {
            json_object_set_new(row, "ns", json_integer((json_int_t)unit_ns[i]));
        }
        json_array_append_new(units, row);
    }
    return units;
}

/* ---- shares ---- */

enum { MAX_SHARES = 32 };

typedef struct shares {
    size_t count;
    uint64_t macs; /* of all */
    struct {
        const char *device;
        size_t units;
        uint64_t macs;
    } devices[MAX_SHARES];
} shares;

static davit_status add_shares(const davit_session *session, shares *out)
{
    *out = (shares){0};
    for (size_t i = 0; i < davit_session_unit_count(session); i++) {
        davit_unit_summary unit;
        davit_status status = davit_session_unit(session, i, &unit);
        if (status != DAVIT_OK) {
            return status;
        }
        size_t d = 0;
        while (d < out->count && strcmp(out->devices[d].device, unit.device) != 0) {
            d++;
        }
        if (d == MAX_SHARES) {
            continue;
        }
        out->count += d == out->count;
        out->devices[d].device = unit.device;
        out->devices[d].units++;
        out->devices[d].macs += unit.macs;
        out->macs += unit.macs;
    }
    return DAVIT_OK;
}

static double share_of(const shares *all, size_t device)
{
    return all->macs > 0 ? (double)all->devices[device].macs / (double)all->macs : 0;
}

davit_status cli_device_shares_print(const davit_session *session)
{
    shares all;
    davit_status status = add_shares(session, &all);
    for (size_t d = 0; status == DAVIT_OK && all.count > 1 && d < all.count; d++) {
        printf("%s: %zu units, %.2f %% of the multiply-accumulates (%.1f of %.1f million)\n",
               all.devices[d].device, all.devices[d].units, 100 * share_of(&all, d),
               (double)all.devices[d].macs * 1e-6, (double)all.macs * 1e-6);
    }
    return status;
}

json_t *cli_device_shares_json(const davit_session *session)
{
    shares all;
    json_t *list = json_array();
    if (add_shares(session, &all) != DAVIT_OK) {
        return list;
    }
    for (size_t d = 0; d < all.count; d++) {
        json_array_append_new(
            list, json_pack("{s:s, s:I, s:I, s:f}", "device", all.devices[d].device, "units",
                            (json_int_t)all.devices[d].units, "macs",
                            (json_int_t)all.devices[d].macs, "share", share_of(&all, d)));
    }
    return list;
}

const char *cli_emulated_device(const davit_session *session)
{
    for (size_t i = 0; i < davit_session_unit_count(session); i++) {
        davit_unit_summary unit;
        if (davit_session_unit(session, i, &unit) != DAVIT_OK) {
            return NULL;
        }
        const char *emulated = strstr(unit.device, ":emu");
        if (emulated != NULL && (emulated[4] == '\0' || emulated[4] == ':')) {
            return unit.device;
        }
    }
    return NULL;
}

void cli_emulated_device_print(const davit_session *session)
{
    const char *device = cli_emulated_device(session);
    if (device != NULL) {
        printf("%s is emulated: its times are this machine's, and say nothing of hardware\n",
               device);
    }
}
