/* The folder of the store: where it is, whether it can be trusted, its lock, and files that are
 * replaced as a whole. */
#ifndef DAVIT_STORE_FOLDER_H
#define DAVIT_STORE_FOLDER_H

#include "davit/store.h"

#define STORE_PATH_BYTES 4096
#define STORE_MAX_FILE_BYTES ((size_t)64 << 20)

/* The default folder; false when the environment names none. */
bool store_default_folder(char *path, size_t bytes);

/* Why a folder cannot be used: "" when it can, also when it does not exist yet. */
void store_folder_problem(const char *folder, char *problem, size_t bytes);

/* Makes a folder and its parents, mode 0700. Reports. */
DAVIT_NODISCARD davit_status store_folder_make(const char *folder, const davit_diagnostics *diag);

/* Takes the folder's lock, waiting for at most ten seconds; *lock is for store_folder_unlock.
 * Reports, where diag is not NULL. */
DAVIT_NODISCARD davit_status store_folder_lock(const char *folder, const davit_diagnostics *diag,
                                               int *lock);
void store_folder_unlock(int lock);

/* Reads a whole file, *text NULL and DAVIT_OK where there is none; free it with free(). A file that
 * others may have written is refused. Reports as severity. */
DAVIT_NODISCARD davit_status store_read(const char *path, const davit_diagnostics *diag,
                                        davit_severity severity, char **text, size_t *bytes);

/* Replaces a file as a whole, under the lock: whenever it is interrupted, the file is the old one
 * or the new one. Reports. */
DAVIT_NODISCARD davit_status store_replace(const char *path, const char *text,
                                           const davit_diagnostics *diag);

/* Calls visit with the name of each file of the folder that begins with prefix, in no order. */
DAVIT_NODISCARD davit_status store_folder_visit(const char *folder, const char *prefix,
                                                const davit_diagnostics *diag,
                                                davit_status (*visit)(void *user, const char *name),
                                                void *user);

#endif
