/* The feature map buffer and the im2col gather: the input as words in, chunks of 64 bytes out. */
#ifndef DAVIT_GEMM_MAP_H
#define DAVIT_GEMM_MAP_H

#include "job.h"
#include "pixels.h"

static pixel_grid grid_of(const gemm_job &job)
{
    pixel_grid g;
    g.images = job.images;
    g.out_h = job.out_h;
    g.out_w = job.out_w;
    g.in_h = job.in_h;
    g.row_bytes = job.row_bytes;
    g.stride_y = job.stride_y;
    g.stride_x = job.stride_x;
    g.pad_top = job.pad_top;
    g.pad_left = job.pad_left;
    return g;
}

/* Where the gather is: panel, m tile, segment, chunk, row (the innermost). */
struct gather_at {
    uint32_t panel, tile, segment_y, segment_x, row;
    int32_t row_offset;  /* of the segment, in input rows */
    int32_t line_offset; /* the same in bytes */
    int32_t x_offset;    /* of the segment in its row, in bytes */
    int32_t chunk_byte;  /* of the chunk in its segment */
};

/* A chunk: where it begins in the input, and which of its bytes are inside. */
struct chunk_t {
    int32_t address;
    int32_t first, last; /* bytes inside the input; none when first > last */
    int32_t last_word;   /* that must be there */
};

static chunk_t chunk_at(const gemm_job &job, const gather_at &at, const pixel_t &pixel)
{
#pragma HLS INLINE
    const int32_t x = pixel.byte + at.x_offset + at.chunk_byte;
    const int32_t y = pixel.first_row + at.row_offset;
    const int32_t line = pixel.line + at.line_offset;
    const int32_t left = job.segment_bytes - at.chunk_byte;
    chunk_t c;
    c.address = line + x;
    c.first = x < 0 ? -x : 0;
    c.last = left < (int32_t)WORD ? left - 1 : (int32_t)WORD - 1;
    c.last = x + c.last >= job.row_bytes ? job.row_bytes - 1 - x : c.last;
    if (pixel.image >= job.images || y < 0 || y >= job.in_h) {
        c.last = -1;
    }
    c.last_word = (c.address + c.last) >> 6;
    return c;
}

/* To the next chunk; true when the m tile is complete. */
static bool next_chunk(const gemm_job &job, gather_at &at)
{
#pragma HLS INLINE
    at.row++;
    if (at.row < ROWS) {
        return false;
    }
    at.row = 0;
    at.chunk_byte += WORD;
    if (at.chunk_byte < job.segment_bytes) {
        return false;
    }
    at.chunk_byte = 0;
    at.segment_x++;
    at.x_offset += job.segment_step_x;
    if (at.segment_x < job.segments_x) {
        return false;
    }
    at.segment_x = 0;
    at.x_offset = 0;
    at.segment_y++;
    at.row_offset += job.segment_step_y;
    at.line_offset += job.segment_step_y * job.row_bytes;
    if (at.segment_y < job.segments_y) {
        return false;
    }
    at.segment_y = 0;
    at.row_offset = 0;
    at.line_offset = 0;
    at.tile++;
    if (at.tile == job.m_tiles) {
        at.tile = 0;
        at.panel++;
    }
    return true;
}

/* The first ROWS pixels, and the step of ROWS pixels, by counting. */
static pixel_step first_tile(const pixel_grid &grid, pixel_t first[ROWS])
{
    const pixel_step one = step_of(grid, 0, grid.out_w > 1 ? 0 : 1, grid.out_w > 1 ? 1 : 0);
    pixel_t p = first_pixel(grid);
count_pixels:
    for (int r = 0; r < ROWS; r++) {
        first[r] = p;
        p = advance(grid, p, one);
    }
    return step_of(grid, p.image, p.y, p.x);
}

template <int D1, int D2>
static void map_process(gemm_job job, hls::stream<word_t, D1> &in, hls::stream<word_t, D2> &out)
{
    word_t even[MAP_WORDS / 2];
    word_t odd[MAP_WORDS / 2];
#pragma HLS BIND_STORAGE variable = even type = ram_2p impl = uram
#pragma HLS BIND_STORAGE variable = odd type = ram_2p impl = uram
    pixel_t first[ROWS];
    pixel_t pixel[ROWS];
#pragma HLS ARRAY_PARTITION variable = pixel complete
    const pixel_grid grid = grid_of(job);
    const pixel_step tile_step = first_tile(grid, first);
start_pixels:
    for (int r = 0; r < ROWS; r++) {
        pixel[r] = first[r];
    }
    gather_at at = {0, 0, 0, 0, 0, 0, 0, 0, 0};
    const uint32_t total = job.resident ? job.a_words : job.a_words * job.panels;
    uint32_t written = 0;  /* words, of all passes */
    uint32_t pass = 0;     /* word at which the panel's pass begins */
    uint32_t released = 0; /* words that nobody needs any more; may be ahead of written */
gather:
    while (at.panel < job.panels || written < total) {
#pragma HLS PIPELINE II = 1
#pragma HLS DEPENDENCE variable = even type = inter false
#pragma HLS DEPENDENCE variable = odd type = inter false
        if (at.panel < job.panels) {
            const chunk_t c = chunk_at(job, at, pixel[at.row]);
            const bool outside = c.first > c.last;
            if (outside || pass + (uint32_t)c.last_word < written) {
                const uint32_t low = (pass + (uint32_t)(c.address >> 6)) & (MAP_WORDS - 1);
                const uint32_t high = (low + 1) & (MAP_WORDS - 1);
                const word_t even_word = even[((low & 1) == 0 ? low : high) >> 1];
                const word_t odd_word = odd[((low & 1) == 0 ? high : low) >> 1];
                const word_t window = (low & 1) == 0
                                          ? take_bytes(even_word, odd_word, c.address & 63)
                                          : take_bytes(odd_word, even_word, c.address & 63);
                out.write(pad_outside(window, outside ? (int)WORD : c.first, c.last, job.pad));
                const uint32_t row = at.row;
                const uint32_t panel = at.panel;
                const bool last_set = at.chunk_byte + (int32_t)WORD >= job.segment_bytes &&
                                      at.segment_x + 1 == job.segments_x &&
                                      at.segment_y + 1 == job.segments_y;
                const bool complete = next_chunk(job, at);
                if (last_set) {
                    pixel[row] = (complete ? at.tile == 0 : at.tile + 1 == job.m_tiles)
                                     ? first[row]
                                     : advance(grid, pixel[row], tile_step);
                }
                if (complete && !job.resident) {
                    pass += at.panel != panel ? job.a_words : 0;
                    released = pass + ((uint32_t)first_needed(pixel[0]) >> 6);
                }
            }
        } else {
            released = written;
        }
        const bool room = (int32_t)(written - released) < (int32_t)MAP_WORDS; /* or further ahead */
        if (written < total && room && !in.empty()) {
            word_t word = in.read();
            word = job.a_u8 ? shift_bytes(word) : word;
            const uint32_t slot = (written & (MAP_WORDS - 1)) >> 1;
            if ((written & 1) == 0) {
                even[slot] = word;
            } else {
                odd[slot] = word;
            }
            written++;
        }
    }
}

#endif
