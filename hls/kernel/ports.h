/* The memory ports: plain loops over consecutive words, which become bursts. */
#ifndef DAVIT_HLS_PORTS_H
#define DAVIT_HLS_PORTS_H

#include "hls_stream.h"
#include "word.h"

/* Reads words 0 to count - 1, `passes` times. */
template <int DEPTH>
static void read_words(const word_t *port, uint32_t count, uint32_t passes,
                       hls::stream<word_t, DEPTH> &out)
{
read_passes:
    for (uint32_t pass = 0; pass < passes; pass++) {
    read_burst:
        for (uint32_t i = 0; i < count; i++) {
#pragma HLS PIPELINE II = 1
            out.write(port[i]);
        }
    }
}

/* The words of a result (or residual) of rows of row_words, panel after panel: each panel takes
 * `run` words of every row, the last what is left. One panel is one contiguous run of `total`. */
struct panel_runs {
    uint32_t panels, rows, row_words, run, total;
};

template <int DEPTH>
static void read_runs(const word_t *port, panel_runs runs, hls::stream<word_t, DEPTH> &out)
{
    if (runs.panels == 1) {
        read_words(port, runs.total, 1, out);
        return;
    }
    uint32_t begin = 0;
read_panels:
    for (uint32_t panel = 0; panel < runs.panels; panel++) {
        uint32_t left = runs.row_words - begin;
        uint32_t run = left < runs.run ? left : runs.run;
        uint32_t at = begin;
    read_rows:
        for (uint32_t row = 0; row < runs.rows; row++) {
        read_run:
            for (uint32_t i = 0; i < run; i++) {
#pragma HLS PIPELINE II = 1
                out.write(port[at + i]);
            }
            at += runs.row_words;
        }
        begin += run;
    }
}

/* What was written: words, and the sum of each of their 32-bit fields. */
struct written_t {
    uint32_t words;
    uint32_t field[WORD / 4];
};

static inline word_t count_word(written_t &written, const word_t &word)
{
#pragma HLS INLINE
    written.words++;
    for (int i = 0; i < WORD / 4; i++) {
#pragma HLS UNROLL
        written.field[i] += field32(word, i);
    }
    return word;
}

/* How a call names itself in its end word. */
struct end_t {
    uint32_t magic, tag;
};

static void write_end(word_t *port, end_t end, davit_end_code code, const written_t &written)
{
    uint32_t sum = 0;
    for (int i = 0; i < WORD / 4; i++) {
#pragma HLS UNROLL
        sum += written.field[i];
    }
    const uint32_t field[DAVIT_END_FIELDS] = {end.magic, (uint32_t)code, end.tag, written.words,
                                              sum};
    word_t word = 0;
    for (int i = 0; i < DAVIT_END_FIELDS; i++) {
#pragma HLS UNROLL
        word.range(32 * i + 31, 32 * i) = field[i];
    }
    port[0] = word;
}

static inline written_t nothing_written()
{
#pragma HLS INLINE
    written_t written;
    written.words = 0;
    for (int i = 0; i < WORD / 4; i++) {
#pragma HLS UNROLL
        written.field[i] = 0;
    }
    return written;
}

template <int DEPTH>
static written_t write_panels(word_t *port, panel_runs runs, hls::stream<word_t, DEPTH> &in)
{
    written_t written = nothing_written();
#pragma HLS ARRAY_PARTITION variable = written.field complete
    if (runs.panels == 1) {
    write_burst:
        for (uint32_t i = 0; i < runs.total; i++) {
#pragma HLS PIPELINE II = 1
            port[i] = count_word(written, in.read());
        }
        return written;
    }
    uint32_t begin = 0;
write_panels:
    for (uint32_t panel = 0; panel < runs.panels; panel++) {
        uint32_t left = runs.row_words - begin;
        uint32_t run = left < runs.run ? left : runs.run;
        uint32_t at = begin;
    write_rows:
        for (uint32_t row = 0; row < runs.rows; row++) {
        write_run:
            for (uint32_t i = 0; i < run; i++) {
#pragma HLS PIPELINE II = 1
                port[at + i] = count_word(written, in.read());
            }
            at += runs.row_words;
        }
        begin += run;
    }
    return written;
}

/* The result, and behind it the end word: both through one port, which keeps their order. */
template <int DEPTH>
static void write_result(word_t *port, panel_runs runs, hls::stream<word_t, DEPTH> &in,
                         word_t *end_port, end_t end)
{
    const written_t written = write_panels(port, runs, in);
    write_end(end_port, end, DAVIT_END_DONE, written);
}

#endif
