/* vector_s8: depthwise convolution, maximum and average pooling, addition. hls/README.md draws it;
 * davit/engine_abi.h is its interface. */
#include "dataflow.h"
#include "lanes.h"

static void run(vector_job job, const word_t *a, const word_t *b, const word_t *p, word_t *c,
                word_t *e)
{
#pragma HLS DATAFLOW
    DAVIT_DATAFLOW;
    hls::stream<word_t, 64> a_words("a_words");
    hls::stream<word_t, 64> b_words("b_words");
    hls::stream<word_t, 16> p_words("p_words");
    hls::stream<word_t, 64> c_words("c_words");
    hls::stream<tap_t, 16> taps("taps");
    hls::stream<lane_sums, 4> sums("sums");
    hls::stream<word_t, 16> finished("finished");
    DAVIT_WATCH(a_words);
    DAVIT_WATCH(b_words);
    DAVIT_WATCH(p_words);
    DAVIT_WATCH(c_words);
    DAVIT_WATCH(taps);
    DAVIT_WATCH(sums);
    DAVIT_WATCH(finished);
    DAVIT_PROCESS(read_words(a, job.a_words, 1, a_words));
    DAVIT_PROCESS(read_words(b, job.b_words, 1, b_words));
    DAVIT_PROCESS(read_words(p + 2, job.table_words, 1, p_words));
    DAVIT_PROCESS(windows_process(job, a_words, taps));
    DAVIT_PROCESS(lanes_process(job, taps, b_words, sums));
    DAVIT_PROCESS(requantise_process(job, p_words, sums, finished));
    DAVIT_PROCESS(pack_process(job, finished, c_words));
    DAVIT_PROCESS(write_result(c, job.result_runs, c_words, e, job.end));
    DAVIT_DATAFLOW_END;
}

extern "C" void vector_s8(const word_t *a, const word_t *b, const word_t *p, word_t *c, word_t *e)
{
#pragma HLS INTERFACE m_axi port = a bundle = gmem_a offset = slave max_read_burst_length =        \
    64 num_read_outstanding = 16
#pragma HLS INTERFACE m_axi port = b bundle = gmem_b offset = slave max_read_burst_length =        \
    64 num_read_outstanding = 16
#pragma HLS INTERFACE m_axi port = p bundle = gmem_p offset = slave max_read_burst_length =        \
    64 num_read_outstanding = 4
#pragma HLS INTERFACE m_axi port = c bundle = gmem_c offset = slave max_write_burst_length =       \
    64 num_write_outstanding = 16
#pragma HLS INTERFACE m_axi port = e bundle = gmem_c offset = slave
#pragma HLS INTERFACE s_axilite port = a
#pragma HLS INTERFACE s_axilite port = b
#pragma HLS INTERFACE s_axilite port = p
#pragma HLS INTERFACE s_axilite port = c
#pragma HLS INTERFACE s_axilite port = e
#pragma HLS INTERFACE s_axilite port = return
    const vector_job job = read_job(p);
    if (job.valid) {
        run(job, a, b, p, c, e);
    } else {
        write_end(e, job.end, DAVIT_END_REFUSED, nothing_written());
    }
}
