#include "plan_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NAME = 40, DEVICE_COLUMN = 25 };

/* "12.34 ms", "56.7 us", "1.2 mJ": three to four digits with a fitting unit. */
static const char *amount(double value, const char *unit, char *text, size_t bytes)
{
    static const struct {
        double scale;
        const char *prefix;
    } prefixes[] = {{1, ""}, {1e-3, "m"}, {1e-6, "u"}, {1e-9, "n"}};
    size_t i = 0;
    while (i + 1 < sizeof(prefixes) / sizeof(prefixes[0]) && value < prefixes[i].scale) {
        i++;
    }
    if (value <= 0) {
        snprintf(text, bytes, "0 %s", unit);
    } else {
        snprintf(text, bytes, "%.4g %s%s", value / prefixes[i].scale, prefixes[i].prefix, unit);
    }
    return text;
}

static const char *objective_unit(davit_place_objective objective)
{
    return objective == DAVIT_PLACE_ENERGY ? "J" : "s";
}

static void print_objective(const davit_plan *plan)
{
    const davit_plan_prediction *prediction = &plan->prediction;
    const char *unit = objective_unit(prediction->objective);
    char value[32], bound[32];
    printf("%s, predicted: %s", davit_plan_objective_name(prediction->objective),
           amount(davit_plan_objective_value(plan), unit, value, sizeof(value)));
    if (prediction->certificate[0] != '\0') {
        printf("; proved: at least %s (gap %.1f %%",
               amount(prediction->bound, unit, bound, sizeof(bound)), 100 * davit_plan_gap(plan));
        if (prediction->method[0] != '\0') {
            printf("; found by %s, bound by %s", prediction->method, prediction->bound_method);
        }
        printf(")");
    }
    printf("\none inference %s, pipeline %s apart",
           amount(prediction->latency_s, "s", value, sizeof(value)),
           amount(prediction->period_s, "s", bound, sizeof(bound)));
    if (prediction->joules > 0) {
        printf(", energy %s", amount(prediction->joules, "J", value, sizeof(value)));
    }
    printf("\n");
}

static void print_devices(const davit_plan *plan)
{
    printf("\n%-16s  %5s  %10s  %10s  %10s  %9s  %9s  %9s\n", "device", "units", "compute",
           "copy in", "copy out", "in MB", "out MB", "memory MB");
    for (size_t d = 0; d < plan->device_count; d++) {
        const davit_place_load *load = &plan->loads[d].load;
        char compute[32], in[32], out[32];
        printf("%-16s  %5u  %10s  %10s  %10s  %9.3f  %9.3f  %9.1f\n", plan->devices[d].info.name,
               load->node_count, amount(load->compute_s, "s", compute, sizeof(compute)),
               amount(load->in_s, "s", in, sizeof(in)), amount(load->out_s, "s", out, sizeof(out)),
               load->in_bytes * 1e-6, load->out_bytes * 1e-6, load->memory_bytes * 1e-6);
    }
    for (size_t d = 0; d < plan->device_count; d++) {
        if (plan->loads[d].unused[0] != '\0') {
            printf("%s is not used: %s\n", plan->devices[d].info.name, plan->loads[d].unused);
        }
    }
}

void cli_plan_print_summary(const davit_session *session)
{
    const davit_plan *plan = davit_session_get_plan(session);
    print_objective(plan);
    print_devices(plan);
    printf("\n");
}

/* Names that are too long keep their end, which is what tells them apart. */
static const char *tail(const char *text)
{
    size_t length = strlen(text);
    return length <= MAX_NAME ? text : text + length - MAX_NAME;
}

static void print_move(const davit_plan *plan, const davit_plan_move *move, bool here)
{
    char cost[32], moved[32], cell[80];
    const char *unit = objective_unit(plan->prediction.objective);
    if (!move->supported) {
        snprintf(cell, sizeof(cell), "-");
    } else if (here) {
        snprintf(cell, sizeof(cell), "%s *", amount(move->cost.seconds, "s", cost, sizeof(cost)));
    } else if (isfinite(move->moved)) {
        snprintf(cell, sizeof(cell), "%s -> %s",
                 amount(move->cost.seconds, "s", cost, sizeof(cost)),
                 amount(move->moved, unit, moved, sizeof(moved)));
    } else {
        snprintf(cell, sizeof(cell), "%s%s", amount(move->cost.seconds, "s", cost, sizeof(cost)),
                 isnan(move->moved) ? "" : " -> none");
    }
    printf("  %-*s", DEVICE_COLUMN, cell);
}

static void print_alternatives(const davit_plan_explanation *explanation)
{
    printf("\n%-24s  %10s  %10s  %10s\n", "simpler plans", "latency", "pipeline", "energy");
    for (size_t a = 0; a < explanation->alternative_count; a++) {
        const davit_plan_alternative *alternative = &explanation->alternatives[a];
        char latency[32], period[32], joules[32];
        printf("%-24s  %10s  %10s  %10s", alternative->name,
               amount(alternative->latency_s, "s", latency, sizeof(latency)),
               amount(alternative->period_s, "s", period, sizeof(period)),
               alternative->joules > 0 ? amount(alternative->joules, "J", joules, sizeof(joules))
                                       : "-");
        if (alternative->elsewhere > 0) {
            printf("  but %zu units that it cannot run", alternative->elsewhere);
        }
        printf("%s%s\n", alternative->infeasible[0] != '\0' ? "  impossible: " : "",
               alternative->infeasible);
    }
}

void cli_plan_print_explanation(const davit_session *session,
                                const davit_plan_explanation *explanation)
{
    const davit_plan *plan = davit_session_get_plan(session);
    const davit_graph *graph = davit_session_graph(session);
    printf("\nEach unit: its cost on each device; * where it is; -> the %s if it were there\n",
           davit_plan_objective_name(plan->prediction.objective));
    printf("%-*s", MAX_NAME, "unit");
    for (size_t d = 0; d < plan->device_count; d++) {
        printf("  %-*s", DEVICE_COLUMN, plan->devices[d].info.name);
    }
    printf("  why\n");
    for (size_t u = 0; u < plan->unit_count; u++) {
        printf("%-*s", MAX_NAME, tail(graph->units[u].name));
        for (size_t d = 0; d < plan->device_count; d++) {
            print_move(plan, &explanation->moves[u * plan->device_count + d],
                       plan->units[u].device == d);
        }
        printf("  %s\n", plan->units[u].reason);
    }
    print_alternatives(explanation);
}
