/* gemm_s8: int8 convolution and matrix product. hls/README.md draws it; davit/engine_abi.h is its
 * interface. This is the translation unit that v++ compiles and that C simulation runs. */
#include "dataflow.h"
#include "map.h"
#include "result.h"

#ifndef GEMM_NAME
#define GEMM_NAME gemm_s8
#endif

static void run(gemm_job job, const word_t *a, const word_t *b, const word_t *p, const word_t *r,
                word_t *c, word_t *e)
{
#pragma HLS DATAFLOW
    DAVIT_DATAFLOW;
    hls::stream<word_t, 64> a_words("a_words");
    hls::stream<word_t, 64> b_words("b_words");
    hls::stream<word_t, 16> p_words("p_words");
    hls::stream<word_t, 64> r_words("r_words");
    hls::stream<word_t, 64> c_words("c_words");
    hls::stream<word_t, 16> chunks("chunks");
    hls::stream<row_step, 16> turned("turned");
    hls::stream<row_step, 16> row_steps("row_steps");
    hls::stream<column_step, 16> column_steps("column_steps");
    hls::stream<sum_row, 16> sums("sums");
    hls::stream<tile_row, 16> residuals("residuals");
    hls::stream<tile_row, 16> rows("rows");
    DAVIT_WATCH(a_words);
    DAVIT_WATCH(b_words);
    DAVIT_WATCH(p_words);
    DAVIT_WATCH(r_words);
    DAVIT_WATCH(c_words);
    DAVIT_WATCH(chunks);
    DAVIT_WATCH(turned);
    DAVIT_WATCH(row_steps);
    DAVIT_WATCH(column_steps);
    DAVIT_WATCH(sums);
    DAVIT_WATCH(residuals);
    DAVIT_WATCH(rows);
    DAVIT_PROCESS(read_words(a, job.a_words, job.a_passes, a_words));
    DAVIT_PROCESS(read_words(b, job.b_words, 1, b_words));
    DAVIT_PROCESS(read_words(p + 2, job.p_words, 1, p_words));
    DAVIT_PROCESS(read_runs(r, job.residual_runs, r_words));
    DAVIT_PROCESS(map_process(job, a_words, chunks));
    DAVIT_PROCESS(turn_process(job, chunks, turned));
    DAVIT_PROCESS(rows_process(job, turned, row_steps));
    DAVIT_PROCESS(weights_process(job, b_words, column_steps));
    DAVIT_PROCESS(mac_process(job, row_steps, column_steps, sums));
    DAVIT_PROCESS(residual_process(job, r_words, residuals));
    DAVIT_PROCESS(requantise_process(job, p_words, sums, residuals, rows));
    DAVIT_PROCESS(result_process(job, rows, c_words));
    DAVIT_PROCESS(write_result(c, job.result_runs, c_words, e, job.end));
    DAVIT_DATAFLOW_END;
}

extern "C" void GEMM_NAME(const word_t *a, const word_t *b, const word_t *p, const word_t *r,
                          word_t *c, word_t *e)
{
#pragma HLS INTERFACE m_axi port = a bundle = gmem_a offset = slave max_read_burst_length =        \
    64 num_read_outstanding = 16
#pragma HLS INTERFACE m_axi port = b bundle = gmem_b offset = slave max_read_burst_length =        \
    64 num_read_outstanding = 16
#pragma HLS INTERFACE m_axi port = p bundle = gmem_p offset = slave max_read_burst_length =        \
    64 num_read_outstanding = 4
#pragma HLS INTERFACE m_axi port = r bundle = gmem_r offset = slave max_read_burst_length =        \
    64 num_read_outstanding = 16
#pragma HLS INTERFACE m_axi port = c bundle = gmem_c offset = slave max_write_burst_length =       \
    64 num_write_outstanding = 16
#pragma HLS INTERFACE m_axi port = e bundle = gmem_c offset = slave
#pragma HLS INTERFACE s_axilite port = a
#pragma HLS INTERFACE s_axilite port = b
#pragma HLS INTERFACE s_axilite port = p
#pragma HLS INTERFACE s_axilite port = r
#pragma HLS INTERFACE s_axilite port = c
#pragma HLS INTERFACE s_axilite port = e
#pragma HLS INTERFACE s_axilite port = return
    const gemm_job job = read_job(p);
    if (job.valid) {
        run(job, a, b, p, r, c, e);
    } else {
        write_end(e, job.end, DAVIT_END_REFUSED, nothing_written());
    }
}
