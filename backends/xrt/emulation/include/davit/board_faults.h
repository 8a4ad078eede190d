/* What emulated boards do wrong on request: a text that the launcher hands to the device processes,
 * so that a failure comes at the same place in every run.
 *
 *   FAULTS = FAULT[,FAULT]...      FAULT = [BOARD:]KIND@N[+M]
 *
 *   hang@7     the 7th kernel start of the board never ends
 *   error@7    the 7th kernel start ends at once and writes nothing (XRT takes it for done)
 *   lost@7     the board's process ends at the 7th kernel start
 *   mute@7     from the 7th kernel start on the board answers nothing
 *   corrupt@3  the 3rd copy from the board has one bit wrong
 *   slow@50    copies take their time: 50 MB/s
 *   refuse@2   the 2nd load of a bitstream fails
 *   random@5   hang, lost, mute or refuse at a place between 1 and 40, drawn from seed 5
 *
 * With +M again at every Mth behind the Nth: error@7+10. BOARD is the device index; without it all
 * boards do the same. Counts go on when a board is closed and opened again. */
#ifndef DAVIT_BOARD_FAULTS_H
#define DAVIT_BOARD_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum board_fault_kind {
    BOARD_FAULT_HANG,
    BOARD_FAULT_ERROR,
    BOARD_FAULT_LOST,
    BOARD_FAULT_MUTE,
    BOARD_FAULT_CORRUPT,
    BOARD_FAULT_SLOW,
    BOARD_FAULT_REFUSE,
    BOARD_FAULT_KINDS
} board_fault_kind;

typedef struct board_faults {
    uint64_t at[BOARD_FAULT_KINDS];    /* N; 0: never */
    uint64_t every[BOARD_FAULT_KINDS]; /* M; 0: once */
} board_faults;

/* Reads a text for one board. Returns NULL, or what is wrong: a word of the text and what is
 * expected, static until the next call. Not reentrant. */
const char *board_faults_parse(const char *text, unsigned board, board_faults *out);

/* Whether the number-th of what a kind counts is to go wrong. */
bool board_fault_is_due(const board_faults *faults, board_fault_kind kind, uint64_t number);

/* The name of a kind, as in the text. */
const char *board_fault_name(board_fault_kind kind);

#ifdef __cplusplus
}
#endif
#endif
