#include "board.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "davit/read_file.h"

enum { MAX_XML = 16 << 20 };

static void complain(const char *what, const char *detail)
{
    fprintf(stderr, "davit-fpga-board: %s%s%s\n", what, detail[0] != '\0' ? ": " : "", detail);
}

bool board_open(board *b, const board_faults *faults, board_counts *counts)
{
    *b = (board){.faults = *faults, .counts = counts};
    davit_arena_init(&b->arena, davit_allocator_default());
    return board_memory_open(&b->memory);
}

/* ---- bitstreams ---- */

static void unload(board *b)
{
    for (size_t i = 0; i < b->unit_count; i++) {
        board_unit_close(&b->units[i]);
    }
    b->units = NULL;
    b->unit_count = 0;
    board_kernels_close(&b->kernels);
    davit_arena_clear(&b->arena);
}

void board_remove_file(const board *b)
{
    if (b->host_file[0] != '\0') {
        (void)unlink(b->host_file);
    }
}

void board_close(board *b)
{
    unload(b);
    board_remove_file(b);
    board_memory_close(&b->memory);
    free(b->scratch);
}

static bool registers_fit(const davit_xclbin_kernel *kernel)
{
    for (size_t i = 0; i < kernel->argument_count; i++) {
        const davit_xclbin_argument *argument = &kernel->arguments[i];
        if (!argument->is_pointer || argument->offset % 4 != 0 ||
            argument->offset > (BOARD_UNIT_REGISTERS - 2) * 4) {
            return false;
        }
    }
    return true;
}

static bool open_units(board *b, const davit_xclbin *xclbin)
{
    b->units =
        davit_arena_alloc_array(&b->arena, xclbin->compute_unit_count + 1, sizeof(*b->units));
    if (b->units == NULL) {
        complain("out of memory", "");
        return false;
    }
    for (size_t i = 0; i < xclbin->compute_unit_count; i++) {
        const davit_xclbin_compute_unit *from = &xclbin->compute_units[i];
        const davit_xclbin_kernel *kernel = &xclbin->kernels[from->kernel];
        board_unit *unit = &b->units[i];
        *unit = (board_unit){.name = from->name,
                             .base_address = from->base_address,
                             .form = kernel,
                             .kernels = &b->kernels};
        const char *error =
            board_kernels_find(&b->kernels, kernel->name, kernel->argument_count, &unit->kernel);
        if (error == NULL && !registers_fit(kernel)) {
            error = "a kernel has arguments that this board does not emulate";
        }
        if (error == NULL && !board_unit_open(unit)) {
            error = "no thread for a compute unit";
        }
        if (error != NULL) {
            complain(from->name, error);
            return false;
        }
        b->unit_count++;
    }
    return true;
}

static bool read_path(const rpc_request *request, unsigned field, char path[BOARD_PATH_BYTES])
{
    const rpc_bytes *bytes = &request->bytes[field];
    if (bytes->count >= BOARD_PATH_BYTES ||
        (bytes->count > 0 && memchr(bytes->at, '\0', bytes->count) != NULL)) {
        complain("a path is too long", "");
        return false;
    }
    if (bytes->count > 0) {
        memcpy(path, bytes->at, bytes->count);
    }
    path[bytes->count] = '\0';
    return true;
}

static bool load_files(board *b, const char *xml_path, const char *library_path)
{
    const davit_diagnostics *diag = davit_diagnostics_stderr(DAVIT_ERROR);
    char *xml = NULL;
    size_t bytes = 0;
    if (davit_read_file(davit_allocator_default(), xml_path, MAX_XML, diag, &xml, &bytes) !=
        DAVIT_OK) {
        return false;
    }
    davit_xclbin xclbin;
    const davit_status status =
        davit_xclbin_read_metadata(&b->arena, "xclbin", xml, bytes, diag, &xclbin);
    davit_free(davit_allocator_default(), xml);
    if (status != DAVIT_OK) {
        return false;
    }
    const char *error = board_kernels_open(&b->kernels, library_path);
    if (error != NULL) {
        complain("kernel models", error);
        return false;
    }
    return open_units(b, &xclbin);
}

/* The shim's folder for this board is known from the first load on. */
static bool make_file(board *b, const char *folder)
{
    if (b->host_file[0] != '\0') {
        return true;
    }
    char path[BOARD_PATH_BYTES];
    if (snprintf(path, sizeof(path), "%s/memory", folder) >= (int)sizeof(path) ||
        !board_memory_make_file(&b->memory, path)) {
        complain("the file of the board's memory cannot be made", folder);
        return false;
    }
    memcpy(b->host_file, path, sizeof(path));
    return true;
}

/* The shim asks with empty paths when it wants memory before there is a bitstream. */
static bool load(board *b, const rpc_request *request)
{
    char xml_path[BOARD_PATH_BYTES], library_path[BOARD_PATH_BYTES], folder[BOARD_PATH_BYTES];
    if (!read_path(request, 1, xml_path) || !read_path(request, 2, library_path) ||
        !read_path(request, 4, folder) || !make_file(b, folder)) {
        return false;
    }
    if (xml_path[0] == '\0') {
        return true;
    }
    if (board_fault_is_due(&b->faults, BOARD_FAULT_REFUSE, ++b->counts->loads)) {
        complain("fault", "this load of a bitstream fails");
        return false;
    }
    unload(b);
    if (!load_files(b, xml_path, library_path)) {
        unload(b);
        return false;
    }
    return true;
}

/* ---- copies ---- */

static void take_time(const board *b, uint64_t bytes)
{
    const uint64_t rate = b->faults.at[BOARD_FAULT_SLOW];
    if (rate == 0) {
        return;
    }
    const uint64_t ns = bytes * 1000 / rate;
    struct timespec left = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

/* An error has no place in the protocol: what cannot be copied counts 0 bytes. */
static void copy_to_device(board *b, const rpc_request *request, rpc_answer *answer)
{
    const rpc_bytes *from = &request->bytes[4];
    uint8_t *to = board_memory_at(&b->memory, request->number[3], from->count);
    take_time(b, from->count);
    if (to != NULL && from->count > 0) {
        memcpy(to, from->at, from->count);
    } else if (to == NULL) {
        complain("copy to the device", "outside of the buffers");
    }
    rpc_answer_number(answer, 1, to != NULL ? from->count : 0);
}

static const uint8_t *corrupt(board *b, const uint8_t *from, uint64_t bytes)
{
    free(b->scratch);
    b->scratch = malloc(bytes);
    if (b->scratch == NULL) {
        return from;
    }
    complain("fault", "this copy from the device has a wrong bit");
    memcpy(b->scratch, from, bytes);
    b->scratch[bytes / 2] ^= 0x10;
    return b->scratch;
}

static void copy_from_device(board *b, const rpc_request *request, rpc_answer *answer)
{
    const uint64_t bytes = request->number[5];
    const uint8_t *from = board_memory_at(&b->memory, request->number[4], bytes);
    take_time(b, bytes);
    if (from == NULL) {
        complain("copy from the device", "outside of the buffers");
        rpc_answer_number(answer, 1, 0);
        rpc_answer_tail(answer, 2, "", 0);
        return;
    }
    if (board_fault_is_due(&b->faults, BOARD_FAULT_CORRUPT, ++b->counts->reads) && bytes > 0) {
        from = corrupt(b, from, bytes);
    }
    rpc_answer_number(answer, 1, bytes);
    rpc_answer_tail(answer, 2, from, bytes);
}

/* ---- registers ---- */

static board_unit *unit_at(const board *b, uint64_t address)
{
    for (size_t i = 0; i < b->unit_count; i++) {
        if (board_unit_contains(&b->units[i], address)) {
            return &b->units[i];
        }
    }
    return NULL;
}

/* Counts the start and does what faults want of it. */
static board_next start(board *b, board_unit *unit)
{
    const uint64_t number = ++b->counts->starts;
    const board_faults *faults = &b->faults;
    if (board_fault_is_due(faults, BOARD_FAULT_LOST, number)) {
        return BOARD_GONE;
    }
    if (faults->at[BOARD_FAULT_MUTE] != 0 && number >= faults->at[BOARD_FAULT_MUTE]) {
        return BOARD_MUTE;
    }
    const board_start how = board_fault_is_due(faults, BOARD_FAULT_HANG, number) ? BOARD_START_HANG
                            : board_fault_is_due(faults, BOARD_FAULT_ERROR, number)
                                ? BOARD_START_ABORT
                                : BOARD_START_RUN;
    const char *error = board_unit_start(unit, &b->memory, how);
    if (error != NULL) {
        complain(unit->name, error);
    }
    return BOARD_ANSWER;
}

static board_next write_registers(board *b, uint64_t address, const rpc_bytes *bytes,
                                  rpc_answer *answer)
{
    board_unit *unit = unit_at(b, address);
    board_next next = BOARD_ANSWER;
    if (unit != NULL && board_unit_write(unit, address, bytes->at, bytes->count)) {
        next = start(b, unit);
    }
    rpc_answer_number(answer, 1, unit != NULL);
    return next;
}

static void read_register(board *b, uint64_t address, rpc_answer *answer)
{
    board_unit *unit = unit_at(b, address);
    const uint32_t value = unit != NULL ? board_unit_read(unit, address) : UINT32_MAX;
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                              (uint8_t)(value >> 24)};
    rpc_answer_number(answer, 1, 1);
    rpc_answer_bytes(answer, 2, bytes, sizeof(bytes));
}

/* ---- all ---- */

static void alloc(board *b, const rpc_request *request, rpc_answer *answer)
{
    const bool done = b->host_file[0] != '\0' &&
                      board_memory_alloc(&b->memory, request->number[1], request->number[2]);
    rpc_answer_number(answer, 1, done);
    if (done) {
        rpc_answer_bytes(answer, 2, b->host_file, strlen(b->host_file));
    } else {
        complain("a buffer cannot be allocated", "");
    }
}

board_next board_handle(board *b, const rpc_request *request, rpc_answer *answer)
{
    board_next next = BOARD_ANSWER;
    rpc_answer_begin(answer);
    switch (request->call) {
    case RPC_CLOSE:
        rpc_answer_number(answer, 1, 1);
        next = request->number[3] != 0 ? BOARD_END : BOARD_ANSWER;
        break;
    case RPC_LOAD_BITSTREAM:
        rpc_answer_number(answer, 1, load(b, request));
        break;
    case RPC_ALLOC_BUFFER:
        alloc(b, request, answer);
        break;
    case RPC_FREE_BUFFER:
        rpc_answer_number(answer, 1, board_memory_free(&b->memory, request->number[1]));
        break;
    case RPC_COPY_TO_DEVICE:
        copy_to_device(b, request, answer);
        break;
    case RPC_COPY_FROM_DEVICE:
        copy_from_device(b, request, answer);
        break;
    case RPC_WRITE_CONTROL:
        next = write_registers(b, request->number[2], &request->bytes[4], answer);
        break;
    case RPC_READ_CONTROL:
        read_register(b, request->number[2], answer);
        break;
    case RPC_REGISTER_WRITE:
        next =
            write_registers(b, request->number[1] + request->number[2], &request->bytes[3], answer);
        break;
    case RPC_REGISTER_READ:
        read_register(b, request->number[1] + request->number[2], answer);
        break;
    default:
        rpc_answer_number(answer, 1, 1); /* set-up calls: nothing to do */
    }
    rpc_answer_end(answer);
    return next;
}
