/* The backend interface: what drives one kind of device (after IREE's HAL and ggml-backend).
 *
 * A backend enumerates devices; a device has buffers, programs (consecutive units compiled for it)
 * and queues; a queue takes submissions that wait for and signal timeline semaphores. Backends fill
 * the const tables below; everybody else calls the davit_device_* functions, which check arguments
 * once, so that backends need not.
 *
 * Whether a backend can run a unit and what it costs are pure functions of (profile, unit): no
 * driver is needed for them, so that the planner can place on hardware that is not there.
 *
 * Outputs are set only on success. Parents outlive children: backend > device > buffer, program,
 * queue. tests/conformance is the definition of a backend that works. */
#ifndef DAVIT_BACKEND_H
#define DAVIT_BACKEND_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "davit/allocator.h"
#include "davit/diagnostics.h"
#include "davit/graph.h"
#include "davit/precision.h"
#include "davit/semaphore.h"
#include "davit/tensor.h"

#define DAVIT_BACKEND_ABI_VERSION 1u

typedef struct davit_backend davit_backend;
typedef struct davit_device davit_device;
typedef struct davit_buffer davit_buffer;
typedef struct davit_program davit_program;
typedef struct davit_queue davit_queue;

/* ---- what is known of a device without touching it ---- */

typedef enum davit_device_kind {
    DAVIT_DEVICE_CPU,
    DAVIT_DEVICE_GPU,
    DAVIT_DEVICE_FPGA,
    DAVIT_DEVICE_REFERENCE, /* the oracle: plain C on the host */
    DAVIT_DEVICE_NULL       /* computes nothing */
} davit_device_kind;

/* The way between a device's memory and the host's. Rates of 0: the memory is the host's, copies
 * cost nothing. */
typedef struct davit_link_profile {
    double to_device_bytes_per_s;
    double to_host_bytes_per_s;
    uint64_t latency_ns; /* of one copy */
    double joules_per_byte;
} davit_link_profile;

/* Energy; 0 is unknown. */
typedef struct davit_power_profile {
    double idle_watts;
    double joules_per_flop;  /* f32, above idle */
    double joules_per_s8_op;
    double joules_per_byte;  /* of the device's memory */
} davit_power_profile;

/* The part of its peak, 0..1, that a device reaches in each class of work; 0: unknown. */
typedef struct davit_efficiency_profile {
    double convolution, depthwise, gemm;          /* of the rate of the float type */
    double s8_convolution, s8_depthwise, s8_gemm; /* of s8_ops_per_s */
    double elementwise;                           /* all other work, of f32_flops_per_s */
    double memory;                                /* of memory_bytes_per_s */
    double confidence;                            /* how well these are known, 0..1 */
} davit_efficiency_profile;

/* The engines of an FPGA, parameters of davit/cycle_model.h; a clock of 0: no FPGA. Each compute unit
 * has a memory bank of its own, of which the part efficiency.memory can be used. */
typedef struct davit_fpga_profile {
    double clock_hz;
    uint32_t compute_units;
    uint32_t rows, columns, depth; /* of one unit's array: multiply-adds per cycle are their product */
    double bank_bytes_per_s;
    double bank_latency_ns; /* from the address of a read to its first word, at the kernel */
    double refresh_interval_ns, refresh_ns; /* the bank stands still for the second in each first */
    uint64_t reconfigure_ns;                /* loading another bitstream */
} davit_fpga_profile;

/* What is known of a device's speed, measured or from a data sheet; the scheduler's profiles (JSON,
 * davit/profile.h) are read into this. Rates are peaks; 0 is unknown. */
typedef struct davit_device_profile {
    davit_device_kind kind;
    char name[64];           /* "cpu", "Alveo U250" */
    double f32_flops_per_s;  /* 2 per multiply-add */
    double f16_flops_per_s;  /* with f32 accumulation */
    double bf16_flops_per_s;
    double tf32_flops_per_s; /* 0: it has none */
    davit_precision precision; /* asked for, of products of f32 values */
    double s8_ops_per_s;     /* 2 per multiply-add */
    double memory_bytes_per_s;
    uint64_t memory_bytes;
    uint64_t launch_ns;      /* fixed cost of one unit */
    davit_efficiency_profile efficiency;
    davit_link_profile link;
    davit_power_profile power;
    davit_fpga_profile fpga;
} davit_device_profile;

/* Of an address as text: "0000:3b:00.0"; domains may have 32 bits. */
#define DAVIT_PCI_ADDRESS_BYTES 20

typedef struct davit_device_info {
    char name[32];        /* "cpu", "cpu:1", "reference", "cuda:emu:0": what a user types */
    char description[128]; /* "Intel Xeon, 2 cores, AVX-512 VNNI; oneDNN 2.6.3" */
    char unusable[192];   /* why open would fail, "" when usable */
    bool emulated;        /* chosen only when named */
    char pci_address[DAVIT_PCI_ADDRESS_BYTES]; /* "0000:3b:00.0", "" when it has none */
    uint32_t ordinal;     /* for open and binding; CPU: 0 all of the host, N + 1 NUMA node N */
    davit_device_profile profile;
} davit_device_info;

/* What backends that run on the host's processors need to know of them; from davit/topology.h. */
typedef struct davit_host_info {
    char processor[96];  /* "Intel Xeon Platinum 8480C" */
    char isa[64];        /* "AVX-512 VNNI", the best that this machine and its system offer */
    uint32_t core_count; /* that this process may use */
    uint32_t node_count; /* NUMA nodes with cores: cpu:0 to cpu:N-1 */
    uint64_t memory_bytes;
} davit_host_info;

typedef struct davit_unit_cost {
    double seconds;
    double joules;      /* 0: unknown */
    double confidence;  /* 0..1 */
} davit_unit_cost;

typedef struct davit_device_options {
    const davit_allocator *allocator; /* of everything the device makes on the host */
    const davit_diagnostics *diag;    /* for the device's life */
    uint32_t threads;                 /* CPU devices: 0 = all cores of the device */
    /* Binds the calling thread to the device's cores, or those near it, before its first parallel
     * region; NULL: no binding. Called once on each thread that the device starts. */
    davit_status (*bind_thread)(void *user, const davit_device_info *device);
    void *bind_user;
    /* Backend-specific "key=value,..." or NULL ("delay_us=50"); borrowed by open only. */
    const char *backend_options;
    bool keeps_weights; /* packed weights are kept as files (davit/weight_cache.h) */
} davit_device_options;

/* ---- programs ---- */

/* A value that enters or leaves a program, with the layout it has there. Layouts are dense
 * row-major or channels-last (davit_tensor_desc_channels_last). */
typedef struct davit_program_io {
    davit_value_id value;
    davit_tensor_desc desc;
} davit_program_io;

typedef struct davit_program_spec {
    const davit_graph *graph; /* borrowed for the program's life */
    size_t unit_count;
    const davit_unit_id *units; /* in topological order */
    size_t input_count;
    const davit_program_io *inputs; /* every non-constant value read but not made inside */
    size_t output_count;
    const davit_program_io *outputs; /* each made inside; not aliasing inputs */
    /* By unit of the spec, which of the device's kernels computes it: a name that the backend lists
     * (davit_backend_table.kernels); NULL, or one that it has not: as the backend's rule says. NULL: by
     * rule all of them. For davit_program_build only: NULL afterwards. */
    const char *const *kernels;
    /* The results of a unit depend on nothing but the unit: none is computed together with others where
     * that changes how it rounds. */
    bool separate;
} davit_program_spec;

/* A name of a kernel that ends so runs on one thread; alone, it is the rule's kernel. */
#define DAVIT_ONE_THREAD "/1"

/* What a built program says of itself. Strings live as long as the program. */
typedef struct davit_program_info {
    size_t scratch_bytes;   /* activations arena */
    size_t constant_bytes;  /* packed weights */
    bool weights_found;     /* most of them were found as a file (davit/weight_cache.h) */
    /* Per unit, in the order of the spec: which implementation runs it ("jit:avx512_core"). */
    const char *const *unit_implementations;
    /* Per unit: it is computed in one step with others, whatever kernel is chosen for it. NULL: none
     * is. */
    const bool *units_grouped;
} davit_program_info;

/* ---- queues ---- */

typedef struct davit_buffer_ref {
    davit_buffer *buffer;
    size_t offset_bytes;
    size_t bytes;
} davit_buffer_ref;

typedef enum davit_command_kind {
    DAVIT_COMMAND_WRITE,  /* host memory -> to */
    DAVIT_COMMAND_READ,   /* from -> host memory */
    DAVIT_COMMAND_COPY,   /* from -> to, same device, not overlapping */
    DAVIT_COMMAND_FILL,   /* to := pattern */
    DAVIT_COMMAND_EXECUTE /* program over bindings */
} davit_command_kind;

typedef struct davit_command {
    davit_command_kind kind;
    davit_buffer_ref from;
    davit_buffer_ref to;
    const void *host_source; /* WRITE: at least to.bytes, alive until the submission completes */
    /* WRITE: an EXECUTE behind it in the same submission that binds exactly `to` may be given host_source
     * in its place, and nothing else reads `to` before it is written again. */
    bool lent;
    void *host_target;       /* READ: at least from.bytes */
    uint8_t pattern;         /* FILL */
    davit_program *program;  /* EXECUTE */
    /* EXECUTE: one for each input then each output of the program's spec, of exactly the bytes of
     * its desc, at a multiple of DAVIT_ALIGNMENT; no output overlaps another binding. Copied. */
    const davit_buffer_ref *bindings;
    size_t binding_count;
    /* EXECUTE, optional: [unit_count] measured nanoseconds of each unit, written by completion. */
    uint64_t *unit_ns;
    /* Optional: measured nanoseconds of this command, written by completion; 0: a lent WRITE that moved
     * nothing. */
    uint64_t *command_ns;
} davit_command;

typedef struct davit_submission {
    size_t wait_count;
    const davit_semaphore_point *waits;
    size_t command_count;
    const davit_command *commands; /* run in order */
    size_t signal_count;
    const davit_semaphore_point *signals; /* raised on success, failed with the status otherwise */
    uint64_t deadline_ns; /* davit_clock_ns; for waits and commands; past it the submission fails */
    /* The caller would only wait: davit_queue_submit may do the work itself and return behind it; completed
     * must not submit. */
    bool here;
    /* Optional: called once, on any thread, after the signals, when nothing of the submission is used
     * any more; also by a failing davit_queue_submit. May submit, must not block or free the queue. */
    void (*completed)(void *user, davit_status status);
    void *completed_user;
} davit_submission;

/* ---- tables that a backend fills ---- */

/* Common head of every object, at offset 0. The backend makes the object, zeroed; the wrapper then
 * fills the head (of a device all but `table`). A buffer or program that is freed lives on until
 * the submissions that use it complete: the table's free entries are called on any thread. */
struct davit_buffer {
    davit_device *device;
    size_t bytes;
    atomic_uint references; /* its owner's and one for each use by a submission in flight */
};
struct davit_program {
    davit_device *device;
    const davit_program_spec *spec; /* a copy owned by the wrapper */
    atomic_uint references;
    pthread_mutex_t turn; /* held by the queue that runs it, since its scratch memory is one */
};
struct davit_queue {
    davit_device *device;
    struct davit_submission_pool *pool; /* copies of what was submitted */
};

/* Takes what was measured of one way of doing a piece of work. */
typedef davit_status (*davit_choice_found)(void *user, const char *choice, const char *name,
                                           double *samples_s, size_t sample_count);

typedef struct davit_device_table {
    uint32_t abi_version; /* DAVIT_BACKEND_ABI_VERSION */
    uint32_t struct_size; /* sizeof(davit_device_table) */
    /* Waits for nothing: the caller has freed all children. */
    void (*close)(davit_device *device);
    /* bytes > 0; aligned to DAVIT_ALIGNMENT. Content undefined. */
    davit_status (*buffer_alloc)(davit_device *device, size_t bytes, davit_buffer **out);
    void (*buffer_free)(davit_buffer *buffer);
    /* Optional (NULL: memory is not visible to the host): a host pointer valid until free. */
    davit_status (*buffer_map)(davit_buffer *buffer, void **out);
    davit_status (*program_build)(davit_device *device, const davit_program_spec *spec,
                                  davit_program **out);
    void (*program_free)(davit_program *program);
    /* Optional (NULL: nothing known): fills *info. */
    void (*program_info)(const davit_program *program, davit_program_info *info);
    davit_status (*queue_create)(davit_device *device, davit_queue **out);
    /* Completes or fails what was submitted, then frees. */
    void (*queue_free)(davit_queue *queue);
    /* Takes a checked submission; returns at once. The wrapper's copy is passed and lives until the
     * queue hands it back, once, with davit_submission_complete. After a failure returned here the
     * wrapper does that. Called from any thread. */
    davit_status (*queue_submit)(davit_queue *queue, const davit_submission *submission);
    /* Optional (NULL: there is nothing to choose): times the kernels that the device has for the
     * same work. found is called for each: choice names the work ("s8_large"), name the kernel
     * ("vector_8x64"); backend_options "choice=name,..." make a device use them. */
    davit_status (*tune)(davit_device *device, davit_choice_found found, void *user);
} davit_device_table;

struct davit_device {
    const davit_device_table *table;
    davit_backend *backend;
    davit_device_info info;
    davit_device_options options;
};

typedef struct davit_backend_table {
    uint32_t abi_version;
    uint32_t struct_size; /* sizeof(davit_backend_table) */
    const char *name;     /* "reference", "onednn", "null" */
    const char *kind;     /* its devices are named KIND[:emu][:N]: "cpu"; NULL: named otherwise */
    /* Writes up to capacity devices and sets *count to how many there are. Never fails for a
     * missing driver: then one entry with `unusable` set says so. */
    davit_status (*enumerate)(davit_backend *backend, const davit_diagnostics *diag,
                              davit_device_info *infos, size_t capacity, size_t *count);
    /* True when a device of that profile can run the unit; else reason (if not NULL) gets a short
     * text, "operator NonZero". Pure. */
    bool (*supports)(const davit_device_profile *profile, const davit_graph *graph,
                     const davit_unit *unit, char *reason, size_t reason_bytes);
    /* Optional (NULL: roofline over the profile): the modelled cost. joules left 0: operations and
     * bytes by the profile's power. Pure. */
    davit_status (*cost)(const davit_device_profile *profile, const davit_graph *graph,
                         const davit_unit *unit, davit_unit_cost *cost);
    davit_status (*open)(davit_backend *backend, const davit_device_info *info,
                         const davit_device_options *options, davit_device **out);
    bool reads_mapped; /* its programs read constants at any address (davit_tensor.mapped) */
    bool reads_lent;   /* its programs read inputs where the host has them (davit_command.lent) */
    /* Optional (NULL: there is nothing to choose between): writes up to capacity names of kernels that may
     * compute the unit, for davit_program_spec.kernels, and returns how many; literals. One that turns out
     * not to be able to leaves it to the rule. Pure. */
    size_t (*kernels)(const davit_graph *graph, const davit_unit *unit, const char **names,
                      size_t capacity);
    bool tunes; /* its devices have `tune`, and take its choices as backend_options */
    /* Bits 1 << davit_precision besides f32 that its devices compute in where info.profile.precision asks
     * for it and the profile has a rate for it. */
    uint32_t precisions;
} davit_backend_table;

struct davit_backend {
    const davit_backend_table *table;
    const davit_host_info *host; /* NULL: unknown; one node */
};

/* Called by a queue when a submission passed to queue_submit is done: lets go of its buffers and
 * programs, raises its signals (DAVIT_OK) or fails them (any other status), and takes the copy
 * back. Thread-safe. */
void davit_submission_complete(const davit_submission *submission, davit_status status);

/* ---- registry ---- */

#define DAVIT_MAX_BACKENDS 16

/* The backends of this build, in order of preference. Read-only after creation. */
typedef struct davit_registry {
    const davit_host_info *host;
    size_t count;
    davit_backend backends[DAVIT_MAX_BACKENDS];
} davit_registry;

/* host is borrowed, and may be NULL. */
void davit_registry_init(davit_registry *registry, const davit_host_info *host);
/* Adds a backend; refuses a table of another ABI version, size, or without a required entry. */
DAVIT_NODISCARD davit_status davit_registry_add(davit_registry *registry,
                                                const davit_backend_table *table,
                                                const davit_diagnostics *diag);

/* All devices of one backend. *infos comes from allocator, one davit_free. */
DAVIT_NODISCARD davit_status davit_backend_devices(davit_backend *backend,
                                                   const davit_allocator *allocator,
                                                   const davit_diagnostics *diag,
                                                   davit_device_info **infos, size_t *count);
/* All devices of all backends, in order. *infos and *owners (the backend of each) come from
 * allocator, one davit_free each. */
DAVIT_NODISCARD davit_status davit_registry_devices(davit_registry *registry,
                                                    const davit_allocator *allocator,
                                                    const davit_diagnostics *diag,
                                                    davit_device_info **infos,
                                                    davit_backend ***owners, size_t *count);

/* ---- checked calls: what everybody uses ---- */

bool davit_backend_supports(const davit_backend *backend, const davit_device_profile *profile,
                            const davit_graph *graph, const davit_unit *unit, char *reason,
                            size_t reason_bytes);
DAVIT_NODISCARD davit_status davit_backend_cost(const davit_backend *backend,
                                                const davit_device_profile *profile,
                                                const davit_graph *graph, const davit_unit *unit,
                                                davit_unit_cost *cost);

/* options may be NULL, and so may its allocator. DAVIT_UNAVAILABLE for an unusable device. */
DAVIT_NODISCARD davit_status davit_device_open(davit_backend *backend,
                                               const davit_device_info *info,
                                               const davit_device_options *options,
                                               davit_device **out);
void davit_device_close(davit_device *device);
/* Measures what the device can choose between; does nothing where that is nothing. */
DAVIT_NODISCARD davit_status davit_device_tune(davit_device *device, davit_choice_found found,
                                               void *user);

/* bytes 0 is legal and gives a buffer that nothing is read from or written to. More bytes than
 * the device is known to have are DAVIT_OUT_OF_MEMORY. */
DAVIT_NODISCARD davit_status davit_buffer_alloc(davit_device *device, size_t bytes,
                                                davit_buffer **out);
void davit_buffer_free(davit_buffer *buffer);
/* DAVIT_UNSUPPORTED when the device's memory is not visible to the host. */
DAVIT_NODISCARD davit_status davit_buffer_map(davit_buffer *buffer, void **out);

/* Checks that units are in order, all supported, that inputs and outputs are complete: outputs hold
 * at least what graph outputs and units outside the program need. */
DAVIT_NODISCARD davit_status davit_program_build(davit_device *device,
                                                 const davit_program_spec *spec,
                                                 davit_program **out);
void davit_program_free(davit_program *program);
void davit_program_get_info(const davit_program *program, davit_program_info *info);

DAVIT_NODISCARD davit_status davit_queue_create(davit_device *device, davit_queue **out);
/* Runs to its end what waits for nothing that is still to come, fails the rest as
 * DAVIT_CANCELLED. */
void davit_queue_free(davit_queue *queue);
/* Submits; returns without waiting. Arrays are copied. On failure the signals are failed with the
 * status returned, so that nobody waits for ever. Thread-safe. */
DAVIT_NODISCARD davit_status davit_queue_submit(davit_queue *queue,
                                                const davit_submission *submission);
/* Submits and waits for completion, which the queue's own watch over deadline_ns bounds. Returns the
 * status of the submission. Thread-safe. */
DAVIT_NODISCARD davit_status davit_queue_run(davit_queue *queue, const davit_command *commands,
                                             size_t command_count, uint64_t deadline_ns);

#endif
