/* The private folder of one emulation: what XRT looks for through environment variables. The shim
 * puts its socket at /tmp/$USER, so the folder is there and USER is its name. */
#ifndef DAVIT_EMULATION_FOLDER_H
#define DAVIT_EMULATION_FOLDER_H

#include "installed.h"

#define EMULATION_FOLDER 64 /* bytes of its path */

/* A name that nobody has. Returns false when the system gives no random bytes. */
bool emulation_name_folder(char folder[EMULATION_FOLDER]);

/* Makes the folder with all that is in it. faults may be NULL. */
DAVIT_NODISCARD davit_status emulation_make_folder(const char *folder, const emulation_parts *parts,
                                                   const davit_board_emulation_options *options,
                                                   const davit_diagnostics *diag);

/* Removes it and all that is in it; a folder that is not there is right. */
void emulation_remove_folder(const char *folder);

/* Marks a folder as in use while the result is open in some process; -1: it cannot be. */
int emulation_hold_folder(const char *folder);

/* Removes folders of this user that nobody holds, a minute after they were made: of emulations
 * whose processes were all killed at once. */
void emulation_sweep_folders(void);

/* Sets the environment of this process. Returns false when memory is short. */
bool emulation_set_environment(const char *folder);

#endif
