/* The panel buffer of the weights: one panel is loaded while the other is given out, once per tile
 * of pixels. */
#ifndef DAVIT_GEMM_WEIGHTS_H
#define DAVIT_GEMM_WEIGHTS_H

#include "job.h"

/* One k-step: DEPTH bytes of every column. */
struct column_step {
    ap_uint<64> column[COLUMNS];
};

enum { WORD_COLUMNS = WORD / DEPTH }; /* columns in a word of weights */

template <int D1, int D2>
static void weights_process(gemm_job job, hls::stream<word_t, D1> &in,
                            hls::stream<column_step, D2> &out)
{
    column_step half[2 * PANEL_STEPS];
#pragma HLS AGGREGATE variable = half
#pragma HLS BIND_STORAGE variable = half type = ram_2p impl = uram
    column_step filling;
#pragma HLS ARRAY_PARTITION variable = filling.column complete
    uint32_t write_panel = 0, write_step = 0, write_word = 0;
    uint32_t panel = 0, tile = 0, step = 0;
weights:
    while (panel < job.panels) {
#pragma HLS PIPELINE II = 1
#pragma HLS DEPENDENCE variable = half type = inter false
        if (panel < write_panel || step < write_step) {
            out.write(half[(panel & 1) * PANEL_STEPS + step]);
            step++;
            if (step == tiles_of_panel(job, panel) * job.k_steps) {
                step = 0;
                tile++;
                if (tile == job.m_tiles) {
                    tile = 0;
                    panel++;
                }
            }
        }
        if (write_panel < job.panels && write_panel < panel + 2 && !in.empty()) {
            const word_t word = in.read();
            for (int c = 0; c < WORD_COLUMNS; c++) {
#pragma HLS UNROLL
                filling.column[write_word * WORD_COLUMNS + c] =
                    (uint64_t)word.range(64 * c + 63, 64 * c);
            }
            write_word++;
            if (write_word == STEP_WORDS) {
                write_word = 0;
                half[(write_panel & 1) * PANEL_STEPS + write_step] = filling;
                write_step++;
                if (write_step == tiles_of_panel(job, write_panel) * job.k_steps) {
                    write_step = 0;
                    write_panel++;
                }
            }
        }
    }
}

#endif
