/* Random placement problems, the same for a seed on every machine. */
#ifndef DAVIT_TEST_RANDOM_PROBLEM_H
#define DAVIT_TEST_RANDOM_PROBLEM_H

#include "davit/place.h"

typedef struct random_shape {
    uint32_t nodes;
    uint32_t devices;
    uint32_t classes;   /* at most devices */
    double density;     /* chance that a node reads one of the eight before it */
    double unsupported; /* chance of a node that a class cannot run it; class 0 can always */
    double grouped;     /* chance of a node to be in a group */
    double pinned;      /* chance of a node to be pinned to a device that can run it */
    double memory;      /* 0: no limits; else each device has this part of all bytes */
    double transport;   /* scale of copies against nodes */
    int discipline;     /* davit_place_discipline of every class; -1: any, never unlimited;
                           -2: blocks, and cpus (class 0) without copies */
    bool joules;
} random_shape;

typedef struct random_problem {
    davit_place_problem problem; /* points into what follows */
    davit_arena arena;
} random_problem;

/* Fails the test when memory is short. Free with random_problem_clear. */
void random_problem_make(random_problem *made, const random_shape *shape, uint64_t seed);
void random_problem_clear(random_problem *made);

/* A small problem of any kind: up to nine nodes and three devices. */
random_shape random_small_shape(uint64_t seed);

#endif
