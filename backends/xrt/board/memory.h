/* The memory of an emulated board: a range of addresses of which only allocated buffers can be
 * touched. It is apart from the file that the host maps (one for the board, at the offset of a
 * buffer's address; the shim maps 2 GiB of it each time), so that a forgotten copy shows as a wrong
 * result, as on a card. */
#ifndef DAVIT_BOARD_MEMORY_H
#define DAVIT_BOARD_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOARD_MEMORY_BYTES ((uint64_t)1 << 38) /* highest address + 1 */

typedef struct board_buffer {
    uint64_t address, bytes; /* bytes as asked for; pages are allocated */
} board_buffer;

typedef struct board_memory {
    uint8_t *base;         /* of address 0; NULL: not opened */
    board_buffer *buffers; /* by address */
    size_t count, capacity;
    int host_file; /* what the host maps; -1: not made */
} board_memory;

/* Returns false when the addresses cannot be reserved. */
bool board_memory_open(board_memory *memory);
void board_memory_close(board_memory *memory);

/* Makes the file for the host, once; it is sparse. Returns false when the system refuses. */
bool board_memory_make_file(board_memory *memory, const char *path);

/* Allocates bytes (0 counts as 1) at address, a multiple of the page size, zeroed. False when the
 * range is not free or the system refuses. */
bool board_memory_alloc(board_memory *memory, uint64_t address, uint64_t bytes);
/* Returns false when no buffer begins there. */
bool board_memory_free(board_memory *memory, uint64_t address);

/* Where [address, address + bytes) lies; NULL unless it is inside one buffer. */
uint8_t *board_memory_at(const board_memory *memory, uint64_t address, uint64_t bytes);

#endif
