/* The kernels of the RTL variant: gemm_s8 from the RTL's simulation, the others in C simulation.
 * The table makes the linker take them from these libraries, in this order. */
void gemm_s8(void);
void vector_s8(void);

extern void (*const davit_kernel_models[])(void);
void (*const davit_kernel_models[])(void) = {gemm_s8, vector_s8};
