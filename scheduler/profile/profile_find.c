#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "davit/profile.h"
#include "davit/read_file.h"
#include "shipped.h"

#define MAX_FILE_BYTES ((size_t)1 << 20)
#define EXTENSION ".json"

size_t davit_profile_shipped_count(void)
{
    return davit_shipped_profiles_count;
}

const char *davit_profile_shipped_name(size_t index)
{
    return index < davit_shipped_profiles_count ? davit_shipped_profiles[index].name : NULL;
}

static const davit_embedded_file *find_shipped(const char *name)
{
    for (size_t i = 0; i < davit_shipped_profiles_count; i++) {
        if (strcmp(davit_shipped_profiles[i].name, name) == 0) {
            return &davit_shipped_profiles[i];
        }
    }
    return NULL;
}

bool davit_profile_name_ok(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t length = strlen(name);
    return length > 0 && length <= DAVIT_PROFILE_NAME_MAX && name[0] != '.' &&
           strspn(name, allowed) == length;
}

/* ---- lists ---- */

typedef struct name_list {
    davit_arena *arena;
    const char **names;
    size_t count, capacity;
} name_list;

static davit_status add_name(name_list *list, const char *name, size_t length)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strncmp(list->names[i], name, length) == 0 && list->names[i][length] == '\0') {
            return DAVIT_OK;
        }
    }
    if (list->count == list->capacity) {
        size_t capacity = 2 * list->capacity + 16;
        const char **names = davit_arena_alloc_array(list->arena, capacity, sizeof(*names));
        if (names == NULL) {
            return DAVIT_OUT_OF_MEMORY;
        }
        if (list->count > 0) {
            memcpy(names, list->names, list->count * sizeof(*names));
        }
        list->names = names;
        list->capacity = capacity;
    }
    const char *copy = davit_arena_strndup(list->arena, name, length);
    if (copy == NULL) {
        return DAVIT_OUT_OF_MEMORY;
    }
    list->names[list->count++] = copy;
    return DAVIT_OK;
}

/* "u250.json" adds u250. Hidden files and those with other endings are none of ours; one that could
 * never be named is told. */
static davit_status add_file(name_list *list, const char *folder, const char *file,
                             const davit_diagnostics *diag)
{
    char name[DAVIT_PROFILE_NAME_MAX + 1];
    size_t length = strlen(file);
    size_t extension = strlen(EXTENSION);
    if (file[0] == '.' || length <= extension ||
        strcmp(file + length - extension, EXTENSION) != 0) {
        return DAVIT_OK;
    }
    int written = snprintf(name, sizeof(name), "%.*s", (int)(length - extension), file);
    if (written >= (int)sizeof(name) || !davit_profile_name_ok(name)) {
        davit_log(diag, DAVIT_WARNING,
                  "%s/%s is passed over: a profile's name is at most %d letters, digits and -_.",
                  folder, file, DAVIT_PROFILE_NAME_MAX);
        return DAVIT_OK;
    }
    return add_name(list, name, strlen(name));
}

static davit_status refuse_folder(const char *folder, const davit_diagnostics *diag)
{
    if (errno == ENOTDIR) {
        return davit_fail(
            diag, DAVIT_IO_ERROR,
            "'%s' is not a folder; profiles are read from a folder of NAME.json files", folder);
    }
    return davit_fail(diag, errno == ENOENT ? DAVIT_NOT_FOUND : DAVIT_IO_ERROR,
                      "folder of profiles '%s' cannot be opened: %s", folder, strerror(errno));
}

static davit_status add_folder(name_list *list, const char *folder, const davit_diagnostics *diag)
{
    davit_status status = DAVIT_OK;
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        return refuse_folder(folder, diag);
    }
    for (const struct dirent *entry = readdir(directory); status == DAVIT_OK && entry != NULL;
         entry = readdir(directory)) {
        status = add_file(list, folder, entry->d_name, diag);
    }
    closedir(directory);
    return status == DAVIT_OK ? DAVIT_OK
                              : davit_fail(diag, status, "out of memory for a list of profiles");
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

davit_status davit_profile_list(davit_arena *arena, const char *folder,
                                const davit_diagnostics *diag, const char *const **names,
                                size_t *count)
{
    name_list list = {.arena = arena};
    *names = NULL;
    *count = 0;
    for (size_t i = 0; i < davit_shipped_profiles_count; i++) {
        const char *name = davit_shipped_profiles[i].name;
        if (add_name(&list, name, strlen(name)) != DAVIT_OK) {
            return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "out of memory for a list of profiles");
        }
    }
    if (folder != NULL) {
        davit_status status = add_folder(&list, folder, diag);
        if (status != DAVIT_OK) {
            return status;
        }
    }
    if (list.count > 0) {
        qsort(list.names, list.count, sizeof(*list.names), compare_names);
    }
    *names = list.names;
    *count = list.count;
    return DAVIT_OK;
}

/* ---- one ---- */

static davit_status refuse_name(const davit_allocator *allocator, const char *name,
                                const char *folder, const davit_diagnostics *diag)
{
    char known[512] = "";
    size_t used = 0;
    size_t count;
    const char *const *names;
    davit_arena arena;
    davit_arena_init(&arena, allocator);
    davit_status status = davit_profile_list(&arena, folder, diag, &names, &count);
    for (size_t i = 0; status == DAVIT_OK && i < count && used < sizeof(known); i++) {
        int length =
            snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? ", " : "", names[i]);
        used += length > 0 ? (size_t)length : 0;
    }
    if (status == DAVIT_OK) {
        status = davit_fail(diag, DAVIT_NOT_FOUND, "no profile '%s'; known are %s", name, known);
    }
    davit_arena_clear(&arena);
    return status;
}

static davit_status read_file(const davit_allocator *allocator, const char *path,
                              const davit_diagnostics *diag, davit_device_profile *out)
{
    char *text;
    size_t bytes;
    davit_status status = davit_read_file(allocator, path, MAX_FILE_BYTES, diag, &text, &bytes);
    if (status != DAVIT_OK) {
        return status;
    }
    if (strlen(text) != bytes) {
        status =
            davit_fail(diag, DAVIT_BAD_DATA, "%s: not JSON: byte %zu is 0", path, strlen(text));
    } else {
        status = davit_profile_read(path, text, diag, out);
    }
    davit_free(allocator, text);
    return status;
}

/* Reads folder/name.json; *found says whether there is such a file. */
static davit_status find_in_folder(const davit_allocator *allocator, const char *name,
                                   const char *folder, const davit_diagnostics *diag, bool *found,
                                   davit_device_profile *out)
{
    davit_arena arena;
    struct stat info;
    *found = false;
    if (stat(folder, &info) == 0 && !S_ISDIR(info.st_mode)) {
        errno = ENOTDIR;
        return refuse_folder(folder, diag);
    }
    if (access(folder, X_OK) != 0) {
        return refuse_folder(folder, diag);
    }
    davit_arena_init(&arena, allocator);
    const char *path = davit_arena_printf(&arena, "%s/%s" EXTENSION, folder, name);
    davit_status status = DAVIT_OK;
    if (path == NULL) {
        status = davit_fail(diag, DAVIT_OUT_OF_MEMORY, "profile '%s': out of memory", name);
    } else if (access(path, F_OK) == 0 || errno != ENOENT) {
        *found = true;
        status = read_file(allocator, path, diag, out);
    }
    davit_arena_clear(&arena);
    return status;
}

davit_status davit_profile_find(const davit_allocator *allocator, const char *name,
                                const char *folder, const davit_diagnostics *diag,
                                davit_device_profile *out)
{
    if (!davit_profile_name_ok(name)) {
        return refuse_name(allocator, name, folder, diag);
    }
    if (folder != NULL) {
        bool found;
        davit_status status = find_in_folder(allocator, name, folder, diag, &found, out);
        if (status != DAVIT_OK || found) {
            return status;
        }
    }
    const davit_embedded_file *shipped = find_shipped(name);
    return shipped != NULL ? davit_profile_read(name, (const char *)shipped->text, diag, out)
                           : refuse_name(allocator, name, folder, diag);
}

void davit_profile_describe(const char *name, const davit_device_profile *profile,
                            davit_device_info *out)
{
    *out = (davit_device_info){.emulated = true, .profile = *profile};
    snprintf(out->name, sizeof(out->name), DAVIT_PROFILE_PREFIX "%s", name);
    snprintf(out->description, sizeof(out->description), "%s", profile->name);
    snprintf(out->unusable, sizeof(out->unusable), "exists only as a profile, for davit plan");
}
