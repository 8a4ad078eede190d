#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "davit/board_faults.h"

static const char *const names[BOARD_FAULT_KINDS] = {
    [BOARD_FAULT_HANG] = "hang",     [BOARD_FAULT_ERROR] = "error",     [BOARD_FAULT_LOST] = "lost",
    [BOARD_FAULT_MUTE] = "mute",     [BOARD_FAULT_CORRUPT] = "corrupt", [BOARD_FAULT_SLOW] = "slow",
    [BOARD_FAULT_REFUSE] = "refuse",
};

enum { RANDOM_PLACES = 40 };

const char *board_fault_name(board_fault_kind kind)
{
    return names[kind];
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Of the kinds after which a board cannot be used any more. */
static void draw(uint64_t seed, board_faults *out)
{
    static const board_fault_kind kinds[] = {BOARD_FAULT_HANG, BOARD_FAULT_LOST, BOARD_FAULT_MUTE,
                                             BOARD_FAULT_REFUSE};
    const uint64_t kind = next_random(&seed) % (sizeof(kinds) / sizeof(kinds[0]));
    const uint64_t place = 1 + next_random(&seed) % RANDOM_PLACES;
    out->at[kinds[kind]] = kinds[kind] == BOARD_FAULT_REFUSE ? 1 : place;
}

bool board_fault_is_due(const board_faults *faults, board_fault_kind kind, uint64_t number)
{
    uint64_t at = faults->at[kind], every = faults->every[kind];
    return at != 0 && (number == at || (every != 0 && number > at && (number - at) % every == 0));
}

static bool read_number(const char **text, uint64_t *value)
{
    if (!isdigit((unsigned char)**text)) {
        return false;
    }
    char *end;
    errno = 0;
    *value = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0;
}

/* One [BOARD:]KIND@N[+M], up to a comma or the end. */
static bool parse_one(const char *text, unsigned board, board_faults *out)
{
    uint64_t only = board, place, every = 0;
    if (isdigit((unsigned char)*text) && (!read_number(&text, &only) || *text++ != ':')) {
        return false;
    }
    const size_t length = strcspn(text, "@,");
    const char *number = text + length + 1;
    if (text[length] != '@' || !read_number(&number, &place) ||
        (*number == '+' && (number++, !read_number(&number, &every) || every == 0)) ||
        (*number != '\0' && *number != ',')) {
        return false;
    }
    if (length == strlen("random") && strncmp(text, "random", length) == 0) {
        if (only == board) {
            draw(place, out);
        }
        return true;
    }
    for (int kind = 0; kind < BOARD_FAULT_KINDS; kind++) {
        if (strlen(names[kind]) == length && strncmp(text, names[kind], length) == 0) {
            if (only == board) {
                out->at[kind] = place;
                out->every[kind] = every;
            }
            return place > 0;
        }
    }
    return false;
}

const char *board_faults_parse(const char *text, unsigned board, board_faults *out)
{
    static char message[256];
    board_faults faults = {0};
    while (*text != '\0') {
        if (!parse_one(text, board, &faults)) {
            (void)snprintf(
                message, sizeof(message),
                "'%.*s': expected [BOARD:]KIND@N[+M], KIND one of hang, error, lost, mute, "
                "corrupt, slow, refuse, random, N and M from 1",
                (int)(strcspn(text, ",") & 0x3f), text);
            return message;
        }
        text += strcspn(text, ",");
        text += *text == ',';
    }
    *out = faults;
    return NULL;
}
