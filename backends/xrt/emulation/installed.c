#define _GNU_SOURCE /* dladdr */
#include "installed.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Folders with our parts, seen from the folder of the program or library that this code is in:
 * installed, as the program and as the library; and in a build tree. */
static const char *const places[] = {DAVIT_EMULATION_FROM_BIN, DAVIT_EMULATION_FROM_LIB,
                                     "../../emulation"};
enum { PLACES = sizeof(places) / sizeof(places[0]) };

static bool join(char out[EMULATION_PATH], const char *folder, const char *name)
{
    return snprintf(out, EMULATION_PATH, "%s/%s", folder, name) < EMULATION_PATH;
}

/* The folder of the file that holds this function. */
static bool own_folder(char out[EMULATION_PATH])
{
    Dl_info info;
    char path[PATH_MAX];
    const char *const self = "/proc/self/exe";
    const bool known = dladdr(places, &info) != 0 && info.dli_fname != NULL;
    /* A program is known by the name that it was called by; a library by its path. */
    if (realpath(known && strstr(info.dli_fname, ".so") != NULL ? info.dli_fname : self, path) ==
        NULL) {
        return false;
    }
    *strrchr(path, '/') = '\0';
    return snprintf(out, EMULATION_PATH, "%s", path) < EMULATION_PATH;
}

static bool find_own(const char *xclbin, emulation_parts *out)
{
    char folder[EMULATION_PATH], place[EMULATION_PATH], board[EMULATION_PATH], file[EMULATION_PATH];
    if (!own_folder(folder)) {
        return false;
    }
    for (size_t i = 0; i < PLACES; i++) {
        if (join(place, folder, places[i]) && join(board, place, "davit-fpga-board") &&
            join(file, place, xclbin) && access(board, X_OK) == 0 && access(file, R_OK) == 0) {
            return realpath(board, out->board) != NULL && realpath(file, out->xclbin) != NULL;
        }
    }
    return false;
}

static bool has_shim(const char *folder, emulation_parts *out)
{
    return folder[0] == '/' && join(out->xrt_library, folder, "libxrt_swemu.so.2") &&
           access(out->xrt_library, R_OK) == 0 &&
           snprintf(out->xrt_folder, EMULATION_PATH, "%s", folder) < EMULATION_PATH;
}

/* XRT's own place, then where the dynamic linker looks. */
static bool find_xrt(emulation_parts *out)
{
    static const char *const folders[] = {"/opt/xilinx/xrt/lib", DAVIT_SYSTEM_LIBRARIES,
                                          "/usr/lib64", "/usr/lib", "/usr/local/lib"};
    char folder[EMULATION_PATH];
    const char *xrt = getenv("XILINX_XRT");
    if (xrt != NULL && join(folder, xrt, "lib") && has_shim(folder, out)) {
        return true;
    }
    const char *paths = getenv("LD_LIBRARY_PATH");
    for (paths = paths != NULL ? paths : ""; *paths != '\0'; paths += *paths == ':') {
        const int length = (int)strcspn(paths, ":");
        if (snprintf(folder, sizeof(folder), "%.*s", length, paths) < EMULATION_PATH &&
            has_shim(folder, out)) {
            return true;
        }
        paths += length;
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        if (has_shim(folders[i], out)) {
            return true;
        }
    }
    return false;
}

const char *emulation_find_parts(bool rtl, emulation_parts *out)
{
    if (!find_xrt(out)) {
        return "XRT's emulation library libxrt_swemu.so.2 was not found: install XRT "
               "(apt-get install libxrt-dev), or set XILINX_XRT to its folder";
    }
    if (!find_own(rtl ? DAVIT_EMULATION_RTL_XCLBIN : DAVIT_EMULATION_XCLBIN, out)) {
        return rtl ? "this build of Davit has no RTL of the emulated board: build target "
                     "davit_emulation_rtl (needs verilator)"
                   : "this build of Davit has no emulated board (davit-fpga-board and its xclbin): "
                     "it needs a C++ compiler";
    }
    return NULL;
}

const char *davit_board_emulation_missing(bool rtl)
{
    emulation_parts parts;
    return emulation_find_parts(rtl, &parts);
}
