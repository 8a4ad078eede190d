/* The profile store: what was measured on this machine, kept between runs under
 * $XDG_CACHE_HOME/davit (else ~/.cache/davit).
 *
 * One JSON file per device key, times-v1-NAME-HASH.json. A key names the device, its backend and
 * the versions that a measurement depends on, so that an upgrade does not find old values. Safe
 * against two writers and a kill in the middle: a lock file, a temporary file, a rename; what
 * another process wrote in between is merged. A damaged file is said (a warning), set aside as
 * FILE.damaged and begun anew. Files and folder must belong to the user and not be writable by
 * others, else they are refused. A file keeps the newest 8,192 measurements. */
#ifndef DAVIT_STORE_H
#define DAVIT_STORE_H

#include "davit/backend.h"

typedef struct davit_store davit_store;

#define DAVIT_STORE_MAX_ENTRIES 8192

/* A robust summary of repeated measurements. */
typedef struct davit_measurement {
    double median_s;
    double spread_s;  /* median absolute deviation */
    uint32_t count;   /* samples that were kept */
    uint32_t dropped; /* outliers */
} davit_measurement;

#define DAVIT_WORK_DIMS 10

/* The work that took a time, so that the times of other work can be estimated from it
 * (davit_unit_work). kind "": not known, as for links. */
typedef struct davit_work {
    char kind[48];     /* "conv1x1", "gemm", "Softmax": works of one kind are compared */
    davit_dtype dtype; /* of the first input */
    double flops, bytes;
    uint32_t dim_count; /* what the numbers mean is fixed by the kind */
    double dims[DAVIT_WORK_DIMS];
} davit_work;

typedef struct davit_store_entry {
    const char *signature; /* valid until the next put or save */
    davit_measurement measurement;
    davit_work work;
    int64_t measured_at; /* seconds since 1970 */
} davit_store_entry;

/* folder NULL: the default. Reads nothing yet, and makes nothing: a folder that is not there is
 * made at the first save. A folder that cannot be used (no home, another owner, writable by others)
 * is a warning at the first use and the store is empty; saving then fails. Only DAVIT_OUT_OF_MEMORY is returned. Not
 * thread-safe; processes may share a folder. */
DAVIT_NODISCARD davit_status davit_store_open(const davit_allocator *allocator, const char *folder,
                                              const davit_diagnostics *diag, davit_store **out);
void davit_store_close(davit_store *store);
/* "" when there is none. */
const char *davit_store_folder(const davit_store *store);

/* False when nothing is known. signature: davit_unit_signature, or "link:..." for links. The first
 * use of a key reads its file. */
bool davit_store_find(const davit_store *store, const char *device_key, const char *signature,
                      davit_measurement *out);
/* work may be NULL. The measurement's times are finite, its median > 0. */
DAVIT_NODISCARD davit_status davit_store_put(davit_store *store, const char *device_key,
                                             const char *signature,
                                             const davit_measurement *measurement,
                                             const davit_work *work);
/* Everything that is known of a device, by signature. Free with davit_store_free_list. */
DAVIT_NODISCARD davit_status davit_store_list(const davit_store *store, const char *device_key,
                                              davit_store_entry **entries, size_t *count);
void davit_store_free_list(const davit_store *store, davit_store_entry *entries);
/* What `davit calibrate` found fastest among a device's kernels (davit_device_tune): signatures
 * "choice:CHOICE:NAME". Text for davit_device_options.backend_options, "CHOICE=NAME,...", with the
 * fastest name of each choice, in arena; NULL where nothing is known or memory is short. */
#define DAVIT_CHOICE "choice:"
const char *davit_store_choices(const davit_store *store, const char *device_key,
                                davit_arena *arena);

/* ---- which kernel computes a unit ---- */

/* What `davit calibrate MODEL` found of the kernels that may compute a unit (davit_backend_table.kernels):
 * the fastest of those that the rule does not take, and the rule's. */
typedef struct davit_kernel_choice {
    char name[32]; /* as the backend lists it */
    char rule[64]; /* implementation by rule: "jit:avx512_core" */
    double seconds, rule_seconds;
    bool chosen; /* clearly faster than the rule's, again and again */
} davit_kernel_choice;

/* Choices of a device lie under its key with this behind, so that a session reads no more. */
#define DAVIT_KERNELS_KEY " | kernels"

/* False when nothing was measured of the unit with that signature, or what is kept is malformed. */
bool davit_store_find_kernel(const davit_store *store, const char *device_key,
                             const char *signature, davit_kernel_choice *out);
/* Of how many units something is kept. DAVIT_OUT_OF_MEMORY, reported. */
DAVIT_NODISCARD davit_status davit_store_count_kernels(const davit_store *store,
                                                       const char *device_key, size_t *count);
/* As davit_store_put. */
DAVIT_NODISCARD davit_status davit_store_put_kernel(davit_store *store, const char *device_key,
                                                    const char *signature,
                                                    const davit_kernel_choice *choice,
                                                    const davit_work *work);

/* The keys of all files, sorted; their files are read. Pointers live as long as the store; *keys is
 * to be freed with the store's allocator. */
DAVIT_NODISCARD davit_status davit_store_keys(davit_store *store, const char ***keys,
                                              size_t *count);

/* Writes what was put since the last save; makes the folder also when that is nothing. Reports. */
DAVIT_NODISCARD davit_status davit_store_save(davit_store *store);
/* Removes everything, files included (but for the lock). Reports. */
DAVIT_NODISCARD davit_status davit_store_clear(davit_store *store);

/* Sorts samples and summarises them: the median of what lies within a robust distance of where they
 * lie densest. Up to two thirds of the samples may be disturbed. None: all 0. */
davit_measurement davit_measurement_of(double *samples_s, size_t count);

#endif
