#include "board.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signals.h"

#define NS_PER_S 1000000000ull
/* Programming a card takes seconds. */
#define OPEN_LIMIT_NS (120 * NS_PER_S)
#define CLOSE_LIMIT_NS (5 * NS_PER_S)

static struct {
    pthread_mutex_t mutex;
    davit_xrt_board *first;
} boards = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* ---- jobs ---- */

davit_status davit_xrt_board_do(davit_xrt_board *board, const davit_device *device,
                                const char *doing, davit_xrt_work work, void *arguments,
                                uint64_t deadline_ns)
{
    bool silent;
    davit_status status = davit_xrt_thread_do(board->thread, work, arguments, deadline_ns, &silent);
    if (status == DAVIT_OK || !silent) {
        return status;
    }
    const davit_diagnostics *diag = device->options.diag;
    if (status == DAVIT_DEVICE_LOST) {
        return davit_fail(diag, status,
                          "device '%s' is lost: the driver did not come back from %s, or the board "
                          "failed before",
                          device->info.name, doing);
    }
    return davit_fail(diag, status, "device '%s': %s: %s", device->info.name, doing,
                      status == DAVIT_DEADLINE_EXCEEDED ? "the deadline passed before its turn"
                                                        : davit_status_text(status));
}

davit_status davit_xrt_board_lose(davit_xrt_board *board, const davit_diagnostics *diag,
                                  const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    davit_xrt_thread_lose(board->thread);
    return davit_fail(diag, DAVIT_DEVICE_LOST, "device '%s' is lost: %s", board->target.name, text);
}

/* ---- opening ---- */

typedef struct opening {
    davit_xrt_board *board;
    const davit_bitstream_image *image;
    const davit_diagnostics *diag;
} opening;

static davit_status refuse(const opening *o, const char *what)
{
    return davit_fail(o->diag, DAVIT_UNAVAILABLE, "device '%s': XRT cannot %s",
                      o->board->target.name, what);
}

static davit_status load(davit_xrt_job *job, const opening *o, xuid_t uuid)
{
    const davit_xrt_driver *driver = o->board->driver;
    davit_saved_signals saved;
    davit_signals_save(&saved);
    davit_xrt_enter(job);
    xrtDeviceHandle device = driver->device_open(o->board->target.index);
    if (!davit_xrt_leave(job)) {
        return DAVIT_DEVICE_LOST;
    }
    if (device == NULL) {
        davit_signals_restore(&saved);
        return refuse(o, "open the board");
    }
    o->board->device = device;
    davit_xrt_enter(job);
    int error = driver->device_load(device, (const struct axlf *)o->image->bytes);
    bool wrong = error == 0 && (driver->device_uuid(device, uuid) != 0 ||
                                memcmp(uuid, o->image->xclbin.uuid, sizeof(xuid_t)) != 0);
    if (!davit_xrt_leave(job)) {
        return DAVIT_DEVICE_LOST;
    }
    davit_signals_restore(&saved);
    if (error != 0) {
        return refuse(o, "load the bitstream");
    }
    return wrong ? refuse(o, "say that it loaded this bitstream") : DAVIT_OK;
}

/* A compute unit, with the memory group of its first argument. */
typedef struct open_kernel {
    xrtKernelHandle kernel;
    xrtRunHandle run;
    int group;
} open_kernel;

static davit_status open_unit(davit_xrt_job *job, const opening *o, const xuid_t uuid,
                              const davit_xclbin_compute_unit *unit, open_kernel *out)
{
    const davit_xrt_driver *driver = o->board->driver;
    char name[256];
    (void)snprintf(name, sizeof(name), "%s:{%s}", o->image->xclbin.kernels[unit->kernel].name,
                   unit->name);
    davit_xrt_enter(job);
    xrtKernelHandle kernel = driver->kernel_open(o->board->device, uuid, name);
    int group = kernel != NULL ? driver->kernel_group(kernel, 0) : -1;
    xrtRunHandle run = kernel != NULL ? driver->run_open(kernel) : NULL;
    if (!davit_xrt_leave(job)) {
        return DAVIT_DEVICE_LOST;
    }
    if (run == NULL || group < 0) {
        return refuse(o, "open a compute unit");
    }
    *out = (open_kernel){kernel, run, group};
    return DAVIT_OK;
}

static bool is_kernel(const opening *o, size_t unit, const char *name)
{
    const davit_xclbin *xclbin = &o->image->xclbin;
    return strcmp(xclbin->kernels[xclbin->compute_units[unit].kernel].name, name) == 0;
}

/* A lane for each gemm_s8; a vector_s8 joins the first lane of its bank that has none. */
static davit_status open_units(davit_xrt_job *job, const opening *o, const xuid_t uuid)
{
    davit_xrt_board *board = o->board;
    const davit_xclbin *xclbin = &o->image->xclbin;
    for (int vector = 0; vector < 2; vector++) {
        for (size_t i = 0; i < xclbin->compute_unit_count; i++) {
            open_kernel opened;
            if (!is_kernel(o, i, vector ? "vector_s8" : "gemm_s8") ||
                (!vector && board->lane_count == DAVIT_XRT_MAX_LANES)) {
                continue;
            }
            davit_status status = open_unit(job, o, uuid, &xclbin->compute_units[i], &opened);
            if (status != DAVIT_OK) {
                return status;
            }
            if (!vector) {
                davit_xrt_lane *lane = &board->lanes[board->lane_count++];
                lane->gemm = opened.kernel;
                lane->gemm_run = opened.run;
                davit_xrt_bank_init(&lane->bank, opened.group);
                continue;
            }
            size_t l = 0;
            while (l < board->lane_count &&
                   (board->lanes[l].vector != NULL || board->lanes[l].bank.group != opened.group)) {
                l++;
            }
            if (l < board->lane_count) {
                board->lanes[l].vector = opened.kernel;
                board->lanes[l].vector_run = opened.run;
            }
        }
    }
    return DAVIT_OK;
}

static davit_status open_board(davit_xrt_job *job, void *arguments)
{
    const opening *o = arguments;
    xuid_t uuid;
    davit_status status = load(job, o, uuid);
    if (status == DAVIT_OK) {
        status = open_units(job, o, uuid);
    }
    if (status != DAVIT_OK) {
        return status;
    }
    for (size_t l = 0; l < o->board->lane_count; l++) {
        if (o->board->lanes[l].vector == NULL) {
            return refuse(o, "find a vector_s8 on the memory bank of each gemm_s8");
        }
    }
    return o->board->lane_count > 0 ? DAVIT_OK : refuse(o, "find a gemm_s8");
}

/* ---- closing ---- */

/* Runs after the last program was freed. */
static davit_status close_board(davit_xrt_job *job, void *arguments)
{
    davit_xrt_board *board = arguments;
    const davit_xrt_driver *driver = board->driver;
    for (size_t l = 0; l < board->lane_count; l++) {
        davit_xrt_lane *lane = &board->lanes[l];
        if (davit_xrt_bank_close(job, driver, &lane->bank) != DAVIT_OK) {
            return DAVIT_DEVICE_LOST;
        }
        davit_xrt_lane closing = *lane;
        davit_xrt_enter(job);
        (void)driver->run_close(closing.gemm_run);
        (void)driver->kernel_close(closing.gemm);
        if (closing.vector != NULL) {
            (void)driver->run_close(closing.vector_run);
            (void)driver->kernel_close(closing.vector);
        }
        if (!davit_xrt_leave(job)) {
            return DAVIT_DEVICE_LOST;
        }
    }
    davit_xrt_enter(job);
    if (board->device != NULL) {
        (void)driver->device_close(board->device);
    }
    return davit_xrt_leave(job) ? DAVIT_OK : DAVIT_DEVICE_LOST;
}

/* A board that cannot be closed stays with all that the driver may still touch, and in the list:
 * the driver would hang or crash if it were opened once more. */
static void destroy(davit_xrt_board *board)
{
    davit_status status = davit_xrt_thread_finish(board->thread, close_board, board,
                                                  davit_deadline_after(CLOSE_LIMIT_NS));
    davit_xrt_thread_destroy(board->thread);
    if (status == DAVIT_OK) {
        free(board);
        return;
    }
    board->thread = NULL;
    board->next = boards.first;
    boards.first = board;
}

/* ---- the list ---- */

static davit_status find_target(const davit_device_info *info, const davit_diagnostics *diag,
                                davit_xrt_target *out)
{
    davit_xrt_target targets[DAVIT_XRT_MAX_BOARDS];
    size_t count = davit_xrt_boards_list(targets);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(targets[i].name, info->name) == 0) {
            *out = targets[i];
            return targets[i].unusable[0] == '\0'
                       ? DAVIT_OK
                       : davit_fail(diag, DAVIT_UNAVAILABLE, "device '%s' is not usable: %s",
                                    info->name, targets[i].unusable);
        }
    }
    return davit_fail(diag, DAVIT_NOT_FOUND, "device '%s' is not there any more", info->name);
}

static davit_status create(const davit_device_info *info, const davit_diagnostics *diag,
                           davit_xrt_board **out)
{
    davit_xrt_target target;
    davit_bitstream_image image;
    bool silent;
    davit_status status = find_target(info, diag, &target);
    if (status != DAVIT_OK) {
        return status;
    }
    davit_bitstream_target wanted = {.platform = target.platform,
                                     .has_interface = target.has_interface,
                                     .emulation = target.emulated};
    memcpy(wanted.interface_uuid, target.interface_uuid, sizeof(wanted.interface_uuid));
    status = davit_bitstream_choose(davit_allocator_default(),
                                    target.bitstream[0] != '\0' ? target.bitstream : NULL, &wanted,
                                    diag, &image);
    if (status != DAVIT_OK) {
        return status;
    }
    const char *why = "out of memory";
    davit_xrt_board *board = calloc(1, sizeof(*board));
    davit_xrt_thread *thread = board != NULL ? davit_xrt_thread_create() : NULL;
    if (thread == NULL) {
        free(board);
        davit_bitstream_unload(&image);
        return davit_fail(diag, DAVIT_OUT_OF_MEMORY, "device '%s': no memory for a board",
                          info->name);
    }
    *board = (davit_xrt_board){
        .driver = davit_xrt_driver_get(&why), .target = target, .thread = thread, .references = 1};
    opening o = {board, &image, diag};
    status =
        davit_xrt_thread_do(thread, open_board, &o, davit_deadline_after(OPEN_LIMIT_NS), &silent);
    if (status != DAVIT_OK) {
        if (silent) {
            (void)davit_fail(diag, status, "device '%s': XRT did not come back from opening it",
                             info->name);
        }
        destroy(board);
    } else {
        *out = board;
    }
    /* The image stays where a stuck driver may read it. */
    if (status != DAVIT_DEVICE_LOST) {
        davit_bitstream_unload(&image);
    }
    return status;
}

/* A lost board is not given out again: when it is closed, it is opened anew. */
davit_status davit_xrt_board_acquire(const davit_device_info *info, const davit_diagnostics *diag,
                                     davit_xrt_board **out)
{
    davit_status status = DAVIT_OK;
    pthread_mutex_lock(&boards.mutex);
    davit_xrt_board *board = boards.first;
    while (board != NULL && strcmp(board->target.name, info->name) != 0) {
        board = board->next;
    }
    if (board != NULL && board->thread == NULL) {
        status = davit_fail(diag, DAVIT_DEVICE_LOST,
                            "device '%s' is lost: the driver still waits for work on it that never "
                            "ended, so only a new process can open it again",
                            info->name);
    } else if (board != NULL && davit_xrt_thread_lost(board->thread)) {
        status = davit_fail(diag, DAVIT_DEVICE_LOST, "device '%s' is lost", info->name);
    } else if (board != NULL) {
        board->references++;
    } else {
        status = create(info, diag, &board);
        if (status == DAVIT_OK) {
            board->next = boards.first;
            boards.first = board;
        }
    }
    pthread_mutex_unlock(&boards.mutex);
    if (status == DAVIT_OK) {
        *out = board;
    }
    return status;
}

void davit_xrt_board_release(davit_xrt_board *board)
{
    pthread_mutex_lock(&boards.mutex);
    if (--board->references == 0) {
        davit_xrt_board **link = &boards.first;
        while (*link != board) {
            link = &(*link)->next;
        }
        *link = board->next;
        destroy(board);
    }
    pthread_mutex_unlock(&boards.mutex);
}
