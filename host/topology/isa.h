/* The instruction sets of the processor this code runs on. */
#ifndef DAVIT_TOPOLOGY_ISA_H
#define DAVIT_TOPOLOGY_ISA_H

/* The best vector instruction set that processor and system offer, as oneDNN groups them:
 * "AVX-512 AMX", "AVX-512 VNNI", "AVX-512", "AVX2", "SSE4.1"; "" when unknown. Static. */
const char *davit_isa_name(void);

#endif
