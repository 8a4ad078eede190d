/* 64 lanes over the taps of a pixel, their requantisation, and the packing of pixels to words. */
#ifndef DAVIT_VECTOR_LANES_H
#define DAVIT_VECTOR_LANES_H

#include "windows.h"

/* What 64 lanes made of one pixel. Up to 4,096 products of 2^14, or 65,535 bytes. */
struct lane_sums {
    ap_int<28> sum[LANES];
    ap_int<9> other[LANES]; /* addition: the second operand without its zero point */
    ap_uint<16> inside;     /* taps inside the input */
};

static inline ap_int<8> lane_of(const word_t &word, int lane)
{
#pragma HLS INLINE
    return as_signed<8>(word.range(8 * lane + 7, 8 * lane));
}

/* Adds a tap; `second` is the weight's word, or the second operand's. */
static void take_tap(const vector_job &job, const tap_t &tap, const word_t &second, bool first,
                     lane_sums &sums)
{
#pragma HLS INLINE
    for (int l = 0; l < LANES; l++) {
#pragma HLS UNROLL
        const int x = lane_of(tap.bytes, l);
        const int w = lane_of(second, l);
        const int before = first ? (job.kind == DAVIT_VECTOR_MAXIMUM ? -128 : 0) : (int)sums.sum[l];
        const int product = x * w;
        if (job.kind == DAVIT_VECTOR_MAXIMUM) {
            sums.sum[l] = x > before ? x : before;
        } else {
            sums.sum[l] = before + (job.kind == DAVIT_VECTOR_DEPTHWISE ? product : x);
        }
        sums.other[l] = job.kind == DAVIT_VECTOR_ADDITION ? w - job.b_zero : 0;
    }
    sums.inside = (first ? 0 : (int)sums.inside) + (tap.inside ? 1 : 0);
}

template <int D1, int D2, int D3>
static void lanes_process(vector_job job, hls::stream<tap_t, D1> &taps,
                          hls::stream<word_t, D2> &second, hls::stream<lane_sums, D3> &out)
{
    word_t weights[WEIGHT_WORDS];
#pragma HLS BIND_STORAGE variable = weights type = ram_2p impl = uram
    const bool depthwise = job.kind == DAVIT_VECTOR_DEPTHWISE;
load_weights:
    for (uint32_t i = 0; depthwise && i < job.b_words; i++) {
#pragma HLS PIPELINE II = 1
        weights[i] = second.read();
    }
    const uint32_t count = job.kernel_h * job.kernel_w;
    uint32_t pixel = 0, block = 0, tap = 0, weight = 0;
    lane_sums sums;
lanes:
    while (pixel < job.pixels) {
#pragma HLS PIPELINE II = 1
        word_t word = 0;
        if (depthwise) {
            word = weights[weight];
        } else if (job.kind == DAVIT_VECTOR_ADDITION) {
            word = second.read();
            word = job.b_u8 ? shift_bytes(word) : word;
        }
        take_tap(job, taps.read(), word, tap == 0, sums);
        weight++;
        tap++;
        if (tap == count) {
            tap = 0;
            out.write(sums);
            block++;
            if (block == job.blocks) {
                block = 0;
                weight = 0;
                pixel++;
            }
        }
    }
}

struct block_row {
    uint32_t correction[LANES], bias[LANES], scale[LANES];
};

/* Parameters of depthwise convolutions by block, or the factors of averages. */
template <int D1>
static void read_table(const vector_job &job, hls::stream<word_t, D1> &in, block_row *table,
                       float *factors)
{
    uint32_t block = 0, part = 0;
load_table:
    for (uint32_t i = 0; i < job.table_words; i++) {
#pragma HLS PIPELINE II = 1
        const word_t word = in.read();
        for (int j = 0; j < TABLE_FIELDS; j++) {
#pragma HLS UNROLL
            const uint32_t value = field32(word, j);
            const uint32_t field = part * TABLE_FIELDS + j;
            if (job.kind == DAVIT_VECTOR_AVERAGE) {
                factors[i * TABLE_FIELDS + j] = as_float(value);
            } else if (field < LANES) {
                table[block].correction[field] = value;
            } else if (field < 2 * LANES) {
                table[block].bias[field - LANES] = value;
            } else {
                table[block].scale[field - 2 * LANES] = value;
            }
        }
        part++;
        if (part == BLOCK_WORDS) {
            part = 0;
            block++;
        }
    }
}

/* One lane's byte: a depthwise convolution ends as convolutions do, the others round first. */
static ap_uint<8> finish_lane(const vector_job &job, const lane_sums &sums, const block_row &row,
                              float factor, int l)
{
#pragma HLS INLINE
    const int sum = sums.sum[l];
    if (job.kind == DAVIT_VECTOR_MAXIMUM) {
        return ap_uint<8>((sum + (job.a_u8 ? 128 : 0)) & 0xff);
    }
    if (job.kind == DAVIT_VECTOR_DEPTHWISE) {
        const ap_int<32> acc = (long long)sum + (long long)as_signed<32>(row.correction[l]);
        return requantise_lane(acc, as_float(row.bias[l]), as_float(row.scale[l]), 0, 0.0f,
                               job.finish);
    }
    const bool adds = job.kind == DAVIT_VECTOR_ADDITION;
    const ap_int<32> acc = (long long)sum + (long long)(adds ? -job.a_zero : job.correction);
    return quantise_lane(acc, adds ? job.a_scale : factor, sums.other[l], job.b_scale, job.finish);
}

template <int D1, int D2, int D3>
static void requantise_process(vector_job job, hls::stream<word_t, D1> &parameters,
                               hls::stream<lane_sums, D2> &sums, hls::stream<word_t, D3> &out)
{
    block_row table[BLOCKS];
    float factors[FACTORS];
#pragma HLS AGGREGATE variable = table
#pragma HLS BIND_STORAGE variable = table type = ram_2p impl = bram
#pragma HLS ARRAY_PARTITION variable = factors cyclic factor = 16
    read_table(job, parameters, table, factors);
    const bool averages = job.kind == DAVIT_VECTOR_AVERAGE;
    const bool depthwise = job.kind == DAVIT_VECTOR_DEPTHWISE;
    uint32_t pixel = 0, block = 0;
requantise:
    while (pixel < job.pixels) {
#pragma HLS PIPELINE II = 1
        const lane_sums now = sums.read();
        const float factor = averages ? factors[job.counted ? (int)now.inside : 0] : 0.0f;
        const block_row &row = table[depthwise ? block : 0];
        word_t bytes = 0;
        for (int l = 0; l < LANES; l++) {
#pragma HLS UNROLL
            bytes.range(8 * l + 7, 8 * l) = (uint64_t)finish_lane(job, now, row, factor, l);
        }
        out.write(bytes);
        block++;
        if (block == job.blocks) {
            block = 0;
            pixel++;
        }
    }
}

/* Drops the lanes behind the last channel. */
template <int D1, int D2>
static void pack_process(vector_job job, hls::stream<word_t, D1> &in, hls::stream<word_t, D2> &out)
{
    word_t pending = 0;
    int position = 0; /* bytes pending */
    uint32_t pixel = 0, block = 0;
pack:
    while (pixel < job.pixels) {
#pragma HLS PIPELINE II = 1
        const int bytes = bytes_of_block(job, block);
        const word_t chunk = pad_outside(in.read(), 0, bytes - 1, ap_uint<8>(0));
        const two_words_t both = (two_words_t)pending | ((two_words_t)chunk << (8 * position));
        position += bytes;
        pending = (word_t)both;
        if (position >= (int)WORD) {
            out.write((word_t)both);
            pending = (word_t)(both >> 512);
            position -= (int)WORD;
        }
        block++;
        if (block == job.blocks) {
            block = 0;
            pixel++;
        }
    }
    if (position > 0) {
        out.write(pending);
    }
}

#endif
