#define _GNU_SOURCE /* getrandom */
#include "weight_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "davit/weight_cache.h"

#define SUFFIX ".weights"
#define SECRET "secret"
enum { DEFAULT_LIMIT_MIB = 4096, TEMPORARY_AGE_S = 3600 };

uint64_t davit_weight_folder_limit(void)
{
    const char *text = getenv("DAVIT_WEIGHT_CACHE_MIB");
    char *end;
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return (uint64_t)DEFAULT_LIMIT_MIB << 20;
    }
    unsigned long long mib = strtoull(text, &end, 10);
    return *end != '\0' ? (uint64_t)DEFAULT_LIMIT_MIB << 20
                        : (mib < UINT32_MAX ? (uint64_t)mib : UINT32_MAX) << 20;
}

bool davit_weight_folder_find(char path[DAVIT_WEIGHT_PATH_BYTES])
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    const int most = (int)sizeof(((davit_weight_cache_state *)0)->folder);
    int length = 0;
    if (cache != NULL && cache[0] == '/') { /* the specification: a relative path is ignored */
        length = snprintf(path, (size_t)most, "%s/davit/weights", cache);
    } else if (home != NULL && home[0] == '/') {
        length = snprintf(path, (size_t)most, "%s/.cache/davit/weights", home);
    }
    return length > 0 && length < most;
}

bool davit_weight_folder_trusts(const struct stat *info)
{
    return info->st_uid == geteuid() && (info->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool davit_weight_folder_file(const char *folder, const uint64_t key[2],
                              char path[DAVIT_WEIGHT_PATH_BYTES])
{
    int length = snprintf(path, DAVIT_WEIGHT_PATH_BYTES, "%s/%016llx%016llx" SUFFIX, folder,
                          (unsigned long long)key[0], (unsigned long long)key[1]);
    return length > 0 && length < DAVIT_WEIGHT_PATH_BYTES - 8;
}

/* ---- the secret ---- */

static bool make_folder(const char *folder)
{
    char path[DAVIT_WEIGHT_PATH_BYTES];
    size_t length = strlen(folder);
    memcpy(path, folder, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            path[i] = '\0';
            if (mkdir(path, 0700) != 0 && errno != EEXIST) {
                return false;
            }
            path[i] = i < length ? '/' : '\0';
        }
    }
    struct stat info;
    return stat(folder, &info) == 0 && S_ISDIR(info.st_mode) && davit_weight_folder_trusts(&info);
}

/* *wrong: it was read, and is none. */
static bool read_secret(const char *path, davit_hash_key *secret, bool *wrong)
{
    struct stat info;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    *wrong = file < 0 && errno == ELOOP;
    if (file < 0) {
        return false;
    }
    ssize_t count = fstat(file, &info) == 0 ? read(file, secret, sizeof(*secret)) : -1;
    *wrong = count >= 0 && (!S_ISREG(info.st_mode) || !davit_weight_folder_trusts(&info) ||
                            count != (ssize_t)sizeof(*secret));
    (void)close(file);
    return count >= 0 && !*wrong;
}

/* A whole one at once; that of the first of several writers stays. */
static bool make_secret(const char *folder, const char *path)
{
    char temporary[DAVIT_WEIGHT_PATH_BYTES + 8];
    davit_hash_key made;
    (void)snprintf(temporary, sizeof(temporary), "%s/" SECRET ".XXXXXX", folder);
    if (getrandom(&made, sizeof(made), 0) != (ssize_t)sizeof(made)) {
        return false;
    }
    int file = mkstemp(temporary);
    if (file < 0) {
        return false;
    }
    bool written = write(file, &made, sizeof(made)) == (ssize_t)sizeof(made);
    written = close(file) == 0 && written && (link(temporary, path) == 0 || errno == EEXIST);
    (void)unlink(temporary);
    return written;
}

bool davit_weight_folder_open(const char *folder, davit_hash_key *secret)
{
    char path[DAVIT_WEIGHT_PATH_BYTES];
    struct stat info;
    (void)snprintf(path, sizeof(path), "%s/" SECRET, folder);
    bool there = stat(folder, &info) == 0;
    if (there && (!S_ISDIR(info.st_mode) || !davit_weight_folder_trusts(&info))) {
        return false;
    }
    bool wrong = false;
    if (there && read_secret(path, secret, &wrong)) {
        return true;
    }
    if (wrong) {
        (void)unlink(path); /* nothing that was made with it is found again */
    }
    return make_folder(folder) && make_secret(folder, path) && read_secret(path, secret, &wrong);
}

/* ---- files ---- */

typedef struct entry {
    char name[64];
    uint64_t bytes;
    struct timespec used;
} entry;

static bool is_file(const char *name)
{
    size_t length = strlen(name);
    return length == 32 + strlen(SUFFIX) && strcmp(name + 32, SUFFIX) == 0;
}

/* Calls take for every file of weights, whole or not, until it is false. */
static void each_file(const char *folder, bool (*take)(void *user, int at, const entry *file),
                      void *user)
{
    DIR *stream = opendir(folder);
    bool going = stream != NULL;
    for (struct dirent *found; going && (found = readdir(stream)) != NULL;) {
        struct stat info;
        entry file;
        if (strstr(found->d_name, SUFFIX) == NULL || strlen(found->d_name) >= sizeof(file.name) ||
            fstatat(dirfd(stream), found->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        memcpy(file.name, found->d_name, strlen(found->d_name) + 1);
        file.bytes = (uint64_t)info.st_size;
        file.used = info.st_mtim;
        going = take(user, dirfd(stream), &file);
    }
    if (stream != NULL) {
        (void)closedir(stream);
    }
}

typedef struct survey {
    time_t now;
    uint64_t bytes;
    entry oldest; /* name "": none */
} survey;

static bool is_older(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

static bool look_at(void *user, int at, const entry *file)
{
    survey *s = user;
    if (!is_file(file->name)) {
        if (file->used.tv_sec < s->now - TEMPORARY_AGE_S) {
            (void)unlinkat(at, file->name, 0);
        }
        return true;
    }
    s->bytes += file->bytes;
    if (s->oldest.name[0] == '\0' || is_older(&file->used, &s->oldest.used)) {
        s->oldest = *file;
    }
    return true;
}

bool davit_weight_folder_make_room(const char *folder, uint64_t bytes)
{
    uint64_t most = davit_weight_folder_limit();
    struct statvfs space;
    if (bytes > most || statvfs(folder, &space) != 0 ||
        (uint64_t)space.f_bavail * space.f_frsize / 2 < bytes) {
        return false;
    }
    for (;;) {
        char path[DAVIT_WEIGHT_PATH_BYTES];
        survey s = {.now = time(NULL)};
        each_file(folder, look_at, &s);
        if (s.bytes <= most - bytes) {
            return true;
        }
        (void)snprintf(path, sizeof(path), "%s/%s", folder, s.oldest.name);
        if (unlink(path) != 0 && errno != ENOENT) {
            return false;
        }
    }
}

static bool count_file(void *user, int at, const entry *file)
{
    davit_weight_cache_state *state = user;
    (void)at;
    state->file_count += is_file(file->name) ? 1 : 0;
    state->bytes += file->bytes;
    return true;
}

davit_weight_cache_state davit_weight_cache_look(void)
{
    char folder[DAVIT_WEIGHT_PATH_BYTES];
    davit_weight_cache_state state = {.file_count = 0};
    if (davit_weight_folder_find(folder)) {
        memcpy(state.folder, folder, strlen(folder) + 1);
        each_file(folder, count_file, &state);
    }
    return state;
}

static bool remove_file(void *user, int at, const entry *file)
{
    bool *removed = user;
    *removed = (unlinkat(at, file->name, 0) == 0 || errno == ENOENT) && *removed;
    return true;
}

bool davit_weight_cache_clear(void)
{
    char folder[DAVIT_WEIGHT_PATH_BYTES];
    bool removed = true;
    if (davit_weight_folder_find(folder)) {
        each_file(folder, remove_file, &removed);
    }
    return removed;
}
