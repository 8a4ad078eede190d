/* Matrix instructions and asynchronous copies: PTX for nvcc, the emulation's functions for a host.
 * DAVIT_ARCH is __CUDA_ARCH__; a host compiles for 800 unless DAVIT_EMU_ARCH says otherwise. */
#ifndef DAVIT_CUDA_MATRIX_H
#define DAVIT_CUDA_MATRIX_H

#include "prelude.h"

#ifdef __CUDACC__
#ifdef __CUDA_ARCH__
#define DAVIT_ARCH __CUDA_ARCH__
#else
#define DAVIT_ARCH 800
#endif
#elif defined(DAVIT_EMU_ARCH)
#define DAVIT_ARCH DAVIT_EMU_ARCH
#else
#define DAVIT_ARCH 800
#endif

#ifdef __CUDACC__
FUNCTION u32 shared_address(const void *p)
{
    return (u32)__cvta_generic_to_shared(p);
}

/* c += a (16 x 32, rows) * b (32 x 8, columns). */
FUNCTION void matrix_s8(s32 *c, const u32 *a, const u32 *b)
{
#if DAVIT_ARCH >= 800
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
                 "{%8,%9}, {%0,%1,%2,%3};"
                 : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    UNROLL
    for (int i = 0; i < 4; i++) {
        asm volatile("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
                     : "+r"(c[2 * (i & 1)]), "+r"(c[2 * (i & 1) + 1])
                     : "r"(a[i]), "r"(b[i >> 1]));
    }
#endif
}

/* c += a (16 x 8, rows) * b (8 x 8, columns), of TF32. */
FUNCTION void matrix_tf32(float *c, const u32 *a, const u32 *b)
{
#if DAVIT_ARCH >= 800
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
                 "{%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

FUNCTION u32 to_tf32(u32 bits)
{
#if DAVIT_ARCH >= 800
    u32 rounded;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(__uint_as_float(bits)));
    return rounded;
#else
    return bits;
#endif
}

/* Four 8 x 8 matrices of 16-bit elements: lane 8 j + i has the address of row i of matrix j. */
FUNCTION void load_matrices(u32 *r, const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

FUNCTION void copy_16_async(void *to, const void *from)
{
#if DAVIT_ARCH >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(to)), "l"(from)
                 : "memory");
#endif
}

FUNCTION void copy_4_async(void *to, const void *from)
{
#if DAVIT_ARCH >= 800
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(shared_address(to)), "l"(from)
                 : "memory");
#endif
}

FUNCTION void copy_commit()
{
#if DAVIT_ARCH >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/* Until at most `groups` of the committed groups are under way. */
template <int groups> FUNCTION void copy_wait()
{
#if DAVIT_ARCH >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(groups) : "memory");
#endif
}

#else

FUNCTION void matrix_s8(s32 *c, const u32 *a, const u32 *b)
{
#if DAVIT_ARCH >= 800
    davit_emu_mma_m16n8k32_s8(c, a, b);
#else
    for (int i = 0; i < 4; i++) {
        davit_emu_mma_m8n8k16_s8(c + 2 * (i & 1), a[i], b[i >> 1]);
    }
#endif
}

FUNCTION void matrix_tf32(float *c, const u32 *a, const u32 *b)
{
    davit_emu_mma_m16n8k8_tf32(c, a, b);
}

/* Nearest, halves away from 0. */
FUNCTION u32 to_tf32(u32 bits)
{
    return (bits & 0x7f800000u) == 0x7f800000u ? bits : (bits + 0x1000u) & 0xffffe000u;
}

FUNCTION void load_matrices(u32 *r, const void *row)
{
    davit_emu_ldmatrix(r, 4, row);
}

FUNCTION void copy_16_async(void *to, const void *from)
{
    davit_emu_copy_async(to, from, 16, 16);
}

FUNCTION void copy_4_async(void *to, const void *from)
{
    davit_emu_copy_async(to, from, 4, 4);
}

FUNCTION void copy_commit()
{
    davit_emu_copy_commit();
}

template <int groups> FUNCTION void copy_wait()
{
    davit_emu_copy_wait(groups);
}

#endif
#endif
