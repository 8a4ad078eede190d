/* The descriptor of a call, as the processes of vector_s8 take it. */
#ifndef DAVIT_VECTOR_JOB_H
#define DAVIT_VECTOR_JOB_H

#include "pixels.h"
#include "ports.h"
#include "requantise.h"

enum {
    LANES = DAVIT_VECTOR_LANES,
    MAP_WORDS = DAVIT_VECTOR_MAP_WORDS,
    WEIGHT_WORDS = DAVIT_VECTOR_WEIGHT_WORDS,
    BLOCKS = DAVIT_VECTOR_BLOCKS,
    FACTORS = DAVIT_VECTOR_FACTORS,
    TABLE_FIELDS = WORD / 4,        /* 32-bit fields of a word */
    BLOCK_WORDS = LANES * 12 / WORD /* words of a block's parameters */
};

static_assert((int)LANES == (int)WORD, "a word is one byte of every lane");

struct vector_job {
    bool valid, a_u8, b_u8, counted;
    davit_vector_kind kind;
    pixel_grid grid;
    uint32_t channels, kernel_h, kernel_w, blocks, pixels;
    int32_t step_y, step_x;
    uint32_t a_words, b_words, table_words;
    ap_uint<8> pad;
    int32_t correction, a_zero, b_zero;
    float a_scale, b_scale;
    finish_t finish;
    panel_runs result_runs;
    end_t end;
};

/* Bytes of a block that are channels. */
static inline int bytes_of_block(const vector_job &job, uint32_t block)
{
#pragma HLS INLINE
    return block + 1 < job.blocks ? (int)LANES : (int)(job.channels - (job.blocks - 1) * LANES);
}

static vector_job read_job(const word_t *p)
{
    uint32_t f[DAVIT_ENGINE_DESCRIPTOR];
#pragma HLS ARRAY_PARTITION variable = f complete
read_fields:
    for (int i = 0; i < 2; i++) {
#pragma HLS PIPELINE II = 1
        word_t word = p[i];
        for (int j = 0; j < 16; j++) {
#pragma HLS UNROLL
            f[16 * i + j] = field32(word, j);
        }
    }
    vector_job job;
    job.end.magic = DAVIT_VECTOR_MAGIC;
    job.end.tag = f[DAVIT_VECTOR_F_TAG];
    job.valid = f[DAVIT_VECTOR_F_MAGIC] == DAVIT_VECTOR_MAGIC;
    const uint32_t flags = f[DAVIT_VECTOR_F_FLAGS];
    job.a_u8 = (flags & DAVIT_ENGINE_A_U8) != 0;
    job.b_u8 = (flags & DAVIT_ENGINE_RESIDUAL_U8) != 0;
    job.counted = (flags & DAVIT_ENGINE_COUNTED) != 0;
    job.finish.is_u8 = (flags & DAVIT_ENGINE_C_U8) != 0;
    job.kind = (davit_vector_kind)f[DAVIT_VECTOR_F_KIND];
    job.grid.images = f[DAVIT_VECTOR_F_IMAGES];
    job.grid.in_h = (int32_t)f[DAVIT_VECTOR_F_IN_H];
    job.grid.row_bytes = (int32_t)f[DAVIT_VECTOR_F_ROW_BYTES];
    job.channels = f[DAVIT_VECTOR_F_CHANNELS];
    job.grid.out_h = f[DAVIT_VECTOR_F_OUT_H];
    job.grid.out_w = f[DAVIT_VECTOR_F_OUT_W];
    job.kernel_h = f[DAVIT_VECTOR_F_KERNEL_H];
    job.kernel_w = f[DAVIT_VECTOR_F_KERNEL_W];
    job.step_y = (int32_t)f[DAVIT_VECTOR_F_STEP_Y];
    job.step_x = (int32_t)f[DAVIT_VECTOR_F_STEP_X];
    job.grid.stride_y = (int32_t)f[DAVIT_VECTOR_F_STRIDE_Y];
    job.grid.stride_x = (int32_t)f[DAVIT_VECTOR_F_STRIDE_X];
    job.grid.pad_top = (int32_t)f[DAVIT_VECTOR_F_PAD_TOP];
    job.grid.pad_left = (int32_t)f[DAVIT_VECTOR_F_PAD_LEFT];
    job.blocks = f[DAVIT_VECTOR_F_BLOCKS];
    job.pixels = f[DAVIT_VECTOR_F_PIXELS];
    job.a_words = f[DAVIT_VECTOR_F_A_WORDS];
    job.b_words = f[DAVIT_VECTOR_F_B_WORDS];
    job.table_words = f[DAVIT_VECTOR_F_TABLE_WORDS];
    job.pad = ap_uint<8>(f[DAVIT_VECTOR_F_PAD_BYTE] & 0xffu);
    job.correction = (int32_t)f[DAVIT_VECTOR_F_CORRECTION];
    job.a_zero = (int32_t)f[DAVIT_VECTOR_F_A_ZERO];
    job.b_zero = (int32_t)f[DAVIT_VECTOR_F_B_ZERO];
    job.a_scale = as_float(f[DAVIT_VECTOR_F_A_SCALE]);
    job.b_scale = as_float(f[DAVIT_VECTOR_F_B_SCALE]);
    job.finish.low = as_float(f[DAVIT_VECTOR_F_LOW]);
    job.finish.high = as_float(f[DAVIT_VECTOR_F_HIGH]);
    job.finish.zero = as_float(f[DAVIT_VECTOR_F_ZERO]);
    job.result_runs.panels = 1;
    job.result_runs.rows = 1;
    job.result_runs.row_words = 0;
    job.result_runs.run = 0;
    job.result_runs.total = (job.pixels * job.channels + WORD - 1) / WORD;
    return job;
}

#endif
