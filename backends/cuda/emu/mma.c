/* mma.sync: fragments of 32 lanes to matrices and back (PTX ISA, "Matrix fragments for mma"). */
#include <string.h>

#include "block.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

typedef struct s8_operand {
    int32_t *c;
    const uint32_t *a, *b;
} s8_operand;

/* Rows of A, columns of B as four bytes a word. */
typedef struct s8_tile {
    uint32_t a[16][8];
    uint32_t b[8][8]; /* [word of k][column] */
    int32_t c[16][8];
} s8_tile;

static int32_t byte_of(uint32_t word, int i)
{
    return (int8_t)(word >> (8 * i));
}

static void multiply_plain(s8_tile *t)
{
    for (int m = 0; m < 16; m++) {
        for (int k = 0; k < 8; k++) {
            for (int n = 0; n < 8; n++) {
                uint32_t sum = (uint32_t)t->c[m][n];
                for (int i = 0; i < 4; i++) {
                    sum += (uint32_t)(byte_of(t->a[m][k], i) * byte_of(t->b[k][n], i));
                }
                t->c[m][n] = (int32_t)sum;
            }
        }
    }
}

#ifdef __x86_64__
/* A lane of a register is a column; bytes 0, 2 and 1, 3 of words of four as pairs of 16 bits. */
__attribute__((target("avx2"))) static void multiply_avx2(s8_tile *t)
{
    __m256i even[8], odd[8];
    for (int k = 0; k < 8; k++) {
        __m256i word = _mm256_loadu_si256((const __m256i *)(const void *)t->b[k]);
        even[k] = _mm256_srai_epi16(_mm256_slli_epi16(word, 8), 8);
        odd[k] = _mm256_srai_epi16(word, 8);
    }
    for (int m = 0; m < 16; m++) {
        __m256i sum = _mm256_loadu_si256((const __m256i *)(const void *)t->c[m]);
        for (int k = 0; k < 8; k++) {
            __m256i word = _mm256_set1_epi32((int)t->a[m][k]);
            __m256i a_even = _mm256_srai_epi16(_mm256_slli_epi16(word, 8), 8);
            __m256i a_odd = _mm256_srai_epi16(word, 8);
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a_even, even[k]));
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a_odd, odd[k]));
        }
        _mm256_storeu_si256((__m256i *)(void *)t->c[m], sum);
    }
}
#endif

static void m16n8k32(uint32_t mask, void *const operands[32])
{
    (void)mask;
    s8_tile t;
    for (int l = 0; l < WARP; l++) {
        const s8_operand *o = operands[l];
        int g = l >> 2, i = l & 3;
        t.a[g][i] = o->a[0];
        t.a[g + 8][i] = o->a[1];
        t.a[g][i + 4] = o->a[2];
        t.a[g + 8][i + 4] = o->a[3];
        t.b[i][g] = o->b[0];
        t.b[i + 4][g] = o->b[1];
        memcpy(&t.c[g][2 * i], o->c, 8);
        memcpy(&t.c[g + 8][2 * i], o->c + 2, 8);
    }
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        multiply_avx2(&t);
    } else
#endif
        multiply_plain(&t);
    for (int l = 0; l < WARP; l++) {
        const s8_operand *o = operands[l];
        int g = l >> 2, i = l & 3;
        memcpy(o->c, &t.c[g][2 * i], 8);
        memcpy(o->c + 2, &t.c[g + 8][2 * i], 8);
    }
}

void davit_emu_mma_m16n8k32_s8(int32_t c[4], const uint32_t a[4], const uint32_t b[2])
{
    s8_operand operand = {c, a, b};
    davit_emu_warp_meet(m16n8k32, UINT32_MAX, &operand);
}

static void m8n8k16(uint32_t mask, void *const operands[32])
{
    (void)mask;
    for (int l = 0; l < WARP; l++) {
        const s8_operand *o = operands[l];
        for (int j = 0; j < 2; j++) {
            uint32_t sum = (uint32_t)o->c[j];
            for (int k = 0; k < 4; k++) {
                uint32_t a = *((const s8_operand *)operands[(l & ~3) + k])->a;
                uint32_t b = *((const s8_operand *)operands[((l & 3) * 2 + j) * 4 + k])->b;
                for (int i = 0; i < 4; i++) {
                    sum += (uint32_t)(byte_of(a, i) * byte_of(b, i));
                }
            }
            o->c[j] = (int32_t)sum;
        }
    }
}

void davit_emu_mma_m8n8k16_s8(int32_t c[2], uint32_t a, uint32_t b)
{
    s8_operand operand = {c, &a, &b};
    davit_emu_warp_meet(m8n8k16, UINT32_MAX, &operand);
}

/* ---- TF32 ---- */

typedef struct tf32_operand {
    float *c;
    const uint32_t *a, *b;
} tf32_operand;

/* The hardware reads 19 bits of the word. */
static float tf32_of(uint32_t word)
{
    uint32_t kept = word & UINT32_C(0xffffe000);
    float value;
    memcpy(&value, &kept, 4);
    return value;
}

static void m16n8k8(uint32_t mask, void *const operands[32])
{
    (void)mask;
    float a[16][8], b[8][8];
    for (int l = 0; l < WARP; l++) {
        const tf32_operand *o = operands[l];
        int g = l >> 2, i = l & 3;
        a[g][i] = tf32_of(o->a[0]);
        a[g + 8][i] = tf32_of(o->a[1]);
        a[g][i + 4] = tf32_of(o->a[2]);
        a[g + 8][i + 4] = tf32_of(o->a[3]);
        b[i][g] = tf32_of(o->b[0]);
        b[i + 4][g] = tf32_of(o->b[1]);
    }
    for (int l = 0; l < WARP; l++) {
        float *c = ((const tf32_operand *)operands[l])->c;
        for (int j = 0; j < 4; j++) {
            int row = (l >> 2) + (j >> 1) * 8, column = (l & 3) * 2 + (j & 1);
            for (int k = 0; k < 8; k++) {
                c[j] += a[row][k] * b[k][column];
            }
        }
    }
}

void davit_emu_mma_m16n8k8_tf32(float c[4], const uint32_t a[4], const uint32_t b[2])
{
    tf32_operand operand = {c, a, b};
    davit_emu_warp_meet(m16n8k8, UINT32_MAX, &operand);
}
