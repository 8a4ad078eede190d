/* The profile store: what was measured on this machine, kept between runs under
 * $XDG_CACHE_HOME/davit (else ~/.cache/davit).
 *
 * One JSON file per device key. A key names the device, its backend and the versions that a
 * measurement depends on, so that an upgrade does not find old values. Safe against two writers and
 * a kill in the middle: a lock file, a temporary file, a rename; what another process wrote in
 * between is merged. A damaged file is said (a warning), set aside and begun anew. Files and folder
 * must belong to the user and not be writable by others, else they are refused. */
#ifndef DAVIT_STORE_H
#define DAVIT_STORE_H

#include "davit/backend.h"

typedef struct davit_store davit_store;

/* A robust summary of repeated measurements. */
typedef struct davit_measurement {
    double median_s;
    double spread_s;  /* median absolute deviation */
    uint32_t count;   /* samples that were kept */
    uint32_t dropped; /* outliers */
} davit_measurement;

/* folder NULL: the default. A folder that is not there is made at the first save; one that cannot
 * be used is reported. Not thread-safe; processes may share a folder. */
DAVIT_NODISCARD davit_status davit_store_open(const davit_allocator *allocator, const char *folder,
                                              const davit_diagnostics *diag, davit_store **out);
void davit_store_close(davit_store *store);

/* False when nothing is known. signature: davit_unit_signature, or "link:..." for links. */
bool davit_store_find(const davit_store *store, const char *device_key, const char *signature,
                      davit_measurement *out);
DAVIT_NODISCARD davit_status davit_store_put(davit_store *store, const char *device_key,
                                             const char *signature,
                                             const davit_measurement *measurement);
/* Writes what was put. */
DAVIT_NODISCARD davit_status davit_store_save(davit_store *store);
/* Removes everything, files included. */
DAVIT_NODISCARD davit_status davit_store_clear(davit_store *store);

/* Sorts samples and summarises them: the median of what lies within a robust distance of the
 * median. */
davit_measurement davit_measurement_of(double *samples_s, size_t count);

#endif
