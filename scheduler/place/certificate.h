/* What the checks of certificates share; the solvers know nothing of it. */
#ifndef DAVIT_PLACE_CERTIFICATE_H
#define DAVIT_PLACE_CERTIFICATE_H

#include <jansson.h>

#include "davit/place.h"

/* Sums of doubles in another order differ by less. */
#define DAVIT_PLACE_TOLERANCE 1e-9

typedef struct davit_place_proof {
    const davit_place_problem *problem;
    const davit_place_options *options;
    const json_t *json; /* an object */
    double claimed;     /* its bound */
    davit_arena *arena;
    const davit_diagnostics *diag;
} davit_place_proof;

/* Checks one form: *proved is set to the bound that it proves. Reports DAVIT_BAD_DATA. */
typedef davit_status (*davit_place_form_check)(const davit_place_proof *proof, double *proved);

/* Reports that the certificate is wrong; DAVIT_BAD_DATA. */
DAVIT_NODISCARD davit_status davit_place_wrong(const davit_place_proof *proof, const char *what);
/* Reports that the check would take too long; DAVIT_UNSUPPORTED. */
DAVIT_NODISCARD davit_status davit_place_too_large(const davit_place_proof *proof);
/* Reports that memory is short; DAVIT_OUT_OF_MEMORY. */
DAVIT_NODISCARD davit_status davit_place_no_memory(const davit_place_proof *proof);
/* The member `name`, an array of exactly count finite numbers >= 0, into the arena. */
DAVIT_NODISCARD davit_status davit_place_numbers(const davit_place_proof *proof, const char *name,
                                                 size_t count, double **numbers);

DAVIT_NODISCARD davit_status davit_place_check_single(const davit_place_proof *proof,
                                                      double *proved);
DAVIT_NODISCARD davit_status davit_place_check_area(const davit_place_proof *proof, double *proved);
DAVIT_NODISCARD davit_status davit_place_check_packing(const davit_place_proof *proof,
                                                       double *proved);
DAVIT_NODISCARD davit_status davit_place_check_linear(const davit_place_proof *proof,
                                                      double *proved);
DAVIT_NODISCARD davit_status davit_place_check_search(const davit_place_proof *proof,
                                                      double *proved);
DAVIT_NODISCARD davit_status davit_place_check_paths(const davit_place_proof *proof,
                                                     double *proved);
DAVIT_NODISCARD davit_status davit_place_check_branches(const davit_place_proof *proof,
                                                        double *proved);

/* Groups of a problem as certificate.md defines them. */
typedef struct davit_place_groups {
    uint32_t count;
    uint32_t *of_node; /* [node_count] */
    uint32_t *first;   /* [count] first node */
    double *bytes;     /* [count] */
    bool *allowed;     /* [count][device_count] */
    bool *pinned;      /* [count] */
    double *seconds;   /* [count][device_count] */
    double *sure;      /* [count][device_count]; copies in by choice */
} davit_place_groups;

DAVIT_NODISCARD davit_status davit_place_groups_make(const davit_place_proof *proof,
                                                     bool with_copies_in,
                                                     davit_place_groups *groups);
/* The member `order`: each group once, named by its first node, pinned ones first. */
DAVIT_NODISCARD davit_status davit_place_read_order(const davit_place_proof *proof,
                                                    const davit_place_groups *groups,
                                                    uint32_t **order);

#endif
