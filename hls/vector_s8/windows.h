/* The feature map buffer of vector_s8: the input as words in, one word of 64 channels for each tap
 * of each pixel out. */
#ifndef DAVIT_VECTOR_WINDOWS_H
#define DAVIT_VECTOR_WINDOWS_H

#include "job.h"

/* 64 channels of one tap. */
struct tap_t {
    word_t bytes;
    bool inside; /* the tap is in the input, not in its padding */
};

/* Where the gather is: pixel, block of channels, tap. */
struct window_at {
    uint32_t pixel, block, ky, kx;
    int32_t row_offset, line_offset, x_offset, block_byte;
};

/* To the next tap; true when the pixel is complete. */
static bool next_tap(const vector_job &job, window_at &at)
{
#pragma HLS INLINE
    at.kx++;
    at.x_offset += job.step_x;
    if (at.kx < job.kernel_w) {
        return false;
    }
    at.kx = 0;
    at.x_offset = 0;
    at.ky++;
    at.row_offset += job.step_y;
    at.line_offset += job.step_y * job.grid.row_bytes;
    if (at.ky < job.kernel_h) {
        return false;
    }
    at.ky = 0;
    at.row_offset = 0;
    at.line_offset = 0;
    at.block++;
    at.block_byte += LANES;
    if (at.block < job.blocks) {
        return false;
    }
    at.block = 0;
    at.block_byte = 0;
    at.pixel++;
    return true;
}

template <int D1, int D2>
static void windows_process(vector_job job, hls::stream<word_t, D1> &in,
                            hls::stream<tap_t, D2> &out)
{
    word_t even[MAP_WORDS / 2];
    word_t odd[MAP_WORDS / 2];
#pragma HLS BIND_STORAGE variable = even type = ram_2p impl = uram
#pragma HLS BIND_STORAGE variable = odd type = ram_2p impl = uram
    const pixel_step one =
        step_of(job.grid, job.grid.out_w > 1 || job.grid.out_h > 1 ? 0 : 1,
                job.grid.out_w == 1 && job.grid.out_h > 1 ? 1 : 0, job.grid.out_w > 1 ? 1 : 0);
    pixel_t pixel = first_pixel(job.grid);
    window_at at = {0, 0, 0, 0, 0, 0, 0, 0};
    uint32_t written = 0;  /* words */
    uint32_t released = 0; /* words that nobody needs any more; may be ahead of written */
windows:
    while (at.pixel < job.pixels || written < job.a_words) {
#pragma HLS PIPELINE II = 1
#pragma HLS DEPENDENCE variable = even type = inter false
#pragma HLS DEPENDENCE variable = odd type = inter false
        if (at.pixel < job.pixels) {
            const int32_t x = pixel.byte + at.x_offset;
            const int32_t y = pixel.first_row + at.row_offset;
            const int32_t address = pixel.line + at.line_offset + x + at.block_byte;
            const bool inside = y >= 0 && y < job.grid.in_h && x >= 0 && x < job.grid.row_bytes;
            const uint32_t last = (uint32_t)(address + bytes_of_block(job, at.block) - 1) >> 6;
            if (!inside || last < written) {
                const uint32_t low = (uint32_t)(address >> 6) & (MAP_WORDS - 1);
                const uint32_t high = (low + 1) & (MAP_WORDS - 1);
                const word_t even_word = even[((low & 1) == 0 ? low : high) >> 1];
                const word_t odd_word = odd[((low & 1) == 0 ? high : low) >> 1];
                const word_t window = (low & 1) == 0
                                          ? take_bytes(even_word, odd_word, address & 63)
                                          : take_bytes(odd_word, even_word, address & 63);
                tap_t tap;
                tap.inside = inside;
                tap.bytes = pad_outside(window, inside ? 0 : (int)WORD, WORD - 1, job.pad);
                out.write(tap);
                if (next_tap(job, at)) {
                    pixel = advance(job.grid, pixel, one);
                    released = (uint32_t)first_needed(pixel) >> 6;
                } else if (job.kind == DAVIT_VECTOR_ADDITION) {
                    released = at.block; /* one pixel of very many channels */
                }
            }
        } else {
            released = written;
        }
        const bool room = (int32_t)(written - released) < (int32_t)MAP_WORDS;
        if (written < job.a_words && room && !in.empty()) {
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
