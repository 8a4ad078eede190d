#include "bitstream_build.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <davit/bitstreams.h>

extern char **environ;

static bool is_card(const char *name)
{
    static const char *const cards[] = {"u250", "u280", "u55c", "azure-np"};
    bool found = false;
    for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
        found = found || strcmp(name, cards[i]) == 0;
    }
    return found;
}

static bool on_path(const char *program)
{
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        char file[DAVIT_BITSTREAM_PATH_BYTES];
        size_t length = strcspn(path, ":");
        int made = snprintf(file, sizeof(file), "%.*s/%s", (int)length, path, program);
        if (made > 0 && (size_t)made < sizeof(file) && access(file, X_OK) == 0) {
            return true;
        }
        path += length + (path[length] == ':');
    }
    return false;
}

static davit_status run(char *const *argv, const davit_diagnostics *diag)
{
    pid_t child;
    int status;
    int error = posix_spawnp(&child, argv[0], NULL, NULL, argv, environ);
    if (error != 0) {
        return davit_fail(diag, DAVIT_IO_ERROR, "%s: %s", argv[0], strerror(error));
    }
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return davit_fail(diag, DAVIT_IO_ERROR, "%s: %s", argv[0], strerror(errno));
        }
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return davit_fail(diag, DAVIT_IO_ERROR, "%s failed; its messages say why", argv[0]);
    }
    return DAVIT_OK;
}

static davit_status make_folders(char *path, const davit_diagnostics *diag)
{
    for (char *c = path + 1;; c++) {
        if (*c == '/' || *c == '\0') {
            char kept = *c;
            *c = '\0';
            if (mkdir(path, 0755) != 0 && errno != EEXIST) {
                davit_status status =
                    davit_fail(diag, DAVIT_IO_ERROR, "%s: %s", path, strerror(errno));
                *c = kept;
                return status;
            }
            *c = kept;
            if (kept == '\0') {
                return DAVIT_OK;
            }
        }
    }
}

/* Replaces the entry of that name, or adds one. */
static davit_status add_entry(davit_arena *arena, const char *folder, const char *card,
                              const char *file, const davit_diagnostics *diag)
{
    davit_manifest manifest = {0};
    char path[DAVIT_BITSTREAM_PATH_BYTES + 32];
    (void)snprintf(path, sizeof(path), "%s/" DAVIT_MANIFEST_FILE, folder);
    davit_status status = DAVIT_OK;
    if (access(path, F_OK) == 0) {
        status = davit_manifest_read(arena, folder, diag, &manifest);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    (void)snprintf(manifest.folder, sizeof(manifest.folder), "%s", folder);
    davit_bitstream *all = davit_arena_alloc_array(arena, manifest.count + 1, sizeof(*all));
    if (all == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory");
    }
    size_t count = 0;
    for (size_t i = 0; i < manifest.count; i++) {
        if (strcmp(manifest.bitstreams[i].name, card) != 0) {
            all[count++] = manifest.bitstreams[i];
        }
    }
    status = davit_bitstream_describe(arena, card, folder, file, DAVIT_SOURCE_COMMIT, diag,
                                      &all[count++]);
    manifest.bitstreams = all;
    manifest.count = count;
    return status == DAVIT_OK ? davit_manifest_write(&manifest, diag) : status;
}

static davit_status install(const char *tree, const char *card, const davit_diagnostics *diag)
{
    char folders[DAVIT_BITSTREAM_FOLDERS][DAVIT_BITSTREAM_PATH_BYTES];
    char from[2 * DAVIT_BITSTREAM_PATH_BYTES];
    char file[64];
    (void)davit_bitstream_folders(folders);
    (void)snprintf(file, sizeof(file), "davit-%s.xclbin", card);
    (void)snprintf(from, sizeof(from), "%s/hls/build/%s", tree, file);
    davit_status status = make_folders(folders[0], diag);
    if (status == DAVIT_OK) {
        char *const copy[] = {"cp", "-f", "--", from, folders[0], NULL};
        status = run(copy, diag);
    }
    davit_arena arena;
    davit_arena_init(&arena, davit_allocator_default());
    if (status == DAVIT_OK) {
        status = add_entry(&arena, folders[0], card, file, diag);
    }
    davit_arena_clear(&arena);
    if (status == DAVIT_OK) {
        printf("%s/%s\n", folders[0], file);
    }
    return status;
}

int cli_bitstream_build(const cli_arguments *arguments, const davit_diagnostics *diag)
{
    const char *card = arguments->positional.items[1];
    const char *tree = arguments->tree != NULL ? arguments->tree : DAVIT_BUILD_TREE;
    char target[64], folder[DAVIT_BITSTREAM_PATH_BYTES];
    if (!is_card(card)) {
        return cli_usage_error(&cli_bitstream, "build %s: u250, u280, u55c or azure-np is expected",
                               card);
    }
    if (!on_path("v++")) {
        (void)davit_fail(diag, DAVIT_UNAVAILABLE,
                         "v++ is not on PATH: install Vitis 2022.1 or later, source its "
                         "settings64.sh, configure the build folder again");
        return CLI_FAILED;
    }
    if (access(tree, R_OK) != 0) {
        (void)davit_fail(diag, DAVIT_NOT_FOUND,
                         "no build folder %s: give that of the sources with --tree", tree);
        return CLI_FAILED;
    }
    (void)snprintf(target, sizeof(target), "xclbin-%s", card);
    (void)snprintf(folder, sizeof(folder), "%s", tree);
    char *const build[] = {"cmake", "--build", folder, "--target", target, NULL};
    davit_status status = run(build, diag);
    if (status == DAVIT_OK && strcmp(card, "azure-np") == 0) {
        printf("hls/build/azure-attest sends the result to Azure and fetches the bitstream\n");
        return CLI_DONE;
    }
    if (status == DAVIT_OK) {
        status = install(tree, card, diag);
    }
    return status == DAVIT_OK ? CLI_DONE : CLI_FAILED;
}
