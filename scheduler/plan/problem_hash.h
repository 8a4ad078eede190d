/* A fingerprint of a placement problem: plans say by it what they were made from. */
#ifndef DAVIT_PROBLEM_HASH_H
#define DAVIT_PROBLEM_HASH_H

#include "davit/plan.h"

/* SHA-256 over everything but names, as hex. Equal problems have equal hashes on every machine of
 * one byte order. */
void davit_problem_hash(const davit_place_problem *problem, char hex[DAVIT_SHA256_HEX]);

#endif
