#include "unit_test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "scheduler/cost/fit.h"

enum { ENTRIES = 200 };

typedef struct world {
    davit_store_entry entries[ENTRIES];
    char signatures[ENTRIES][24];
    davit_fit *fit;
} world;

/* A device that multiplies at 1e11 a second, less where there are few columns, and starts in 3 us.
 */
static double true_seconds(const davit_work *work)
{
    return 3e-6 + work->flops / (1e11 * work->dims[2] / (work->dims[2] + 32));
}

static davit_work product(double rows, double columns, double depth)
{
    return (davit_work){.kind = "MatMul/weights",
                        .dtype = DAVIT_F32,
                        .flops = 2 * rows * columns * depth,
                        .bytes = 4 * (rows * depth + columns * depth + rows * columns),
                        .dim_count = 6,
                        .dims = {1, rows, columns, depth, 0, 0}};
}

static davit_work random_product(uint64_t *seed)
{
    double rows = (double)(16 + test_random_below(seed, 500));
    double columns = (double)(16 + test_random_below(seed, 2000));
    return product(rows, columns, (double)(16 + test_random_below(seed, 2000)));
}

static void fill(world *w, double noise, double outliers)
{
    uint64_t seed = 11;
    for (size_t i = 0; i < ENTRIES; i++) {
        davit_store_entry *entry = &w->entries[i];
        snprintf(w->signatures[i], sizeof(w->signatures[i]), "%zu", i);
        *entry = (davit_store_entry){.signature = w->signatures[i], .work = random_product(&seed)};
        double factor = exp(noise * (double)test_random_float(&seed));
        factor *= (double)test_random_below(&seed, 1000) < 1000 * outliers ? 20 : 1;
        entry->measurement =
            (davit_measurement){.median_s = true_seconds(&entry->work) * factor, .count = 9};
    }
    assert_int_equal(davit_fit_create(davit_allocator_default(), w->entries, ENTRIES, &w->fit),
                     DAVIT_OK);
}

static double worst_error(const davit_fit *fit)
{
    uint64_t seed = 99;
    double worst = 0;
    for (int i = 0; i < 50; i++) {
        davit_work work = random_product(&seed);
        double seconds, confidence;
        assert_true(davit_fit_estimate(fit, &work, &seconds, &confidence));
        assert_true(confidence > 0 && confidence < 1);
        worst = fmax(worst, fabs(seconds / true_seconds(&work) - 1));
    }
    return worst;
}

static void learns_a_device(void **state)
{
    (void)state;
    static world w;
    fill(&w, 0, 0);
    assert_true(worst_error(w.fit) < 0.15);
    davit_fit_destroy(w.fit);
    fill(&w, 0.1, 0.05);
    assert_true(worst_error(w.fit) < 0.3);
    davit_fit_destroy(w.fit);
}

static void other_kinds_are_not_compared(void **state)
{
    (void)state;
    static world w;
    double seconds, confidence;
    fill(&w, 0, 0);
    davit_work work = product(100, 100, 100);
    work.dtype = DAVIT_U8;
    assert_false(davit_fit_estimate(w.fit, &work, &seconds, &confidence));
    work = product(100, 100, 100);
    strcpy(work.kind, "Conv/1x1");
    work.dim_count = 10;
    assert_false(davit_fit_estimate(w.fit, &work, &seconds, &confidence));
    davit_work exact = product(100, 100, 100);
    davit_work variant = exact;
    strcpy(variant.kind, "MatMul");
    double less;
    assert_true(davit_fit_estimate(w.fit, &exact, &seconds, &confidence));
    assert_true(davit_fit_estimate(w.fit, &variant, &seconds, &less));
    assert_true(less < confidence);
    davit_fit_destroy(w.fit);
}

static void same_entries_same_estimate(void **state)
{
    (void)state;
    static world w;
    davit_work work = product(77, 333, 512);
    double first, second, confidence;
    fill(&w, 0.2, 0.02);
    assert_true(davit_fit_estimate(w.fit, &work, &first, &confidence));
    davit_fit_destroy(w.fit);
    fill(&w, 0.2, 0.02);
    assert_true(davit_fit_estimate(w.fit, &work, &second, &confidence));
    assert_memory_equal(&first, &second, sizeof(first));
    davit_fit_destroy(w.fit);
}

static void copies_lie_between_measured_ones(void **state)
{
    (void)state;
    const davit_store_entry entries[] = {
        {.signature = "link:to_device:1024", .measurement = {.median_s = 1e-6, .count = 1}},
        {.signature = "link:to_device:65536", .measurement = {.median_s = 5e-6, .count = 1}},
        {.signature = "link:to_device:nonsense", .measurement = {.median_s = 9, .count = 1}},
        {.signature = "submission", .measurement = {.median_s = 8, .count = 1}},
    };
    davit_fit *fit;
    double seconds, confidence;
    assert_int_equal(davit_fit_create(davit_allocator_default(), entries, 4, &fit), DAVIT_OK);
    assert_false(davit_fit_copy(fit, 1024, false, &seconds, &confidence));
    assert_true(davit_fit_copy(fit, 10, true, &seconds, &confidence) && seconds == 1e-6);
    assert_true(davit_fit_copy(fit, 33280, true, &seconds, &confidence));
    assert_true(fabs(seconds - 3e-6) < 1e-12);
    assert_true(davit_fit_copy(fit, 131072, true, &seconds, &confidence));
    assert_true(fabs(seconds - 1e-5) < 1e-12);
    davit_fit_destroy(fit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_a_device),
        cmocka_unit_test(other_kinds_are_not_compared),
        cmocka_unit_test(same_entries_same_estimate),
        cmocka_unit_test(copies_lie_between_measured_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
