/* Device profiles as files (JSON, described by scheduler/profile/profile.schema.json), those that
 * are shipped, and devices that exist only as a profile.
 *
 * A profile is found by its name, "u250" for u250.json: in the folder that the user names, else
 * among the shipped ones, which are part of the library. Profiles are untrusted input. */
#ifndef DAVIT_PROFILE_H
#define DAVIT_PROFILE_H

#include "davit/backend.h"

/* Reads a profile. path is for messages. DAVIT_BAD_DATA, reported with the field: malformed JSON,
 * another schema version, a field that is missing, unknown, of the wrong type, negative or not
 * finite. */
DAVIT_NODISCARD davit_status davit_profile_read(const char *path, const char *text,
                                                const davit_diagnostics *diag,
                                                davit_device_profile *out);

/* Finds a profile by name. folder may be NULL. DAVIT_NOT_FOUND names those there are. */
DAVIT_NODISCARD davit_status davit_profile_find(const davit_allocator *allocator, const char *name,
                                                const char *folder, const davit_diagnostics *diag,
                                                davit_device_profile *out);

size_t davit_profile_shipped_count(void);
const char *davit_profile_shipped_name(size_t index);

/* The backend of devices "profile:NAME": says what hardware of that kind could run and what it
 * would cost (pure functions of profile and unit); open is refused (DAVIT_UNAVAILABLE). It
 * enumerates nothing: devices are made by davit_profile_find when a user names them. */
extern const davit_backend_table davit_profile_backend;

#endif
