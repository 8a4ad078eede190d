/* Vectors of f32 for loops that are written once for each instruction set: AVX-512. */
#include <immintrin.h>

#define LANES 16
#define ROWS 12 /* of a block of sums, two vectors wide */
typedef __m512 vector;
#define LOAD(p) _mm512_loadu_ps(p)
#define LOAD_PART(p, n) _mm512_maskz_loadu_ps((__mmask16)((1U << (n)) - 1), p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define STORE_PART(p, n, v) _mm512_mask_storeu_ps(p, (__mmask16)((1U << (n)) - 1), v)
#define ALL(x) _mm512_set1_ps(x)
#define MULTIPLY_ADD(a, b, c) _mm512_fmadd_ps(a, b, c)
#define GREATER(a, b) _mm512_max_ps(a, b)
#define LESSER(a, b) _mm512_min_ps(a, b)

/* The first lanes of a vector, at least one. */
typedef __mmask16 some;
#define SOME(n) ((some)((n) < LANES ? (1U << (n)) - 1 : 0xffffU))
#define LOAD_SOME(p, s) _mm512_maskz_loadu_ps(s, p)
#define STORE_SOME(p, s, v) _mm512_mask_storeu_ps(p, s, v)

/* For loops over vectors that stay in registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 24")
#endif
