/* The dialect of the kernels here, which OpenCL C 1.2, CUDA C++ and host C++ compile alike.
 *
 * A kernel file (*.inc) includes nothing. A compiler gets, in this order: its prelude (the macros
 * below: backends/opencl/kernels/prelude.cl, backends/cuda's for nvcc and for the host),
 * davit/gpu_product.h, params.h, arithmetic.inc, then kernel files, in any order and number; names
 * do not clash. This header is compiled by nobody: it says what a prelude defines.
 *
 * Types            s8 u8 s16 u16 s32 u32 s64 u64, int is s32; float; no double, no size_t
 * KERNEL(name, threads)(PARAMS(type, p), ARG(const u8, x), ARG(u8, y)) { BIND(const u8, x) ... }
 *                  an entry point. Groups have exactly threads x 1 x 1 threads. PARAMS comes first,
 *                  one struct by value of 32-bit words; ARG is an operand in device memory, which
 *                  BIND, at the head of the body, makes a pointer `GLOBAL type *x` (OpenCL passes a
 *                  buffer and an offset). An operand that is absent is a null pointer. No operand
 *                  that is written overlaps another one. Operands are aligned to 64 bytes.
 * FUNCTION         before a function that kernels call: static, inlined
 * GLOBAL, LOCAL    address spaces of pointers
 * LOCAL_ARRAY(type, name, count)
 *                  memory of the group; only at the head of a kernel, never in a function
 * BARRIER()        all threads of the group; what they wrote to local memory is visible
 * THREAD()         index in the group; GROUP(0), GROUP(1), GROUP(2) of the group in the launch
 * UNROLL           before a loop with constant bounds
 *
 * Integers: two's complement; shifts of negative numbers are arithmetic.
 *   dot4(acc, a, b)       acc + the four products of the s8 in words a and b: s32, s32, s32
 *
 * f32, one rounding each and never contracted, whatever the options of the compiler:
 *   add_rn(a, b) sub_rn(a, b) mul_rn(a, b) div_rn(a, b)
 *   to_f32(s32)           nearest even
 *   round_even(float)     to s32, nearest even; |t| < 2^31
 *   as_f32(u32), as_u32(float)
 * f32 as the compiler likes, for f32 operators only: + - * / and
 *   F_EXP F_LOG F_TANH F_ERF F_SQRT F_POW F_SIN F_COS F_TAN F_FLOOR F_CEIL F_RINT F_FMA F_MOD F_ABS
 *   F_ISNAN(float)        true or false
 *   F_INFINITY */
