#include "store_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 1000, LOCK_PAUSE_NS = 10000000 };

bool store_default_folder(char *path, size_t bytes)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    int length = 0;
    if (cache != NULL && cache[0] == '/') { /* the specification: a relative path is ignored */
        length = snprintf(path, bytes, "%s/davit", cache);
    } else if (home != NULL && home[0] == '/') {
        length = snprintf(path, bytes, "%s/.cache/davit", home);
    }
    return length > 0 && (size_t)length < bytes;
}

/* What makes a file or folder untrustworthy, NULL for nothing. */
static const char *distrust(const struct stat *info)
{
    if (info->st_uid != geteuid()) {
        return "it belongs to another user";
    }
    return (info->st_mode & (S_IWGRP | S_IWOTH)) != 0 ? "others may write to it" : NULL;
}

void store_folder_problem(const char *folder, char *problem, size_t bytes)
{
    struct stat info;
    const char *why = NULL;
    if (stat(folder, &info) != 0) {
        why = errno == ENOENT ? NULL : strerror(errno);
    } else {
        why = S_ISDIR(info.st_mode) ? distrust(&info) : "it is no folder";
    }
    snprintf(problem, bytes, "%s", why != NULL ? why : "");
}

davit_status store_folder_make(const char *folder, const davit_diagnostics *diag)
{
    char path[STORE_PATH_BYTES];
    size_t length = strlen(folder);
    if (length >= sizeof(path)) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "%s: the path is too long", folder);
    }
    memcpy(path, folder, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        path[i] = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            return davit_fail(diag, DAVIT_IO_ERROR, "%s: the folder cannot be made: %s", path,
                              strerror(errno));
        }
        path[i] = i < length ? '/' : '\0';
    }
    return DAVIT_OK;
}

davit_status store_folder_lock(const char *folder, const davit_diagnostics *diag, int *lock)
{
    char path[STORE_PATH_BYTES];
    int length = snprintf(path, sizeof(path), "%s/times.lock", folder);
    int file = length < (int)sizeof(path)
                   ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)
                   : -1;
    if (file < 0) {
        return davit_fail(diag, DAVIT_IO_ERROR, "%s: cannot be opened: %s", path, strerror(errno));
    }
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    for (int i = 0; flock(file, LOCK_EX | LOCK_NB) != 0; i++) {
        if (i == LOCK_TRIES || (errno != EWOULDBLOCK && errno != EINTR)) {
            int error = errno;
            close(file);
            return davit_fail(diag, DAVIT_IO_ERROR, "%s: cannot be locked: %s", path,
                              error == EWOULDBLOCK ? "another davit keeps it" : strerror(error));
        }
        nanosleep(&pause, NULL);
    }
    *lock = file;
    return DAVIT_OK;
}

void store_folder_unlock(int lock)
{
    close(lock);
}

/* Reports as an error or a warning; the status is the same. */
static davit_status complain(const davit_diagnostics *diag, davit_severity severity,
                             const char *path, const char *why)
{
    if (severity == DAVIT_ERROR) {
        return davit_fail(diag, DAVIT_IO_ERROR, "%s: %s", path, why);
    }
    davit_log(diag, severity, "%s is not used: %s", path, why);
    return DAVIT_IO_ERROR;
}

/* Reads the open file; NULL with errno set. */
static char *read_all(int file, size_t size, size_t *bytes)
{
    char *text = malloc(size + 1);
    size_t used = 0;
    while (text != NULL && used < size) {
        ssize_t got = read(file, text + used, size - used);
        if (got < 0 && errno != EINTR) {
            free(text);
            return NULL;
        }
        if (got == 0) {
            break;
        }
        used += got > 0 ? (size_t)got : 0;
    }
    *bytes = used;
    return text;
}

davit_status store_read(const char *path, const davit_diagnostics *diag, davit_severity severity,
                        char **text, size_t *bytes)
{
    struct stat info;
    *text = NULL;
    *bytes = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) {
        return errno == ENOENT ? DAVIT_OK : complain(diag, severity, path, strerror(errno));
    }
    const char *why = NULL;
    if (fstat(file, &info) != 0) {
        why = strerror(errno);
    } else if (!S_ISREG(info.st_mode)) {
        why = "it is no file";
    } else if ((size_t)info.st_size > STORE_MAX_FILE_BYTES) {
        why = "it is larger than 64 MiB";
    } else {
        why = distrust(&info);
    }
    if (why == NULL) {
        *text = read_all(file, (size_t)info.st_size, bytes);
        why = *text == NULL ? strerror(errno) : NULL;
    }
    close(file);
    return why == NULL ? DAVIT_OK : complain(diag, severity, path, why);
}

/* Writes and flushes; false with errno set. */
static bool write_all(int file, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t put = write(file, text, left);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        text += put > 0 ? put : 0;
        left -= put > 0 ? (size_t)put : 0;
    }
    return fsync(file) == 0;
}

davit_status store_replace(const char *path, const char *text, const davit_diagnostics *diag)
{
    char temporary[STORE_PATH_BYTES];
    int length = snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    if (length >= (int)sizeof(temporary)) {
        return davit_fail(diag, DAVIT_INVALID_ARGUMENT, "%s: the path is too long", path);
    }
    /* What a process that was killed left behind; nobody else writes it under the lock. */
    (void)unlink(temporary);
    int file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        return davit_fail(diag, DAVIT_IO_ERROR, "%s: cannot be written: %s", path, strerror(errno));
    }
    bool written = write_all(file, text);
    int error = errno;
    if (close(file) != 0 && written) {
        written = false;
        error = errno;
    }
    if (written && rename(temporary, path) != 0) {
        written = false;
        error = errno;
    }
    if (!written) {
        (void)unlink(temporary);
        return davit_fail(diag, DAVIT_IO_ERROR, "%s: cannot be written: %s", path, strerror(error));
    }
    return DAVIT_OK;
}

davit_status store_folder_visit(const char *folder, const char *prefix,
                                const davit_diagnostics *diag,
                                davit_status (*visit)(void *user, const char *name), void *user)
{
    DIR *stream = opendir(folder);
    if (stream == NULL) {
        return errno == ENOENT
                   ? DAVIT_OK
                   : davit_fail(diag, DAVIT_IO_ERROR, "%s: %s", folder, strerror(errno));
    }
    davit_status status = DAVIT_OK;
    for (struct dirent *entry; status == DAVIT_OK && (entry = readdir(stream)) != NULL;) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
            status = visit(user, entry->d_name);
        }
    }
    closedir(stream);
    return status;
}
