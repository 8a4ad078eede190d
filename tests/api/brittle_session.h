/* A session whose devices break: the model x -> exp -> tanh -> left, right and more -> sum -> last -> y on
 * the devices of opaque_backend.h, which compute what the reference computes. */
#ifndef DAVIT_TEST_API_BRITTLE_SESSION_H
#define DAVIT_TEST_API_BRITTLE_SESSION_H

#include "fixture.h"
#include "opaque_backend.h"

#define MS ((uint64_t)1000000)
#define UNITS 7
#define ELEMS 30 /* of x and y */

extern const int64_t brittle_dims[4];

/* cmocka set-up and tear-down, as the fixture's. */
int brittle_setup(void **state);
int brittle_teardown(void **state);

davit_session_options options_for(const char *devices);
/* Makes f->session with a place for each unit, in the order of the model: the digit of a brittle device,
 * or r for the reference. */
davit_status open_placed(fixture *f, davit_session_options *options, const char *places);
/* x of a seed, and what the reference makes of it. */
void fill(float *x, unsigned seed);
void expect(fixture *f, unsigned seed, float *y);
davit_status run(fixture *f, unsigned seed, float *y);
/* A run of that seed ends well, with the reference's bytes. */
void assert_runs(fixture *f, unsigned seed);
const char *device_of(const fixture *f, size_t unit);
size_t count_events(const fixture *f, davit_event_kind kind);
/* Waits for the first event of that kind, at most ten seconds. */
void await_event(const fixture *f, davit_event_kind kind);
void rest(long ms);

#endif
