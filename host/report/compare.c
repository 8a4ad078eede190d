#include <stdlib.h>
#include <string.h>

#include "report_parts.h"

enum { LEAST_RUNS = 3 }; /* for a spread */

typedef struct comparing {
    const json_t *a, *b;
    bool judged;  /* both have enough runs */
    json_t *of_a; /* units by name */
    json_t *moved, *slower, *faster, *only_in_a, *only_in_b;
    json_t *totals;
    size_t not_judged;
} comparing;

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* Measured where both are, else predicted. */
static double seconds_of(const comparing *c, const json_t *unit)
{
    const json_t *measured = json_object_get(unit, "measured");
    if (json_is_object(json_object_get(json_object_get(c->a, "summary"), "measured")) &&
        json_is_object(json_object_get(json_object_get(c->b, "summary"), "measured")) &&
        json_is_object(measured)) {
        return json_number_value(json_object_get(measured, "median_s"));
    }
    return json_number_value(json_object_get(json_object_get(unit, "predicted"), "seconds"));
}

static bool has_runs(const json_t *report)
{
    const json_t *measured = json_object_get(json_object_get(report, "summary"), "measured");
    return json_integer_value(json_object_get(measured, "runs")) >= LEAST_RUNS;
}

static json_t *change_json(const comparing *c, const json_t *a, const json_t *b)
{
    return json_pack("{s:s, s:s, s:s, s:f, s:f}", "name", text_of(a, "name"), "device_a",
                     text_of(a, "device"), "device_b", text_of(b, "device"), "a_s",
                     seconds_of(c, a), "b_s", seconds_of(c, b));
}

static bool above(const json_t *slow, const json_t *fast)
{
    return json_number_value(json_object_get(slow, "low_s")) >
           json_number_value(json_object_get(fast, "high_s"));
}

static bool compare_unit(comparing *c, const json_t *a, const json_t *b)
{
    const json_t *took_a = json_object_get(a, "measured");
    const json_t *took_b = json_object_get(b, "measured");
    bool made = true;
    if (strcmp(text_of(a, "device"), text_of(b, "device")) != 0) {
        made = davit_report_append(c->moved, change_json(c, a, b));
    }
    if (!c->judged || !json_is_object(took_a) || !json_is_object(took_b)) {
        c->not_judged++;
    } else if (above(took_b, took_a)) {
        made = davit_report_append(c->slower, change_json(c, a, b)) && made;
    } else if (above(took_a, took_b)) {
        made = davit_report_append(c->faster, change_json(c, a, b)) && made;
    }
    return made;
}

/* Units of b against those of a of the same name, which leave of_a; what is left is only in a. */
static bool compare_units(comparing *c)
{
    size_t index;
    json_t *unit;
    bool made = true;
    json_array_foreach(json_object_get(c->a, "units"), index, unit)
    {
        made = json_object_set(c->of_a, text_of(unit, "name"), unit) == 0 && made;
    }
    json_array_foreach(json_object_get(c->b, "units"), index, unit)
    {
        const char *name = text_of(unit, "name");
        const json_t *before = json_object_get(c->of_a, name);
        if (before == NULL) {
            made = davit_report_append(c->only_in_b, json_string(name)) && made;
        } else {
            made = compare_unit(c, before, unit) && made;
            json_object_del(c->of_a, name);
        }
    }
    const char *name;
    json_object_foreach(c->of_a, name, unit)
    {
        made = davit_report_append(c->only_in_a, json_string(name)) && made;
    }
    return made;
}

static bool add_total(comparing *c, const char *name, double a, double b)
{
    return json_object_set_new(c->totals, name, json_pack("[f, f]", a, b)) == 0;
}

static bool add_pair(comparing *c, const char *name, const char *group, const char *key)
{
    const json_t *a = json_object_get(json_object_get(c->a, "summary"), group);
    const json_t *b = json_object_get(json_object_get(c->b, "summary"), group);
    a = json_object_get(a, key);
    b = json_object_get(b, key);
    return !json_is_number(a) || !json_is_number(b) ||
           add_total(c, name, json_number_value(a), json_number_value(b));
}

static double units_on(const comparing *c, const json_t *report, const char *device)
{
    size_t index;
    json_t *unit;
    double sum = 0;
    json_array_foreach(json_object_get(report, "units"), index, unit)
    {
        sum += strcmp(text_of(unit, "device"), device) == 0 ? seconds_of(c, unit) : 0;
    }
    return sum;
}

static bool add_devices(comparing *c, const json_t *report)
{
    size_t index;
    json_t *device;
    bool made = true;
    json_array_foreach(json_object_get(report, "devices"), index, device)
    {
        const char *name = text_of(device, "name");
        double a = units_on(c, c->a, name);
        double b = units_on(c, c->b, name);
        json_t *label = json_sprintf("units on %s", name);
        if (label != NULL && (a > 0 || b > 0)) {
            made = add_total(c, json_string_value(label), a, b) && made;
        }
        json_decref(label);
    }
    return made;
}

static bool compare_totals(comparing *c)
{
    return add_pair(c, "run, measured", "measured", "median_s") &&
           add_pair(c, "copies, measured", "measured", "copies_s") &&
           add_pair(c, "one inference, predicted", "predicted", "latency_s") &&
           add_pair(c, "pipeline, predicted", "predicted", "period_s") && add_devices(c, c->a) &&
           add_devices(c, c->b);
}

static double growth(const json_t *change)
{
    return json_number_value(json_object_get(change, "b_s")) -
           json_number_value(json_object_get(change, "a_s"));
}

static int by_growth(const void *left, const void *right)
{
    double a = growth(*(json_t *const *)left);
    double b = growth(*(json_t *const *)right);
    return (a > b) - (a < b);
}

/* What changed most comes first. */
static json_t *sorted(json_t *list, bool falling)
{
    size_t count = json_array_size(list);
    json_t **items = malloc((count + 1) * sizeof(*items));
    json_t *result = items != NULL ? json_array() : NULL;
    for (size_t i = 0; result != NULL && i < count; i++) {
        items[i] = json_array_get(list, i);
    }
    if (result != NULL) {
        qsort(items, count, sizeof(json_t *), by_growth);
    }
    for (size_t i = 0; result != NULL && i < count; i++) {
        if (json_array_append(result, items[falling ? count - 1 - i : i]) != 0) {
            json_decref(result);
            result = NULL;
        }
    }
    free(items);
    return result;
}

static json_t *result_json(const comparing *c)
{
    bool same = strcmp(text_of(json_object_get(c->a, "model"), "sha256"),
                       text_of(json_object_get(c->b, "model"), "sha256")) == 0;
    return json_pack("{s:i, s:b, s:O, s:O, s:o, s:o, s:I, s:O, s:O}", "schema_version", 1,
                     "same_model", same, "totals", c->totals, "moved", c->moved, "slower",
                     sorted(c->slower, true), "faster", sorted(c->faster, false), "not_judged",
                     (json_int_t)c->not_judged, "only_in_a", c->only_in_a, "only_in_b",
                     c->only_in_b);
}

json_t *davit_report_compare(const json_t *a, const json_t *b)
{
    comparing c = {.a = a,
                   .b = b,
                   .judged = has_runs(a) && has_runs(b),
                   .of_a = json_object(),
                   .moved = json_array(),
                   .slower = json_array(),
                   .faster = json_array(),
                   .only_in_a = json_array(),
                   .only_in_b = json_array(),
                   .totals = json_object()};
    bool made = compare_totals(&c) && compare_units(&c);
    json_t *result = made ? result_json(&c) : NULL;
    json_t *const parts[] = {c.of_a,      c.moved,     c.slower, c.faster,
                             c.only_in_a, c.only_in_b, c.totals};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        json_decref(parts[i]);
    }
    return result;
}
