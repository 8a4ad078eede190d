/* The profiles that are part of the library: shipped/NAME.json, embedded by cmake/EmbedFiles.cmake.
 */
#ifndef DAVIT_PROFILE_SHIPPED_H
#define DAVIT_PROFILE_SHIPPED_H

#include <stddef.h>

typedef struct davit_embedded_file {
    const char *name;          /* without extension */
    const unsigned char *text; /* NUL-terminated */
    size_t bytes;
} davit_embedded_file;

extern const davit_embedded_file davit_shipped_profiles[]; /* sorted by name */
extern const size_t davit_shipped_profiles_count;

#endif
