/* The table of unit cases, for correctness, speed and support alike (after ggml's
 * test-backend-ops). */
#ifndef DAVIT_CONFORMANCE_CASES_H
#define DAVIT_CONFORMANCE_CASES_H

#include "case.h"

struct test_suite;

typedef enum case_mode {
    CASE_CHECK,  /* compare with the reference kernels */
    CASE_SPEED,  /* print times */
    CASE_SUPPORT /* print which units the device supports */
} case_mode;

/* Runs the table, random cases from the suite's seed, and (CASE_CHECK) the closed forms, each as
 * one result of the suite. */
void cases_run_all(struct test_suite *suite, case_mode mode);
/* One case given by its text; layout "dense" or "nhwc". */
void cases_run_one(struct test_suite *suite, case_mode mode, const char *text, const char *layout);

/* count random cases of integer operators, from the suite's seed on. */
void cases_run_integer(struct test_suite *suite, unsigned count);

/* ---- the parts of it ---- */

/* Why the device under test cannot run a case (in reason), or NULL. */
const char *case_unsupported(const struct test_suite *suite, const unit_case *built, char *reason,
                             size_t bytes);

/* Kinds of random cases: 0 to count - 1. */
size_t random_case_kinds(void);
/* Kinds of random cases of integer operators, likewise. */
size_t integer_case_kinds(void);
void integer_case(size_t kind, uint64_t seed, char *text, size_t bytes);
/* Writes a random case of that kind. */
void random_case(size_t kind, uint64_t seed, char *text, size_t bytes);

/* Checks the device against results known without any kernel. */
void closed_forms_run(struct test_suite *suite);

#endif
