/* davit-manifest FOLDER COMMIT NAME=FILE...: writes FOLDER/manifest.json of xclbin files in FOLDER,
 * for the build. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "davit/bitstreams.h"

static davit_status describe(davit_arena *arena, const char *folder, const char *commit,
                             const char *argument, davit_bitstream *out)
{
    const davit_diagnostics *diag = davit_diagnostics_stderr(DAVIT_WARNING);
    const char *equals = strchr(argument, '=');
    if (equals == NULL) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "%s: NAME=FILE is expected", argument);
    }
    char *name = davit_arena_strndup(arena, argument, (size_t)(equals - argument));
    if (name == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    }
    return davit_bitstream_describe(arena, name, folder, equals + 1, commit, diag, out);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fprintf(stderr, "usage: davit-manifest FOLDER COMMIT NAME=FILE...\n");
        return 2;
    }
    davit_arena arena;
    davit_manifest manifest = {.count = (size_t)argc - 3};
    davit_arena_init(&arena, davit_allocator_default());
    (void)snprintf(manifest.folder, sizeof(manifest.folder), "%s", argv[1]);
    manifest.bitstreams =
        davit_arena_alloc_array(&arena, manifest.count, sizeof(*manifest.bitstreams));
    davit_status status = manifest.bitstreams != NULL ? DAVIT_OK : DAVIT_OUT_OF_MEMORY;
    for (size_t i = 0; status == DAVIT_OK && i < manifest.count; i++) {
        status = describe(&arena, argv[1], argv[2], argv[i + 3], &manifest.bitstreams[i]);
    }
    if (status == DAVIT_OK) {
        status = davit_manifest_write(&manifest, davit_diagnostics_stderr(DAVIT_WARNING));
    }
    davit_arena_clear(&arena);
    return status == DAVIT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
