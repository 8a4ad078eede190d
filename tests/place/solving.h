/* Solving in tests: a solved problem is checked in every way that needs no other answer. */
#ifndef DAVIT_TEST_SOLVING_H
#define DAVIT_TEST_SOLVING_H

#include "brute_force.h"
#include "davit/place.h"
#include "random_problem.h"

/* Solves; asserts that the placement's objective is what the second simulator says, that the bound
 * is not above it and that the certificate proves the bound. False when there is no placement. Free
 * with davit_placement_clear. */
bool solve_checked(const davit_place_problem *problem, const davit_place_options *options,
                   davit_placement *placement);

/* Solves `count` small problems from a seed on by brute force: the solver must find the optimum,
 * and, when `proved`, the bound must equal it. */
void compare_with_brute_force(davit_place_objective objective, uint64_t first, uint64_t count,
                              bool proved);

/* Solves in two threads and in this one: the same placement and certificate, byte for byte. */
void solve_in_threads(const davit_place_problem *problem, const davit_place_options *options);

/* Solves with each allocation failing in turn: one report each time, and nothing leaks. */
void solve_without_memory(const davit_place_problem *problem, const davit_place_options *options);

#endif
