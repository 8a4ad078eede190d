/* Vectors of f32 for loops that are written once for each instruction set: AVX2. */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES 8
#define ROWS 6 /* of a block of sums, two vectors wide */
typedef __m256 vector;
#define LOAD(p) _mm256_loadu_ps(p)
#define LOAD_PART(p, n) load_part(p, n)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define STORE_PART(p, n, v) memcpy(p, &(v), (size_t)(n) * sizeof(float))
#define ALL(x) _mm256_set1_ps(x)
#define MULTIPLY_ADD(a, b, c) _mm256_fmadd_ps(a, b, c)
#define GREATER(a, b) _mm256_max_ps(a, b)
#define LESSER(a, b) _mm256_min_ps(a, b)

static inline vector load_part(const float *p, int64_t n)
{
    vector v = _mm256_setzero_ps();
    memcpy(&v, p, (size_t)n * sizeof(*p));
    return v;
}

/* The first lanes of a vector, at least one. */
typedef __m256i some;
#define SOME(n)                                                                                    \
    _mm256_cmpgt_epi32(_mm256_set1_epi32((int)((n) < LANES ? (n) : LANES)),                        \
                       _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define LOAD_SOME(p, s) _mm256_maskload_ps(p, s)
#define STORE_SOME(p, s, v) _mm256_maskstore_ps(p, s, v)

/* For loops over vectors that stay in registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 24")
#endif
