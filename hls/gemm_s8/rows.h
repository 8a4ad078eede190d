/* From chunks of single rows to k-steps of the array: the corner turn, and the buffer that gives
 * the rows of a tile to every column tile of the panel. */
#ifndef DAVIT_GEMM_ROWS_H
#define DAVIT_GEMM_ROWS_H

#include "job.h"

/* One k-step: DEPTH bytes of every row. */
struct row_step {
    ap_uint<64> row[ROWS];
};

/* Counts the chunk sets of the segments: how many k-steps each has. */
struct chunk_counter {
    int32_t left; /* bytes of the segment */
};

static inline uint32_t next_chunk_steps(const gemm_job &job, chunk_counter &counter)
{
#pragma HLS INLINE
    const int32_t left = counter.left;
    counter.left = left > (int32_t)WORD ? left - (int32_t)WORD : job.segment_bytes;
    return left >= (int32_t)WORD ? (uint32_t)CHUNK_STEPS : (uint32_t)((left + DEPTH - 1) / DEPTH);
}

/* Collects one chunk of every row while the k-steps of the set before leave. */
template <int D1, int D2>
static void turn_process(gemm_job job, hls::stream<word_t, D1> &in, hls::stream<row_step, D2> &out)
{
    word_t now[ROWS];
    word_t next[ROWS];
#pragma HLS ARRAY_PARTITION variable = now complete
#pragma HLS ARRAY_PARTITION variable = next complete
    const uint32_t tile_steps = job.k_steps;
    uint32_t tiles_left = job.panels * job.m_tiles; /* whose chunks are to be read */
    uint32_t steps_left = tile_steps;               /* of that tile */
    uint32_t now_steps = 0;
    uint32_t i = 0;
    chunk_counter counter = {job.segment_bytes};
turn:
    while (tiles_left > 0 || now_steps > 0) {
#pragma HLS PIPELINE II = 1
        const bool reading = tiles_left > 0;
        if (reading && i < ROWS) {
            next[i] = in.read();
        }
        if (i < now_steps) {
            row_step step;
            for (int r = 0; r < ROWS; r++) {
#pragma HLS UNROLL
                step.row[r] = (uint64_t)now[r].range(63, 0);
                now[r] = now[r] >> 64;
            }
            out.write(step);
        }
        i++;
        if (i >= now_steps && (!reading || i >= ROWS)) {
            i = 0;
            now_steps = 0;
            if (reading) {
                for (int r = 0; r < ROWS; r++) {
#pragma HLS UNROLL
                    now[r] = next[r];
                }
                now_steps = next_chunk_steps(job, counter);
                steps_left -= now_steps;
                if (steps_left == 0) {
                    steps_left = tile_steps;
                    tiles_left--;
                }
            }
        }
    }
}

/* Two tiles of rows: one is filled while the other is given out, once per column tile. */
template <int D1, int D2>
static void rows_process(gemm_job job, hls::stream<row_step, D1> &in,
                         hls::stream<row_step, D2> &out)
{
    row_step half[2 * TILE_STEPS];
#pragma HLS AGGREGATE variable = half
#pragma HLS BIND_STORAGE variable = half type = ram_2p impl = uram
    const uint32_t total = job.panels * job.m_tiles; /* tiles */
    uint32_t write_tile = 0, write_step = 0;
    uint32_t tile = 0, panel = 0, tile_of_panel = 0, column_tile = 0, step = 0;
rows:
    while (tile < total) {
#pragma HLS PIPELINE II = 1
#pragma HLS DEPENDENCE variable = half type = inter false
        if (tile < write_tile || step < write_step) {
            out.write(half[(tile & 1) * TILE_STEPS + step]);
            step++;
            if (step == job.k_steps) {
                step = 0;
                column_tile++;
                if (column_tile == tiles_of_panel(job, panel)) {
                    column_tile = 0;
                    tile++;
                    tile_of_panel++;
                    if (tile_of_panel == job.m_tiles) {
                        tile_of_panel = 0;
                        panel++;
                    }
                }
            }
        }
        if (write_tile < total && write_tile < tile + 2 && !in.empty()) {
            half[(write_tile & 1) * TILE_STEPS + write_step] = in.read();
            write_step++;
            if (write_step == job.k_steps) {
                write_step = 0;
                write_tile++;
            }
        }
    }
}

#endif
