/* The files of page/, part of the library by cmake/EmbedFiles.cmake. */
#ifndef DAVIT_REPORT_EMBEDDED_H
#define DAVIT_REPORT_EMBEDDED_H

#include <stddef.h>

typedef struct davit_embedded_file {
    const char *name;          /* without extension */
    const unsigned char *text; /* NUL-terminated */
    size_t bytes;
} davit_embedded_file;

extern const davit_embedded_file
    davit_report_files[]; /* the template, the style, scripts in order */
extern const size_t davit_report_files_count;

#endif
