/* Two steps in the space of logarithms, per kind of work and type.
 *
 * A plain form (arithmetic at a nominal rate, plus memory, plus a start) takes out what is known
 * beforehand. What is left is fitted by ridge regression over the logarithms of flops, bytes and
 * dimensions, weighted towards works that are near the one asked for (locally weighted regression:
 * Cleveland, 1979) and robust against single wrong times (Huber weights, Huber 1964). What the
 * regression misses at the nearest works is then added, the nearer the more. */
#include "fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FEATURES = 2 + DAVIT_WORK_DIMS,
    TERMS = FEATURES + 1, /* and a constant */
    NEIGHBOURS = 8,
    WIDTH = 32, /* the regression looks at about as many works */
    FEWEST = 6, /* works of a kind; else those of the same operator */
    ROUNDS = 4
};
#define RIDGE 6.0       /* where nothing says otherwise, works of a kind are equally efficient */
#define FAR_WEIGHT 0.02 /* of works at the other end of the kind */
#define HUBER 1.5
#define LEAST_SPREAD 0.02   /* of residuals, in powers of two */
#define NEAR 0.25           /* a distance that means "the same", in powers of two */
#define MOST_DEVIATIONS 3.0 /* how far beyond what was measured the regression goes */
#define BEYOND 0.25 /* how far beyond the measured efficiencies an estimate goes, powers of two */

typedef struct point {
    davit_work work; /* kind and type only are read */
    double features[FEATURES];
    double base, time; /* logarithms to base 2 of the plain form and of what was measured */
} point;

typedef struct copy_point {
    double bytes, seconds;
} copy_point;

struct davit_fit {
    const davit_allocator *allocator;
    size_t count;
    point *points;
    size_t copy_count[2]; /* to the device, to the host */
    copy_point *copies[2];
};

/* ---- what is learned from ---- */

/* Logarithm of the plain form. The rates are those of one core; only their ratio matters. */
static double plain_form(const davit_work *work)
{
    return log2(2e-7 + work->flops / 1e11 + work->bytes / 1e10);
}

static point make_point(const davit_work *work)
{
    point p = {.work = *work, .base = plain_form(work)};
    p.features[0] = log2(1 + work->flops);
    p.features[1] = log2(1 + work->bytes);
    for (uint32_t i = 0; i < work->dim_count; i++) {
        p.features[2 + i] = log2(1 + work->dims[i]);
    }
    return p;
}

static int by_bytes(const void *a, const void *b)
{
    double x = ((const copy_point *)a)->bytes;
    double y = ((const copy_point *)b)->bytes;
    return (x > y) - (x < y);
}

static void add_copy(davit_fit *fit, int way, const char *digits, double seconds)
{
    char *end;
    double bytes = strtod(digits, &end);
    if (*digits >= '0' && *digits <= '9' && *end == '\0') {
        fit->copies[way][fit->copy_count[way]++] = (copy_point){bytes, seconds};
    }
}

static void learn(davit_fit *fit, const davit_store_entry *entries, size_t count)
{
    static const char *const prefixes[] = {DAVIT_LINK_TO_DEVICE, DAVIT_LINK_TO_HOST};
    for (size_t i = 0; i < count; i++) {
        const davit_store_entry *entry = &entries[i];
        if (entry->work.kind[0] != '\0') {
            fit->points[fit->count] = make_point(&entry->work);
            fit->points[fit->count++].time = log2(entry->measurement.median_s);
            continue;
        }
        for (int way = 0; way < 2; way++) {
            size_t length = strlen(prefixes[way]);
            if (strncmp(entry->signature, prefixes[way], length) == 0) {
                add_copy(fit, way, entry->signature + length, entry->measurement.median_s);
            }
        }
    }
    for (int way = 0; way < 2; way++) {
        qsort(fit->copies[way], fit->copy_count[way], sizeof(copy_point), by_bytes);
    }
}

davit_status davit_fit_create(const davit_allocator *allocator, const davit_store_entry *entries,
                              size_t count, davit_fit **out)
{
    *out = NULL;
    davit_fit *fit = davit_alloc(allocator, sizeof(*fit));
    if (fit == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    fit->allocator = allocator;
    fit->points = davit_alloc_array(allocator, count, sizeof(*fit->points));
    fit->copies[0] = davit_alloc_array(allocator, count, sizeof(copy_point));
    fit->copies[1] = davit_alloc_array(allocator, count, sizeof(copy_point));
    if (fit->points == NULL || fit->copies[0] == NULL || fit->copies[1] == NULL) {
        davit_fit_destroy(fit);
        return DAVIT_OUT_OF_MEMORY;
    }
    learn(fit, entries, count);
    *out = fit;
    return DAVIT_OK;
}

void davit_fit_destroy(davit_fit *fit)
{
    if (fit != NULL) {
        davit_free(fit->allocator, fit->points);
        davit_free(fit->allocator, fit->copies[0]);
        davit_free(fit->allocator, fit->copies[1]);
        davit_free(fit->allocator, fit);
    }
}

/* ---- which works are alike ---- */

/* How alike two works must be to be compared, from the strictest. */
typedef enum likeness {
    SAME_KIND,     /* "Conv/1x1", and the type */
    SAME_OPERATOR, /* "Conv/...", and the type */
    SAME_NUMBERS,  /* any work with as many numbers, and the type */
    LIKENESSES
} likeness;

static bool alike(const davit_work *a, const davit_work *b, likeness how)
{
    size_t a_length = strcspn(a->kind, "/");
    if (a->dtype != b->dtype || a->dim_count != b->dim_count) {
        return false;
    }
    switch (how) {
    case SAME_KIND:
        return strcmp(a->kind, b->kind) == 0;
    case SAME_OPERATOR:
        return a_length == strcspn(b->kind, "/") && strncmp(a->kind, b->kind, a_length) == 0;
    default:
        return true;
    }
}

/* A work beside the one asked for. */
typedef struct neighbour {
    const point *point;
    double distance;
    double residual;
    double trust; /* Huber weight */
} neighbour;

static int by_distance(const void *a, const void *b)
{
    const neighbour *x = a;
    const neighbour *y = b;
    if (x->distance != y->distance) {
        return x->distance > y->distance ? 1 : -1;
    }
    return (x->point > y->point) - (x->point < y->point);
}

static double distance_of(const point *a, const point *b)
{
    double sum = 0;
    for (size_t f = 0; f < FEATURES; f++) {
        double d = a->features[f] - b->features[f];
        sum += d * d;
    }
    return sqrt(sum);
}

/* Fills list, the nearest first; returns how many. */
static size_t find_neighbours(const davit_fit *fit, const point *asked, likeness how,
                              neighbour *list)
{
    size_t count = 0;
    for (size_t i = 0; i < fit->count; i++) {
        if (alike(&fit->points[i].work, &asked->work, how)) {
            list[count++] = (neighbour){.point = &fit->points[i],
                                        .distance = distance_of(&fit->points[i], asked),
                                        .trust = 1};
        }
    }
    qsort(list, count, sizeof(*list), by_distance);
    return count;
}

/* ---- the regression ---- */

typedef struct scaling {
    double mean[FEATURES], deviation[FEATURES]; /* 0: a feature that never differs */
} scaling;

static scaling scaling_of(const neighbour *list, size_t count)
{
    scaling s = {{0}, {0}};
    for (size_t f = 0; f < FEATURES; f++) {
        double square = 0;
        for (size_t i = 0; i < count; i++) {
            s.mean[f] += list[i].point->features[f] / (double)count;
        }
        for (size_t i = 0; i < count; i++) {
            double d = list[i].point->features[f] - s.mean[f];
            square += d * d / (double)count;
        }
        s.deviation[f] = square > 1e-12 ? sqrt(square) : 0;
    }
    return s;
}

static void terms_of(const point *p, const scaling *s, double terms[TERMS])
{
    terms[0] = 1;
    for (size_t f = 0; f < FEATURES; f++) {
        double t = s->deviation[f] > 0 ? (p->features[f] - s->mean[f]) / s->deviation[f] : 0;
        terms[f + 1] = fmin(fmax(t, -MOST_DEVIATIONS), MOST_DEVIATIONS);
    }
}

/* Solves a symmetric positive definite system in place by Cholesky's method. */
static void solve(double a[TERMS][TERMS], double b[TERMS])
{
    for (size_t i = 0; i < TERMS; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = a[i][j];
            for (size_t k = 0; k < j; k++) {
                sum -= a[i][k] * a[j][k];
            }
            a[i][j] = i == j ? sqrt(fmax(sum, 1e-12)) : sum / a[j][j];
        }
    }
    for (size_t i = 0; i < TERMS; i++) {
        for (size_t k = 0; k < i; k++) {
            b[i] -= a[i][k] * b[k];
        }
        b[i] /= a[i][i];
    }
    for (size_t i = TERMS; i-- > 0;) {
        for (size_t k = i + 1; k < TERMS; k++) {
            b[i] -= a[k][i] * b[k];
        }
        b[i] /= a[i][i];
    }
}

/* How much a work counts: its nearness, of a width that takes in several times NEIGHBOURS. */
static double nearness(const neighbour *list, size_t count, size_t i)
{
    size_t last = count - 1 < WIDTH ? count - 1 : WIDTH;
    double relative = list[i].distance / fmax(list[last].distance, 1e-3);
    return exp(-relative * relative) + FAR_WEIGHT;
}

static void regress(const neighbour *list, size_t count, const scaling *s,
                    double coefficients[TERMS])
{
    double a[TERMS][TERMS] = {{0}};
    double b[TERMS] = {0};
    double total = 0;
    for (size_t i = 0; i < count; i++) {
        double terms[TERMS];
        double weight = nearness(list, count, i) * list[i].trust;
        terms_of(list[i].point, s, terms);
        total += weight;
        for (size_t r = 0; r < TERMS; r++) {
            b[r] += weight * terms[r] * (list[i].point->time - list[i].point->base);
            for (size_t c = 0; c < TERMS; c++) {
                a[r][c] += weight * terms[r] * terms[c];
            }
        }
    }
    for (size_t r = 1; r < TERMS; r++) {
        a[r][r] += RIDGE * total / (double)count + 1e-9;
    }
    solve(a, b);
    memcpy(coefficients, b, sizeof(b));
}

static double evaluate(const double coefficients[TERMS], const point *p, const scaling *s)
{
    double terms[TERMS];
    double sum = 0;
    terms_of(p, s, terms);
    for (size_t t = 0; t < TERMS; t++) {
        sum += coefficients[t] * terms[t];
    }
    return sum;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sets residuals and trust; returns the spread of residuals. */
static double judge(neighbour *list, size_t count, const scaling *s, const double *coefficients,
                    double *scratch)
{
    for (size_t i = 0; i < count; i++) {
        const point *p = list[i].point;
        list[i].residual = p->time - p->base - evaluate(coefficients, p, s);
        scratch[i] = fabs(list[i].residual);
    }
    qsort(scratch, count, sizeof(*scratch), by_value);
    double spread = fmax(1.4826 * scratch[count / 2], LEAST_SPREAD);
    for (size_t i = 0; i < count; i++) {
        list[i].trust = fmin(1, HUBER * spread / fmax(fabs(list[i].residual), 1e-9));
    }
    return spread;
}

/* What the regression misses at the nearest works. */
static double correction(const neighbour *list, size_t count)
{
    double sum = 0, weights = 1;
    for (size_t i = 0; i < count && i < NEIGHBOURS; i++) {
        double d = list[i].distance + NEAR;
        double weight = list[i].trust / (d * d);
        sum += weight * list[i].residual;
        weights += weight;
    }
    return sum / weights;
}

/* Keeps the ratio to the plain form near those that were measured. */
static double within_measured(const neighbour *list, size_t count, double ratio)
{
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        double measured = list[i].point->time - list[i].point->base;
        least = fmin(least, measured);
        most = fmax(most, measured);
    }
    return fmin(fmax(ratio, least - BEYOND), most + BEYOND);
}

static void estimate(neighbour *list, size_t count, const point *asked, double *scratch,
                     double *seconds, double *confidence)
{
    scaling s = scaling_of(list, count);
    double coefficients[TERMS];
    double spread = 0;
    for (int round = 0; round < ROUNDS; round++) {
        regress(list, count, &s, coefficients);
        spread = judge(list, count, &s, coefficients, scratch);
    }
    double ratio = evaluate(coefficients, asked, &s) + correction(list, count);
    *seconds = exp2(asked->base + within_measured(list, count, ratio));
    *confidence = 0.9 / (1 + spread + 0.2 * list[0].distance);
}

bool davit_fit_estimate(const davit_fit *fit, const davit_work *work, double *seconds,
                        double *confidence)
{
    neighbour *list = davit_alloc_array(fit->allocator, fit->count, sizeof(*list));
    double *scratch = davit_alloc_array(fit->allocator, fit->count, sizeof(*scratch));
    const point asked = make_point(work);
    bool found = false;
    for (int how = SAME_KIND; list != NULL && scratch != NULL && !found && how < LIKENESSES;
         how++) {
        size_t count = find_neighbours(fit, &asked, (likeness)how, list);
        found = count >= FEWEST;
        if (found) {
            estimate(list, count, &asked, scratch, seconds, confidence);
            *confidence /= 1 + how;
        }
    }
    davit_free(fit->allocator, list);
    davit_free(fit->allocator, scratch);
    return found;
}

/* ---- copies ---- */

bool davit_fit_copy(const davit_fit *fit, double bytes, bool to_device, double *seconds,
                    double *confidence)
{
    int way = to_device ? 0 : 1;
    const copy_point *points = fit->copies[way];
    size_t count = fit->copy_count[way];
    if (count == 0) {
        return false;
    }
    size_t right = 0;
    while (right < count && points[right].bytes < bytes) {
        right++;
    }
    *confidence = 0.9;
    if (right == 0) {
        *seconds = points[0].seconds;
    } else if (right == count) {
        *seconds = points[count - 1].seconds * bytes / points[count - 1].bytes;
    } else {
        const copy_point *low = &points[right - 1];
        const copy_point *high = &points[right];
        double part = (bytes - low->bytes) / (high->bytes - low->bytes);
        *seconds = low->seconds + part * (high->seconds - low->seconds);
    }
    return true;
}
