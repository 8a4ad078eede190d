/* Measures this machine: times of units as they are inside whole programs, of copies between a
 * device's memory and the host's, and of submitting a program; into the profile store.
 *
 * A unit is measured where it runs: its inputs have the layout and lie in the caches as its
 * neighbours left them. Of several networks given together each runs a few times in turn; `davit
 * calibrate` gives one, since sessions that are open side by side slow each other's threads. Each
 * turn begins with a run that is not kept and fills the caches. Medians of what is no outlier are
 * kept (davit_measurement_of). */
#ifndef DAVIT_MEASURE_H
#define DAVIT_MEASURE_H

#include "davit/cost.h"
#include "davit/execute.h"

/* A network that is ready to run. */
typedef struct davit_measured_network {
    const davit_graph *graph;
    const davit_plan *plan;
    uint32_t threads; /* with which it was opened: a part of the device key */
    /* Runs one inference. record->unit_ns is valid until the next call. */
    davit_status (*run)(void *user, davit_run_record *record);
    void *user;
} davit_measured_network;

typedef struct davit_measure_limits {
    uint32_t min_runs;           /* of each network, whatever they take */
    uint32_t max_runs;           /* at most this many */
    uint64_t budget_ns;          /* for all networks; no run begins after it */
    bool (*stopped)(void *user); /* asked before each run; NULL: never */
    void *user;
} davit_measure_limits;

/* Runs the networks in turn and puts what their units and submissions took into the store, under
 * the keys of their devices. A unit that occurs several times gets the mean of its medians. When
 * stopped, what was measured so far is kept where there are at least 3 samples. The store is not
 * saved. *units, if not NULL, is set to how many different units were measured. */
DAVIT_NODISCARD davit_status davit_measure_networks(const davit_measured_network *networks,
                                                    size_t count,
                                                    const davit_measure_limits *limits,
                                                    davit_store *store,
                                                    const davit_allocator *allocator,
                                                    const davit_diagnostics *diag, size_t *units);

/* Runs that somebody made anyway, one after the other and with one plan; none failed. */
typedef struct davit_finished_runs {
    const davit_graph *graph;
    const davit_plan *plan;
    uint32_t threads; /* as above */
    size_t run_count;
    const uint64_t *unit_ns; /* [units][run_count], in the order of the runs */
} davit_finished_runs;

/* Signatures of what is only noted. */
#define DAVIT_SEEN "seen:"

/* Learns the times of units from such runs, so that one bad run spoils nothing:
 *  - 11 runs and more count, without the first; of each unit the median of what is no outlier
 *    (davit_measurement_of), where at least half of the samples are none and spread by at most 10
 * %;
 *  - what is already known, within 10 %, stays as it is;
 *  - else a time is only noted; it becomes the measured time of the unit when the next call that
 * finds another one than the known finds it again, within 10 %. The lower of the two is kept, as
 *    disturbances only make times longer.
 * Devices that are emulated, `reference` and `null` teach nothing. The store is not saved. *changed
 * is set to how many measured times are new or differ. DAVIT_OUT_OF_MEMORY, or what davit_store_put
 * returns. */
DAVIT_NODISCARD davit_status davit_measure_learn(const davit_finished_runs *runs,
                                                 davit_store *store,
                                                 const davit_allocator *allocator, size_t *changed);

/* Measures copies of 1 KiB to 16 MiB in both directions, in turn. options are those of
 * davit_device_open; key is where the times are kept. */
DAVIT_NODISCARD davit_status davit_measure_links(
    davit_backend *backend, const davit_device_info *info, const davit_device_options *options,
    const char *key, const davit_measure_limits *limits, davit_store *store);

/* The built-in networks: small chains of the layers of usual networks, with neighbours as those
 * have them, f32 and 8-bit, in a fixed order from what matters most. */
size_t davit_measure_network_count(void);
/* Makes the one of that index, with random weights and inputs of fixed shapes. Free with
 * davit_graph_destroy. DAVIT_OUT_OF_MEMORY. */
DAVIT_NODISCARD davit_status davit_measure_network_make(size_t index,
                                                        const davit_allocator *allocator,
                                                        davit_graph **out);

/* Whose kernels are measured: the units of a plan on one of its devices. */
typedef struct davit_kernel_request {
    const davit_graph *graph;
    const davit_plan *plan;
    uint32_t device; /* index among the plan's */
    const davit_device_options *options;
    const char *key; /* where choices are kept */
    uint64_t budget_ns; /* no trial begins after it */
    bool (*stopped)(void *user); /* asked before each trial; NULL: never */
    void *user;
} davit_kernel_request;

typedef struct davit_kernel_counts {
    size_t measured; /* different units of which kernels were compared */
    size_t chosen;   /* those that get another one than by rule */
} davit_kernel_counts;

/* Times the kernels that may compute each unit (davit_backend_table.kernels), and one thread against all
 * where units are short, in the whole program, in turn with those that were best so far; the rule's stays
 * where no other is clearly faster (davit_measure_is_faster). Puts what it found into the store
 * (davit_store_put_kernel); the store is not saved. Devices that are emulated or have nothing to choose
 * between: does nothing. */
DAVIT_NODISCARD davit_status davit_measure_kernels(const davit_kernel_request *request,
                                                   davit_store *store,
                                                   davit_kernel_counts *counts);

/* True when times after are more than 3 % below those before in most turns, and above in one at most. */
bool davit_measure_is_faster(const double *before_s, const double *after_s, size_t turns);

/* Measures what a device can choose between (davit_device_tune), under DAVIT_CHOICE and its names,
 * in the store. *count: how many ways were measured. */
DAVIT_NODISCARD davit_status davit_measure_choices(davit_backend *backend,
                                                   const davit_device_info *info,
                                                   const davit_device_options *options,
                                                   const char *key, davit_store *store,
                                                   size_t *count);

#endif
