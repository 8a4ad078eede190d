/* Functions of f32 vectors, for the vectors that vector_avx2.h or vector_avx512.h define, and their
 * way from and to bytes. */
#include <math.h>

/* ---- parts of vectors ---- */

static inline vector load_some(const float *p, int64_t n)
{
    return n >= LANES ? LOAD(p) : LOAD_PART(p, n);
}

static inline void store_some(float *p, int64_t n, vector v)
{
    if (n >= LANES) {
        STORE(p, v);
    } else {
        STORE_PART(p, n, v);
    }
}

static inline float sum_of(vector v)
{
    float lanes[LANES], sum = 0.0f;
    STORE(lanes, v);
    for (int step = LANES / 2; step > 0; step /= 2) {
        for (int i = 0; i < step; i++) {
            lanes[i] += lanes[i + step];
        }
    }
    sum = lanes[0];
    return sum;
}

static inline float greatest_of(vector v)
{
    float lanes[LANES];
    STORE(lanes, v);
    for (int step = LANES / 2; step > 0; step /= 2) {
        for (int i = 0; i < step; i++) {
            lanes[i] = lanes[i] > lanes[i + step] ? lanes[i] : lanes[i + step];
        }
    }
    return lanes[0];
}

/* ---- bytes ---- */

#if defined(__AVX512F__)
/* (byte ^ flip) - offset of n elements, as f32. */
static inline vector load_bytes(const uint8_t *p, int64_t n, uint8_t flip, int32_t offset)
{
    const __mmask16 mask = (__mmask16)(n < LANES ? (1U << n) - 1 : 0xffffU);
    __m128i bytes = _mm_xor_si128(_mm_maskz_loadu_epi8(mask, p), _mm_set1_epi8((char)flip));
    return _mm512_cvtepi32_ps(
        _mm512_sub_epi32(_mm512_cvtepu8_epi32(bytes), _mm512_set1_epi32(offset)));
}

/* The nearest even integer of each of n numbers, plus after, as a byte. */
static inline void store_bytes(uint8_t *p, int64_t n, vector v, int32_t after)
{
    const __mmask16 mask = (__mmask16)(n < LANES ? (1U << n) - 1 : 0xffffU);
    __m512i q = _mm512_add_epi32(_mm512_cvtps_epi32(v), _mm512_set1_epi32(after));
    _mm_mask_storeu_epi8(p, mask, _mm512_cvtepi32_epi8(q));
}

static inline vector nearest(vector v)
{
    return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* v where x >= low, else 0; v where x is no number. */
static inline vector only_above(vector x, float low, vector v)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, ALL(low), _CMP_NLT_UQ), v);
}

/* v * 2^n for integers n of which that is a normal number. */
static inline vector scale_by(vector v, vector n)
{
    return _mm512_scalef_ps(v, n);
}
#else
static inline vector load_bytes(const uint8_t *p, int64_t n, uint8_t flip, int32_t offset)
{
    __m128i bytes = _mm_setzero_si128();
    if (n >= LANES) {
        bytes = _mm_loadl_epi64((const __m128i *)p);
    } else {
        memcpy(&bytes, p, (size_t)n);
    }
    bytes = _mm_xor_si128(bytes, _mm_set1_epi8((char)flip));
    return _mm256_cvtepi32_ps(
        _mm256_sub_epi32(_mm256_cvtepu8_epi32(bytes), _mm256_set1_epi32(offset)));
}

static inline void store_bytes(uint8_t *p, int64_t n, vector v, int32_t after)
{
    const __m256i low = _mm256_set1_epi32(0xff);
    __m256i q = _mm256_add_epi32(_mm256_cvtps_epi32(v), _mm256_set1_epi32(after));
    q = _mm256_and_si256(q, low);
    __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
    __m128i bytes = _mm_packus_epi16(words, words);
    memcpy(p, &bytes, (size_t)(n < LANES ? n : LANES));
}

static inline vector nearest(vector v)
{
    return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline vector only_above(vector x, float low, vector v)
{
    return _mm256_and_ps(_mm256_cmp_ps(x, ALL(low), _CMP_NLT_UQ), v);
}

static inline vector scale_by(vector v, vector n)
{
    const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(v), exponent));
}
#endif

/* ---- functions ---- */

/* 2^x for x <= 0, within 2e-7 of it; 0 below -126. */
static inline vector power_of_two(vector x)
{
    static const float c[] = {1.000000119e+00f, 6.931469440e-01f, 2.402212173e-01f,
                              5.550742522e-02f, 9.675459936e-03f, 1.326697064e-03f};
    const vector within = GREATER(ALL(-126.0f), x); /* in this order what is no number stays */
    const vector n = nearest(within), f = within - n;
    vector p = ALL(c[5]);
    for (int i = 4; i >= 0; i--) {
        p = MULTIPLY_ADD(p, f, ALL(c[i]));
    }
    return only_above(x, -126.0f, scale_by(p, n));
}

/* x / (1 + e^-x) */
static inline vector silu(vector x)
{
    const vector zero = ALL(0.0f), e = power_of_two(LESSER(x, zero - x) * ALL(1.442695041f));
    return MULTIPLY_ADD(LESSER(zero, x), e, GREATER(zero, x)) / (ALL(1.0f) + e);
}

/* x / 2 * (1 + erf(x / sqrt 2)): the second factor within 2e-7, by a polynomial in x^2 up to 5.25,
 * whence it is 0 or 1. Chebyshev's nodes in x^2. */
static inline vector gelu(vector x)
{
    static const float end = 5.25f;
    static const float c[] = {1.346593648e-01f,  -6.712660939e-02f, 4.964414611e-02f,
                              -3.976997361e-02f, 3.206097335e-02f,  -2.498290315e-02f,
                              1.834177971e-02f,  -1.300012134e-02f, 9.036567062e-03f,
                              -5.036259536e-03f, 1.902493648e-03f,  -1.399322995e-03f,
                              1.444596914e-03f,  -5.366550758e-04f};
    const vector y = LESSER(ALL(end), GREATER(ALL(-end), x));
    const vector v = MULTIPLY_ADD(y * y, ALL(2.0f / (end * end)), ALL(-1.0f));
    vector p = ALL(c[13]);
    for (int i = 12; i >= 0; i--) {
        p = MULTIPLY_ADD(p, v, ALL(c[i]));
    }
    return x * only_above(x, -end, MULTIPLY_ADD(p, y, ALL(0.5f))); /* -infinity: no number */
}
