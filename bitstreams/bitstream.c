#include <errno.h>
#include <fcntl.h>
#include <sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "davit/bitstreams.h"
#include "davit/engine_abi.h"
#include "uuid.h"

_Static_assert(DAVIT_BITSTREAM_HASH_HEX == SHA256_DIGEST_STRING_LENGTH, "hex digits and a NUL");

/* ---- does it fit ---- */

bool davit_bitstream_fits(const davit_bitstream *b, const davit_bitstream_target *target, char *why,
                          size_t why_bytes)
{
    char wanted[DAVIT_XCLBIN_UUID_TEXT], has[DAVIT_XCLBIN_UUID_TEXT];
    char text[256] = "";
    davit_xclbin_uuid_text(target->interface_uuid, wanted);
    davit_xclbin_uuid_text(b->interface_uuid, has);
    if (b->emulation != target->emulation) {
        (void)snprintf(text, sizeof(text), "it is made for %s",
                       b->emulation ? "an emulated board" : "a card");
    } else if (target->platform[0] != '\0' && strcmp(b->platform, target->platform) != 0) {
        (void)snprintf(text, sizeof(text), "it is made for another shell: %s, the board has %s",
                       b->platform, target->platform);
    } else if (target->has_interface && !davit_uuid_is_zero(b->interface_uuid) &&
               memcmp(b->interface_uuid, target->interface_uuid, 16) != 0) {
        (void)snprintf(text, sizeof(text),
                       "it is made for another shell: interface %s, the board has %s", has, wanted);
    } else if (b->abi_version != DAVIT_ENGINE_VERSION) {
        (void)snprintf(text, sizeof(text),
                       "its kernels have ABI %u, this Davit ABI %u: build it anew", b->abi_version,
                       DAVIT_ENGINE_VERSION);
    } else if (b->rows != DAVIT_GEMM_ROWS || b->columns != DAVIT_GEMM_COLUMNS ||
               b->depth != DAVIT_GEMM_DEPTH) {
        (void)snprintf(text, sizeof(text), "its array is %ux%ux%u, this Davit's %ux%ux%u", b->rows,
                       b->columns, b->depth, DAVIT_GEMM_ROWS, DAVIT_GEMM_COLUMNS, DAVIT_GEMM_DEPTH);
    }
    if (why != NULL) {
        (void)snprintf(why, why_bytes, "%s", text);
    }
    return text[0] == '\0';
}

/* ---- reading ---- */

static bool trusted(const struct stat *info)
{
    return (info->st_uid == geteuid() || info->st_uid == 0) &&
           (info->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Opens FOLDER and in it the file, which is no link; with native code both must be the user's own.
 */
static davit_status open_file(const char *folder, const char *name, bool native_code,
                              const davit_diagnostics *diag, int *out)
{
    struct stat info;
    int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        return davit_fail(diag, DAVIT_NOT_FOUND, "%s: %s", folder, strerror(errno));
    }
    if (native_code && (fstat(directory, &info) != 0 || !trusted(&info))) {
        (void)close(directory);
        return davit_fail(diag, DAVIT_BAD_DATA,
                          "%s: holds native code, but belongs to another user or can be written "
                          "by others: not loaded",
                          folder);
    }
    int file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int error = errno;
    (void)close(directory);
    if (file < 0) {
        return davit_fail(diag, error == ENOENT ? DAVIT_NOT_FOUND : DAVIT_IO_ERROR, "%s/%s: %s",
                          folder, name, error == ELOOP ? "is a link" : strerror(error));
    }
    const char *why = NULL;
    if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
        why = "is not a file";
    } else if (native_code && !trusted(&info)) {
        why = "holds native code, but belongs to another user or can be written by others: not "
              "loaded";
    } else if (info.st_size <= 0 || (uint64_t)info.st_size > DAVIT_XCLBIN_MAX_BYTES) {
        why = "is empty or larger than 1 GiB";
    }
    if (why != NULL) {
        (void)close(file);
        return davit_fail(diag, DAVIT_BAD_DATA, "%s/%s: %s", folder, name, why);
    }
    *out = file;
    return DAVIT_OK;
}

/* The whole file, in memory from the arena: what is hashed is what is loaded. */
static davit_status read_all(davit_arena *arena, const char *folder, const char *name,
                             bool native_code, const davit_diagnostics *diag, const void **bytes,
                             size_t *count)
{
    struct stat info;
    int file;
    davit_status status = open_file(folder, name, native_code, diag, &file);
    if (status != DAVIT_OK) {
        return status;
    }
    size_t size = fstat(file, &info) == 0 ? (size_t)info.st_size : 0;
    uint8_t *to = davit_arena_alloc(arena, size + 1);
    size_t done = 0;
    while (to != NULL && done < size) {
        ssize_t got = read(file, to + done, size - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        done += (size_t)got;
    }
    (void)close(file);
    if (to == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "%s/%s: out of memory", folder, name);
    }
    if (done < size || size == 0) {
        return davit_fail(diag, DAVIT_IO_ERROR, "%s/%s: cannot be read whole", folder, name);
    }
    *bytes = to;
    *count = size;
    return DAVIT_OK;
}

static uint32_t units_of(const davit_xclbin *xclbin, const char *kernel)
{
    uint32_t count = 0;
    for (size_t i = 0; i < xclbin->compute_unit_count; i++) {
        count += strcmp(xclbin->kernels[xclbin->compute_units[i].kernel].name, kernel) == 0;
    }
    return count;
}

/* What the file holds against what the entry says. */
static davit_status compare(const davit_bitstream *b, const char *path, const davit_xclbin *xclbin,
                            const davit_diagnostics *diag)
{
    const char *why = NULL;
    if (strcmp(xclbin->platform, b->platform) != 0) {
        why = "its platform";
    } else if (memcmp(xclbin->interface_uuid, b->interface_uuid, 16) != 0) {
        why = "its interface UUID";
    } else if ((xclbin->mode == DAVIT_XCLBIN_SW_EMU) != b->emulation) {
        why = "whether it is for emulation";
    }
    for (size_t i = 0; why == NULL && i < b->kernel_count; i++) {
        if (units_of(xclbin, b->kernels[i].name) != b->kernels[i].compute_units) {
            why = "its compute units";
        }
    }
    if (why != NULL) {
        return davit_fail(diag, DAVIT_BAD_DATA, "%s: the manifest says otherwise of %s", path, why);
    }
    return DAVIT_OK;
}

davit_status davit_bitstream_load(const davit_allocator *allocator, const davit_manifest *manifest,
                                  const davit_bitstream *b, const davit_bitstream_target *target,
                                  const davit_diagnostics *diag, davit_bitstream_image *out)
{
    char path[2 * DAVIT_BITSTREAM_PATH_BYTES];
    char why[256];
    char hash[DAVIT_BITSTREAM_HASH_HEX];
    (void)snprintf(path, sizeof(path), "%s/%s", manifest->folder, b->file);
    if (!davit_bitstream_fits(b, target, why, sizeof(why))) {
        return davit_fail(diag, DAVIT_UNSUPPORTED, "bitstream %s (%s): %s", b->name, path, why);
    }
    davit_bitstream_image image = {0};
    davit_arena_init(&image.arena, allocator);
    davit_status status = read_all(&image.arena, manifest->folder, b->file, b->emulation, diag,
                                   &image.bytes, &image.count);
    if (status == DAVIT_OK) {
        (void)SHA256Data(image.bytes, image.count, hash);
        if (strcmp(hash, b->sha256) != 0) {
            status = davit_fail(diag, DAVIT_BAD_DATA,
                                "%s: was altered or cut off: its sha256 is %s, the manifest's %s",
                                path, hash, b->sha256);
        }
    }
    if (status == DAVIT_OK) {
        status =
            davit_xclbin_read(&image.arena, path, image.bytes, image.count, diag, &image.xclbin);
    }
    if (status == DAVIT_OK) {
        status = compare(b, path, &image.xclbin, diag);
    }
    if (status != DAVIT_OK) {
        davit_arena_clear(&image.arena);
        return status;
    }
    *out = image;
    return DAVIT_OK;
}

void davit_bitstream_unload(davit_bitstream_image *image)
{
    davit_arena_clear(&image->arena);
}

/* ---- describing ---- */

static davit_status fill_entry(davit_arena *arena, const char *path, const davit_xclbin *xclbin,
                               const davit_diagnostics *diag, davit_bitstream *b)
{
    static const char *const kernels[] = {"gemm_s8", "vector_s8"};
    davit_bitstream_kernel *list = davit_arena_alloc_array(arena, 2, sizeof(*list));
    const char **banks = davit_arena_alloc_array(arena, xclbin->bank_count + 1, sizeof(*banks));
    if (list == NULL || banks == NULL) {
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "%s: out of memory", path);
    }
    for (size_t i = 0; i < 2; i++) {
        list[i] = (davit_bitstream_kernel){kernels[i], units_of(xclbin, kernels[i])};
        if (list[i].compute_units == 0) {
            return davit_fail(diag, DAVIT_BAD_DATA, "%s: has no compute unit of %s", path,
                              kernels[i]);
        }
    }
    for (size_t i = 0; i < xclbin->bank_count; i++) {
        if (xclbin->banks[i].used) {
            banks[b->bank_count++] = xclbin->banks[i].name;
        }
    }
    b->kernels = list;
    b->kernel_count = 2;
    b->banks = banks;
    b->platform = xclbin->platform;
    b->emulation = xclbin->mode == DAVIT_XCLBIN_SW_EMU;
    b->abi_version = DAVIT_ENGINE_VERSION;
    b->rows = DAVIT_GEMM_ROWS;
    b->columns = DAVIT_GEMM_COLUMNS;
    b->depth = DAVIT_GEMM_DEPTH;
    b->clock_mhz = xclbin->clock_count > 0 ? xclbin->clocks[0].mhz : 0;
    if (b->clock_mhz == 0) {
        b->clock_mhz = 300; /* what hls/build asks for */
    }
    memcpy(b->interface_uuid, xclbin->interface_uuid, sizeof(b->interface_uuid));
    return DAVIT_OK;
}

davit_status davit_bitstream_describe(davit_arena *arena, const char *name, const char *folder,
                                      const char *file, const char *source_commit,
                                      const davit_diagnostics *diag, davit_bitstream *out)
{
    char path[2 * DAVIT_BITSTREAM_PATH_BYTES];
    const void *bytes;
    size_t count;
    davit_xclbin xclbin;
    davit_bitstream made = {.name = name, .file = file, .source_commit = source_commit};
    (void)snprintf(path, sizeof(path), "%s/%s", folder, file);
    davit_status status = read_all(arena, folder, file, false, diag, &bytes, &count);
    if (status == DAVIT_OK) {
        status = davit_xclbin_read(arena, path, bytes, count, diag, &xclbin);
    }
    if (status == DAVIT_OK) {
        status = fill_entry(arena, path, &xclbin, diag, &made);
    }
    if (status == DAVIT_OK) {
        (void)SHA256Data(bytes, count, made.sha256);
        *out = made;
    }
    return status;
}

/* ---- choosing ---- */

size_t davit_bitstream_folders(char folders[DAVIT_BITSTREAM_FOLDERS][DAVIT_BITSTREAM_PATH_BYTES])
{
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    size_t count = 0;
    int length = -1;
    if (data != NULL && data[0] == '/') {
        length = snprintf(folders[count], DAVIT_BITSTREAM_PATH_BYTES, "%s/davit/bitstreams", data);
    } else if (home != NULL && home[0] == '/') {
        length = snprintf(folders[count], DAVIT_BITSTREAM_PATH_BYTES,
                          "%s/.local/share/davit/bitstreams", home);
    }
    count += length > 0 && length < DAVIT_BITSTREAM_PATH_BYTES;
    (void)snprintf(folders[count++], DAVIT_BITSTREAM_PATH_BYTES, "%s", DAVIT_BITSTREAM_FOLDER);
    return count;
}

/* What was seen on the way, for the message when nothing fits. */
typedef struct search {
    const davit_allocator *allocator;
    const davit_bitstream_target *target;
    const char *file; /* the only one, or NULL */
    const davit_diagnostics *diag;
    char reasons[512];
} search;

static void note(search *s, const char *name, const char *why)
{
    const char *const parts[] = {s->reasons[0] != '\0' ? "; " : "", name, ": ", why};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        strncat(s->reasons, parts[i], sizeof(s->reasons) - 1 - strlen(s->reasons));
    }
}

static davit_status choose_in(search *s, const char *folder, bool *found,
                              davit_bitstream_image *out)
{
    char path[3 * DAVIT_BITSTREAM_PATH_BYTES];
    davit_manifest manifest;
    davit_arena arena;
    (void)snprintf(path, sizeof(path), "%s/" DAVIT_MANIFEST_FILE, folder);
    if (access(path, F_OK) != 0) {
        note(s, folder, "no " DAVIT_MANIFEST_FILE);
        return DAVIT_OK;
    }
    davit_arena_init(&arena, s->allocator);
    davit_status status = davit_manifest_read(&arena, folder, s->diag, &manifest);
    for (size_t i = 0; status == DAVIT_OK && !*found && i < manifest.count; i++) {
        char why[256];
        if (s->file != NULL && strcmp(s->file, manifest.bitstreams[i].file) != 0) {
            continue;
        }
        if (davit_bitstream_fits(&manifest.bitstreams[i], s->target, why, sizeof(why))) {
            status = davit_bitstream_load(s->allocator, &manifest, &manifest.bitstreams[i],
                                          s->target, s->diag, out);
            *found = status == DAVIT_OK;
        } else {
            note(s, manifest.bitstreams[i].name, why);
        }
    }
    if (status == DAVIT_OK && !*found && (manifest.count == 0 || s->file != NULL)) {
        note(s, folder, s->file != NULL ? "its manifest does not list the file" : "lists none");
    }
    davit_arena_clear(&arena);
    return status;
}

davit_status davit_bitstream_choose(const davit_allocator *allocator, const char *file,
                                    const davit_bitstream_target *target,
                                    const davit_diagnostics *diag, davit_bitstream_image *out)
{
    char folders[DAVIT_BITSTREAM_FOLDERS][DAVIT_BITSTREAM_PATH_BYTES];
    search s = {.allocator = allocator, .target = target, .diag = diag};
    size_t count = 1;
    if (file != NULL) {
        const char *slash = strrchr(file, '/');
        size_t length = slash != NULL ? (size_t)(slash - file) : 0;
        if (length == 0 || length >= sizeof(folders[0])) {
            return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "%s: no path of a bitstream", file);
        }
        (void)snprintf(folders[0], sizeof(folders[0]), "%.*s", (int)length, file);
        s.file = slash + 1;
    } else {
        count = davit_bitstream_folders(folders);
    }
    davit_status status = DAVIT_OK;
    bool found = false;
    for (size_t i = 0; status == DAVIT_OK && !found && i < count; i++) {
        status = choose_in(&s, folders[i], &found, out);
    }
    if (status == DAVIT_OK && !found) {
        return davit_fail(diag, DAVIT_UNAVAILABLE,
                          "no bitstream fits the board (%s): davit bitstream build makes one",
                          s.reasons);
    }
    return status;
}
