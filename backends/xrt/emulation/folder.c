#define _GNU_SOURCE /* nftw, getrandom */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "davit/read_file.h"
#include "davit/xclbin.h"
#include "environment.h"
#include "shim.h"

#define MODEL "generic_pcie/model/genericpciemodel"
#define PLACE "/tmp" /* the shim's */
#define PREFIX "davit-emu-"
enum { SIZE_WORD = 32, STALE_S = 60 };

typedef struct making {
    const char *folder;
    const emulation_parts *parts;
    const davit_board_emulation_options *options;
    const davit_diagnostics *diag;
    char path[EMULATION_PATH]; /* what is being made */
} making;

bool emulation_name_folder(char folder[EMULATION_FOLDER])
{
    uint64_t name;
    if (getrandom(&name, sizeof(name), 0) != (ssize_t)sizeof(name)) {
        return false;
    }
    (void)snprintf(folder, EMULATION_FOLDER, PLACE "/" PREFIX "%016" PRIx64, name);
    return true;
}

static davit_status io_error(const making *m)
{
    return davit_fail(m->diag, DAVIT_IO_ERROR, "%s: cannot be made: %s", m->path, strerror(errno));
}

static void set_path(making *m, const char *name)
{
    (void)snprintf(m->path, sizeof(m->path), "%s/%s", m->folder, name);
}

/* Makes the folders of a path, all below m->folder. */
static davit_status make_folders(making *m, const char *name)
{
    set_path(m, name);
    for (char *slash = m->path + strlen(m->folder); slash != NULL;) {
        slash = strchr(slash + 1, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
        const bool made = mkdir(m->path, 0700) == 0 || errno == EEXIST;
        if (slash != NULL) {
            *slash = '/';
        }
        if (!made) {
            return io_error(m);
        }
    }
    return DAVIT_OK;
}

static davit_status link_to(making *m, const char *target, const char *name)
{
    set_path(m, name);
    return symlink(target, m->path) == 0 ? DAVIT_OK : io_error(m);
}

static DAVIT_PRINTF(3, 4) davit_status
    write_file(making *m, const char *name, const char *format, ...)
{
    set_path(m, name);
    FILE *file = fopen(m->path, "wxe");
    if (file == NULL) {
        return io_error(m);
    }
    va_list list;
    va_start(list, format);
    const bool written = vfprintf(file, format, list) >= 0;
    va_end(list);
    return (fclose(file) == 0 && written) ? DAVIT_OK : io_error(m);
}

/* XRT reads sizes as words: "16GB". */
static void size_word(uint64_t bytes, char word[SIZE_WORD])
{
    static const char *const units[] = {"KB", "MB", "GB", "TB"};
    uint64_t size = bytes >> 10;
    unsigned unit = 0;
    while (size >= 1024 && size % 1024 == 0 && unit < 3) {
        size >>= 10;
        unit++;
    }
    (void)snprintf(word, SIZE_WORD, "%" PRIu64 "%s", size, units[unit]);
}

static davit_status write_emconfig(making *m, const davit_xclbin *xclbin)
{
    char banks[4096] = "";
    size_t used = 0;
    for (size_t i = 0; i < xclbin->bank_count && used < sizeof(banks); i++) {
        char word[SIZE_WORD];
        size_word(xclbin->banks[i].bytes, word);
        used += (size_t)snprintf(banks + used, sizeof(banks) - used,
                                 "%s{\"Name\": \"%s\", \"Size\": \"%s\"}", i > 0 ? ", " : "",
                                 xclbin->banks[i].name, word);
    }
    return write_file(m, "emconfig.json",
                      "{\n"
                      "  \"Version\": {\"FileVersion\": \"2.0\", \"ToolVersion\": \"2022.1\"},\n"
                      "  \"Platform\": {\n"
                      "    \"Name\": \"%s\",\n"
                      "    \"Boards\": [{\n"
                      "      \"NumBoards\": \"%u\",\n"
                      "      \"Devices\": [{\"Name\": \"%s\", \"DdrBanks\": [%s]}]\n"
                      "    }]\n"
                      "  }\n"
                      "}\n",
                      xclbin->platform, m->options->boards, xclbin->platform, banks);
}

/* What XRT and davit_board_environment_get read. */
static davit_status write_configuration(making *m, const davit_xclbin *xclbin)
{
    davit_status status = write_emconfig(m, xclbin);
    if (status == DAVIT_OK) {
        status = write_file(m, EMULATION_BOARDS_FILE, "%u\n%s\n%s\n", m->options->boards,
                            xclbin->platform, m->parts->xclbin);
    }
    if (status == DAVIT_OK) {
        /* Without keep_run_dir, closing a board takes the shim 5 s more in some versions. */
        status =
            write_file(m, "xrt.ini", "[Runtime]\nverbosity=4\n[Emulation]\nkeep_run_dir=true\n");
    }
    if (status == DAVIT_OK && m->options->faults != NULL) {
        status = write_file(m, "vitis/faults", "%s\n", m->options->faults);
    }
    return status;
}

static davit_status read_xclbin(making *m)
{
    const davit_allocator *allocator = davit_allocator_default();
    char *bytes;
    size_t count;
    davit_status status = davit_read_file(allocator, m->parts->xclbin, DAVIT_XCLBIN_MAX_BYTES,
                                          m->diag, &bytes, &count);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_arena arena;
    davit_arena_init(&arena, allocator);
    davit_xclbin xclbin;
    status = davit_xclbin_read(&arena, m->parts->xclbin, bytes, count, m->diag, &xclbin);
    if (status == DAVIT_OK) {
        status = write_configuration(m, &xclbin);
    }
    davit_arena_clear(&arena);
    davit_free(allocator, bytes);
    return status;
}

/* A folder for XILINX_XRT: XRT's own files, but our shim. */
static davit_status make_xrt(making *m)
{
    davit_status status = make_folders(m, "xrt/lib");
    if (status == DAVIT_OK) {
        set_path(m, "xrt/lib/libxrt_swemu.so.2");
        status = emulation_place_shim(m->parts->xrt_library, m->path, m->diag);
    }
    DIR *folder = status == DAVIT_OK ? opendir(m->parts->xrt_folder) : NULL;
    if (folder == NULL) {
        return status;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char target[EMULATION_PATH + 256], name[300];
        if ((strncmp(entry->d_name, "libxrt", 6) != 0 && strcmp(entry->d_name, "xrt") != 0) ||
            strncmp(entry->d_name, "libxrt_swemu", 12) == 0) {
            continue;
        }
        (void)snprintf(target, sizeof(target), "%s/%s", m->parts->xrt_folder, entry->d_name);
        (void)snprintf(name, sizeof(name), "xrt/lib/%s", entry->d_name);
        status = link_to(m, target, name);
        if (status != DAVIT_OK) {
            break;
        }
    }
    (void)closedir(folder);
    return status;
}

/* The device process, where XRT up to 2.16 looks for it, and where later ones do. */
static davit_status make_vitis(making *m)
{
    static const char *const places[] = {"vitis/data/emulation/unified/cpu_em/generic_pcie/model",
                                         "vitis/data/emulation/unified/sw_emu/generic_pcie/model"};
    static const char *const links[] = {"vitis/data/emulation/unified/cpu_em/" MODEL,
                                        "vitis/data/emulation/unified/sw_emu/" MODEL};
    davit_status status = DAVIT_OK;
    for (size_t i = 0; status == DAVIT_OK && i < sizeof(places) / sizeof(places[0]); i++) {
        status = make_folders(m, places[i]);
        if (status == DAVIT_OK) {
            status = link_to(m, m->parts->board, links[i]);
        }
    }
    return status;
}

davit_status emulation_make_folder(const char *folder, const emulation_parts *parts,
                                   const davit_board_emulation_options *options,
                                   const davit_diagnostics *diag)
{
    making m = {.folder = folder, .parts = parts, .options = options, .diag = diag};
    (void)snprintf(m.path, sizeof(m.path), "%s", folder);
    if (mkdir(folder, 0700) != 0) {
        return io_error(&m);
    }
    davit_status status = make_vitis(&m);
    if (status == DAVIT_OK) {
        status = make_xrt(&m);
    }
    return status == DAVIT_OK ? read_xclbin(&m) : status;
}

static int remove_one(const char *path, const struct stat *state, int kind, struct FTW *place)
{
    (void)state;
    (void)kind;
    (void)place;
    (void)remove(path);
    return 0;
}

void emulation_remove_folder(const char *folder)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int emulation_hold_folder(const char *folder)
{
    const int held = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (held >= 0 && flock(held, LOCK_EX | LOCK_NB) != 0) {
        (void)close(held);
        return -1;
    }
    return held;
}

static bool is_stale(const char *folder)
{
    struct stat state;
    const time_t now = time(NULL);
    if (lstat(folder, &state) != 0 || !S_ISDIR(state.st_mode) || state.st_uid != geteuid() ||
        state.st_mtime > now - STALE_S) {
        return false;
    }
    const int held = emulation_hold_folder(folder);
    if (held >= 0) {
        (void)close(held);
    }
    return held >= 0;
}

void emulation_sweep_folders(void)
{
    DIR *place = opendir(PLACE);
    for (struct dirent *entry; place != NULL && (entry = readdir(place)) != NULL;) {
        char folder[EMULATION_PATH];
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0) {
            continue;
        }
        (void)snprintf(folder, sizeof(folder), PLACE "/%s", entry->d_name);
        if (is_stale(folder)) {
            emulation_remove_folder(folder);
        }
    }
    if (place != NULL) {
        (void)closedir(place);
    }
}

static bool set_to(const char *variable, const char *folder, const char *name)
{
    char value[EMULATION_PATH];
    (void)snprintf(value, sizeof(value), "%s%s", folder, name);
    return setenv(variable, value, 1) == 0;
}

bool emulation_set_environment(const char *folder)
{
    return setenv("XCL_EMULATION_MODE", "sw_emu", 1) == 0 &&
           /* One file for all buffers of a board: with a file for each, the shim takes the
            * buffers of all boards away when a bitstream is loaded. Newer shims do so unasked. */
           setenv("VITIS_SW_EMU_ENABLE_SINGLE_MMAP", "1", 1) == 0 &&
           unsetenv("VITIS_SW_EMU_DISABLE_SINGLE_MMAP") == 0 &&
           setenv("USER", strrchr(folder, '/') + 1, 1) == 0 &&
           set_to("EMCONFIG_PATH", folder, "") && set_to("SDACCEL_EM_RUN_DIR", folder, "") &&
           set_to("XILINX_XRT", folder, "/xrt") && set_to("XILINX_VITIS", folder, "/vitis") &&
           set_to("XRT_INI_PATH", folder, "/xrt.ini");
}
