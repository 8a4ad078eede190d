/* Device profiles as files (JSON, described by scheduler/profile/profile.schema.json), those that
 * are shipped, and devices that exist only as a profile.
 *
 * A profile is found by its name, "u250" for u250.json: in the folder that the user names, else
 * among the shipped ones, which are part of the library. Profiles are untrusted input. */
#ifndef DAVIT_PROFILE_H
#define DAVIT_PROFILE_H

#include "davit/backend.h"

#define DAVIT_PROFILE_PREFIX                                                                       \
    "profile:"                    /* of the name of a device that exists only as a profile         \
                                   */
#define DAVIT_PROFILE_NAME_MAX 23 /* bytes of a name, without the prefix */

/* Reads a profile. path is for messages. DAVIT_BAD_DATA, reported with the field: malformed JSON,
 * another schema version, a field that is missing, unknown, of the wrong type or out of bounds. */
DAVIT_NODISCARD davit_status davit_profile_read(const char *path, const char *text,
                                                const davit_diagnostics *diag,
                                                davit_device_profile *out);

/* True for 1 to 23 letters, digits, '-', '_' and '.', the first not '.'. */
bool davit_profile_name_ok(const char *name);

/* Finds a profile by name. folder may be NULL. DAVIT_NOT_FOUND names those there are; a folder that
 * cannot be read and a profile that is damaged are reported. */
DAVIT_NODISCARD davit_status davit_profile_find(const davit_allocator *allocator, const char *name,
                                                const char *folder, const davit_diagnostics *diag,
                                                davit_device_profile *out);

/* The names of all profiles, of folder (may be NULL) and shipped, sorted. Memory from arena. */
DAVIT_NODISCARD davit_status davit_profile_list(davit_arena *arena, const char *folder,
                                                const davit_diagnostics *diag,
                                                const char *const **names, size_t *count);

size_t davit_profile_shipped_count(void);
const char *davit_profile_shipped_name(size_t index);

/* Completes what a driver says of a GPU by the shipped profile that has the device's model (a100) as a
 * word of its name: all of it but the size of the memory where the name is that of the profile, else
 * only what the driver cannot know, efficiency, launch, link and power. Others stay as they are. */
void davit_profile_adopt(const davit_allocator *allocator, davit_device_profile *device);

/* The device "profile:NAME" that a profile makes: `unusable` says that it cannot be opened. */
void davit_profile_describe(const char *name, const davit_device_profile *profile,
                            davit_device_info *out);

/* The backend of devices "profile:NAME": says what hardware of that kind could run and what it
 * would cost (pure functions of profile and unit); open is refused (DAVIT_UNAVAILABLE). It
 * enumerates nothing: devices are made by davit_profile_find when a user names them.
 *
 * A GPU runs what davit/gpu_program.h supports, an FPGA those of davit/engine_unit.h, a CPU
 * every operator whose result has a shape that does not depend on data.
 *
 * Cost of a CPU or GPU: davit_roofline_seconds. Of an FPGA: launch + the cycle model of hls/; the
 * images of a batch are shared out over the compute units. */
extern const davit_backend_table davit_profile_backend;

#endif
