#include "int8_allow.h"

#include <string.h>

/* Conditions of a row; without them it holds for u8 and s8 sources, zero points, padding, groups,
 * residuals, 8-bit results and s32 sums. */
enum {
    SUMS_ONLY = 1, /* not with the end inside */
    IN_F32 = 2,    /* every channel DAVIT_EXACT_F32: the kernel compensates in f32 */
    NO_ZERO = 4,   /* no zero point of the source */
    MATMUL = 8     /* a matrix product, else a convolution */
};

typedef struct row {
    int major, minor;
    const char *implementation;
    unsigned conditions;
} row;

/* Where a row was proved:
 *   notes   ../shared/notes/numerics.md: 105,613 runs of oneDNN 2.6.3 on a Sapphire Rapids,
 * compared bit by bit suite   tests/conformance/int8-full.sh, here, on a processor with VNNI and
 * without AMX
 *
 * Left out on purpose: brgconv with AMX (other bytes with two threads where kh = 1, kw > 1,
 * stride_h = 2), jit_1x1 with AMX and a source zero point (writes behind its result), x64:gemm
 * convolution (wrong with a binary post-op), ref (slow), avx2_vnni (wrong depthwise cases), and
 * everything below VNNI, where oneDNN's 8-bit products saturate in 16 bits. */
static const row rows[] = {
    /* notes and suite */
    {2, 6, "brgconv:avx512_core_vnni", 0},
    {2, 6, "brgconv_1x1:avx512_core_vnni", 0},
    {2, 6, "brdgmm_dw:avx512_core_vnni", 0},
    {2, 6, "jit_int8:avx512_core_vnni", 0},
    {2, 6, "jit_int8_1x1:avx512_core_vnni", IN_F32},
    {2, 6, "brg:avx512_core_vnni", MATMUL},
    /* notes */
    {2, 6, "brgconv_1x1:avx512_core_amx_int8", 0},
    {2, 6, "jit:avx512_core_amx_int8", 0},
    {2, 6, "jit_1x1:avx512_core_amx_int8", NO_ZERO},
    {2, 6, "brg:avx512_core_amx_int8", MATMUL | IN_F32},
    /* suite */
    {3, 2, "brgconv:avx512_core_vnni", SUMS_ONLY},
    {3, 2, "brgconv_1x1:avx512_core_vnni", SUMS_ONLY},
    {3, 2, "brdgmm_dw:avx512_core_vnni", SUMS_ONLY},
    {3, 2, "jit_int8:avx512_core_vnni", SUMS_ONLY},
    {3, 2, "jit_int8_1x1:avx512_core_vnni", SUMS_ONLY | IN_F32},
    {3, 2, "brg:avx512_core_vnni", MATMUL | SUMS_ONLY},
};

static bool holds(const row *r, const davit_int8_case *what)
{
    return r->major == what->version.major && r->minor == what->version.minor &&
           ((r->conditions & MATMUL) != 0) == what->matmul &&
           !((r->conditions & SUMS_ONLY) != 0 && what->fused) &&
           !((r->conditions & IN_F32) != 0 && what->exactness != DAVIT_EXACT_F32) &&
           !((r->conditions & NO_ZERO) != 0 && what->has_zero);
}

bool davit_int8_allowed(const davit_int8_case *what, const char *implementation)
{
    if (!what->version.vnni || what->empty_windows) {
        return false;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].implementation, implementation) == 0 && holds(&rows[i], what)) {
            return true;
        }
    }
    return false;
}
