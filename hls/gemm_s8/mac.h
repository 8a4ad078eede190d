/* The array: ROWS x COLUMNS sums of DEPTH products in a cycle, two products in a DSP slice. */
#ifndef DAVIT_GEMM_MAC_H
#define DAVIT_GEMM_MAC_H

#include "rows.h"
#include "weights.h"

enum { PAIRS = COLUMNS / 2, FIELD = 18 };

/* K is at most 2^14 and a product at most 2^14 in magnitude. */
typedef ap_int<30> sum_t;
/* Two s8 weights FIELD bits apart: the wide operand of the multiplier. */
typedef ap_int<27> packed_t;
typedef ap_int<48> cascade_t;

/* The sums of one row of a tile. */
struct sum_row {
    sum_t column[COLUMNS];
};

/* The two sums of a cascade. The low field holds the first; when it is negative, it borrowed one
 * from the upper field, which the carry gives back. Holds while the low sum fits FIELD bits. */
static inline void split_cascade(cascade_t cascade, ap_int<20> &low, ap_int<20> &high)
{
#pragma HLS INLINE
    const ap_int<FIELD> field = as_signed<FIELD>(cascade.range(FIELD - 1, 0));
    const ap_int<30> upper = as_signed<30>(cascade.range(47, FIELD));
    const int carry = field < 0 ? 1 : 0;
    low = (int)field;
    high = (int)upper + carry;
}

/* The weights of a k-step, as the multipliers take them. */
struct packed_step {
    packed_t pair[DEPTH][PAIRS];
};

static void pack_weights(const column_step &b, packed_step &packed)
{
#pragma HLS INLINE
    for (int p = 0; p < PAIRS; p++) {
#pragma HLS UNROLL
        for (int d = 0; d < DEPTH; d++) {
#pragma HLS UNROLL
            const ap_int<8> w0 = as_signed<8>(b.column[2 * p].range(8 * d + 7, 8 * d));
            const ap_int<8> w1 = as_signed<8>(b.column[2 * p + 1].range(8 * d + 7, 8 * d));
            packed.pair[d][p] = (int)w1 * (1 << FIELD) + (int)w0;
        }
    }
}

/* Adds one k-step to the sums of one row. */
static void mac_row(ap_uint<64> a, const packed_step &b, bool first, sum_row &sums)
{
#pragma HLS INLINE
    for (int p = 0; p < PAIRS; p++) {
#pragma HLS UNROLL
        sum_t even = first ? sum_t(0) : sums.column[2 * p];
        sum_t odd = first ? sum_t(0) : sums.column[2 * p + 1];
        for (int begin = 0; begin < DEPTH; begin += CASCADE) {
#pragma HLS UNROLL
            cascade_t cascade = 0;
            for (int i = 0; i < CASCADE; i++) {
#pragma HLS UNROLL
                const int d = begin + i;
                const ap_int<8> x = as_signed<8>(a.range(8 * d + 7, 8 * d));
                const ap_int<35> product = (long long)b.pair[d][p] * (long long)x;
#pragma HLS BIND_OP variable = product op = mul impl = dsp
                cascade += product;
            }
            ap_int<20> low, high;
            split_cascade(cascade, low, high);
            even += low;
            odd += high;
        }
        sums.column[2 * p] = even;
        sums.column[2 * p + 1] = odd;
    }
}

/* A tile takes max(k_steps, ROWS) cycles; meanwhile the rows of the tile before leave, one a cycle.
 * Rows behind the last pixel are computed but do not leave. */
template <int D1, int D2, int D3>
static void mac_process(gemm_job job, hls::stream<row_step, D1> &a, hls::stream<column_step, D2> &b,
                        hls::stream<sum_row, D3> &out)
{
    sum_row sums[ROWS];
    sum_row leaving[ROWS];
#pragma HLS ARRAY_PARTITION variable = sums complete dim = 0
#pragma HLS ARRAY_PARTITION variable = leaving complete dim = 0
    const uint32_t cycles = job.k_steps > ROWS ? job.k_steps : (uint32_t)ROWS;
    uint32_t panel = 0, tile = 0, column_tile = 0, step = 0;
    uint32_t leaving_rows = 0; /* of the tile before */
mac:
    while (panel < job.panels || leaving_rows > 0) {
#pragma HLS PIPELINE II = 1
        const bool computing = panel < job.panels && step < job.k_steps;
        if (step < leaving_rows) {
            out.write(leaving[0]);
            for (int r = 0; r + 1 < ROWS; r++) {
#pragma HLS UNROLL
                leaving[r] = leaving[r + 1];
            }
        }
        if (computing) {
            const row_step rows = a.read();
            const column_step columns = b.read();
            packed_step packed;
            pack_weights(columns, packed);
            for (int r = 0; r < ROWS; r++) {
#pragma HLS UNROLL
                mac_row(rows.row[r], packed, step == 0, sums[r]);
            }
        }
        step++;
        if (step == cycles) {
            step = 0;
            leaving_rows = 0;
            if (panel < job.panels) {
                leaving_rows = rows_of_tile(job, tile);
                for (int r = 0; r < ROWS; r++) {
#pragma HLS UNROLL
                    leaving[r] = sums[r];
                }
                column_tile++;
                if (column_tile == tiles_of_panel(job, panel)) {
                    column_tile = 0;
                    tile++;
                    if (tile == job.m_tiles) {
                        tile = 0;
                        panel++;
                    }
                }
            }
        }
    }
}

#endif
