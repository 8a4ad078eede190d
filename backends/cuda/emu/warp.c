/* Operations of a warp: lanes wait for the others of their mask, the last one computes. */
#include "block.h"

/* The meeting of that mask, made if there is none. */
static emu_meeting *meeting_of(emu_warp *warp, uint32_t mask, davit_emu_warp_op op)
{
    for (uint32_t i = 0; i < warp->meeting_count; i++) {
        emu_meeting *m = &warp->meetings[i];
        if (m->mask == mask) {
            if (m->op != op) {
                emu_fault("lanes of mask %08x are at different operations", mask);
            }
            return m;
        }
        if ((m->mask & mask) != 0) {
            emu_fault("mask %08x here, %08x in other lanes", mask, m->mask);
        }
    }
    emu_meeting *m = &warp->meetings[warp->meeting_count++];
    m->mask = mask;
    m->arrived = 0;
    m->op = op;
    return m;
}

/* Everything before a __syncwarp of these lanes happened before what follows. */
static void order(emu_worker *w, uint32_t first, uint32_t mask)
{
    uint32_t latest = 0;
    for (uint32_t i = 0; i < WARP; i++) {
        if ((mask >> i & 1) != 0 && w->threads[first + i].warp_epoch > latest) {
            latest = w->threads[first + i].warp_epoch;
        }
    }
    for (uint32_t i = 0; i < WARP; i++) {
        if ((mask >> i & 1) != 0) {
            w->threads[first + i].warp_epoch = latest + 1;
        }
    }
}

void davit_emu_warp_meet(davit_emu_warp_op op, uint32_t mask, void *operand)
{
    emu_thread *self = emu_self();
    emu_worker *w = emu_worker_of(self);
    uint32_t number = self->number / WARP;
    uint32_t lane = self->number % WARP;
    emu_warp *warp = &w->warps[number];
    if ((mask >> lane & 1) == 0) {
        emu_fault("mask %08x leaves out lane %u, which uses it", mask, lane);
    }
    uint32_t gone = mask & (warp->exited | ~warp->present);
    if (gone != 0) {
        emu_fault("mask %08x names lanes that are not there: %08x", mask, gone);
    }
    emu_meeting *m = meeting_of(warp, mask, op);
    m->operands[lane] = operand;
    m->arrived |= UINT32_C(1) << lane;
    if (m->arrived != mask) {
        emu_block_yield(w);
        return;
    }
    if (op != NULL) {
        op(mask, m->operands);
    } else if (w->checked) {
        order(w, number * WARP, mask);
    }
    *m = warp->meetings[--warp->meeting_count];
    emu_block_wake(w, number, mask & ~(UINT32_C(1) << lane));
}

void davit_emu_warp_barrier(uint32_t mask)
{
    davit_emu_warp_meet(NULL, mask, NULL);
}

/* ---- shuffles and votes ---- */

typedef struct shuffle {
    davit_emu_shuffle_kind kind;
    int by, width;
    uint32_t value, result;
} shuffle;

/* As the CUDA C++ programming guide defines __shfl_*_sync: lanes of a segment of `width`. */
static int source_lane(const shuffle *s, int lane)
{
    int base = lane & -s->width;
    int last = base + s->width - 1;
    int from = s->kind == DAVIT_EMU_INDEX  ? base + (s->by & (s->width - 1))
               : s->kind == DAVIT_EMU_UP   ? lane - s->by
               : s->kind == DAVIT_EMU_DOWN ? lane + s->by
                                           : lane ^ s->by;
    bool outside = s->kind == DAVIT_EMU_UP ? from < base : from > last;
    return outside ? lane : from;
}

static void exchange(uint32_t mask, void *const operands[32])
{
    for (int i = 0; i < WARP; i++) {
        if ((mask >> i & 1) == 0) {
            continue;
        }
        shuffle *s = operands[i];
        int from = source_lane(s, i);
        if ((mask >> from & 1) == 0) {
            emu_fault("lane %d shuffles from lane %d, which mask %08x leaves out", i, from, mask);
        }
        s->result = ((const shuffle *)operands[from])->value;
    }
}

uint32_t davit_emu_shuffle(davit_emu_shuffle_kind kind, uint32_t mask, uint32_t value, int by,
                           int width)
{
    shuffle s = {kind, by, width, value, 0};
    if (width < 1 || width > WARP || (width & (width - 1)) != 0) {
        emu_fault("shuffle of width %d", width);
    }
    davit_emu_warp_meet(exchange, mask, &s);
    return s.result;
}

typedef struct vote {
    int predicate;
    uint32_t result;
} vote;

static void count_votes(uint32_t mask, void *const operands[32])
{
    uint32_t result = 0;
    for (uint32_t i = 0; i < WARP; i++) {
        if ((mask >> i & 1) != 0 && ((const vote *)operands[i])->predicate != 0) {
            result |= UINT32_C(1) << i;
        }
    }
    for (uint32_t i = 0; i < WARP; i++) {
        if ((mask >> i & 1) != 0) {
            ((vote *)operands[i])->result = result;
        }
    }
}

uint32_t davit_emu_ballot(uint32_t mask, int predicate)
{
    vote v = {predicate, 0};
    davit_emu_warp_meet(count_votes, mask, &v);
    return v.result;
}

/* ---- ldmatrix ---- */

typedef struct matrix_load {
    const char *row;
    uint32_t r[4];
} matrix_load;

/* Lane 8 j + i has the address of row i of matrix j; lane l gets the pair l % 4 of row l / 4. */
static void load_matrices(void *const operands[32], uint32_t count)
{
    emu_thread *self = emu_self();
    emu_worker *w = emu_worker_of(self);
    uint32_t first = self->number / WARP * WARP;
    for (uint32_t i = 0; i < 8 * count; i++) {
        const matrix_load *load = operands[i];
        if (((uintptr_t)load->row & 15) != 0) {
            emu_fault("ldmatrix: row of lane %u is not aligned to 16 bytes", i);
        }
        if (w->checked) {
            emu_shadow_read(w, first + i, load->row, 16);
        }
    }
    for (uint32_t j = 0; j < count; j++) {
        for (uint32_t l = 0; l < WARP; l++) {
            const matrix_load *load = operands[8 * j + l / 4];
            __builtin_memcpy(&((matrix_load *)operands[l])->r[j], load->row + l % 4 * 4, 4);
        }
    }
}

static void load_1(uint32_t mask, void *const operands[32])
{
    (void)mask;
    load_matrices(operands, 1);
}

static void load_2(uint32_t mask, void *const operands[32])
{
    (void)mask;
    load_matrices(operands, 2);
}

static void load_4(uint32_t mask, void *const operands[32])
{
    (void)mask;
    load_matrices(operands, 4);
}

void davit_emu_ldmatrix(uint32_t *to, int count, const void *row)
{
    matrix_load load;
    load.row = row;
    davit_emu_warp_meet(count == 4 ? load_4 : count == 2 ? load_2 : load_1, UINT32_MAX, &load);
    for (int i = 0; i < count; i++) {
        to[i] = load.r[i];
    }
}
