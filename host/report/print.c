/* A report in a terminal. */
#include <math.h>
#include <string.h>

#include "report_parts.h"

enum { NAME = 40, OPERATORS = 28 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* Names may hold anything: control characters become '?', and what is too long keeps its end. */
static void print_cell(FILE *stream, const char *text, int width)
{
    size_t length = strlen(text);
    const char *shown = length > (size_t)width ? text + length - (size_t)width : text;
    while (((unsigned char)*shown & 0xc0) == 0x80) {
        shown++; /* not into the middle of a character */
    }
    int columns = 0;
    for (; *shown != '\0'; shown++) {
        unsigned char c = (unsigned char)*shown;
        fputc(c < 0x20 || c == 0x7f ? '?' : c, stream);
        columns += (c & 0xc0) != 0x80;
    }
    fprintf(stream, "%*s", width > columns ? width - columns + 2 : 2, "");
}

static void print_line(FILE *stream, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        fputc(c < 0x20 || c == 0x7f ? '?' : c, stream);
    }
}

static void print_summary(const json_t *report, FILE *stream)
{
    const json_t *summary = json_object_get(report, "summary");
    const json_t *predicted = json_object_get(summary, "predicted");
    const json_t *measured = json_object_get(summary, "measured");
    print_line(stream, text_of(json_object_get(report, "model"), "path"));
    fprintf(stream, ", %s of ", text_of(report, "kind"));
    print_line(stream, text_of(report, "created"));
    fprintf(stream, ", placed for ");
    print_line(stream, text_of(summary, "objective"));
    fprintf(stream, "\npredicted  %.3f ms, a pipeline %.3f ms apart",
            number_of(predicted, "latency_s") * 1e3, number_of(predicted, "period_s") * 1e3);
    if (json_is_number(json_object_get(predicted, "joules"))) {
        fprintf(stream, ", %.4g J", number_of(predicted, "joules"));
    }
    if (json_is_number(json_object_get(summary, "gap"))) {
        fprintf(stream, "; at most %.1f %% above the best", 100 * number_of(summary, "gap"));
    }
    if (json_is_object(measured)) {
        fprintf(stream, "\nmeasured   %.3f ms (%.3f to %.3f in %lld runs%s)",
                number_of(measured, "median_s") * 1e3, number_of(measured, "low_s") * 1e3,
                number_of(measured, "high_s") * 1e3,
                (long long)json_integer_value(json_object_get(measured, "runs")),
                strcmp(text_of(measured, "clock"), "modelled") == 0
                    ? "; on an emulated device, so this is no time of a machine"
                    : "");
    }
    fprintf(stream, "\n");
}

static void print_events(const json_t *report, FILE *stream)
{
    size_t index;
    json_t *event;
    json_array_foreach(json_object_get(report, "events"), index, event)
    {
        print_line(stream, text_of(event, "kind"));
        fprintf(stream, "%s", text_of(event, "device")[0] != '\0' ? " " : "");
        print_line(stream, text_of(event, "device"));
        fprintf(stream, ": ");
        print_line(stream, text_of(event, "text"));
        long long count = json_integer_value(json_object_get(event, "count"));
        fprintf(stream, count > 1 ? " (%lld times)\n" : "\n", count);
    }
}

static void print_unit(const json_t *unit, FILE *stream)
{
    const json_t *predicted = json_object_get(unit, "predicted");
    const json_t *measured = json_object_get(unit, "measured");
    double expected = number_of(predicted, "seconds");
    print_cell(stream, text_of(unit, "name"), NAME);
    print_cell(stream, text_of(unit, "operators"), OPERATORS);
    print_cell(stream, text_of(unit, "device"), 18);
    fprintf(stream, "%10.4f", expected * 1e3);
    if (json_is_object(measured)) {
        double took = number_of(measured, "median_s");
        fprintf(stream, "  %10.4f", took * 1e3);
        fprintf(stream, took > 0 ? "  %+6.0f%%" : "        -", 100 * (expected / took - 1));
    } else {
        fprintf(stream, "  %10s  %7s", "-", "-");
    }
    fprintf(stream, "  ");
    print_line(stream, text_of(predicted, "source"));
    fprintf(stream, "\n");
}

void davit_report_print(const json_t *report, FILE *stream)
{
    size_t index;
    json_t *unit;
    print_summary(report, stream);
    print_events(report, stream);
    fprintf(stream, "\n%-*s  %-*s  %-18s  %10s  %10s  %7s  source\n", NAME, "unit", OPERATORS,
            "operators", "device", "predicted", "measured", "off");
    json_array_foreach(json_object_get(report, "units"), index, unit)
    {
        print_unit(unit, stream);
    }
}

/* ---- comparisons ---- */

static double element(const json_t *pair, size_t index)
{
    return json_number_value(json_array_get(pair, index));
}

static void print_totals(const json_t *totals, FILE *stream)
{
    const char *name;
    json_t *pair;
    fprintf(stream, "%-28s  %12s  %12s  %9s\n", "ms", "a", "b", "change");
    json_object_foreach((json_t *)totals, name, pair)
    {
        double a = element(pair, 0);
        double b = element(pair, 1);
        print_cell(stream, name, 28);
        fprintf(stream, "%12.4f  %12.4f", a * 1e3, b * 1e3);
        fprintf(stream, a > 0 ? "  %+8.1f%%\n" : "          -\n", 100 * (b / a - 1));
    }
}

static void print_changes(const json_t *comparison, const char *key, const char *title,
                          FILE *stream)
{
    size_t index;
    json_t *change;
    const json_t *list = json_object_get(comparison, key);
    if (json_array_size(list) == 0) {
        return;
    }
    fprintf(stream, "\n%s: %zu\n", title, json_array_size(list));
    json_array_foreach((json_t *)list, index, change)
    {
        double a = number_of(change, "a_s");
        double b = number_of(change, "b_s");
        const char *from = text_of(change, "device_a");
        const char *to = text_of(change, "device_b");
        fprintf(stream, "  ");
        print_cell(stream, text_of(change, "name"), NAME);
        fprintf(stream, "%10.4f -> %10.4f ms", a * 1e3, b * 1e3);
        fprintf(stream, a > 0 ? "  %7.2fx  " : "         -  ", b / a);
        print_line(stream, from);
        if (strcmp(from, to) != 0) {
            fprintf(stream, " -> ");
            print_line(stream, to);
        }
        fprintf(stream, "\n");
    }
}

static void print_only(const json_t *comparison, const char *key, const char *title, FILE *stream)
{
    size_t index;
    json_t *name;
    const json_t *list = json_object_get(comparison, key);
    if (json_array_size(list) == 0) {
        return;
    }
    fprintf(stream, "\n%s: %zu\n", title, json_array_size(list));
    json_array_foreach((json_t *)list, index, name)
    {
        fprintf(stream, "  ");
        print_line(stream, json_string_value(name));
        fprintf(stream, "\n");
    }
}

void davit_report_print_comparison(const json_t *comparison, FILE *stream)
{
    if (!json_is_true(json_object_get(comparison, "same_model"))) {
        fprintf(stream, "these are runs of different models; units are compared by name\n");
    }
    print_totals(json_object_get(comparison, "totals"), stream);
    print_changes(comparison, "moved", "moved", stream);
    print_changes(comparison, "slower", "slower beyond the spread", stream);
    print_changes(comparison, "faster", "faster beyond the spread", stream);
    print_only(comparison, "only_in_a", "only in a", stream);
    print_only(comparison, "only_in_b", "only in b", stream);
    long long skipped = json_integer_value(json_object_get(comparison, "not_judged"));
    if (skipped > 0) {
        fprintf(stream,
                "\n%lld units were not judged slower or faster: that takes 3 measured runs of both "
                "(--repeat)\n",
                skipped);
    }
}
