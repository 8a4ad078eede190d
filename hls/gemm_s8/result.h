/* From sums to bytes in memory: requantisation, and the order of rows in place of tiles, both for
 * the result and, backwards, for the residual. */
#ifndef DAVIT_GEMM_RESULT_H
#define DAVIT_GEMM_RESULT_H

#include "mac.h"

/* The bytes of one row of a column tile. */
struct tile_row {
    ap_uint<8 * COLUMNS> bytes;
};

struct table_row {
    uint32_t correction[COLUMNS], bias[COLUMNS], scale[COLUMNS];
};

/* The parameters of all columns: 16 fields a word, corrections, biases and scales of a tile. */
template <int D1>
static void read_table(const gemm_job &job, hls::stream<word_t, D1> &in, table_row *table)
{
load_tiles:
    for (uint32_t tile = 0; tile < job.n_tiles; tile++) {
        for (int w = 0; w < TILE_WORDS; w++) {
#pragma HLS PIPELINE II = 1
            const word_t word = in.read();
            for (int i = 0; i < TABLE_FIELDS; i++) {
#pragma HLS UNROLL
                const int field = w * TABLE_FIELDS + i;
                const int column = field % COLUMNS;
                const uint32_t value = field32(word, i);
                if (field < COLUMNS) {
                    table[tile].correction[column] = value;
                } else if (field < 2 * COLUMNS) {
                    table[tile].bias[column] = value;
                } else {
                    table[tile].scale[column] = value;
                }
            }
        }
    }
}

static tile_row requantise_row(const gemm_job &job, const sum_row &sums, const table_row &table,
                               const tile_row &residual)
{
#pragma HLS INLINE
    tile_row out;
    out.bytes = 0;
    for (int c = 0; c < COLUMNS; c++) {
#pragma HLS UNROLL
        const ap_int<32> acc =
            (long long)sums.column[c] + (long long)as_signed<32>(table.correction[c]);
        const uint64_t byte = residual.bytes.range(8 * c + 7, 8 * c);
        const int q = job.residual_u8 ? (int)byte : (int)as_signed<8>(byte);
        const ap_int<9> previous = job.residual ? q - job.residual_zero : 0;
        out.bytes.range(8 * c + 7, 8 * c) =
            (uint64_t)requantise_lane(acc, as_float(table.bias[c]), as_float(table.scale[c]),
                                      previous, job.residual_scale, job.finish);
    }
    return out;
}

template <int D1, int D2, int D3, int D4>
static void requantise_process(gemm_job job, hls::stream<word_t, D1> &parameters,
                               hls::stream<sum_row, D2> &sums, hls::stream<tile_row, D3> &residual,
                               hls::stream<tile_row, D4> &out)
{
    table_row table[TABLE_TILES];
#pragma HLS AGGREGATE variable = table
#pragma HLS BIND_STORAGE variable = table type = ram_2p impl = bram
    read_table(job, parameters, table);
    uint32_t panel = 0, first_tile = 0, tile = 0, column_tile = 0, row = 0;
requantise:
    while (panel < job.panels) {
#pragma HLS PIPELINE II = 1
        tile_row previous;
        previous.bytes = 0;
        if (job.residual) {
            previous = residual.read();
        }
        out.write(requantise_row(job, sums.read(), table[first_tile + column_tile], previous));
        row++;
        if (row == rows_of_tile(job, tile)) {
            row = 0;
            column_tile++;
            if (column_tile == tiles_of_panel(job, panel)) {
                column_tile = 0;
                tile++;
                if (tile == job.m_tiles) {
                    tile = 0;
                    first_tile += job.panel_tiles;
                    panel++;
                }
            }
        }
    }
}

/* Walks the chunks of all m tiles, either rows innermost (as tiles leave the array) or column tiles
 * innermost (as rows lie in memory). */
struct chunk_walk {
    uint32_t panel, tile, column_tile, row;
    uint32_t number; /* of m tiles behind */
};

/* The slot of the chunk in a buffer of two m tiles. */
static inline uint32_t slot_of(const chunk_walk &w)
{
#pragma HLS INLINE
    return ((w.number & 1) * ROWS + w.row) * PANEL_TILES + w.column_tile;
}

static void next_in_walk(const gemm_job &job, chunk_walk &w, bool rows_innermost)
{
#pragma HLS INLINE
    const uint32_t rows = rows_of_tile(job, w.tile);
    const uint32_t tiles = tiles_of_panel(job, w.panel);
    bool complete;
    if (rows_innermost) {
        w.row++;
        const bool next = w.row == rows;
        w.row = next ? 0 : w.row;
        w.column_tile += next ? 1 : 0;
        complete = w.column_tile == tiles;
    } else {
        w.column_tile++;
        const bool next = w.column_tile == tiles;
        w.column_tile = next ? 0 : w.column_tile;
        w.row += next ? 1 : 0;
        complete = w.row == rows;
    }
    if (complete) {
        w.row = 0;
        w.column_tile = 0;
        w.number++;
        w.tile++;
        if (w.tile == job.m_tiles) {
            w.tile = 0;
            w.panel++;
        }
    }
}

/* Tiles to rows, and chunks to words. */
template <int D1, int D2>
static void result_process(gemm_job job, hls::stream<tile_row, D1> &in,
                           hls::stream<word_t, D2> &out)
{
    tile_row buffer[2 * ROWS * PANEL_TILES];
#pragma HLS BIND_STORAGE variable = buffer type = ram_2p impl = bram
    chunk_walk to = {0, 0, 0, 0, 0};
    chunk_walk from = {0, 0, 0, 0, 0};
    word_t pending = word_t(0);
    int position = 0; /* bytes pending */
result:
    while (from.panel < job.panels) {
#pragma HLS PIPELINE II = 1
#pragma HLS DEPENDENCE variable = buffer type = inter false
        const bool there = from.number < to.number;
        if (to.panel < job.panels && to.number - from.number < 2 && !in.empty()) {
            buffer[slot_of(to)] = in.read();
            next_in_walk(job, to, true);
        }
        if (there) {
            const int bytes =
                bytes_of_column_tile(job, from.panel * job.panel_tiles + from.column_tile);
            const word_t chunk =
                pad_outside((word_t)buffer[slot_of(from)].bytes, 0, bytes - 1, ap_uint<8>(0));
            const two_words_t both = (two_words_t)pending | ((two_words_t)chunk << (8 * position));
            position += bytes;
            pending = (word_t)both;
            if (position >= (int)WORD) {
                out.write((word_t)both);
                pending = (word_t)(both >> 512);
                position -= (int)WORD;
            }
            next_in_walk(job, from, false);
        }
    }
    if (position > 0) {
        out.write(pending);
    }
}

/* Words to chunks, and rows to tiles. Nothing without a residual. */
template <int D1, int D2>
static void residual_process(gemm_job job, hls::stream<word_t, D1> &in,
                             hls::stream<tile_row, D2> &out)
{
    if (!job.residual) {
        return;
    }
    tile_row buffer[2 * ROWS * PANEL_TILES];
#pragma HLS BIND_STORAGE variable = buffer type = ram_2p impl = bram
    chunk_walk to = {0, 0, 0, 0, 0};
    chunk_walk from = {0, 0, 0, 0, 0};
    word_t held = word_t(0);
    int position = (int)WORD; /* of the next byte in held */
residual:
    while (from.panel < job.panels) {
#pragma HLS PIPELINE II = 1
#pragma HLS DEPENDENCE variable = buffer type = inter false
        const bool there = from.number < to.number;
        if (to.panel < job.panels && to.number - from.number < 2) {
            const int bytes =
                bytes_of_column_tile(job, to.panel * job.panel_tiles + to.column_tile);
            const bool needs_word = position + bytes > (int)WORD;
            if (!needs_word || !in.empty()) {
                word_t next = word_t(0);
                if (needs_word) {
                    next = in.read();
                }
                tile_row chunk;
                chunk.bytes = position == (int)WORD ? next : take_bytes(held, next, position);
                position += bytes;
                if (needs_word) {
                    held = next;
                    position -= (int)WORD;
                }
                buffer[slot_of(to)] = chunk;
                next_in_walk(job, to, false);
            }
        }
        if (there) {
            out.write(buffer[slot_of(from)]);
            next_in_walk(job, from, true);
        }
    }
}

#endif
