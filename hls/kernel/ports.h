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

template <int DEPTH>
static void write_runs(word_t *port, panel_runs runs, hls::stream<word_t, DEPTH> &in)
{
    if (runs.panels == 1) {
    write_burst:
        for (uint32_t i = 0; i < runs.total; i++) {
#pragma HLS PIPELINE II = 1
            port[i] = in.read();
        }
        return;
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
                port[at + i] = in.read();
            }
            at += runs.row_words;
        }
        begin += run;
    }
}

#endif
