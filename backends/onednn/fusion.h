/* What comes after a convolution or product: post-operations of the primitive where oneDNN has
 * them, else steps of their own over its result. */
#ifndef DAVIT_ONEDNN_FUSION_H
#define DAVIT_ONEDNN_FUSION_H

#include "builder.h"

/* One elementary operation on the result. */
typedef struct davit_onednn_fused {
    davit_dnnl_post_op op;
    davit_onednn_operand operand; /* of SUM (the residual, in any layout) and BINARY */
} davit_onednn_fused;

typedef struct davit_onednn_fusion {
    size_t count;
    davit_onednn_fused items[DAVIT_DNNL_MAX_POST_OPS];
    size_t in_primitive; /* how many of them the primitive does; set by the caller */
} davit_onednn_fusion;

/* True when the unit's epilogues fit. */
bool davit_onednn_fusion_fits(const davit_unit *unit);

/* Appends algorithm(x, alpha, beta); two linear ones in a row become one. */
void davit_onednn_fuse_eltwise(davit_onednn_fusion *fusion, dnnl_alg_kind_t algorithm, float alpha,
                               float beta);
/* Appends algorithm(x, operand); the operand has dimensions of 1 where it is broadcast. */
void davit_onednn_fuse_binary(davit_onednn_fusion *fusion, dnnl_alg_kind_t algorithm,
                              const davit_onednn_operand *operand);
/* Appends + residual, once. */
void davit_onednn_fuse_sum(davit_onednn_fusion *fusion, const davit_onednn_operand *residual);

/* Appends the epilogues of the unit. bias_rank and bias_axis say how a bias operand is seen: all
 * dimensions 1 but that axis. */
DAVIT_NODISCARD davit_status davit_onednn_fuse_epilogues(davit_onednn_builder *builder,
                                                         const davit_unit *unit, int bias_rank,
                                                         int bias_axis,
                                                         davit_onednn_fusion *fusion);

/* How many items a primitive may take at most, since in some of its kernels oneDNN 2.6 adds a
 * residual first wherever it stands, and gives a function that stands twice the parameters of the
 * first: a residual only as the first, a function twice only with the same parameters. */
size_t davit_onednn_fusion_limit(const davit_onednn_fusion *fusion);

/* The first count items as post-operations. */
void davit_onednn_fusion_post_ops(const davit_onednn_fusion *fusion, size_t count,
                                  davit_dnnl_post_ops *post_ops);

/* Makes the operand that the primitive writes to: new memory, or the residual where it may be
 * written over. reads are the arguments that the primitive reads while it writes. */
DAVIT_NODISCARD davit_status davit_onednn_fusion_target(davit_onednn_builder *builder,
                                                        const davit_onednn_fusion *fusion,
                                                        davit_dnnl_desc desc,
                                                        const davit_onednn_arg *reads, size_t count,
                                                        davit_onednn_operand *out);

/* Appends the arguments of binary post-operations to args, which has room for
 * DAVIT_DNNL_MAX_POST_OPS more; returns the new count. */
size_t davit_onednn_fusion_args(const davit_onednn_fusion *fusion, davit_onednn_arg *args,
                                size_t count);

/* Adds steps for what the primitive did not do, over result in place. */
DAVIT_NODISCARD davit_status davit_onednn_fusion_rest(davit_onednn_builder *builder,
                                                      const davit_onednn_fusion *fusion,
                                                      const davit_onednn_operand *result);

/* Adds algorithm(x, alpha, beta) from one operand to another of the same layout, or in place. */
DAVIT_NODISCARD davit_status davit_onednn_add_eltwise(davit_onednn_builder *builder,
                                                      const davit_dnnl_eltwise_params *params,
                                                      const davit_onednn_operand *from,
                                                      const davit_onednn_operand *to);

#endif
