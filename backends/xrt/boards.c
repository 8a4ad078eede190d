#define _GNU_SOURCE /* dladdr */
#include "boards.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "davit/board_emulation.h"
#include "davit/cycle_model.h"
#include "driver.h"
#include "signals.h"
#include "system.h"

/* ---- what is known of a card ---- */

/* Cards by what their platform's name contains. The scheduler's profile of that name has more. */
static const struct {
    const char *part;
    const char *name;
    const davit_engine *engine;
    uint32_t compute_units;
    double memory_bytes_per_s;
    uint64_t memory_bytes;
} cards[] = {
    {"u280", "AMD Alveo U280", &davit_engine_u280, 3, 460e9, (uint64_t)8 << 30},
    {"u55c", "AMD Alveo U55C", &davit_engine_u55c, 3, 460e9, (uint64_t)16 << 30},
    {"", "AMD Alveo U250", &davit_engine_u250, 4, 77e9, (uint64_t)64 << 30},
};

void davit_xrt_board_profile(const char *platform, davit_device_profile *out)
{
    size_t i = 0;
    while (cards[i].part[0] != '\0' && strstr(platform, cards[i].part) == NULL) {
        i++;
    }
    const davit_engine *engine = cards[i].engine;
    *out = (davit_device_profile){
        .kind = DAVIT_DEVICE_FPGA,
        .memory_bytes_per_s = cards[i].memory_bytes_per_s,
        .memory_bytes = cards[i].memory_bytes,
        .efficiency = {.memory = engine->efficiency, .confidence = 0.4},
        .fpga = {.clock_hz = engine->clock_hz,
                 .compute_units = cards[i].compute_units,
                 .rows = engine->gemm.rows,
                 .columns = engine->gemm.columns,
                 .depth = engine->gemm.depth,
                 .bank_bytes_per_s = engine->bytes_per_second,
                 .bank_latency_ns = engine->latency_ns,
                 .refresh_interval_ns = engine->refresh_interval_ns,
                 .refresh_ns = engine->refresh_ns},
    };
    (void)snprintf(out->name, sizeof(out->name), "%s", cards[i].name);
}

/* ---- emulated boards ---- */

static size_t list_emulated(const davit_board_environment *environment, davit_xrt_target *targets)
{
    size_t count = environment->boards;
    count = count < DAVIT_XRT_MAX_BOARDS ? count : DAVIT_XRT_MAX_BOARDS;
    for (size_t i = 0; i < count; i++) {
        davit_xrt_target *target = &targets[i];
        *target = (davit_xrt_target){.index = (uint32_t)i, .emulated = true};
        (void)snprintf(target->name, sizeof(target->name), i == 0 ? "fpga:emu" : "fpga:emu:%zu", i);
        (void)snprintf(target->platform, sizeof(target->platform), "%s", environment->platform);
        (void)snprintf(target->bitstream, sizeof(target->bitstream), "%s",
                       environment->xclbin_path);
        const char *why;
        if (davit_xrt_driver_get(&why) == NULL) {
            (void)snprintf(target->unusable, sizeof(target->unusable), "%s", why);
        }
    }
    return count;
}

/* ---- boards of this machine ---- */

static bool read_hex(const char *folder, const char *file, unsigned long *out)
{
    char path[512];
    char text[32] = "";
    int length = snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", folder, file);
    int descriptor =
        length > 0 && (size_t)length < sizeof(path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (descriptor < 0) {
        return false;
    }
    ssize_t bytes = read(descriptor, text, sizeof(text) - 1);
    (void)close(descriptor);
    *out = strtoul(text, NULL, 16);
    return bytes > 0;
}

/* Whether there is anything for XRT to look at: loading it takes time and memory. */
static bool card_on_pci(void)
{
    enum { XILINX = 0x10ee };
    DIR *folder = opendir("/sys/bus/pci/devices");
    bool found = false;
    const struct dirent *entry;
    while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
        unsigned long vendor;
        found = entry->d_name[0] != '.' && read_hex(entry->d_name, "vendor", &vendor) &&
                vendor == XILINX;
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return found;
}

/* Opens the library of system.cpp where the build or the installation has it: beside the program or
 * libdavit that this code is part of. */
static void *open_system(char *why, size_t why_bytes)
{
    static const char *const places[] = {DAVIT_XRT_SYSTEM_BESIDE_LIBRARY,
                                         DAVIT_XRT_SYSTEM_BESIDE_PROGRAM,
                                         DAVIT_XRT_SYSTEM_IN_BUILD};
    Dl_info self;
    char here[1024], path[2048];
    if (dladdr((const void *)(uintptr_t)davit_xrt_boards_list, &self) == 0) {
        return NULL;
    }
    (void)snprintf(here, sizeof(here), "%s", self.dli_fname);
    const char *folder = dirname(here);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, places[i]);
        if (access(path, R_OK) == 0) {
            void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
            if (handle == NULL) {
                (void)snprintf(why, why_bytes, "%s", dlerror());
            }
            return handle;
        }
    }
    (void)snprintf(why, why_bytes, "davit's own library %s is not where it was installed",
                   DAVIT_XRT_SYSTEM_NAME);
    return NULL;
}

static int ask_system(davit_xrt_system_board *boards, char *why, size_t why_bytes)
{
    davit_saved_signals saved;
    davit_signals_save(&saved);
    int count = -1;
    void *handle = open_system(why, why_bytes);
    void *address = handle != NULL ? dlsym(handle, "davit_xrt_system_boards") : NULL;
    if (address != NULL) {
        __typeof__(davit_xrt_system_boards) *list;
        memcpy(&list, &address, sizeof(list));
        count = list(boards, DAVIT_XRT_MAX_BOARDS, why, (int)why_bytes);
    }
    davit_signals_restore(&saved);
    return count;
}

static size_t list_none(davit_xrt_target *targets, const char *why)
{
    targets[0] = (davit_xrt_target){.name = "fpga:0"};
    (void)snprintf(targets[0].unusable, sizeof(targets[0].unusable), "%s", why);
    return 1;
}

_Static_assert(sizeof(((davit_xrt_system_board *)0)->pci_address) == DAVIT_PCI_ADDRESS_BYTES &&
                   sizeof(((davit_xrt_system_board *)0)->platform) == DAVIT_PLATFORM_BYTES,
               "texts of the same size");

static size_t list_real(davit_xrt_target *targets)
{
    static davit_xrt_system_board boards[DAVIT_XRT_MAX_BOARDS];
    char text[160] = "";
    const char *why;
    if (!card_on_pci()) {
        return list_none(targets, "no FPGA card of AMD on PCI");
    }
    if (davit_xrt_driver_get(&why) == NULL) {
        return list_none(targets, why);
    }
    int count = ask_system(boards, text, sizeof(text));
    if (count <= 0) {
        return list_none(targets, count == 0 ? "XRT finds no board that is ready" : text);
    }
    count = count < DAVIT_XRT_MAX_BOARDS ? count : DAVIT_XRT_MAX_BOARDS;
    for (int i = 0; i < count; i++) {
        davit_xrt_target *target = &targets[i];
        *target =
            (davit_xrt_target){.index = (uint32_t)i, .has_interface = boards[i].has_interface != 0};
        (void)snprintf(target->name, sizeof(target->name), "fpga:%d", i);
        memcpy(target->pci_address, boards[i].pci_address, sizeof(target->pci_address));
        memcpy(target->platform, boards[i].platform, sizeof(target->platform));
        memcpy(target->interface_uuid, boards[i].interface_uuid, sizeof(target->interface_uuid));
        if (boards[i].offline) {
            (void)snprintf(target->unusable, sizeof(target->unusable),
                           "the board is offline: XRT resets it");
        }
    }
    return (size_t)count;
}

size_t davit_xrt_boards_list(davit_xrt_target *targets)
{
    davit_board_environment environment;
    davit_board_environment_get(&environment);
    if (environment.emulated) {
        return list_emulated(&environment, targets);
    }
    size_t count = list_real(targets);
    if (count < DAVIT_XRT_MAX_BOARDS) {
        targets[count] = (davit_xrt_target){.name = "fpga:emu", .emulated = true};
        const char *missing = davit_board_emulation_missing(false);
        (void)snprintf(targets[count].unusable, sizeof(targets[count].unusable), "%s",
                       missing != NULL ? missing
                                       : "emulated where it is asked for: davit run --devices "
                                         "fpga:emu,cpu, or davit emulate -- PROGRAM");
        count++;
    }
    return count;
}
