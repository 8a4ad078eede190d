#include "linear_shrink.h"

typedef struct shrinking {
    const davit_place_linear *large;
    davit_place_small_linear *small;
    int devices;
    int *first;    /* [device] the first that it can be exchanged with */
    int *alike;    /* [device] how many these are */
    int *row_twin; /* [row] of the first device; itself: kept */
} shrinking;

static void find_alike(shrinking *s, uint32_t apart)
{
    const davit_place_problem *problem = s->large->items->problem;
    for (int d = 0; d < s->devices; d++) {
        uint32_t of_class = problem->devices[d].device_class;
        bool pinned = davit_place_class_is_pinned(problem, of_class);
        uint32_t before = 0;
        s->first[d] = d;
        for (int e = 0; e < d && s->first[d] == d && !pinned; e++) {
            bool alike = problem->devices[e].device_class == of_class;
            s->first[d] = alike && before == apart ? e : d;
            before += alike;
        }
        s->alike[s->first[d]]++;
        s->small->device_count += s->first[d] == d;
    }
}

/* Rows in groups of `each` for one device after the other. */
static int pair_rows(shrinking *s, int row, int each)
{
    for (int d = 0; d < s->devices; d++) {
        for (int k = 0; k < each; k++, row++) {
            s->row_twin[row] = row - (d - s->first[d]) * each;
            s->small->share[row] = 1.0 / s->alike[s->first[d]];
        }
    }
    return row;
}

static void pair_all_rows(shrinking *s)
{
    const davit_place_linear *l = s->large;
    int row = pair_rows(s, 0, 3);
    row = pair_rows(s, row, 1);
    while (row < l->in_rows) {
        row = pair_rows(s, row, 1);
    }
    for (uint32_t f = 0; f < l->items->flow_count; f++) {
        row = pair_rows(s, row, (int)l->items->flows[f].consumer_count);
    }
    for (uint32_t f = 0; f < l->items->flow_count; f++) {
        row = pair_rows(s, row, (int)davit_place_linear_out_rows(&l->items->flows[f]));
    }
    for (; row < l->row_count; row++) {
        s->row_twin[row] = row;
    }
}

static int device_of_column(const shrinking *s, int column)
{
    const davit_place_linear *l = s->large;
    if (column == l->period) {
        return -1;
    }
    int base = column < l->period ? 0 : column < l->in ? l->used : column < l->out ? l->in : l->out;
    return (column - base) % s->devices;
}

static void number_rows(shrinking *s)
{
    davit_place_small_linear *small = s->small;
    for (int r = 0; r < s->large->row_count; r++) {
        if (s->row_twin[r] == r) {
            small->row_lower[small->row_count] = s->large->row_lower[r];
            small->row_upper[small->row_count] = s->large->row_upper[r];
            small->row_of[r] = small->row_count++;
        } else {
            small->row_of[r] = small->row_of[s->row_twin[r]];
        }
    }
}

static void take_columns(shrinking *s)
{
    const davit_place_linear *l = s->large;
    davit_place_small_linear *small = s->small;
    int count = 0;
    for (int j = 0; j < l->column_count; j++) {
        int device = device_of_column(s, j);
        if (device >= 0 && s->first[device] != device) {
            continue;
        }
        int to = small->column_count++;
        small->lower[to] = l->lower[j];
        small->upper[to] = l->upper[j];
        small->cost[to] = l->cost[j];
        for (int k = l->start[j]; k < l->start[j + 1]; k++) {
            int row = l->row[k];
            if (s->row_twin[row] == row) {
                small->row[count] = small->row_of[row];
                small->value[count++] =
                    row < l->choices ? l->value[k] : l->value[k] * s->alike[device];
            }
        }
        small->start[to + 1] = count;
    }
}

davit_status davit_place_linear_shrink(const davit_place_linear *linear, uint32_t apart,
                                       davit_arena *arena, davit_place_small_linear *small)
{
    size_t devices = linear->items->problem->device_count;
    size_t rows = (size_t)linear->row_count;
    size_t columns = (size_t)linear->column_count;
    size_t entries = (size_t)linear->start[columns];
    shrinking s = {.large = linear, .small = small, .devices = (int)devices};
    *small = (davit_place_small_linear){0};
    int **indices[] = {&s.first, &s.alike, &s.row_twin, &small->row_of, &small->start, &small->row};
    size_t index_counts[] = {devices, devices, rows, rows, columns + 1, entries};
    double **numbers[] = {&small->share, &small->value,     &small->lower,    &small->upper,
                          &small->cost,  &small->row_lower, &small->row_upper};
    size_t number_counts[] = {rows, entries, columns, columns, columns, rows, rows};
    bool memory = true;
    for (size_t i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
        *indices[i] = davit_arena_alloc_array(arena, index_counts[i], sizeof(int));
        memory = memory && *indices[i] != NULL;
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        *numbers[i] = davit_arena_alloc_array(arena, number_counts[i], sizeof(double));
        memory = memory && *numbers[i] != NULL;
    }
    if (!memory) {
        return DAVIT_OUT_OF_MEMORY;
    }
    find_alike(&s, apart);
    pair_all_rows(&s);
    number_rows(&s);
    take_columns(&s);
    return DAVIT_OK;
}

void davit_place_linear_grow(const davit_place_linear *linear,
                             const davit_place_small_linear *small, const double *small_duals,
                             double *duals)
{
    for (int r = 0; r < linear->choices; r++) {
        duals[r] = small->share[r] * small_duals[small->row_of[r]];
    }
}
