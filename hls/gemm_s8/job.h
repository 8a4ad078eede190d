/* The descriptor of a call, as the processes of gemm_s8 take it. */
#ifndef DAVIT_GEMM_JOB_H
#define DAVIT_GEMM_JOB_H

#include "ports.h"
#include "requantise.h"

/* Compile-time parameters; -D overrides them. */
#ifndef GEMM_ROWS
#define GEMM_ROWS DAVIT_GEMM_ROWS
#define GEMM_COLUMNS DAVIT_GEMM_COLUMNS
#define GEMM_MAP_WORDS DAVIT_GEMM_MAP_WORDS
#define GEMM_TILE_STEPS DAVIT_GEMM_TILE_STEPS
#define GEMM_PANEL_STEPS DAVIT_GEMM_PANEL_STEPS
#define GEMM_PANEL_TILES DAVIT_GEMM_PANEL_TILES
#define GEMM_TABLE_TILES DAVIT_GEMM_TABLE_TILES
#endif

enum {
    ROWS = GEMM_ROWS,
    COLUMNS = GEMM_COLUMNS,
    DEPTH = DAVIT_GEMM_DEPTH,
    CASCADE = 4, /* products that a cascade of DSP slices adds; at most 7 fit its low field */
    MAP_WORDS = GEMM_MAP_WORDS,
    TILE_STEPS = GEMM_TILE_STEPS,
    PANEL_STEPS = GEMM_PANEL_STEPS,
    PANEL_TILES = GEMM_PANEL_TILES,
    TABLE_TILES = GEMM_TABLE_TILES,
    CHUNK_STEPS = WORD / DEPTH,          /* k-steps of a word */
    STEP_WORDS = COLUMNS * DEPTH / WORD, /* words of a k-step of weights */
    TABLE_FIELDS = WORD / 4,             /* 32-bit fields of a word */
    TILE_WORDS = COLUMNS * 12 / WORD     /* words of a column tile's parameters */
};

static_assert(DEPTH == 8, "a k-step of a row is 64 bits");
static_assert(WORD % COLUMNS == 0, "a word of the result is whole tiles");
static_assert(COLUMNS % 2 == 0 && (COLUMNS * DEPTH) % WORD == 0, "two columns share a DSP slice");
static_assert(COLUMNS * 12 % WORD == 0, "parameters of a tile are whole words");
static_assert((MAP_WORDS & (MAP_WORDS - 1)) == 0, "the map is a ring");

struct gemm_job {
    bool valid, a_u8, residual, residual_u8, resident;
    uint32_t images, out_h, out_w;
    int32_t in_h, row_bytes;
    uint32_t segments_y, segments_x;
    int32_t segment_bytes, segment_step_y, segment_step_x;
    int32_t stride_y, stride_x, pad_top, pad_left;
    ap_uint<8> pad;
    uint32_t k_steps, n, n_tiles, panel_tiles, panels, m, m_tiles, a_words;
    int32_t residual_zero;
    float residual_scale;
    finish_t finish;
    uint32_t a_passes, b_words, p_words; /* what the ports read */
    panel_runs result_runs, residual_runs;
    end_t end;
};

/* Column tiles of a panel. */
static inline uint32_t tiles_of_panel(const gemm_job &job, uint32_t panel)
{
#pragma HLS INLINE
    return panel + 1 < job.panels ? job.panel_tiles
                                  : job.n_tiles - (job.panels - 1) * job.panel_tiles;
}

/* Rows of an m tile that are pixels. */
static inline uint32_t rows_of_tile(const gemm_job &job, uint32_t tile)
{
#pragma HLS INLINE
    uint32_t left = job.m - tile * ROWS;
    return left < (uint32_t)ROWS ? left : (uint32_t)ROWS;
}

/* Bytes of a column tile that are channels. */
static inline int bytes_of_column_tile(const gemm_job &job, uint32_t tile)
{
#pragma HLS INLINE
    return tile + 1 < job.n_tiles ? (int)COLUMNS : (int)(job.n - (job.n_tiles - 1) * COLUMNS);
}

/* What the ports move follows from the fields. */
static void count_words(gemm_job &job)
{
    job.a_passes = job.resident ? 1 : job.panels;
    job.b_words = job.n_tiles * job.k_steps * STEP_WORDS;
    job.p_words = job.n_tiles * TILE_WORDS;
    job.result_runs.panels = job.panels;
    job.result_runs.rows = job.m;
    job.result_runs.row_words = job.n / WORD;
    job.result_runs.run = job.panel_tiles * COLUMNS / WORD;
    job.result_runs.total = (job.m * job.n + WORD - 1) / WORD;
    job.residual_runs = job.result_runs;
    if (!job.residual) {
        job.residual_runs.panels = 1;
        job.residual_runs.total = 0;
    }
}

static gemm_job read_job(const word_t *p)
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
    gemm_job job;
    const uint32_t geometry = ROWS | COLUMNS << 8 | DEPTH << 16;
    job.end.magic = DAVIT_GEMM_MAGIC;
    job.end.tag = f[DAVIT_GEMM_F_TAG];
    job.valid = f[DAVIT_GEMM_F_MAGIC] == DAVIT_GEMM_MAGIC && f[DAVIT_GEMM_F_GEOMETRY] == geometry;
    const uint32_t flags = f[DAVIT_GEMM_F_FLAGS];
    job.a_u8 = (flags & DAVIT_ENGINE_A_U8) != 0;
    job.residual = (flags & DAVIT_ENGINE_RESIDUAL) != 0;
    job.residual_u8 = (flags & DAVIT_ENGINE_RESIDUAL_U8) != 0;
    job.resident = (flags & DAVIT_ENGINE_RESIDENT) != 0;
    job.finish.is_u8 = (flags & DAVIT_ENGINE_C_U8) != 0;
    job.images = f[DAVIT_GEMM_F_IMAGES];
    job.in_h = (int32_t)f[DAVIT_GEMM_F_IN_H];
    job.row_bytes = (int32_t)f[DAVIT_GEMM_F_ROW_BYTES];
    job.out_h = f[DAVIT_GEMM_F_OUT_H];
    job.out_w = f[DAVIT_GEMM_F_OUT_W];
    job.segments_y = f[DAVIT_GEMM_F_SEGMENTS_Y];
    job.segments_x = f[DAVIT_GEMM_F_SEGMENTS_X];
    job.segment_bytes = (int32_t)f[DAVIT_GEMM_F_SEGMENT_BYTES];
    job.segment_step_y = (int32_t)f[DAVIT_GEMM_F_SEGMENT_STEP_Y];
    job.segment_step_x = (int32_t)f[DAVIT_GEMM_F_SEGMENT_STEP_X];
    job.stride_y = (int32_t)f[DAVIT_GEMM_F_STRIDE_Y];
    job.stride_x = (int32_t)f[DAVIT_GEMM_F_STRIDE_X];
    job.pad_top = (int32_t)f[DAVIT_GEMM_F_PAD_TOP];
    job.pad_left = (int32_t)f[DAVIT_GEMM_F_PAD_LEFT];
    job.pad = ap_uint<8>(f[DAVIT_GEMM_F_PAD_BYTE] & 0xffu);
    job.k_steps = f[DAVIT_GEMM_F_K_STEPS];
    job.n = f[DAVIT_GEMM_F_N];
    job.n_tiles = f[DAVIT_GEMM_F_N_TILES];
    job.panel_tiles = f[DAVIT_GEMM_F_PANEL_TILES];
    job.panels = f[DAVIT_GEMM_F_PANELS];
    job.m = f[DAVIT_GEMM_F_M];
    job.m_tiles = f[DAVIT_GEMM_F_M_TILES];
    job.a_words = f[DAVIT_GEMM_F_A_WORDS];
    job.residual_zero = (int32_t)f[DAVIT_GEMM_F_RESIDUAL_ZERO];
    job.residual_scale = as_float(f[DAVIT_GEMM_F_RESIDUAL_SCALE]);
    job.finish.low = as_float(f[DAVIT_GEMM_F_LOW]);
    job.finish.high = as_float(f[DAVIT_GEMM_F_HIGH]);
    job.finish.zero = as_float(f[DAVIT_GEMM_F_ZERO]);
    count_words(job);
    return job;
}

#endif
