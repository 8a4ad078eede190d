/* Private to the problem files: what is read of the JSON before arrays are made of it. */
#ifndef DAVIT_PROBLEM_FILE_PARTS_H
#define DAVIT_PROBLEM_FILE_PARTS_H

#include <jansson.h>

#include "davit/problem_file.h"

enum { PROBLEM_ACCELERATOR, PROBLEM_CPU, PROBLEM_CLASSES };

struct davit_problem_file {
    davit_arena arena;
    json_t *root;
    json_t **ids; /* [node_count], borrowed from root */
    uint32_t accelerator_count;
    davit_place_problem problem;
};

typedef struct problem_node {
    json_t *id;
    bool supported; /* on accelerators */
    double cpu_seconds, accelerator_seconds;
    double size;
    uint32_t group;
    double value_cost; /* of sending what it makes */
} problem_node;

typedef struct problem_edge {
    uint32_t source, destination; /* indices of nodes in the file */
    double cost;
} problem_edge;

typedef struct problem_reading {
    const char *path;
    const davit_diagnostics *diag;
    davit_arena *scratch;
    double accelerator_bytes;
    uint32_t accelerator_count, cpu_count; /* at most node_count each */
    uint32_t node_count, group_count;
    problem_node *nodes;
    const char **names; /* of nodes, for messages: their ids */
    size_t edge_count;
    problem_edge *edges;
} problem_reading;

/* Fills r, all but path, diag and scratch, from the text, and checks each field by itself. *root
 * owns the ids; set whatever is returned. */
davit_status problem_file_parse(problem_reading *r, const char *text, json_t **root);

#endif
