/* Random unit cases (tests/conformance/case.h) that look for what is particular to this backend:
 * values in blocked layouts before every operator, one to three spatial dimensions, all forms of
 * Gemm and MatMul. */
#ifndef DAVIT_TEST_ONEDNN_RANDOM_TEXT_H
#define DAVIT_TEST_ONEDNN_RANDOM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANDOM_TEXT_BYTES 1024

typedef void (*random_text)(uint64_t seed, char *text);

/* Each writes at most RANDOM_TEXT_BYTES. */
void random_convolution_text(uint64_t seed, char *text);
void random_winograd_text(uint64_t seed, char *text);
void random_depthwise_text(uint64_t seed, char *text);
void random_dense_text(uint64_t seed, char *text);
void random_transposed_text(uint64_t seed, char *text);
void random_gemm_text(uint64_t seed, char *text);
void random_matmul_text(uint64_t seed, char *text);
void random_pool_text(uint64_t seed, char *text);
/* A convolution, so that its result is blocked, then another operator, then a third. */
void random_blocked_text(uint64_t seed, char *text);
/* Two broadcast inputs of any rank. */
void random_broadcast_text(uint64_t seed, char *text);
/* What the backend computes in one step (group.h): attention of f32 and of 8-bit values with masks of
 * all shapes, and elementwise work between 8-bit values; the latter exact where has_function is false
 * afterwards. */
void random_attention_text(uint64_t seed, char *text);
void random_bytes_attention_text(uint64_t seed, char *text);
/* A convolution that expands channels, or none, a depthwise and a projecting one; deep: pointwise ones have
 * sums for which the backend takes its own loops anyway. */
void random_bottleneck_text(uint64_t seed, bool deep, char *text);
void random_chain_text(uint64_t seed, char *text, bool *has_function);

#endif
