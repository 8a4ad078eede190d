#define _GNU_SOURCE /* O_NOFOLLOW */
#include "environment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "davit/board_emulation.h"

/* Opens the file when it is this user's alone. */
static FILE *open_boards(const char *folder)
{
    char path[DAVIT_BOARD_EMULATION_PATH_BYTES];
    if (snprintf(path, sizeof(path), "%s/%s", folder, EMULATION_BOARDS_FILE) >= (int)sizeof(path)) {
        return NULL;
    }
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat state;
    if (file < 0 || fstat(file, &state) != 0 || state.st_uid != geteuid() ||
        (state.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        if (file >= 0) {
            (void)close(file);
        }
        return NULL;
    }
    FILE *stream = fdopen(file, "r");
    if (stream == NULL) {
        (void)close(file);
    }
    return stream;
}

static bool read_line(FILE *stream, char *line, size_t bytes)
{
    if (fgets(line, (int)bytes, stream) == NULL) {
        return false;
    }
    char *end = strchr(line, '\n');
    if (end == NULL) {
        return false;
    }
    *end = '\0';
    return true;
}

static bool read_boards(FILE *stream, davit_board_environment *out)
{
    char number[16];
    unsigned boards;
    char rest;
    if (!read_line(stream, number, sizeof(number)) || sscanf(number, "%u%c", &boards, &rest) != 1 ||
        boards == 0 || boards > DAVIT_BOARD_EMULATION_MAX_BOARDS) {
        return false;
    }
    out->boards = boards;
    return read_line(stream, out->platform, sizeof(out->platform)) &&
           read_line(stream, out->xclbin_path, sizeof(out->xclbin_path));
}

void davit_board_environment_get(davit_board_environment *out)
{
    *out = (davit_board_environment){0};
    const char *mode = getenv("XCL_EMULATION_MODE"), *folder = getenv("EMCONFIG_PATH");
    if (mode == NULL || strcmp(mode, "sw_emu") != 0 || folder == NULL) {
        return;
    }
    FILE *stream = open_boards(folder);
    if (stream == NULL) {
        return;
    }
    davit_board_environment read = {.emulated = true};
    if (read_boards(stream, &read)) {
        *out = read;
    }
    (void)fclose(stream);
}
