/* The folder of davit/weight_cache.h: where it is, whom it belongs to, what goes when it is full.
 */
#ifndef DAVIT_WEIGHT_FOLDER_H
#define DAVIT_WEIGHT_FOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "davit/content_hash.h"

#define DAVIT_WEIGHT_PATH_BYTES 640

/* Bytes that all files may have; 0: the cache is off. */
uint64_t davit_weight_folder_limit(void);
/* Its path; false: there is none. */
bool davit_weight_folder_find(char path[DAVIT_WEIGHT_PATH_BYTES]);
/* True for a file or folder of this user that nobody else may write to. */
bool davit_weight_folder_trusts(const struct stat *info);
/* Makes the folder and its secret where they are missing, and reads the secret. */
bool davit_weight_folder_open(const char *folder, davit_hash_key *secret);
/* Removes what is least recently used until there is room for a file of that size, and what killed
 * writers left. False: there is no room. */
bool davit_weight_folder_make_room(const char *folder, uint64_t bytes);
/* The file of a key; false: the path is too long. */
bool davit_weight_folder_file(const char *folder, const uint64_t key[2],
                              char path[DAVIT_WEIGHT_PATH_BYTES]);

#endif
