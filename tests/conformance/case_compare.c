#include "case.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define RELATIVE_TOLERANCE 1e-3
#define ABSOLUTE_TOLERANCE 1e-5
#define L2_TOLERANCE 1e-4

static bool floats_agree(double got, double expected)
{
    if (isnan(expected) || isnan(got)) {
        return isnan(expected) && isnan(got);
    }
    return got == expected ||
           fabs(got - expected) <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * fabs(expected);
}

static bool compare_floats(const davit_tensor *got, const davit_tensor *expected, char *problem,
                           size_t problem_bytes)
{
    const float *a = got->data;
    const float *b = expected->data;
    double difference = 0;
    double norm = 0;
    for (int64_t i = 0; i < davit_tensor_desc_elems(&expected->desc); i++) {
        if (!floats_agree(a[i], b[i])) {
            (void)snprintf(problem, problem_bytes, "element %lld is %.9g, not %.9g", (long long)i,
                           (double)a[i], (double)b[i]);
            return false;
        }
        if (isfinite(b[i])) {
            difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
            norm += (double)b[i] * b[i];
        }
    }
    if (difference > L2_TOLERANCE * L2_TOLERANCE * norm &&
        difference > ABSOLUTE_TOLERANCE * ABSOLUTE_TOLERANCE) {
        (void)snprintf(problem, problem_bytes, "relative L2 distance %.3g",
                       sqrt(difference / norm));
        return false;
    }
    return true;
}

bool case_compare(const davit_tensor *got, const davit_tensor *expected, char *problem,
                  size_t problem_bytes)
{
    if (got->desc.dtype != expected->desc.dtype ||
        !davit_tensor_desc_same_shape(&got->desc, &expected->desc)) {
        (void)snprintf(problem, problem_bytes, "another shape or type");
        return false;
    }
    if (expected->desc.dtype == DAVIT_F32) {
        return compare_floats(got, expected, problem, problem_bytes);
    }
    if (memcmp(got->data, expected->data, davit_tensor_desc_bytes(&expected->desc)) != 0) {
        (void)snprintf(problem, problem_bytes, "the bytes differ");
        return false;
    }
    return true;
}
