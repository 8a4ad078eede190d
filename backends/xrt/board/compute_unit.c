#include "compute_unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    CONTROL = 0,
    START = 1,
    DONE = 2,
    IDLE = 4,
    WAIT_NS = 500000 /* at most, in one read of a running unit's control */
};

static void *run_unit(void *argument)
{
    board_unit *unit = argument;
    (void)pthread_mutex_lock(&unit->lock);
    while (!unit->ending) {
        if (unit->state != BOARD_UNIT_RUNNING) {
            (void)pthread_cond_wait(&unit->changed, &unit->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&unit->lock);
        const char *error = board_kernels_run(unit->kernels, &unit->kernel, unit->arguments);
        if (error != NULL) {
            fprintf(stderr, "davit-fpga-board: %s: %s\n", unit->name, error);
        }
        (void)pthread_mutex_lock(&unit->lock);
        unit->state = error == NULL ? BOARD_UNIT_DONE : BOARD_UNIT_HANGING;
        (void)pthread_cond_broadcast(&unit->changed);
    }
    (void)pthread_mutex_unlock(&unit->lock);
    return NULL;
}

bool board_unit_open(board_unit *unit)
{
    unit->state = BOARD_UNIT_IDLE;
    unit->ending = false;
    (void)pthread_mutex_init(&unit->lock, NULL);
    (void)pthread_cond_init(&unit->changed, NULL);
    if (pthread_create(&unit->thread, NULL, run_unit, unit) != 0) {
        (void)pthread_cond_destroy(&unit->changed);
        (void)pthread_mutex_destroy(&unit->lock);
        return false;
    }
    return true;
}

void board_unit_close(board_unit *unit)
{
    (void)pthread_mutex_lock(&unit->lock);
    unit->ending = true;
    (void)pthread_cond_broadcast(&unit->changed);
    (void)pthread_mutex_unlock(&unit->lock);
    (void)pthread_join(unit->thread, NULL);
    (void)pthread_cond_destroy(&unit->changed);
    (void)pthread_mutex_destroy(&unit->lock);
}

bool board_unit_contains(const board_unit *unit, uint64_t address)
{
    return address >= unit->base_address && address - unit->base_address < sizeof(unit->registers);
}

bool board_unit_write(board_unit *unit, uint64_t address, const uint8_t *bytes, size_t count)
{
    const uint64_t offset = address - unit->base_address;
    if (offset % 4 != 0 || count % 4 != 0) {
        return false;
    }
    const uint64_t room = sizeof(unit->registers) - offset;
    memcpy((uint8_t *)unit->registers + offset, bytes, count < room ? count : room);
    return offset == 0 && count > 0 && (bytes[0] & START) != 0;
}

/* The addresses of the kernel's arguments in the board's memory. A pointer that is 0 stays NULL:
 * the kernel does not use it. */
static const char *gather(board_unit *unit, const board_memory *memory)
{
    for (size_t i = 0; i < unit->form->argument_count; i++) {
        const davit_xclbin_argument *argument = &unit->form->arguments[i];
        uint64_t address;
        memcpy(&address, (const uint8_t *)unit->registers + argument->offset, sizeof(address));
        uint8_t *at = board_memory_at(memory, address, 1);
        if (at == NULL && address != 0) {
            return "an argument's address is in no buffer";
        }
        unit->arguments[i] = at;
    }
    return NULL;
}

const char *board_unit_start(board_unit *unit, const board_memory *memory, board_start how)
{
    (void)pthread_mutex_lock(&unit->lock);
    const char *error = NULL;
    if (unit->state == BOARD_UNIT_RUNNING || unit->state == BOARD_UNIT_HANGING) {
        error = "started while it runs";
    } else if (how == BOARD_START_ABORT) {
        unit->state = BOARD_UNIT_IDLE;
    } else {
        error = how == BOARD_START_RUN ? gather(unit, memory) : NULL;
        unit->state =
            how == BOARD_START_HANG || error != NULL ? BOARD_UNIT_HANGING : BOARD_UNIT_RUNNING;
        (void)pthread_cond_broadcast(&unit->changed);
    }
    (void)pthread_mutex_unlock(&unit->lock);
    return error;
}

static void wait_a_little(board_unit *unit)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WAIT_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    while ((unit->state == BOARD_UNIT_RUNNING || unit->state == BOARD_UNIT_HANGING) &&
           pthread_cond_timedwait(&unit->changed, &unit->lock, &until) == 0) {
    }
}

uint32_t board_unit_read(board_unit *unit, uint64_t address)
{
    const uint64_t offset = address - unit->base_address;
    if (offset != CONTROL) {
        return unit->registers[offset / 4];
    }
    (void)pthread_mutex_lock(&unit->lock);
    wait_a_little(unit);
    uint32_t control;
    switch (unit->state) {
    case BOARD_UNIT_IDLE:
        control = IDLE;
        break;
    case BOARD_UNIT_DONE:
        control = DONE | IDLE;
        unit->state = BOARD_UNIT_IDLE;
        break;
    default:
        control = START;
    }
    (void)pthread_mutex_unlock(&unit->lock);
    return control;
}
